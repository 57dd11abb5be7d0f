-- A write-off is of an allocation that waits, or whose payment has ended unpaid, and by two people whom it does not pay.
CREATE OR REPLACE FUNCTION allocation_write_off_fits() RETURNS trigger LANGUAGE plpgsql AS $$
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
