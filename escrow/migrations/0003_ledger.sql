-- The ledger's own rules, and the one function that posts to it. SYSTEM.md section 4.
-- SQLSTATEs RC0xx are RealCo's own; escrow/operations/ledger.py turns each into a refusal.

CREATE FUNCTION ledger_normal_side(kind text) RETURNS integer LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN kind IN ('BANK', 'CLEARING', 'RECEIVABLE') THEN 1 ELSE -1 END
$$;

-- Balances of escrow_accounts are sums of the ledger: only the trigger on its entries, which runs at
-- depth 2 and more, changes them.
CREATE FUNCTION escrow_balances_follow_ledger() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF (NEW.current_balance, NEW.available_balance, NEW.pending_balance, NEW.held_balance,
            NEW.total_deposits, NEW.total_withdrawals, NEW.total_distributions) <> (0, 0, 0, 0, 0, 0, 0) THEN
            RAISE EXCEPTION 'escrow_accounts begin empty; money arrives through the ledger'
                USING ERRCODE = 'restrict_violation';
        END IF;
    ELSIF pg_trigger_depth() < 2
          AND (NEW.current_balance, NEW.available_balance, NEW.pending_balance, NEW.held_balance,
               NEW.total_deposits, NEW.total_withdrawals, NEW.total_distributions)
           <> (OLD.current_balance, OLD.available_balance, OLD.pending_balance, OLD.held_balance,
               OLD.total_deposits, OLD.total_withdrawals, OLD.total_distributions) THEN
        RAISE EXCEPTION 'balances of escrow_accounts change only with the ledger; post a journal entry'
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;

-- A ledger account's balance and count are those of its last entry. Checked at commit.
CREATE FUNCTION ledger_head_is_last_entry() RETURNS trigger LANGUAGE plpgsql SET enable_seqscan = off AS $$
BEGIN
    IF NEW.entry_count = 0 THEN
        IF NEW.balance <> 0 THEN
            RAISE EXCEPTION 'ledger account % has a balance but no entries', NEW.id
                USING ERRCODE = 'restrict_violation';
        END IF;
    ELSIF NOT EXISTS (SELECT FROM escrow_ledger_entries e
                       WHERE e.ledger_account_id = NEW.id AND e.sequence = NEW.entry_count
                         AND e.balance_after = NEW.balance) THEN
        RAISE EXCEPTION 'ledger account %: balance % is not that of its entry number %',
            NEW.id, NEW.balance, NEW.entry_count USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NULL;
END $$;

-- A journal entry has exactly the entries it announced, and they sum to zero. Checked at commit.
CREATE FUNCTION ledger_journal_balances() RETURNS trigger LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
    found_count integer;
    found_sum numeric;
BEGIN
    SELECT count(*), coalesce(sum(amount), 0) INTO found_count, found_sum
      FROM escrow_ledger_entries WHERE journal_entry_id = NEW.id;
    IF found_sum <> 0 THEN
        RAISE EXCEPTION 'journal entry % does not balance: its entries sum to %', NEW.reference, found_sum
            USING ERRCODE = 'RC003';
    END IF;
    IF found_count <> NEW.entry_count THEN
        RAISE EXCEPTION 'journal entry % announced % entries and has %', NEW.reference, NEW.entry_count, found_count
            USING ERRCODE = 'RC003';
    END IF;
    RETURN NULL;
END $$;

-- FROZEN refuses every outbound posting and reservation; LIQUIDATING reserves only for distributions and
-- refunds; CLOSED refuses everything. What the bank had in hand when the liquidation began is taken all the
-- same: nothing undoes it, and LIQUIDATING never becomes ACTIVE again.
CREATE FUNCTION ledger_event_is_allowed() RETURNS trigger LANGUAGE plpgsql AS $$
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

-- New entries continue their account's chain without a gap, agree with its head, never dip below zero
-- where that is forbidden, stay within one escrow account and within what their journal entry
-- announced. FEES may dip below zero when a fee is given back, but nothing is reserved from below zero.
-- Then, and only here, the escrow account's balances and totals follow.
CREATE FUNCTION ledger_entries_follow() RETURNS trigger LANGUAGE plpgsql AS $$
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

-- Post many journal entries at once. Journals come as parallel arrays, their lines too; a line names
-- its journal by position (from 1), its ledger account by kind and owner, and its amount (debit
-- positive). Escrow accounts are locked in the order of their ids, then ledger accounts in theirs.
-- A reference that is already there, or comes twice, posts once; with another hash it is refused.
-- enable_seqscan is off here and below because plans cached while a table was new and empty would scan it for ever.
CREATE FUNCTION ledger_post(
    j_id uuid[], j_escrow uuid[], j_event text[], j_type text[], j_reference text[], j_hash text[],
    j_description text[], j_effective date[], j_transaction uuid[], j_distribution uuid[], j_reverses uuid[],
    l_journal integer[], l_kind text[], l_owner uuid[], l_amount numeric[],
    posted_by uuid, posted_at timestamptz
) RETURNS TABLE (pos integer, journal_id uuid, was_posted boolean) LANGUAGE plpgsql SET enable_seqscan = off AS $$
#variable_conflict use_column
DECLARE
    fresh integer[];
    clash text;
    l_account uuid[];
