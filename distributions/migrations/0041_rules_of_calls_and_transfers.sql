-- Capital calls and transfers: what the database lets pass, whoever writes it. RC006: the release gate.

-- A call is put before an approver whole, noticed in time by another person, and ended when its items have ended.
CREATE FUNCTION capital_call_passes() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    called numeric;
    open_items integer;
    paid_items integer;
BEGIN
    IF NEW.status = OLD.status THEN
        RETURN NEW;
    END IF;
    SELECT coalesce(sum(amount) FILTER (WHERE status = 'OPEN'), 0), count(*) FILTER (WHERE status = 'OPEN'),
           count(*) FILTER (WHERE status = 'PAID')
      INTO called, open_items, paid_items FROM capital_call_items WHERE call_id = NEW.id;
    IF NEW.status IN ('PENDING_APPROVAL', 'NOTICED') THEN
        IF called <> NEW.total_amount THEN
            RAISE EXCEPTION '% calls %, its items %', NEW.call_number, NEW.total_amount, called
                USING ERRCODE = 'restrict_violation';
        ELSIF NEW.due_date < realco_add_business_days(NEW.notice_date, NEW.notice_days) THEN
            RAISE EXCEPTION '% is due within % business days of its notice', NEW.call_number, NEW.notice_days
                USING ERRCODE = 'restrict_violation';
        END IF;
    END IF;
    IF NEW.status = 'NOTICED' THEN
        IF NOT realco_is_about_now(NEW.approved_at)
           OR (NEW.approved_at AT TIME ZONE 'America/New_York')::date > NEW.notice_date THEN
            RAISE EXCEPTION '% is approved now, and not after the day of its notice', NEW.call_number
                USING ERRCODE = 'restrict_violation';
        ELSIF NOT EXISTS (SELECT FROM offerings WHERE id = NEW.offering_id AND status IN ('FUNDED', 'OPERATING')) THEN
            RAISE EXCEPTION '% is of an offering that calls no capital', NEW.call_number
                USING ERRCODE = 'restrict_violation';
        END IF;
    ELSIF NEW.status = 'COMPLETED' AND (open_items > 0 OR paid_items = 0) THEN
        RAISE EXCEPTION '% is complete when every item is paid', NEW.call_number USING ERRCODE = 'restrict_violation';
    ELSIF NEW.status = 'CANCELLED' AND (open_items > 0 OR paid_items > 0) THEN
        RAISE EXCEPTION '% is cancelled only while nothing is paid, with all its items', NEW.call_number
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;

-- An item never calls more than is uncalled, and is paid when completed payments of its investor cover all of it.
CREATE FUNCTION capital_call_item_fits() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    c capital_calls;
    i investments;
    received numeric;
    paid_on date;
    uncalled numeric;
BEGIN
    SELECT * INTO STRICT c FROM capital_calls k WHERE k.id = NEW.call_id FOR NO KEY UPDATE;
    IF TG_OP = 'INSERT' THEN
        SELECT * INTO STRICT i FROM investments v WHERE v.id = NEW.investment_id FOR NO KEY UPDATE;
        SELECT i.investment_amount - i.funded_amount - coalesce(sum(o.amount), 0) INTO uncalled
          FROM capital_call_items o WHERE o.investment_id = i.id AND o.status = 'OPEN';
        IF c.status <> 'DRAFT' THEN
            RAISE EXCEPTION '% is %; its items stand', c.call_number, lower(c.status)
                USING ERRCODE = 'restrict_violation';
        ELSIF i.offering_id <> c.offering_id OR i.investor_id <> NEW.investor_id
              OR i.investment_amount <> NEW.commitment_amount OR i.status NOT IN ('PENDING', 'ACTIVE') THEN
            RAISE EXCEPTION '% calls what a living investment of its offering has committed', c.call_number
                USING ERRCODE = 'restrict_violation';
        ELSIF NEW.amount > uncalled THEN
            RAISE EXCEPTION '% would call %, but only % is uncalled', c.call_number, NEW.amount, uncalled
                USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN NEW;
    END IF;
    IF NEW.status = OLD.status THEN
        IF (NEW.interest_amount, NEW.paid_amount, NEW.paid_date)
           IS DISTINCT FROM (OLD.interest_amount, OLD.paid_amount, OLD.paid_date) THEN
            RAISE EXCEPTION 'what was paid for % stands', c.call_number USING ERRCODE = 'RC006';
        END IF;
        RETURN NEW;
    END IF;
    IF NEW.status = 'PAID' THEN
        IF c.status <> 'NOTICED' OR c.approved_by_id IS NULL OR c.approved_by_id = c.created_by_id THEN
            RAISE EXCEPTION '% was not approved by another person; it releases nothing', c.call_number
                USING ERRCODE = 'RC006';
        END IF;
        SELECT coalesce(sum(t.net_amount), 0), max((t.created_at AT TIME ZONE 'America/New_York')::date)
          INTO received, paid_on
          FROM capital_call_payments p JOIN transactions t ON t.id = p.transaction_id
         WHERE p.item_id = NEW.id AND t.status = 'COMPLETED' AND t.type = 'CAPITAL_CALL'
           AND t.from_user_id = NEW.investor_id;
        IF received < NEW.paid_amount OR paid_on IS DISTINCT FROM NEW.paid_date THEN
            RAISE EXCEPTION 'completed payments for % come to %, less than % (or on another day)', c.call_number,
                received, NEW.paid_amount USING ERRCODE = 'RC006';
        ELSIF NEW.interest_amount > 0 AND (NEW.paid_date <= c.due_date OR NEW.interest_amount
              > round(NEW.amount * c.interest_rate * (NEW.paid_date - c.due_date + 2) / 360, 2) + 0.01) THEN
            RAISE EXCEPTION 'interest of % on % is more than its rate gives', NEW.interest_amount, c.call_number
                USING ERRCODE = 'RC006';
        END IF;
    END IF;
    RETURN NEW;
