-- Ids that the database makes: a moment in milliseconds and a number of a sequence, as RFC 9562 (6.2) allows for
-- UUIDs of version 7. Chance is dear where the server has to open /dev/urandom for each (five times all of this), and
-- nobody is kept from a row by not knowing its id. Each session takes its numbers by the hundred, in their order.
-- Everybody may: triggers ask with the rights of whoever writes, who may have been running before this migration.
CREATE SEQUENCE realco_ids CACHE 100;
GRANT USAGE ON SEQUENCE realco_ids TO PUBLIC;
CREATE OR REPLACE FUNCTION realco_uuid7() RETURNS uuid LANGUAGE sql VOLATILE AS $$
    SELECT encode(int8send(((date_part('epoch', clock_timestamp()) * 1000)::bigint << 16) | 28672)
                  || int8send((-9223372036854775808) | nextval('realco_ids')), 'hex')::uuid
$$;

-- The same table of transitions that django-fsm uses, as Python writes it in JSON ({"FROM": ["TO", "TO"]}) and looked
-- through as text: to read it as JSON, and the row as JSON for one of its columns, took most of changing a status.
-- '<held_from>' stands for the status that the row remembers in its held_from column, which is written when it is put
-- on hold, as it leaves, and at no other time; tables without the column never come to what names it.
CREATE OR REPLACE FUNCTION realco_legal_status() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    targets text;
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.status <> TG_ARGV[0] THEN
            RAISE EXCEPTION '% rows begin as %, not as %', TG_TABLE_NAME, TG_ARGV[0], NEW.status
                USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN NEW;
    END IF;
    IF position('<held_from>' IN TG_ARGV[1]) > 0 THEN
        IF NEW.held_from <> (CASE WHEN NEW.status = OLD.status THEN OLD.held_from
                                  WHEN NEW.status = 'ON_HOLD' THEN OLD.status ELSE '' END) THEN
            RAISE EXCEPTION '%.held_from is the status that a row is held from, and nothing else', TG_TABLE_NAME
                USING ERRCODE = 'restrict_violation';
        END IF;
    END IF;
    IF NEW.status = OLD.status THEN
        RETURN NEW;
    END IF;
    targets := split_part(split_part(TG_ARGV[1], '"' || OLD.status || '": [', 2), ']', 1);
    IF position('"' || NEW.status || '"' IN targets) > 0 THEN
        RETURN NEW;
    END IF;
    IF position('"<held_from>"' IN targets) > 0 THEN
        IF NEW.status = OLD.held_from THEN
            RETURN NEW;
        END IF;
    END IF;
    RAISE EXCEPTION '%: % cannot become %', TG_TABLE_NAME, OLD.status, NEW.status
        USING ERRCODE = 'restrict_violation';
END $$;
