-- What the database itself refuses about refunds (SQLSTATE RC012): paying an item more than its amount, paying
-- somebody else or another bank account than the one it came from, starting a run that was not approved.

-- A run of a whole offering starts with the signatures that its largest refund needs, and completes when nobody waits.
CREATE FUNCTION finance_refund_run_is_approved() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    needed integer := CASE WHEN NEW.largest_amount > 50000 THEN 2 ELSE 1 END;
BEGIN
    IF OLD.status = 'PROPOSED' AND NEW.status = 'RUNNING' AND NEW.cause <> 'INVESTOR_CANCELLED'
       AND (SELECT count(DISTINCT a.approver_id) FROM refund_run_approvals a
             WHERE a.run_id = NEW.id AND a.content_hash = NEW.content_hash
               AND a.approver_id <> NEW.proposed_by_id) < needed THEN
        RAISE EXCEPTION 'refund run % needs % signatures of others than its proposer', NEW.id, needed
            USING ERRCODE = 'RC012';
    END IF;
    IF NEW.status = 'COMPLETED' AND OLD.status <> 'COMPLETED'
       AND EXISTS (SELECT FROM refund_items i WHERE i.run_id = NEW.id AND i.status NOT IN ('PAID', 'NOTHING_LEFT')) THEN
        RAISE EXCEPTION 'refund run % has refunds that are not over', NEW.id USING ERRCODE = 'RC012';
    END IF;
    RETURN NEW;
END $$;

-- Whoever signs is not the proposer, and signs the figures that stand there.
CREATE FUNCTION finance_refund_approval_is_anothers() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    run record;
BEGIN
    SELECT status, proposed_by_id, content_hash INTO run FROM refund_runs WHERE id = NEW.run_id;
    IF run.status <> 'PROPOSED' OR run.proposed_by_id = NEW.approver_id OR run.content_hash <> NEW.content_hash THEN
        RAISE EXCEPTION 'refund run % is signed while it is proposed, by another person than its proposer, over its own figures',
            NEW.run_id USING ERRCODE = 'RC012';
    END IF;
    RETURN NEW;
END $$;

-- An item gives back to the payer what one deposit into the run's own escrow account brought, at most, and to the
-- bank account that it came from.
CREATE FUNCTION finance_refund_item_is_the_investors() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    run record;
    paid_in record;
BEGIN
    SELECT status, escrow_account_id INTO run FROM refund_runs WHERE id = NEW.run_id;
    IF run.status <> 'RUNNING' THEN
        RAISE EXCEPTION 'refunds are added to a running refund run only, % is %', NEW.run_id, run.status
            USING ERRCODE = 'RC012';
    END IF;
    IF NEW.deposit_id IS NULL THEN
        IF NEW.bank_account_id IS NOT NULL THEN
            RAISE EXCEPTION 'a refund without a deposit begins without a bank account' USING ERRCODE = 'RC012';
        END IF;
        RETURN NEW;
    END IF;
    SELECT type, from_user_id, escrow_account_id, amount, fee_amount, from_bank_account_id INTO paid_in
      FROM transactions WHERE id = NEW.deposit_id;
    IF paid_in.type NOT IN ('DEPOSIT', 'CAPITAL_CALL') OR paid_in.from_user_id <> NEW.investor_id
       OR paid_in.escrow_account_id <> run.escrow_account_id OR NEW.amount > paid_in.amount
       OR NEW.fee_amount > paid_in.fee_amount
       OR (NEW.bank_account_id IS NOT NULL AND NEW.bank_account_id IS DISTINCT FROM paid_in.from_bank_account_id) THEN
        RAISE EXCEPTION 'refund of deposit % does not fit it: its payer, its escrow account, its amount, its bank account',
            NEW.deposit_id USING ERRCODE = 'RC012';
    END IF;
    RETURN NEW;
END $$;

-- An item is PAID when its completed payments and what was not there make its amount; what is under way never
-- exceeds it; another bank account is the investor's own and was agreed to by two people.
CREATE FUNCTION finance_refund_item_is_paid_once() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    paid numeric;
    living numeric;
