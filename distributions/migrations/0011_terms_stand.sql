-- What a version of terms is made of, and its examples, come and go only while it is a draft. The version's row is
-- locked against its activation meanwhile.
CREATE FUNCTION waterfall_terms_are_drafted() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    _terms uuid;
    _status text;
BEGIN
    IF TG_OP = 'DELETE' THEN _terms := OLD.terms_id; ELSE _terms := NEW.terms_id; END IF;
    SELECT status INTO _status FROM waterfall_terms WHERE id = _terms FOR SHARE;
    IF _status IS DISTINCT FROM 'DRAFT' THEN
        RAISE EXCEPTION '% refused on %: its terms are % and never change; draft a new version', TG_OP, TG_TABLE_NAME,
            lower(coalesce(_status, 'unknown')) USING ERRCODE = 'restrict_violation';
    END IF;
    IF TG_OP = 'DELETE' THEN RETURN OLD; END IF;
    RETURN NEW;
END $$;

-- Terms come into force by activation alone, complete, with an example at least, where the version before them ends.
-- From then on nothing of them changes but that a later version supersedes them.
CREATE FUNCTION waterfall_terms_stand() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    _after jsonb := to_jsonb(NEW);
    _wrong text;
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.taken_over THEN
            RAISE EXCEPTION 'waterfall_terms.taken_over marks versions from before activation; a new one is activated'
                USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN NEW;
    END IF;
    IF OLD.status <> 'DRAFT'
       AND (_after - 'status' - 'superseded_from') IS DISTINCT FROM (to_jsonb(OLD) - 'status' - 'superseded_from') THEN
        RAISE EXCEPTION 'version % of the terms is % and never changes; draft a new version', OLD.version,
            lower(OLD.status) USING ERRCODE = 'restrict_violation';
    END IF;
    IF OLD.status = 'SUPERSEDED' AND NEW.superseded_from IS DISTINCT FROM OLD.superseded_from THEN
        RAISE EXCEPTION 'version % of the terms was superseded from % and stays so', OLD.version, OLD.superseded_from
            USING ERRCODE = 'restrict_violation';
    END IF;
    IF NOT (OLD.status = 'DRAFT' AND NEW.status = 'ACTIVE') THEN
        RETURN NEW;
    END IF;
    -- Two activations for one offering come one after the other.
    PERFORM FROM offerings WHERE id = NEW.offering_id FOR NO KEY UPDATE;
    IF NOT EXISTS (SELECT FROM waterfall_examples WHERE terms_id = NEW.id) THEN
        _wrong := 'it has no worked example';
    ELSIF NOT EXISTS (SELECT FROM waterfall_tiers WHERE terms_id = NEW.id) THEN
        _wrong := 'it has no tiers';
    ELSIF EXISTS (SELECT FROM (SELECT DISTINCT ON (class_name) kind FROM waterfall_tiers WHERE terms_id = NEW.id
                                ORDER BY class_name, position DESC) AS last WHERE last.kind <> 'SPLIT') THEN
        _wrong := 'its last tier is not a split';
    ELSIF EXISTS (SELECT FROM waterfall_terms o
                   WHERE o.offering_id = NEW.offering_id AND o.id <> NEW.id AND o.status IN ('ACTIVE', 'SUPERSEDED')
                     AND (o.effective_from > NEW.effective_from OR o.superseded_from > NEW.effective_from)) THEN
        _wrong := 'a version that was activated before begins later, or ends later than it begins';
    END IF;
    IF _wrong IS NOT NULL THEN
        RAISE EXCEPTION 'version % of the terms cannot be activated: %', NEW.version, _wrong
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;

-- A version ends only where another one begins, so that an offering is never again without terms. Checked at commit.
CREATE FUNCTION waterfall_terms_follow_on() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.status = 'SUPERSEDED' AND NOT EXISTS (
        SELECT FROM waterfall_terms o
         WHERE o.offering_id = NEW.offering_id AND o.id <> NEW.id AND o.status IN ('ACTIVE', 'SUPERSEDED')
           AND o.effective_from = NEW.superseded_from) THEN
        RAISE EXCEPTION 'version % of the terms is superseded from %, but no version begins then', NEW.version,
            NEW.superseded_from USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NULL;
END $$;
