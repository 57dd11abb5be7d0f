-- An investment changes its class of investors only while nothing was distributed on it.
CREATE FUNCTION investments_keep_their_class() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.class_name IS DISTINCT FROM OLD.class_name AND (
        OLD.returned_capital <> 0 OR OLD.preferred_return_paid <> 0 OR OLD.profits_paid <> 0
        OR EXISTS (SELECT FROM distribution_allocations a JOIN distributions d ON d.id = a.distribution_id
                    WHERE a.investment_id = OLD.id AND a.status <> 'CANCELLED'
                      AND d.status NOT IN ('DRAFT', 'PENDING_APPROVAL', 'CANCELLED'))) THEN
        RAISE EXCEPTION 'investment %: money was distributed on it, so it stays in its class', OLD.id
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
