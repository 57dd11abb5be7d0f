-- Restores the rules of 0003_ledger.sql.

CREATE OR REPLACE FUNCTION ledger_event_is_allowed() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    refused record;
BEGIN
    SELECT a.account_number, a.status, n.event, n.reference INTO refused
      FROM new_rows n JOIN escrow_accounts a ON a.id = n.escrow_account_id
     WHERE a.status = 'CLOSED'
        OR (a.status = 'FROZEN' AND n.event IN ('RESERVE', 'OUTBOUND_SETTLED', 'RELEASE'))
        OR (a.status = 'LIQUIDATING'
            AND (n.event = 'RELEASE' OR (n.event = 'RESERVE' AND n.entry_type NOT IN ('DISTRIBUTION', 'REFUND'))))
     LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION '% is %: % (%) is refused', refused.account_number, refused.status, refused.event,
            refused.reference USING ERRCODE = 'RC004', DETAIL = refused.status;
    END IF;
    RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION ledger_entries_follow() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    broken record;
BEGIN
    SELECT n.reference, a.kind, n.sequence,
           CASE WHEN n.escrow_account_id <> a.escrow_account_id OR n.escrow_account_id <> j.escrow_account_id
                THEN 'joins two escrow accounts'
                WHEN n.balance_after <> n.balance_before + n.amount * ledger_normal_side(a.kind)
                THEN 'does not add up'
                WHEN n.sequence > a.entry_count THEN 'is beyond the head of its account'
                WHEN n.balance_before <> coalesce(p.balance_after, 0) OR (p.id IS NULL AND n.sequence > 1)
                THEN 'does not continue the chain of its account'
                ELSE 'overdraws its account' END AS fault
      INTO broken
      FROM new_rows n
      JOIN ledger_accounts a ON a.id = n.ledger_account_id
      JOIN journal_entries j ON j.id = n.journal_entry_id
      LEFT JOIN escrow_ledger_entries p ON p.ledger_account_id = n.ledger_account_id AND p.sequence = n.sequence - 1
     WHERE n.escrow_account_id <> a.escrow_account_id
        OR n.escrow_account_id <> j.escrow_account_id
        OR n.balance_after <> n.balance_before + n.amount * ledger_normal_side(a.kind)
        OR n.sequence > a.entry_count
        OR n.balance_before <> coalesce(p.balance_after, 0)
        OR (p.id IS NULL AND n.sequence > 1)
        OR (n.balance_after < 0 AND a.kind IN ('BANK', 'INVESTOR', 'OFFERING', 'PAYOUTS', 'HELD'))
        OR (n.balance_after < 0 AND a.kind = 'FEES' AND j.event = 'RESERVE')
     LIMIT 1;
    IF FOUND THEN
        IF broken.fault = 'overdraws its account' THEN
            RAISE EXCEPTION '% would overdraw the % account', broken.reference, broken.kind
                USING ERRCODE = 'RC001', DETAIL = broken.kind;
        END IF;
        RAISE EXCEPTION 'entry % number % of a % account %', broken.reference, broken.sequence, broken.kind,
            broken.fault USING ERRCODE = 'RC003';
    END IF;

    SELECT j.reference INTO broken
      FROM (SELECT journal_entry_id FROM new_rows GROUP BY journal_entry_id) n
      JOIN journal_entries j ON j.id = n.journal_entry_id
     WHERE (SELECT count(*) FROM escrow_ledger_entries e WHERE e.journal_entry_id = j.id) > j.entry_count
     LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'journal entry % is complete; nothing is added to it', broken.reference
            USING ERRCODE = 'RC003';
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

DROP FUNCTION ledger_heads_are_last_entries();
DROP FUNCTION ledger_require_mirrors(uuid[]);
DROP FUNCTION ledger_require_payments_agree(uuid[]);
DROP FUNCTION ledger_status_forbids(text, text, text, text);
DROP FUNCTION ledger_entry_type_of_payment(text);
DROP FUNCTION ledger_kind_of_payment(text);
DROP FUNCTION ledger_line_fits(text, text, boolean);
