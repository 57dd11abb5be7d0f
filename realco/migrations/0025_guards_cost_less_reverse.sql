-- UUIDv7 (RFC 9562) for rows that the database itself writes; PostgreSQL has its own from version 18 on.
DO $version$ BEGIN
    IF current_setting('server_version_num')::integer >= 180000 THEN
        CREATE OR REPLACE FUNCTION realco_uuid7() RETURNS uuid LANGUAGE sql VOLATILE AS 'SELECT uuidv7()';
    ELSE
        CREATE OR REPLACE FUNCTION realco_uuid7() RETURNS uuid LANGUAGE sql VOLATILE AS $$
            SELECT encode(set_bit(set_bit(
                overlay(uuid_send(gen_random_uuid())
                        PLACING substring(int8send((extract(epoch FROM clock_timestamp()) * 1000)::bigint) FROM 3)
                        FROM 1 FOR 6), 52, 1), 53, 1), 'hex')::uuid
        $$;
    END IF;
END $version$;

-- The same table of transitions that django-fsm uses, passed as JSON; '<held_from>' stands for the
-- status that the row remembers in its held_from column, which is written when it is put on hold, as it
-- was then, and never changed while it is held.
CREATE OR REPLACE FUNCTION realco_legal_status() RETURNS trigger LANGUAGE plpgsql AS $$
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

DROP SEQUENCE realco_ids;
