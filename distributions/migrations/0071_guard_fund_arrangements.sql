-- The deals of a fund are named while it is a draft, and are its own sponsor's.
CREATE FUNCTION fund_deal_fits() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    _fund fund_arrangements;
BEGIN
    SELECT * INTO STRICT _fund FROM fund_arrangements WHERE id = NEW.arrangement_id FOR SHARE;
    IF _fund.status <> 'DRAFT' THEN
        RAISE EXCEPTION 'fund % is % and never changes; draw up a new version', _fund.id, lower(_fund.status)
            USING ERRCODE = 'restrict_violation';
    ELSIF NOT EXISTS (SELECT FROM offerings WHERE id = NEW.offering_id AND organization_id = _fund.organization_id) THEN
        RAISE EXCEPTION 'offering % is not of the sponsor whose fund % is', NEW.offering_id, _fund.id
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;

-- A fund counts from its activation on: of two deals at least, in one currency, none of them in another fund, measured
-- by terms of one of them that were activated over a worked example.
CREATE FUNCTION fund_arrangement_stands() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    _fault text;
BEGIN
    IF NOT (OLD.status = 'DRAFT' AND NEW.status = 'ACTIVE') THEN
        RETURN NEW;
    END IF;
    -- Two funds that want the same offering come one after the other.
    PERFORM FROM offerings WHERE id IN (SELECT offering_id FROM fund_deals WHERE arrangement_id = NEW.id)
        ORDER BY id FOR NO KEY UPDATE;
    _fault := CASE
        WHEN (SELECT count(*) FROM fund_deals WHERE arrangement_id = NEW.id) < 2
        THEN 'it has fewer than two offerings'
        WHEN (SELECT count(DISTINCT o.currency) FROM fund_deals d JOIN offerings o ON o.id = d.offering_id
               WHERE d.arrangement_id = NEW.id) > 1
        THEN 'its offerings are in several currencies'
        WHEN NOT EXISTS (
             SELECT FROM waterfall_terms t JOIN fund_deals d ON d.offering_id = t.offering_id AND d.arrangement_id = NEW.id
              WHERE t.id = NEW.terms_id AND t.status IN ('ACTIVE', 'SUPERSEDED') AND NOT t.taken_over)
        THEN 'its terms are not an activated version of one of its offerings'
        WHEN EXISTS (
             SELECT FROM fund_deals mine
               JOIN fund_deals theirs ON theirs.offering_id = mine.offering_id AND theirs.arrangement_id <> NEW.id
               JOIN fund_arrangements other ON other.id = theirs.arrangement_id AND other.status = 'ACTIVE'
              WHERE mine.arrangement_id = NEW.id)
        THEN 'an offering of it is in another fund' END;
    IF _fault IS NOT NULL THEN
        RAISE EXCEPTION 'fund % cannot be activated: %', NEW.id, _fault USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;

-- A version ends only where a later one was activated, so that no fund ends unseen. Checked at commit.
CREATE FUNCTION fund_arrangement_follows_on() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.status = 'SUPERSEDED' AND NOT EXISTS (
        SELECT FROM fund_arrangements o
         WHERE o.organization_id = NEW.organization_id AND o.name = NEW.name AND o.version > NEW.version
           AND o.status IN ('ACTIVE', 'SUPERSEDED')) THEN
        RAISE EXCEPTION 'fund % is superseded, but no later version of it was activated', NEW.id
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NULL;
END $$;
