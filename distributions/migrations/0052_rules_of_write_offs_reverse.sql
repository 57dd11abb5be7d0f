-- Allocations are drawn up with their distribution, and called off with it: never once it is being paid.
CREATE OR REPLACE FUNCTION distributions_allocation_is_drawn_up() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    whole text;
BEGIN
    IF TG_OP = 'UPDATE' AND (NEW.status <> 'CANCELLED' OR OLD.status = 'CANCELLED') THEN
        RETURN NEW;
    END IF;
    SELECT status INTO whole FROM distributions WHERE id = NEW.distribution_id;
    IF TG_OP = 'INSERT' AND whole = 'DRAFT'
       OR TG_OP = 'UPDATE' AND whole IN ('DRAFT', 'PENDING_APPROVAL', 'APPROVED') THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'distribution_allocations: a distribution that is % keeps the allocations it has', whole
        USING ERRCODE = 'restrict_violation';
END $$;

DROP FUNCTION distributions_allocation_is_written_off();
DROP FUNCTION allocation_write_off_ends();
DROP FUNCTION allocation_write_off_fits();
