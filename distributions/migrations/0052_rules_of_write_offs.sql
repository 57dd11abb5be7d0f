-- A write-off is of an allocation that waits, or whose payment has ended unpaid, and by two people whom it does not pay.
CREATE FUNCTION allocation_write_off_fits() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    a distribution_allocations;
    whole text;
    fault text;
BEGIN
    IF TG_OP = 'UPDATE' AND OLD.status <> 'PROPOSED' THEN
        RAISE EXCEPTION 'a write-off that is % stands', lower(OLD.status) USING ERRCODE = 'restrict_violation';
    ELSIF NEW.status = 'WITHDRAWN' THEN
        RETURN NEW;
    END IF;
    SELECT * INTO STRICT a FROM distribution_allocations WHERE id = NEW.allocation_id FOR NO KEY UPDATE;
    SELECT status INTO whole FROM distributions WHERE id = a.distribution_id;
    fault := CASE
        WHEN whole NOT IN ('QUEUED', 'PROCESSING', 'PARTIALLY_FAILED', 'FAILED', 'COMPLETED')
        THEN 'is of a distribution that was not executed'
        WHEN NOT (a.status = 'FAILED' OR a.status = 'PENDING' AND a.waiting_since IS NOT NULL)
        THEN 'is of an allocation that neither waits nor has failed'
        WHEN NEW.amount <> a.net_amount THEN 'is of another amount than its allocation'
        WHEN a.investor_id IN (NEW.proposed_by_id, NEW.approved_by_id) THEN 'is decided by its payee'
        WHEN NEW.status = 'EXECUTED' AND EXISTS (
             SELECT FROM transactions t WHERE t.id = a.transaction_id AND t.status NOT IN ('CANCELLED', 'REVERSED'))
        THEN 'is of an allocation whose payment may still be sent' END;
    IF fault IS NOT NULL THEN
        RAISE EXCEPTION 'write-off % %', NEW.id, fault USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;

-- An executed write-off has ended its allocation. Checked at commit.
CREATE FUNCTION allocation_write_off_ends() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.status = 'EXECUTED' AND NOT EXISTS (
        SELECT FROM distribution_allocations WHERE id = NEW.allocation_id AND written_off_at IS NOT NULL) THEN
        RAISE EXCEPTION 'write-off % is executed, but its allocation has not ended', NEW.id
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NULL;
END $$;

-- An allocation ends unpaid by an executed write-off alone, at once with its status, and once.
CREATE FUNCTION distributions_allocation_is_written_off() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.written_off_at IS NOT DISTINCT FROM OLD.written_off_at THEN
        RETURN NEW;
    END IF;
    IF OLD.written_off_at IS NOT NULL OR OLD.status NOT IN ('PENDING', 'FAILED') OR NEW.status <> 'CANCELLED'
       OR NOT EXISTS (SELECT FROM allocation_write_offs
                       WHERE allocation_id = NEW.id AND status = 'EXECUTED' AND approved_by_id <> proposed_by_id) THEN
        RAISE EXCEPTION 'distribution_allocations: only two people write an allocation off'
            USING ERRCODE = 'restrict_violation';
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
