-- A write-off is, besides, of an allocation of which nothing has arrived: neither reinvested nor paid.
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
        THEN 'is of an allocation whose payment may still be sent'
        WHEN EXISTS (SELECT FROM reinvestments r WHERE r.allocation_id = a.id AND r.status IN ('MOVING', 'DONE'))
        THEN 'is of an allocation that is reinvested in part or whole'
        WHEN EXISTS (
             SELECT FROM transactions t
              WHERE t.to_user_id = a.investor_id AND t.distribution_id = a.distribution_id
                AND t.metadata->>'allocation' = a.id::text AND t.status IN ('SETTLED', 'COMPLETED'))
        THEN 'is of an allocation of which a payment has arrived' END;
    IF fault IS NOT NULL THEN
        RAISE EXCEPTION 'write-off % %', NEW.id, fault USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