END $$;

-- A paid item has released its money. That each release is what its item says, ledger_custody sees to. At commit.
CREATE FUNCTION capital_call_item_releases() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    named text := 'call:' || NEW.call_id || ':' || NEW.investor_id;
BEGIN
    IF NEW.status = 'PAID' AND (NOT EXISTS (SELECT FROM journal_entries WHERE reference = named AND event = 'RELEASE')
           OR NEW.paid_amount > NEW.amount AND NOT EXISTS (
              SELECT FROM journal_entries WHERE reference = named || ':charges' AND event = 'RELEASE')) THEN
        RAISE EXCEPTION '% is paid, but its money was not released', named USING ERRCODE = 'RC006';
    END IF;
    IF NEW.status = 'PAID' AND NOT EXISTS (SELECT FROM investments i WHERE i.id = NEW.investment_id
           AND i.status IN ('ACTIVE', 'COMPLETED') AND i.funded_amount = investment_funded(i.id)) THEN
        RAISE EXCEPTION '% is paid, but its investment does not have it', named USING ERRCODE = 'RC006';
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION capital_call_payment_fits() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM capital_call_items n JOIN capital_calls c ON c.id = n.call_id
          JOIN escrow_accounts a ON a.offering_id = c.offering_id
          JOIN transactions t ON t.escrow_account_id = a.id AND t.from_user_id = n.investor_id
         WHERE n.id = NEW.item_id AND t.id = NEW.transaction_id AND t.type = 'CAPITAL_CALL'
           AND n.status = 'OPEN' AND c.status = 'NOTICED') THEN
        RAISE EXCEPTION 'a payment is for an open item of its own investor and offering' USING ERRCODE = 'RC006';
    END IF;
    RETURN NEW;
END $$;

-- What paid items release: their capital, and apart from it premium and interest, which are no contribution.
CREATE FUNCTION capital_call_releases(accounts uuid[])
RETURNS TABLE (reference text, escrow_account_id uuid, amount numeric) LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN QUERY
    SELECT 'call:' || n.call_id || ':' || n.investor_id || r.suffix, a.id, r.released
      FROM capital_call_items n
      JOIN capital_calls c ON c.id = n.call_id
      JOIN escrow_accounts a ON a.offering_id = c.offering_id
     CROSS JOIN LATERAL (VALUES ('', n.amount), (':charges', n.paid_amount - n.amount)) r (suffix, released)
     WHERE n.status = 'PAID' AND r.released > 0 AND c.status IN ('NOTICED', 'COMPLETED')
       AND c.approved_by_id <> c.created_by_id AND (accounts IS NULL OR a.id = ANY (accounts));
END $$;

-- What an investment owes of noticed calls, and which completed payments it has made for them that are not released yet.
CREATE FUNCTION capital_calls_open(investment uuid)
RETURNS TABLE (amount numeric, received numeric) LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN QUERY
    SELECT n.amount, coalesce((SELECT sum(t.net_amount) FROM capital_call_payments p
                                 JOIN transactions t ON t.id = p.transaction_id
                                WHERE p.item_id = n.id AND t.status = 'COMPLETED'), 0)
      FROM capital_call_items n
     WHERE n.investment_id = investment AND n.status = 'OPEN';
