-- The functions behind realco/guards.py. Every message says what is wrong and what to do instead.

-- UUIDv7 (RFC 9562) for rows that the database itself writes; PostgreSQL has its own from version 18 on.
DO $version$ BEGIN
    IF current_setting('server_version_num')::integer >= 180000 THEN
        CREATE FUNCTION realco_uuid7() RETURNS uuid LANGUAGE sql VOLATILE AS 'SELECT uuidv7()';
    ELSE
        CREATE FUNCTION realco_uuid7() RETURNS uuid LANGUAGE sql VOLATILE AS $$
            SELECT encode(set_bit(set_bit(
                overlay(uuid_send(gen_random_uuid())
                        PLACING substring(int8send((extract(epoch FROM clock_timestamp()) * 1000)::bigint) FROM 3)
                        FROM 1 FOR 6), 52, 1), 53, 1), 'hex')::uuid
        $$;
    END IF;
END $version$;

-- ESCROW-2026-0001 and its like: one sequence per prefix and year, made when it is first needed.
CREATE FUNCTION realco_next_number(prefix text, year integer) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    sequence_name text := format('numbers_%s_%s', lower(prefix), year);
    next bigint;
BEGIN
    IF prefix !~ '^[A-Z]{2,12}$' OR year NOT BETWEEN 2000 AND 9999 THEN
        RAISE EXCEPTION 'no number series % %', prefix, year;
    END IF;
    IF to_regclass(sequence_name) IS NULL THEN
        PERFORM pg_advisory_xact_lock(hashtext('realco_next_number'));
        EXECUTE format('CREATE SEQUENCE IF NOT EXISTS %I', sequence_name);
    END IF;
    next := nextval(sequence_name);
    RETURN format('%s-%s-%s', prefix, year, lpad(next::text, greatest(4, length(next::text)), '0'));
END $$;

CREATE FUNCTION realco_setting(name text) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT nullif(current_setting('realco.' || name, true), '')
$$;

-- Secret columns show that they are set, never what they hold.
CREATE FUNCTION realco_veil(document jsonb, secret text[]) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN secret = '{}' THEN document ELSE
        (SELECT jsonb_object_agg(key, CASE WHEN key = ANY(secret) AND value NOT IN ('null', '""')
                                           THEN '"[encrypted]"'::jsonb ELSE value END)
           FROM jsonb_each(document)) END
$$;

CREATE FUNCTION realco_difference(before jsonb, after jsonb, secret text[]) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$
    SELECT jsonb_build_object(
        'before', jsonb_object_agg(b.key, CASE WHEN b.key = ANY(secret) THEN '"[encrypted]"'::jsonb ELSE b.value END),
        'after', jsonb_object_agg(b.key, CASE WHEN b.key = ANY(secret) THEN '"[encrypted, changed]"'::jsonb
                                              ELSE after -> b.key END))
      FROM jsonb_each(before) AS b
     WHERE b.value IS DISTINCT FROM after -> b.key
$$;

