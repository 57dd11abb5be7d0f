-- The numbers that were submitted stay as they are while signatures count; they foot, and every override has its second person.
CREATE OR REPLACE FUNCTION distributions_stay_as_submitted() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    allocated numeric;
BEGIN
    IF OLD.status <> 'DRAFT' AND NEW.status <> 'DRAFT'
       AND (NEW.type, NEW.platform_fee_amount, NEW.net_amount, NEW.return_of_capital_total, NEW.preferred_return_total,
            NEW.sponsor_catch_up_total, NEW.profit_split_total, NEW.terms_id, NEW.waterfall_tiers, NEW.as_of_date,
            NEW.content_hash, NEW.submitted_at, NEW.metadata -> 'basis')
           IS DISTINCT FROM
           (OLD.type, OLD.platform_fee_amount, OLD.net_amount, OLD.return_of_capital_total, OLD.preferred_return_total,
            OLD.sponsor_catch_up_total, OLD.profit_split_total, OLD.terms_id, OLD.waterfall_tiers, OLD.as_of_date,
            OLD.content_hash, OLD.submitted_at, OLD.metadata -> 'basis') THEN
        RAISE EXCEPTION '% was submitted; its numbers stay as they are', OLD.distribution_number
            USING ERRCODE = 'restrict_violation';
    END IF;
    IF NEW.status <> OLD.status AND NEW.status IN ('PENDING_APPROVAL', 'APPROVED', 'QUEUED') THEN
        SELECT sum(total_amount) INTO allocated FROM distribution_allocations
         WHERE distribution_id = NEW.id AND status <> 'CANCELLED';
        IF allocated IS DISTINCT FROM NEW.net_amount THEN
            RAISE EXCEPTION '%: its allocations come to %, not to %', NEW.distribution_number, allocated, NEW.net_amount
                USING ERRCODE = 'restrict_violation';
        END IF;
        IF EXISTS (SELECT FROM distribution_allocations
                    WHERE distribution_id = NEW.id AND status <> 'CANCELLED'
                      AND overridden_by_id IS NOT NULL AND override_confirmed_by_id IS NULL) THEN
            RAISE EXCEPTION '%: an override waits for a second person', NEW.distribution_number
                USING ERRCODE = 'restrict_violation';
        END IF;
    END IF;
    RETURN NEW;
END $$;

-- Allocations are drawn up with their distribution, and called off with it: never once it is being paid, but by a write-off.
CREATE OR REPLACE FUNCTION distributions_allocation_is_drawn_up() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    whole text;
BEGIN
    IF TG_OP = 'UPDATE' AND (NEW.status <> 'CANCELLED' OR OLD.status = 'CANCELLED') THEN
        RETURN NEW;
    END IF;
    SELECT status INTO whole FROM distributions WHERE id = NEW.distribution_id;
    IF TG_OP = 'INSERT' AND whole = 'DRAFT' AND NEW.written_off_at IS NULL
       OR TG_OP = 'UPDATE' AND whole IN ('DRAFT', 'PENDING_APPROVAL', 'APPROVED')
       OR TG_OP = 'UPDATE' AND OLD.written_off_at IS NULL AND NEW.written_off_at IS NOT NULL THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'distribution_allocations: a distribution that is % keeps the allocations it has', whole
        USING ERRCODE = 'restrict_violation';
END $$;

DROP FUNCTION premium_paid_on_fits();