END $$;

-- What an investment has been paid in: released by closings and calls, and handed over by transfers.
CREATE FUNCTION investment_funded(investment uuid) RETURNS numeric LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN coalesce((SELECT sum((c.figures ->> i.investor_id::text)::numeric)
              FROM investments i JOIN escrow_accounts a ON a.offering_id = i.offering_id
              JOIN closings c ON c.escrow_account_id = a.id AND c.status = 'EXECUTED'
             WHERE i.id = investment), 0)
         + coalesce((SELECT sum(n.amount) FROM capital_call_items n
                      WHERE n.investment_id = investment AND n.status = 'PAID'), 0)
         + coalesce((SELECT sum(CASE WHEN t.buyer_investment_id = investment THEN t.funded_amount
                                     ELSE -t.funded_amount END)
                       FROM investment_transfers t
                      WHERE t.status = 'EXECUTED' AND investment IN (t.buyer_investment_id, t.seller_investment_id)), 0);
END $$;

-- A transfer hands over exactly its part of what the seller holds when it is executed; afterwards it stands.
CREATE FUNCTION investment_transfer_fits() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    seller investments;
    fault text;
BEGIN
    SELECT * INTO STRICT seller FROM investments v WHERE v.id = NEW.seller_investment_id FOR NO KEY UPDATE;
    IF TG_OP = 'INSERT' THEN
        IF seller.offering_id <> NEW.offering_id OR seller.investor_id = NEW.buyer_id OR seller.status <> 'ACTIVE'
           OR NOT realco_is_about_now(NEW.proposed_at) THEN
            RAISE EXCEPTION 'a transfer is of an active investment of its offering, now, to somebody else'
                USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN NEW;
    END IF;
    IF OLD.status <> 'PROPOSED' THEN
        RAISE EXCEPTION 'a transfer that is % stands', lower(OLD.status) USING ERRCODE = 'restrict_violation';
    END IF;
    IF NEW.status = 'EXECUTED' THEN
        fault := CASE
            WHEN NOT realco_is_about_now(NEW.executed_at)
              OR NEW.effective_date > (NEW.executed_at AT TIME ZONE 'America/New_York')::date
            THEN 'takes effect on a day that has not come'
            WHEN (NEW.committed_amount, NEW.funded_amount, NEW.funded_amount - NEW.returned_amount)
              <> (trunc(seller.investment_amount * NEW.part, 2), trunc(seller.funded_amount * NEW.part, 2),
                  trunc(seller.current_balance * NEW.part, 2))
            THEN 'does not hand over its part of what the seller holds'
            WHEN EXISTS (SELECT FROM capital_call_items n WHERE n.investment_id = seller.id AND n.status = 'OPEN')
            THEN 'is of an investment that owes a capital call'
            WHEN EXISTS (SELECT FROM compliance_obstacles(ARRAY[seller.investor_id, NEW.buyer_id], NEW.executed_at))
            THEN 'is between people whose checks are not current' END;
        IF fault IS NOT NULL THEN
            RAISE EXCEPTION 'transfer % %', NEW.id, fault USING ERRCODE = 'restrict_violation';
        END IF;
    END IF;
    RETURN NEW;
END $$;

-- An executed transfer has moved commitment and capital, at both ends. Checked at commit.
CREATE FUNCTION investment_transfer_moves() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.status = 'EXECUTED' AND (
           NOT EXISTS (SELECT FROM investments b WHERE b.id = NEW.buyer_investment_id AND b.investor_id = NEW.buyer_id
                          AND b.offering_id = NEW.offering_id AND b.status = 'ACTIVE')
           OR EXISTS (SELECT FROM investments i WHERE i.id IN (NEW.seller_investment_id, NEW.buyer_investment_id)
                      AND i.funded_amount <> investment_funded(i.id))
           OR NOT EXISTS (SELECT FROM commitments m WHERE m.investment_id = NEW.seller_investment_id
                             AND m.amount = -NEW.committed_amount)
           OR NOT EXISTS (SELECT FROM commitments m WHERE m.investment_id = NEW.buyer_investment_id
                             AND m.amount = NEW.committed_amount)) THEN
        RAISE EXCEPTION 'transfer % is executed, but its investments have not changed', NEW.id
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NULL;
END $$;
