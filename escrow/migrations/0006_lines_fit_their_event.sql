-- The posting table of SYSTEM.md section 4, as the database knows it: which kinds of ledger account an event
-- debits and credits, which events are about a payment, and what of a payment must be true before its money
-- moves. escrow/postings.py describes the same table from Python; tests/escrow/test_posting_shapes.py compares.

-- Whether an event may debit (or credit) a kind of account. REVERSAL is not here: it mirrors another entry.
CREATE FUNCTION ledger_line_fits(event text, kind text, is_debit boolean) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT coalesce(kind = ANY (CASE WHEN is_debit THEN
        CASE event
            WHEN 'INBOUND_ACCEPTED' THEN '{CLEARING}'
            WHEN 'INBOUND_SETTLED' THEN '{BANK}'
            WHEN 'INBOUND_CLEARED' THEN '{UNCLEARED}'
            WHEN 'INBOUND_FAILED' THEN '{UNCLEARED}'
            WHEN 'RETURN_BEFORE_CLEARING' THEN '{UNCLEARED}'
            WHEN 'RETURN_AFTER_CLEARING' THEN '{INVESTOR,OFFERING,FEES,RECEIVABLE}'
            WHEN 'RELEASE' THEN '{INVESTOR}'
            WHEN 'RESERVE' THEN '{OFFERING,INVESTOR,FEES}'
            WHEN 'UNRESERVE' THEN '{PAYOUTS}'
            WHEN 'OUTBOUND_SETTLED' THEN '{PAYOUTS}'
            WHEN 'PAYOUT_RETURNED' THEN '{BANK}'
            WHEN 'HOLD' THEN '{INVESTOR,OFFERING}'
            WHEN 'HOLD_RELEASED' THEN '{HELD}'
            WHEN 'UNKNOWN_RECEIPT' THEN '{BANK}'
            WHEN 'RECEIPT_CLAIMED' THEN '{SUSPENSE}'
            WHEN 'FEE_RETURNED' THEN '{FEES}'
            WHEN 'BANK_FEE' THEN '{FEES,OFFERING}'
        END::text[]
    ELSE
        CASE event
            WHEN 'INBOUND_ACCEPTED' THEN '{UNCLEARED}'
            WHEN 'INBOUND_SETTLED' THEN '{CLEARING}'
            WHEN 'INBOUND_CLEARED' THEN '{INVESTOR,OFFERING,FEES,RECEIVABLE}'
            WHEN 'INBOUND_FAILED' THEN '{CLEARING}'
            WHEN 'RETURN_BEFORE_CLEARING' THEN '{BANK}'
            WHEN 'RETURN_AFTER_CLEARING' THEN '{BANK}'
            WHEN 'RELEASE' THEN '{OFFERING}'
            WHEN 'RESERVE' THEN '{PAYOUTS}'
            WHEN 'UNRESERVE' THEN '{OFFERING,INVESTOR,FEES}'
            WHEN 'OUTBOUND_SETTLED' THEN '{BANK}'
            WHEN 'PAYOUT_RETURNED' THEN '{OFFERING,INVESTOR,FEES}'
            WHEN 'HOLD' THEN '{HELD}'
            WHEN 'HOLD_RELEASED' THEN '{INVESTOR,OFFERING}'
            WHEN 'UNKNOWN_RECEIPT' THEN '{SUSPENSE}'
            WHEN 'RECEIPT_CLAIMED' THEN '{INVESTOR,UNCLEARED,RECEIVABLE}'
            WHEN 'FEE_RETURNED' THEN '{INVESTOR}'
            WHEN 'BANK_FEE' THEN '{BANK}'
        END::text[]
    END), false)
$$;

