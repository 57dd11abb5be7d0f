-- A frozen account goes back to what it was frozen from, and nowhere else; a closed one holds nothing, waits for
-- nothing and blocks nothing, and is not one that a reinvestment is being moved back into.
CREATE OR REPLACE FUNCTION escrow_account_life() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    reason text;
BEGIN
    IF NEW.status = 'FROZEN' AND OLD.status <> 'FROZEN' AND coalesce(NEW.metadata ->> 'frozen_from', '') <> OLD.status THEN
        RAISE EXCEPTION '% is frozen from %, and its metadata has to say so', OLD.account_number, OLD.status
            USING ERRCODE = 'restrict_violation';
    END IF;
    IF OLD.status = 'FROZEN' THEN
        IF NEW.status = 'FROZEN' AND NEW.metadata -> 'frozen_from' IS DISTINCT FROM OLD.metadata -> 'frozen_from' THEN
            RAISE EXCEPTION 'what % was frozen from never changes while it is frozen', OLD.account_number
                USING ERRCODE = 'restrict_violation';
        ELSIF NEW.status <> 'FROZEN' AND NEW.status <> coalesce(OLD.metadata ->> 'frozen_from', 'ACTIVE') THEN
            RAISE EXCEPTION '% was frozen from %, and is unfrozen into nothing else', OLD.account_number,
                coalesce(OLD.metadata ->> 'frozen_from', 'ACTIVE') USING ERRCODE = 'restrict_violation';
        END IF;
    END IF;
    IF NEW.status = 'CLOSED' AND OLD.status <> 'CLOSED' THEN
        SELECT 'it still holds money: ' || l.kind || ' ' || l.balance INTO reason
          FROM ledger_accounts l WHERE l.escrow_account_id = NEW.id AND l.balance <> 0 LIMIT 1;
        IF reason IS NULL AND EXISTS (SELECT FROM holds WHERE escrow_account_id = NEW.id AND status = 'OPEN') THEN
            reason := 'it has an open hold; release it first';
        END IF;
        IF reason IS NULL AND EXISTS (SELECT FROM closings WHERE escrow_account_id = NEW.id AND status = 'PROPOSED') THEN
            reason := 'it has a closing that waits for approval; cancel it first';
        END IF;
        IF reason IS NULL AND EXISTS (SELECT FROM transactions WHERE escrow_account_id = NEW.id
               AND status NOT IN ('COMPLETED', 'FAILED', 'CANCELLED', 'REVERSED')) THEN
            reason := 'it has payments under way; wait for them or cancel them';
        END IF;
        IF reason IS NULL AND EXISTS (
            SELECT FROM reinvestments r JOIN transactions t ON t.id = r.outbound_id
             WHERE t.escrow_account_id = NEW.id AND r.status = 'DONE' AND r.reversal_asked_at IS NOT NULL) THEN
            reason := 'it is being given a reinvestment back; wait for the bank''s answer';
        END IF;
        IF reason IS NOT NULL THEN
            RAISE EXCEPTION '% cannot be closed: %', NEW.account_number, reason
                USING ERRCODE = 'RC008', DETAIL = reason;
        END IF;
    END IF;
    RETURN NEW;
END $$;