BEGIN
    -- A plan made for one entry is quadratic for ten thousand; large batches are planned for their size.
    PERFORM set_config('plan_cache_mode', CASE WHEN cardinality(j_id) > 20 THEN 'force_custom_plan' ELSE 'auto' END, true);

    PERFORM FROM escrow_accounts WHERE id = ANY (j_escrow) ORDER BY id FOR NO KEY UPDATE;

    SELECT e.reference INTO clash
      FROM unnest(j_reference, j_hash) AS n (reference, hash)
      JOIN journal_entries e ON e.reference = n.reference
     WHERE e.request_hash <> n.hash
     LIMIT 1;
    IF clash IS NULL AND cardinality(j_id) > 1 THEN
        SELECT n.reference INTO clash
          FROM unnest(j_reference, j_hash) AS n (reference, hash)
         GROUP BY n.reference
        HAVING count(DISTINCT n.hash) > 1
         LIMIT 1;
    END IF;
    IF clash IS NOT NULL THEN
        RAISE EXCEPTION 'reference % was posted with other contents', clash
            USING ERRCODE = 'RC002', DETAIL = clash;
    END IF;

    SELECT array_agg(n.first ORDER BY n.first) INTO fresh
      FROM (SELECT r.reference, min(r.ord)::integer AS first
              FROM unnest(j_reference) WITH ORDINALITY AS r (reference, ord) GROUP BY r.reference) n
     WHERE NOT EXISTS (SELECT FROM journal_entries e WHERE e.reference = n.reference);

    IF fresh IS NOT NULL THEN
        INSERT INTO ledger_accounts (id, escrow_account_id, kind, owner_id, currency, balance, entry_count, created_at)
        SELECT realco_uuid7(), k.escrow, k.kind, k.owner, 'USD', 0, 0, posted_at
          FROM (SELECT DISTINCT j_escrow[l.journal] AS escrow, l.kind, l.owner
                  FROM unnest(l_journal, l_kind, l_owner) AS l (journal, kind, owner)) k
         WHERE NOT EXISTS (SELECT FROM ledger_accounts a WHERE a.escrow_account_id = k.escrow AND a.kind = k.kind
                              AND coalesce(a.owner_id, '00000000-0000-0000-0000-000000000000') = coalesce(k.owner, '00000000-0000-0000-0000-000000000000'));

        SELECT array_agg(a.id ORDER BY l.ord) INTO l_account
          FROM unnest(l_journal, l_kind, l_owner) WITH ORDINALITY AS l (journal, kind, owner, ord)
          JOIN ledger_accounts a ON a.escrow_account_id = j_escrow[l.journal] AND a.kind = l.kind
               AND coalesce(a.owner_id, '00000000-0000-0000-0000-000000000000') = coalesce(l.owner, '00000000-0000-0000-0000-000000000000');

        PERFORM FROM ledger_accounts WHERE id = ANY (l_account) ORDER BY id FOR NO KEY UPDATE;

        WITH journals AS MATERIALIZED (
            SELECT j.ord::integer AS ord, j.id, j.escrow, j.event, j.entry_type, j.reference, j.hash, j.description,
                   j.effective, j.transaction, j.distribution, j.reverses
              FROM unnest(j_id, j_escrow, j_event, j_type, j_reference, j_hash, j_description, j_effective,
                          j_transaction, j_distribution, j_reverses) WITH ORDINALITY
                   AS j (id, escrow, event, entry_type, reference, hash, description, effective, transaction,
                         distribution, reverses, ord)
              JOIN unnest(fresh) AS f (ord) ON f.ord = j.ord
        ), lines AS MATERIALIZED (
            SELECT l.ord, l.journal, l.amount, a.id AS account,
                   a.balance + sum(l.amount * ledger_normal_side(a.kind)) OVER chain AS after,
                   l.amount * ledger_normal_side(a.kind) AS change,
                   a.entry_count + row_number() OVER chain AS sequence
              FROM unnest(l_journal, l_account, l_amount) WITH ORDINALITY AS l (journal, account, amount, ord)
              JOIN journals j ON j.ord = l.journal
              JOIN ledger_accounts a ON a.id = l.account
            WINDOW chain AS (PARTITION BY a.id ORDER BY l.ord)
        ), heads AS (
            UPDATE ledger_accounts a SET balance = h.after, entry_count = h.sequence
              FROM (SELECT DISTINCT ON (account) account, after, sequence
                      FROM lines ORDER BY account, sequence DESC) h
             WHERE a.id = h.account
        ), written AS (
            INSERT INTO journal_entries (id, escrow_account_id, event, entry_type, reference, request_hash, entry_count,
                                         description, effective_date, transaction_id, distribution_id, reverses_id,
                                         created_by_id, created_at)
            SELECT j.id, j.escrow, j.event, j.entry_type, j.reference, j.hash,
                   c.lines, j.description, j.effective, j.transaction, j.distribution, j.reverses, posted_by, posted_at
              FROM journals j JOIN (SELECT journal, count(*) AS lines FROM lines GROUP BY journal) c ON c.journal = j.ord
        )
        INSERT INTO escrow_ledger_entries (id, escrow_account_id, ledger_account_id, journal_entry_id, transaction_id,
                                           distribution_id, entry_type, sequence, amount, balance_before, balance_after,
                                           description, reference, created_by_id, metadata, effective_date, created_at)
        SELECT realco_uuid7(), j.escrow, l.account, j.id, j.transaction, j.distribution, j.entry_type, l.sequence,
               l.amount, l.after - l.change, l.after, j.description, j.reference, posted_by, '{}', j.effective, posted_at
          FROM lines l JOIN journals j ON j.ord = l.journal
         ORDER BY l.ord;
    END IF;

    RETURN QUERY
    SELECT r.ord::integer, e.id, e.id = j_id[r.ord]
      FROM unnest(j_reference) WITH ORDINALITY AS r (reference, ord)
      JOIN journal_entries e ON e.reference = r.reference
     ORDER BY r.ord;
END $$;