-- The kind of account that a payment of a type is taken from (outbound) or ends on, less its fee (inbound).
CREATE FUNCTION ledger_kind_of_payment(type text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN type IN ('WITHDRAWAL', 'REFUND', 'DEPOSIT', 'CAPITAL_CALL') THEN 'INVESTOR'
                WHEN type IN ('PLATFORM_FEE', 'REFERRAL_FEE') THEN 'FEES'
                WHEN type IN ('DISTRIBUTION', 'CONSTRUCTION_DRAW', 'ESCROW_WITHDRAWAL', 'ESCROW_DEPOSIT')
                THEN 'OFFERING' END
$$;

-- What a payment's journal entries are called in the words of the original schema; escrow_accounts' totals go by it.
CREATE FUNCTION ledger_entry_type_of_payment(type text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN type IN ('DEPOSIT', 'ESCROW_DEPOSIT', 'CAPITAL_CALL') THEN 'DEPOSIT'
                WHEN type IN ('PLATFORM_FEE', 'REFERRAL_FEE') THEN 'FEE'
                WHEN type IN ('DISTRIBUTION', 'REFUND') THEN type
                ELSE 'WITHDRAWAL' END
$$;

-- What an escrow account's status forbids. FROZEN lets nothing out: no reservation, payment, release or bank
-- fee, and no reversal that would take money out of the bank again. LIQUIDATING reserves only for distributions
-- and refunds, by the type of the payment and not by what the entry calls itself. CLOSED refuses everything.
-- What the bank had in hand when a liquidation began is taken all the same: nothing undoes it, and LIQUIDATING
-- never becomes ACTIVE again.
CREATE FUNCTION ledger_status_forbids(status text, event text, payment_type text, reversed text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE status
        WHEN 'CLOSED' THEN true
        WHEN 'FROZEN' THEN event IN ('RESERVE', 'OUTBOUND_SETTLED', 'RELEASE', 'BANK_FEE')
             OR coalesce(reversed IN ('INBOUND_SETTLED', 'UNKNOWN_RECEIPT', 'PAYOUT_RETURNED'), false)
        WHEN 'LIQUIDATING' THEN event = 'RELEASE'
             OR (event = 'RESERVE' AND coalesce(payment_type, '') NOT IN ('DISTRIBUTION', 'REFUND'))
        ELSE false END
$$;

-- New journal entries fit the state of their escrow account and of their payment, name what they reverse and
-- were written together with their lines. Payments are read as they are now, not as the entry describes them.
CREATE OR REPLACE FUNCTION ledger_event_is_allowed() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    refused record;
BEGIN
    SELECT x.account_number, x.status, n.event, n.reference INTO refused
      FROM new_rows n
      JOIN escrow_accounts x ON x.id = n.escrow_account_id
      LEFT JOIN transactions t ON t.id = n.transaction_id
      LEFT JOIN journal_entries r ON r.id = n.reverses_id
     WHERE ledger_status_forbids(x.status, n.event, t.type, r.event)
     LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION '% is %: % (%) is refused', refused.account_number, refused.status, refused.event,
            refused.reference USING ERRCODE = 'RC004', DETAIL = refused.status;
    END IF;

    SELECT n.event, n.reference, f.fault INTO refused
      FROM new_rows n
      LEFT JOIN transactions t ON t.id = n.transaction_id
      LEFT JOIN journal_entries r ON r.id = n.reverses_id
     CROSS JOIN LATERAL (SELECT CASE
        WHEN n.event = 'REVERSAL' THEN CASE
            WHEN r.escrow_account_id IS DISTINCT FROM n.escrow_account_id
            THEN 'reverses an entry of another escrow account'
            WHEN r.event IN ('REVERSAL', 'UNRESERVE')
            THEN format('reverses a %s; post its opposite as the event that it is', r.event)
            WHEN (r.transaction_id, r.distribution_id) IS DISTINCT FROM (n.transaction_id, n.distribution_id)
            THEN 'names another payment or distribution than the entry it reverses' END
        WHEN n.event IN ('RELEASE', 'HOLD', 'HOLD_RELEASED', 'UNKNOWN_RECEIPT', 'RECEIPT_CLAIMED', 'BANK_FEE') THEN CASE
            WHEN n.transaction_id IS NOT NULL THEN 'is not about a payment, and names one' END
        WHEN n.event = 'FEE_RETURNED' THEN CASE
            WHEN t.escrow_account_id <> n.escrow_account_id THEN 'names a payment of another escrow account' END
        WHEN t.id IS NULL THEN 'is about a payment, and names none'
        WHEN t.escrow_account_id <> n.escrow_account_id THEN 'names a payment of another escrow account'
        WHEN ledger_kind_of_payment(t.type) IS NULL
             OR (n.event IN ('RESERVE', 'UNRESERVE', 'OUTBOUND_SETTLED', 'PAYOUT_RETURNED'))
                = (t.type IN ('DEPOSIT', 'ESCROW_DEPOSIT', 'CAPITAL_CALL'))
        THEN format('cannot happen to a %s', t.type)
        WHEN n.entry_type <> ledger_entry_type_of_payment(t.type)
        THEN format('of a %s is not a %s', t.type, n.entry_type)
        WHEN n.event IN ('RESERVE', 'OUTBOUND_SETTLED') AND t.approvals_required
             > (t.approved_by_id IS NOT NULL)::integer + (t.second_approved_by_id IS NOT NULL)::integer
        THEN 'names a payment that lacks an approval'
        WHEN (n.event = 'RESERVE' AND t.status NOT IN ('INITIATED', 'APPROVED', 'QUEUED', 'FAILED', 'PENDING_RETRY'))
             OR (n.event = 'OUTBOUND_SETTLED' AND t.status NOT IN ('PROCESSING', 'PENDING_SETTLEMENT'))
             OR (n.event = 'INBOUND_CLEARED' AND t.status <> 'SETTLED')
        THEN format('cannot happen to a payment that is %s', t.status)
        WHEN n.event = 'INBOUND_CLEARED' AND coalesce(t.clears_on, 'infinity')
             > least(n.effective_date, (n.created_at AT TIME ZONE 'UTC')::date)
        THEN 'comes before its return window has passed' END AS fault) f
     WHERE f.fault IS NOT NULL
     LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION '% % %', refused.event, refused.reference, refused.fault USING ERRCODE = 'RC005';
    END IF;

    SELECT n.reference INTO refused
      FROM new_rows n
     WHERE NOT EXISTS (SELECT FROM escrow_ledger_entries e WHERE e.journal_entry_id = n.id)
     LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'journal entry % has no entries: both are written by one statement', refused.reference
            USING ERRCODE = 'RC003';
    END IF;
    RETURN NULL;
END $$;

-- New entries are whole journal entries whose lines sum to zero and fit their event, within one escrow account
-- and about one person. They continue their accounts' chains without a gap, agree with their heads and never
-- dip below zero where that is forbidden. FEES may dip below zero when a fee is given back or the bank takes
-- one, but nothing is reserved from below zero. Then, and only here, the escrow account's balances follow.
CREATE OR REPLACE FUNCTION ledger_entries_follow() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    broken record;
BEGIN
    WITH lines AS MATERIALIZED (
        SELECT n.journal_entry_id, n.reference, n.sequence, n.amount, a.kind, a.owner_id, j.event, j.entry_count,
               CASE WHEN j.id IS NULL OR a.id IS NULL THEN 'RC003 belongs to no journal entry or ledger account'
                    WHEN n.escrow_account_id <> a.escrow_account_id OR n.escrow_account_id <> j.escrow_account_id
                    THEN 'RC003 joins two escrow accounts'
                    WHEN (n.reference, n.entry_type, n.effective_date, n.created_at)
                         <> (j.reference, j.entry_type, j.effective_date, j.created_at)
                         OR n.transaction_id IS DISTINCT FROM j.transaction_id
                         OR n.distribution_id IS DISTINCT FROM j.distribution_id
                         OR n.created_by_id IS DISTINCT FROM j.created_by_id
                    THEN 'RC003 says something else than its journal entry'
                    WHEN j.event <> 'REVERSAL' AND NOT ledger_line_fits(j.event, a.kind, n.amount > 0)
                    THEN format('RC005 does not fit: a %s does not %s it', j.event,
                                CASE WHEN n.amount > 0 THEN 'debit' ELSE 'credit' END)
                    WHEN n.balance_after <> n.balance_before + n.amount * ledger_normal_side(a.kind)
                    THEN 'RC003 does not add up'
                    WHEN n.sequence > a.entry_count THEN 'RC003 is beyond the head of its account'
                    WHEN n.balance_before IS DISTINCT FROM CASE
                         WHEN n.sequence = 1 THEN 0
                         WHEN lag(n.sequence) OVER chain = n.sequence - 1 THEN lag(n.balance_after) OVER chain
                         ELSE (SELECT p.balance_after FROM escrow_ledger_entries p
                                WHERE p.ledger_account_id = n.ledger_account_id AND p.sequence = n.sequence - 1) END
                    THEN 'RC003 does not continue the chain of its account'
                    WHEN n.balance_after < 0 AND (a.kind IN ('BANK', 'INVESTOR', 'OFFERING', 'PAYOUTS', 'HELD')
                                                  OR (a.kind = 'FEES' AND j.event = 'RESERVE'))
                    THEN 'RC001 would overdraw it' END AS fault
          FROM new_rows n
          LEFT JOIN ledger_accounts a ON a.id = n.ledger_account_id
          LEFT JOIN journal_entries j ON j.id = n.journal_entry_id
        WINDOW chain AS (PARTITION BY n.ledger_account_id ORDER BY n.sequence)
    )
    SELECT left(fault, 5) AS code, coalesce(kind, '') AS kind, subject || substr(fault, 6) AS words INTO broken
      FROM (SELECT fault, kind, format('entry %s number %s of a %s account', reference, sequence, kind) AS subject
              FROM lines
            UNION ALL
            SELECT CASE WHEN sum(l.amount) <> 0
                        THEN format('RC003 does not balance: its entries sum to %s', sum(l.amount))
                        WHEN count(*) <> max(l.entry_count)
                        THEN format('RC003 announced %s entries and has %s; one statement writes it with all of them',
                                    max(l.entry_count), count(*))
                        WHEN (SELECT count(*) FROM escrow_ledger_entries e
                               WHERE e.journal_entry_id = l.journal_entry_id) > count(*)
                        THEN 'RC003 is complete; nothing is added to it'
                        WHEN max(l.event) <> 'REVERSAL' AND count(DISTINCT l.owner_id) > 1
                        THEN 'RC005 is about more than one person'
                        WHEN max(l.event) IN ('HOLD', 'HOLD_RELEASED') AND count(l.owner_id) NOT IN (0, count(*))
                        THEN 'RC005 has a person''s money on one side only' END,
                   NULL, format('journal entry %s', min(l.reference))
              FROM lines l GROUP BY l.journal_entry_id) found
     WHERE fault IS NOT NULL
     ORDER BY code DESC LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION '%', broken.words USING ERRCODE = broken.code, DETAIL = broken.kind;
    END IF;

    IF EXISTS (SELECT FROM new_rows WHERE transaction_id IS NOT NULL) THEN
        PERFORM ledger_require_payments_agree((SELECT array_agg(DISTINCT transaction_id) FROM new_rows));
    END IF;
    IF EXISTS (SELECT FROM new_rows n JOIN journal_entries j ON j.id = n.journal_entry_id WHERE j.event = 'REVERSAL') THEN
        PERFORM ledger_require_mirrors((SELECT array_agg(DISTINCT journal_entry_id) FROM new_rows));
    END IF;

    UPDATE escrow_accounts a
       SET available_balance = a.available_balance + d.available,
           pending_balance = a.pending_balance + d.pending,
           held_balance = a.held_balance + d.held,
           current_balance = a.current_balance + d.available + d.pending + d.held,
           total_deposits = a.total_deposits + d.deposits,
           total_withdrawals = a.total_withdrawals + d.withdrawals,
           total_distributions = a.total_distributions + d.distributions
      FROM (SELECT n.escrow_account_id,
                   coalesce(-sum(n.amount) FILTER (WHERE l.kind IN ('INVESTOR', 'OFFERING', 'FEES')), 0) AS available,
                   coalesce(-sum(n.amount) FILTER (WHERE l.kind IN ('UNCLEARED', 'PAYOUTS')), 0) AS pending,
                   coalesce(-sum(n.amount) FILTER (WHERE l.kind IN ('HELD', 'SUSPENSE')), 0) AS held,
                   coalesce(sum(n.amount) FILTER (WHERE l.kind = 'BANK' AND n.entry_type = 'DEPOSIT'), 0) AS deposits,
                   coalesce(-sum(n.amount) FILTER (WHERE l.kind = 'BANK'
                            AND n.entry_type IN ('WITHDRAWAL', 'REFUND', 'FEE')), 0) AS withdrawals,
                   coalesce(-sum(n.amount) FILTER (WHERE l.kind = 'BANK'
                            AND n.entry_type = 'DISTRIBUTION'), 0) AS distributions
              FROM new_rows n JOIN ledger_accounts l ON l.id = n.ledger_account_id
             GROUP BY n.escrow_account_id) d
     WHERE a.id = d.escrow_account_id
       AND (d.available, d.pending, d.held, d.deposits, d.withdrawals, d.distributions) <> (0, 0, 0, 0, 0, 0);
    RETURN NULL;
END $$;

-- All entries of a payment together are one of the states that its events make, in full: nothing, being
-- collected, settled, cleared; or nothing, reserved, paid. So nothing is posted twice under another reference,
-- out of turn or of another amount, and money goes back to the very account it came from.
CREATE FUNCTION ledger_require_payments_agree(payments uuid[]) RETURNS void LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
    broken record;
BEGIN
    SELECT s.type, s.id INTO broken
      FROM (SELECT t.id, t.type, t.amount, t.net_amount, t.type IN ('DEPOSIT', 'ESCROW_DEPOSIT', 'CAPITAL_CALL') AS is_inbound,
                   coalesce(sum(p.amount) FILTER (WHERE a.kind = 'CLEARING'), 0) AS collecting,
                   coalesce(sum(p.amount) FILTER (WHERE a.kind = 'BANK'), 0) AS banked,
                   coalesce(-sum(p.amount) FILTER (WHERE a.kind = 'UNCLEARED'), 0) AS uncleared,
                   coalesce(-sum(p.amount) FILTER (WHERE a.kind = 'PAYOUTS'), 0) AS reserved,
                   bool_and(CASE
                       WHEN a.kind IN ('BANK', 'CLEARING', 'PAYOUTS') THEN true
                       WHEN a.kind IN ('UNCLEARED', 'RECEIVABLE') THEN a.owner_id = t.from_user_id
                       WHEN t.type IN ('DEPOSIT', 'ESCROW_DEPOSIT', 'CAPITAL_CALL') AND a.kind = 'FEES'
                       THEN p.amount >= -t.fee_amount
                       WHEN a.kind <> ledger_kind_of_payment(t.type) THEN false
                       WHEN t.type IN ('DEPOSIT', 'ESCROW_DEPOSIT', 'CAPITAL_CALL')
                       THEN coalesce(a.owner_id = t.from_user_id, true)
                       ELSE p.amount IN (0, t.net_amount) AND coalesce(a.owner_id = t.to_user_id, true) END) AS fits
              FROM (SELECT e.transaction_id, e.ledger_account_id, sum(e.amount) AS amount
                      FROM escrow_ledger_entries e WHERE e.transaction_id = ANY (payments)
                     GROUP BY e.transaction_id, e.ledger_account_id) p
              JOIN transactions t ON t.id = p.transaction_id
              JOIN ledger_accounts a ON a.id = p.ledger_account_id
             GROUP BY t.id) s
     WHERE NOT s.fits
        OR CASE WHEN s.is_inbound
                THEN s.reserved <> 0 OR (s.collecting, s.banked, s.uncleared) NOT IN
                     ((0, 0, 0), (s.amount, 0, s.amount), (0, s.amount, s.amount), (0, s.amount, 0))
                ELSE (s.collecting, s.uncleared) <> (0, 0) OR (s.reserved, s.banked) NOT IN
                     ((0, 0), (s.net_amount, 0), (0, -s.net_amount)) END
     LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'the entries of % % do not agree with it: wrong in amount, account or order, or posted twice',
            broken.type, broken.id USING ERRCODE = 'RC005';
    END IF;
END $$;

-- A reversal has the lines of the entry it names with their amounts turned, and no others.
CREATE FUNCTION ledger_require_mirrors(journals uuid[]) RETURNS void LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
    broken text;
BEGIN
    SELECT j.reference INTO broken
      FROM journal_entries j
      JOIN escrow_ledger_entries e ON e.journal_entry_id IN (j.id, j.reverses_id)
     WHERE j.id = ANY (journals) AND j.event = 'REVERSAL'
     GROUP BY j.id, e.ledger_account_id, abs(e.amount)
    HAVING sum(e.amount) <> 0
        OR count(*) FILTER (WHERE e.journal_entry_id = j.id) <> count(*) FILTER (WHERE e.journal_entry_id <> j.id)
     LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'REVERSAL % is not the mirror of the entry it names', broken USING ERRCODE = 'RC005';
    END IF;
END $$;

-- A ledger account's balance and count are those of its last entry, at the end of every statement.
CREATE FUNCTION ledger_heads_are_last_entries() RETURNS trigger LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
    broken record;
BEGIN
    SELECT n.id, n.balance, n.entry_count INTO broken
      FROM new_rows n
     WHERE CASE WHEN n.entry_count = 0 THEN n.balance <> 0 ELSE NOT EXISTS (
                SELECT FROM escrow_ledger_entries e
                 WHERE e.ledger_account_id = n.id AND e.sequence = n.entry_count AND e.balance_after = n.balance) END
     LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'ledger account %: balance % is not that of its entry number %',
            broken.id, broken.balance, broken.entry_count USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NULL;
END $$;