BEGIN
    SELECT coalesce(sum(amount) FILTER (WHERE status = 'COMPLETED'), 0),
           coalesce(sum(amount) FILTER (WHERE status NOT IN ('FAILED', 'CANCELLED', 'REVERSED')), 0)
      INTO paid, living FROM transactions WHERE refund_item_id = NEW.id;
    IF living + NEW.kept_amount > NEW.amount OR NEW.kept_amount < OLD.kept_amount THEN
        RAISE EXCEPTION 'refund % of % would give back more: % is paid or under way, % was not there', NEW.id,
            NEW.amount, living, NEW.kept_amount USING ERRCODE = 'RC012';
    END IF;
    IF NEW.status = 'PAID' AND paid + NEW.kept_amount <> NEW.amount THEN
        RAISE EXCEPTION 'refund % of % is not paid: % has arrived, % was not there', NEW.id, NEW.amount, paid,
            NEW.kept_amount USING ERRCODE = 'RC012';
    END IF;
    IF NEW.payment_id IS DISTINCT FROM OLD.payment_id
       AND NOT EXISTS (SELECT FROM transactions t WHERE t.id = NEW.payment_id AND t.refund_item_id = NEW.id) THEN
        RAISE EXCEPTION 'payment % is not one of refund %', NEW.payment_id, NEW.id USING ERRCODE = 'RC012';
    END IF;
    IF NEW.redirect_approved_by_id IS NOT NULL
       AND (NEW.redirected_to_id IS DISTINCT FROM OLD.redirected_to_id
            OR NEW.redirected_by_id IS DISTINCT FROM OLD.redirected_by_id) THEN
        RAISE EXCEPTION 'refund %: another account is named first and agreed to afterwards', NEW.id
            USING ERRCODE = 'RC012';
    END IF;
    IF NEW.bank_account_id IS DISTINCT FROM OLD.bank_account_id
       AND (NEW.redirect_approved_by_id IS NULL OR NEW.redirected_to_id IS DISTINCT FROM NEW.bank_account_id
            OR (NEW.bank_account_id IS NOT NULL AND NOT EXISTS (
                    SELECT FROM bank_accounts b LEFT JOIN organizations o ON o.id = b.organization_id
                     WHERE b.id = NEW.bank_account_id AND coalesce(b.user_id, o.owner_id) = NEW.investor_id))) THEN
        RAISE EXCEPTION 'refund % goes back to where it came from, or to an account of its investor that two people agreed to',
            NEW.id USING ERRCODE = 'RC012';
    END IF;
    RETURN NEW;
END $$;

-- A payment that belongs to an item is a REFUND to its investor, out of its escrow account, by its method to its bank
-- account; with the item's other living payments it is not above the item's amount. The item is locked, so that two
-- payments cannot both be the last one.
CREATE FUNCTION finance_refund_fits_its_item() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    item record;
    others numeric;
BEGIN
    IF NEW.refund_item_id IS NULL OR NEW.status IN ('FAILED', 'CANCELLED', 'REVERSED')
       OR (TG_OP = 'UPDATE' AND OLD.status NOT IN ('FAILED', 'CANCELLED', 'REVERSED')) THEN
        RETURN NEW;
    END IF;
    SELECT i.investor_id, i.amount, i.kept_amount, i.method, i.bank_account_id, r.escrow_account_id, r.status INTO item
      FROM refund_items i JOIN refund_runs r ON r.id = i.run_id WHERE i.id = NEW.refund_item_id FOR NO KEY UPDATE OF i;
    IF NEW.type <> 'REFUND' OR NEW.to_user_id <> item.investor_id OR NEW.escrow_account_id <> item.escrow_account_id THEN
        RAISE EXCEPTION 'payment % is no refund to the investor of its refund item', NEW.id USING ERRCODE = 'RC012';
    END IF;
    IF TG_OP = 'INSERT' AND (item.status <> 'RUNNING' OR NEW.payment_method <> item.method
                             OR NEW.to_bank_account_id IS DISTINCT FROM item.bank_account_id) THEN
        RAISE EXCEPTION 'payment % does not go where its refund item says, or its run is not running', NEW.id
            USING ERRCODE = 'RC012';
    END IF;
    SELECT coalesce(sum(amount), 0) INTO others FROM transactions
     WHERE refund_item_id = NEW.refund_item_id AND id <> NEW.id AND status NOT IN ('FAILED', 'CANCELLED', 'REVERSED');
    IF others + NEW.amount + item.kept_amount > item.amount THEN
        RAISE EXCEPTION 'refund item % is %: % is paid or under way already', NEW.refund_item_id, item.amount, others
            USING ERRCODE = 'RC012';
    END IF;
    RETURN NEW;
END $$;
