DROP FUNCTION realco_legal_status();
DROP FUNCTION realco_written_once();
DROP FUNCTION realco_immutable();
DROP FUNCTION realco_append_only();
DROP FUNCTION realco_audit();
DROP FUNCTION realco_difference(jsonb, jsonb, text[]);
DROP FUNCTION realco_veil(jsonb, text[]);
DROP FUNCTION realco_setting(text);
DROP FUNCTION realco_next_number(text, integer);
DROP FUNCTION realco_uuid7();
-- The sequences behind ESCROW-2026-0001 and its like were made on first use; they go with the function.
DO $$ DECLARE name text; BEGIN
    FOR name IN SELECT relname FROM pg_class WHERE relkind = 'S' AND relname ~ '^numbers_[a-z]+_[0-9]{4}$'
    LOOP EXECUTE format('DROP SEQUENCE %I', name); END LOOP;
END $$;