-- One audit row for each row a statement touched, written set-based.
CREATE FUNCTION realco_audit() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    _secret text[] := string_to_array(TG_ARGV[0], ',');
    _who uuid := realco_setting('user_id');
    _what text := coalesce(realco_setting('action'), '');
    _why text := coalesce(realco_setting('reason'), '');
    _request text := coalesce(realco_setting('request_id'), '');
    _address inet := realco_setting('address');
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO audit_events (id, operation, action, reason, entity_type, entity_id, user_id, changes,
                                  request_id, ip_address, database_role, created_at)
        SELECT realco_uuid7(), TG_OP, _what, _why, TG_TABLE_NAME, n.id::text, _who,
               jsonb_build_object('before', NULL, 'after', realco_veil(to_jsonb(n), _secret)),
               _request, _address, session_user, clock_timestamp()
          FROM new_rows n;
    ELSIF TG_OP = 'DELETE' THEN
        INSERT INTO audit_events (id, operation, action, reason, entity_type, entity_id, user_id, changes,
                                  request_id, ip_address, database_role, created_at)
        SELECT realco_uuid7(), TG_OP, _what, _why, TG_TABLE_NAME, o.id::text, _who,
               jsonb_build_object('before', realco_veil(to_jsonb(o), _secret), 'after', NULL),
               _request, _address, session_user, clock_timestamp()
          FROM old_rows o;
    ELSE
        INSERT INTO audit_events (id, operation, action, reason, entity_type, entity_id, user_id, changes,
                                  request_id, ip_address, database_role, created_at)
        SELECT realco_uuid7(), TG_OP, _what, _why, TG_TABLE_NAME, coalesce(n.id, o.id)::text, _who,
               CASE WHEN n.id IS NULL OR o.id IS NULL  -- the key itself was changed: show both whole rows
                    THEN jsonb_build_object('before', realco_veil(to_jsonb(o), _secret),
                                            'after', realco_veil(to_jsonb(n), _secret))
                    ELSE realco_difference(to_jsonb(o), to_jsonb(n), _secret) END,
               _request, _address, session_user, clock_timestamp()
          FROM old_rows o FULL JOIN new_rows n ON n.id = o.id
         WHERE o IS DISTINCT FROM n;
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION realco_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% refused on %: its rows are kept as they are; correct them with a new row', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END $$;

CREATE FUNCTION realco_immutable() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    before jsonb := to_jsonb(OLD);
    after jsonb := to_jsonb(NEW);
    name text;
BEGIN
    FOREACH name IN ARRAY TG_ARGV LOOP
        IF before -> name IS DISTINCT FROM after -> name THEN
            RAISE EXCEPTION '%.% never changes after creation', TG_TABLE_NAME, name
                USING ERRCODE = 'restrict_violation';
        END IF;
    END LOOP;
    RETURN NEW;
END $$;

CREATE FUNCTION realco_written_once() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    before jsonb := to_jsonb(OLD);
    after jsonb := to_jsonb(NEW);
    name text;
BEGIN
    FOREACH name IN ARRAY TG_ARGV LOOP
        IF before -> name NOT IN ('null', '""') AND before -> name IS DISTINCT FROM after -> name THEN
            RAISE EXCEPTION '%.% is written once and never changes', TG_TABLE_NAME, name
                USING ERRCODE = 'restrict_violation';
        END IF;
    END LOOP;
    RETURN NEW;
END $$;

-- The same table of transitions that django-fsm uses, passed as JSON; '<held_from>' stands for the
-- status that the row remembers in its held_from column, which is written when it is put on hold, as it
-- was then, and never changed while it is held.
CREATE FUNCTION realco_legal_status() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    targets jsonb;
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.status <> TG_ARGV[0] THEN
            RAISE EXCEPTION '% rows begin as %, not as %', TG_TABLE_NAME, TG_ARGV[0], NEW.status
                USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN NEW;
    END IF;
    IF position('<held_from>' IN TG_ARGV[1]) > 0
       AND to_jsonb(NEW) ->> 'held_from' <> (CASE WHEN NEW.status = OLD.status THEN to_jsonb(OLD) ->> 'held_from'
                                                  WHEN NEW.status = 'ON_HOLD' THEN OLD.status ELSE '' END) THEN
        RAISE EXCEPTION '%.held_from is the status that a row is held from, and nothing else', TG_TABLE_NAME
            USING ERRCODE = 'restrict_violation';
    END IF;
    IF NEW.status = OLD.status THEN
        RETURN NEW;
    END IF;
    targets := TG_ARGV[1]::jsonb -> OLD.status;
    IF targets ? NEW.status OR (targets ? '<held_from>' AND to_jsonb(OLD) ->> 'held_from' = NEW.status) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION '%: % cannot become %', TG_TABLE_NAME, OLD.status, NEW.status
        USING ERRCODE = 'restrict_violation';
END $$;
