-- Holds and releases: which journal entries may touch investors' money, and what each must name.
-- RC006: the release gate. RC007: a hold without its row. RC008: an account that cannot close.

-- A hold is freed bit by bit and never more than that; it begins whole.
CREATE FUNCTION hold_only_shrinks() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.released_amount <> 0 THEN
            RAISE EXCEPTION 'a hold begins with nothing released' USING ERRCODE = 'RC007';
        END IF;
    ELSIF NEW.released_amount < OLD.released_amount
          OR (OLD.status <> 'OPEN' AND NEW.released_amount <> OLD.released_amount) THEN
        RAISE EXCEPTION 'what a hold has released stays released' USING ERRCODE = 'RC007';
    END IF;
    RETURN NEW;
END $$;

-- An owner's HELD balance is the sum of what their open holds still block. Checked at commit, from both sides.
CREATE FUNCTION held_is_what_holds_say() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    account uuid := NEW.escrow_account_id;
    owner uuid := CASE TG_TABLE_NAME WHEN 'holds' THEN to_jsonb(NEW) ->> 'investor_id'
                                     ELSE to_jsonb(NEW) ->> 'owner_id' END;
    held numeric;
    blocked numeric;
BEGIN
    SELECT coalesce(sum(balance), 0) INTO held FROM ledger_accounts
     WHERE escrow_account_id = account AND kind = 'HELD'
       AND coalesce(owner_id, '00000000-0000-0000-0000-000000000000')
           = coalesce(owner, '00000000-0000-0000-0000-000000000000');
    SELECT coalesce(sum(amount - released_amount), 0) INTO blocked FROM holds
     WHERE escrow_account_id = account AND investor_id = owner AND status = 'OPEN';
    IF held <> blocked THEN
        RAISE EXCEPTION '% is held of %, but open holds say %', held, coalesce(owner::text, 'nobody'), blocked
            USING ERRCODE = 'RC007';
    END IF;
    RETURN NULL;
END $$;

-- Lines that hold, free or release investors' money name the row that allows them: HOLD and HOLD_RELEASED their hold
-- ('hold:<id>', 'hold:<id>:released:<sum>'), RELEASE an executed closing and one of its investors
-- ('closing:<id>:<investor>'), with exactly that closing's figure. No other event touches HELD, and none but RELEASE
-- turns an investor's money into the offering's.
CREATE FUNCTION ledger_custody() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    broken record;
BEGIN
    -- What the executed closings say that these entries name; worked out once, and only if there is a release.
    WITH signed AS MATERIALIZED (
        SELECT 'closing:' || c.id || ':' || f.key AS reference, c.escrow_account_id, f.value::numeric AS amount
          FROM closings c, jsonb_each_text(c.figures) f
         WHERE c.status = 'EXECUTED'
           AND c.id IN (SELECT substr(j.reference, 9, 36)::uuid
                          FROM new_rows e JOIN journal_entries j ON j.id = e.journal_entry_id
                         WHERE j.event = 'RELEASE' AND j.reference ~ '^closing:[0-9a-f-]{36}:[0-9a-f-]{36}$')
    )
    SELECT n.event, n.reference, n.kind, n.owner_id, n.amount, n.fault INTO broken
      FROM (
        SELECT j.event, j.reference, l.kind, l.owner_id, e.amount,
               CASE
               WHEN j.event IN ('HOLD', 'HOLD_RELEASED') THEN
                    CASE WHEN j.entry_count <> 2 OR l.kind NOT IN ('INVESTOR', 'HELD')
                           OR (l.kind = 'HELD') = (e.amount > 0) AND j.event = 'HOLD'
                           OR (l.kind = 'HELD') = (e.amount < 0) AND j.event = 'HOLD_RELEASED'
                         THEN 'moves between INVESTOR and HELD of one owner, and nothing else'
                         WHEN j.reference !~ ('^hold:[0-9a-f-]{36}'
                                              || CASE j.event WHEN 'HOLD' THEN '$' ELSE ':released:[0-9.]+$' END)
                         THEN 'does not name its hold'
                         WHEN NOT EXISTS (SELECT FROM holds h
                                           WHERE h.id = substr(j.reference, 6, 36)::uuid
                                             AND h.escrow_account_id = e.escrow_account_id
                                             AND h.investor_id = l.owner_id
                                             AND CASE j.event WHEN 'HOLD' THEN h.amount = abs(e.amount)
                                                                   ELSE h.released_amount >= abs(e.amount)
                                                  AND substr(j.reference, 52) = h.released_amount::text END)
                         THEN 'does not agree with its hold' END
               WHEN l.kind = 'HELD' THEN 'cannot touch held money; place or release a hold'
               WHEN j.event = 'RELEASE' THEN
                    CASE WHEN j.reference !~ '^closing:[0-9a-f-]{36}:[0-9a-f-]{36}$'
                         THEN 'does not name a closing and its investor'
                         WHEN j.entry_count <> 2
                           OR NOT (l.kind = 'INVESTOR' AND e.amount > 0
                                   AND l.owner_id = substr(j.reference, 46, 36)::uuid
                                   OR l.kind = 'OFFERING' AND e.amount < 0)
                         THEN 'moves one investor''s money to the offering, and nothing else'
                         WHEN (j.reference, e.escrow_account_id, abs(e.amount))
                              NOT IN (SELECT s.reference, s.escrow_account_id, s.amount FROM signed s)
                         THEN 'is not what an executed closing says' END
               WHEN EXISTS (SELECT FROM escrow_ledger_entries o JOIN ledger_accounts k ON k.id = o.ledger_account_id
                             WHERE o.journal_entry_id = e.journal_entry_id
                               AND (l.kind = 'OFFERING' AND k.kind = 'INVESTOR' AND o.amount > 0
                                    OR l.kind = 'INVESTOR' AND k.kind = 'OFFERING' AND o.amount < 0))
                    THEN 'makes an investor''s money the offering''s without a closing'
               END AS fault
          FROM new_rows e
          JOIN ledger_accounts l ON l.id = e.ledger_account_id
          JOIN journal_entries j ON j.id = e.journal_entry_id
         WHERE j.event IN ('RELEASE', 'HOLD', 'HOLD_RELEASED') OR l.kind = 'HELD'
            OR (l.kind = 'OFFERING' AND e.amount < 0) OR (l.kind = 'INVESTOR' AND e.amount > 0)
           ) n
     WHERE n.fault IS NOT NULL
     LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION '% (%) of % on % %', broken.event, broken.reference, abs(broken.amount), broken.kind, broken.fault
            USING ERRCODE = CASE WHEN broken.kind = 'HELD' OR broken.event IN ('HOLD', 'HOLD_RELEASED')
                                 THEN 'RC007' ELSE 'RC006' END;
    END IF;
    RETURN NULL;
END $$;

-- A frozen account goes back to what it was frozen from, and nowhere else; a closed one holds nothing, waits for
-- nothing and blocks nothing.
CREATE FUNCTION escrow_account_life() RETURNS trigger LANGUAGE plpgsql AS $$
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
        IF reason IS NOT NULL THEN
            RAISE EXCEPTION '% cannot be closed: %', NEW.account_number, reason
                USING ERRCODE = 'RC008', DETAIL = reason;
        END IF;
    END IF;
    RETURN NEW;
END $$;
