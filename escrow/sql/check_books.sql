-- Everything that may not be in the books: (check, escrow account, table, row, words). escrow/books.py runs it
-- for some escrow accounts, or with null for all. It is one statement, so that all checks see one moment.
WITH ours AS MATERIALIZED (
    SELECT id FROM escrow_accounts WHERE %(accounts)s::uuid[] IS NULL OR id = ANY(%(accounts)s::uuid[])
), sums AS (
    SELECT e.ledger_account_id, sum(e.amount * ledger_normal_side(a.kind)) AS total, count(*) AS entries,
           coalesce(sum(e.amount) FILTER (WHERE a.kind = 'BANK' AND e.entry_type = 'DEPOSIT'), 0) AS deposits,
           coalesce(-sum(e.amount) FILTER (WHERE a.kind = 'BANK'
                    AND e.entry_type IN ('WITHDRAWAL', 'REFUND', 'FEE')), 0) AS withdrawals,
           coalesce(-sum(e.amount) FILTER (WHERE a.kind = 'BANK' AND e.entry_type = 'DISTRIBUTION'), 0) AS distributions
      FROM escrow_ledger_entries e JOIN ledger_accounts a ON a.id = e.ledger_account_id
     WHERE e.escrow_account_id IN (SELECT id FROM ours)
     GROUP BY e.ledger_account_id
), totals AS (
    SELECT x.id, x.account_number, x.current_balance, x.available_balance, x.pending_balance, x.held_balance,
           x.total_deposits, x.total_withdrawals, x.total_distributions,
           coalesce(sum(s.total) FILTER (WHERE a.kind IN ('BANK', 'CLEARING', 'RECEIVABLE')), 0) AS assets,
           coalesce(sum(s.total) FILTER (WHERE a.kind NOT IN ('BANK', 'CLEARING', 'RECEIVABLE')), 0) AS liabilities,
           coalesce(sum(s.total) FILTER (WHERE a.kind IN ('INVESTOR', 'OFFERING', 'FEES')), 0) AS available,
           coalesce(sum(s.total) FILTER (WHERE a.kind IN ('UNCLEARED', 'PAYOUTS')), 0) AS pending,
           coalesce(sum(s.total) FILTER (WHERE a.kind IN ('HELD', 'SUSPENSE')), 0) AS held,
           coalesce(sum(s.deposits), 0) AS deposits,
           coalesce(sum(s.withdrawals), 0) AS withdrawals,
           coalesce(sum(s.distributions), 0) AS distributions
      FROM escrow_accounts x
      LEFT JOIN ledger_accounts a ON a.escrow_account_id = x.id
      LEFT JOIN sums s ON s.ledger_account_id = a.id
     WHERE x.id IN (SELECT id FROM ours)
     GROUP BY x.id
), found (name, escrow_account_id, entity_type, entity_id, words) AS (

-- Sequence numbers without a gap, each balance carried on from the entry before, each amount applied.
SELECT 'chain', c.escrow_account_id, 'journal_entries', c.journal_entry_id::text,
       format('journal entry %%s, entry number %%s of the %%s account %%s: %%s', c.reference, c.sequence, a.kind, a.id,
              CASE WHEN c.sequence <> coalesce(c.previous, 0) + 1
                   THEN format('the entry before it is number %%s', coalesce(c.previous, 0))
                   WHEN c.balance_before <> coalesce(c.carried, 0)
                   THEN format('it begins with %%s, the entry before it ends with %%s',
                               c.balance_before, coalesce(c.carried, 0))
                   ELSE format('%%s and %%s do not make %%s',
                               c.balance_before, c.amount * ledger_normal_side(a.kind), c.balance_after) END)
  FROM (SELECT e.*, lag(e.sequence) OVER chain AS previous, lag(e.balance_after) OVER chain AS carried
          FROM escrow_ledger_entries e WHERE e.escrow_account_id IN (SELECT id FROM ours)
        WINDOW chain AS (PARTITION BY e.ledger_account_id ORDER BY e.sequence, e.id)) c
  JOIN ledger_accounts a ON a.id = c.ledger_account_id
 WHERE c.sequence <> coalesce(c.previous, 0) + 1
    OR c.balance_before <> coalesce(c.carried, 0)
    OR c.balance_after <> c.balance_before + c.amount * ledger_normal_side(a.kind)

UNION ALL
-- A ledger account holds the sum of its entries and counts them.
SELECT 'stored balance', a.escrow_account_id, 'ledger_accounts', a.id::text,
       format('the %%s account %%s stores %%s after %%s entries, its %%s entries sum to %%s', a.kind, a.id, a.balance,
              a.entry_count, coalesce(s.entries, 0), coalesce(s.total, 0))
  FROM ledger_accounts a LEFT JOIN sums s ON s.ledger_account_id = a.id
 WHERE a.escrow_account_id IN (SELECT id FROM ours)
   AND (a.balance <> coalesce(s.total, 0) OR a.entry_count <> coalesce(s.entries, 0))

UNION ALL
-- Every journal entry has as many entries as it announced, of its own account and words; they sum to zero.
SELECT 'journal', j.escrow_account_id, 'journal_entries', j.id::text,
       format('journal entry %%s %%s', j.reference,
              CASE WHEN coalesce(s.total, 0) <> 0 THEN format('does not balance: its entries sum to %%s', s.total)
                   WHEN coalesce(s.entries, 0) <> j.entry_count
                   THEN format('announced %%s entries and has %%s', j.entry_count, coalesce(s.entries, 0))
                   WHEN s.foreign_entries > 0 THEN 'reaches into another escrow account'
                   ELSE 'and its entries differ in reference, day, type or payment' END)
  FROM journal_entries j
  LEFT JOIN (SELECT e.journal_entry_id, sum(e.amount) AS total, count(*) AS entries,
                    count(*) FILTER (WHERE e.escrow_account_id <> o.escrow_account_id
                                        OR a.escrow_account_id <> o.escrow_account_id) AS foreign_entries,
                    count(*) FILTER (WHERE (e.reference, e.effective_date, e.entry_type)
                                           <> (o.reference, o.effective_date, o.entry_type)
                                        OR e.transaction_id IS DISTINCT FROM o.transaction_id
                                        OR e.distribution_id IS DISTINCT FROM o.distribution_id) AS altered
               FROM escrow_ledger_entries e
               JOIN journal_entries o ON o.id = e.journal_entry_id
               JOIN ledger_accounts a ON a.id = e.ledger_account_id
              WHERE o.escrow_account_id IN (SELECT id FROM ours)
              GROUP BY e.journal_entry_id) s ON s.journal_entry_id = j.id
 WHERE j.escrow_account_id IN (SELECT id FROM ours)
   AND (coalesce(s.total, 0) <> 0 OR coalesce(s.entries, 0) <> j.entry_count
        OR s.foreign_entries > 0 OR s.altered > 0)

UNION ALL
SELECT 'journal', e.escrow_account_id, 'escrow_ledger_entries', e.id::text,
       format('entry %%s of %%s belongs to a journal entry or ledger account that is gone', e.reference, e.amount)
  FROM escrow_ledger_entries e
 WHERE e.escrow_account_id IN (SELECT id FROM ours)
   AND (NOT EXISTS (SELECT FROM journal_entries j WHERE j.id = e.journal_entry_id)
        OR NOT EXISTS (SELECT FROM ledger_accounts a WHERE a.id = e.ledger_account_id))

UNION ALL
-- escrow_accounts stores the sums of its ledger accounts' entries, and assets are liabilities.
SELECT found.name, t.id, 'escrow_accounts', t.id::text, found.words
  FROM totals t
 CROSS JOIN LATERAL (VALUES
        ('equation', t.assets <> t.liabilities, format('assets are %%s, liabilities %%s', t.assets, t.liabilities)),
        ('equation', t.current_balance <> t.available_balance + t.pending_balance + t.held_balance,
         format('current %%s is not available %%s + pending %%s + held %%s', t.current_balance, t.available_balance,
                t.pending_balance, t.held_balance)),
        ('stored balance', t.current_balance <> t.liabilities,
         format('current_balance stores %%s, the entries sum to %%s', t.current_balance, t.liabilities)),
        ('stored balance', t.available_balance <> t.available,
         format('available_balance stores %%s, the entries sum to %%s', t.available_balance, t.available)),
        ('stored balance', t.pending_balance <> t.pending,
         format('pending_balance stores %%s, the entries sum to %%s', t.pending_balance, t.pending)),
        ('stored balance', t.held_balance <> t.held,
         format('held_balance stores %%s, the entries sum to %%s', t.held_balance, t.held)),
        ('stored total', t.total_deposits <> t.deposits,
         format('total_deposits stores %%s, the entries sum to %%s', t.total_deposits, t.deposits)),
        ('stored total', t.total_withdrawals <> t.withdrawals,
         format('total_withdrawals stores %%s, the entries sum to %%s', t.total_withdrawals, t.withdrawals)),
        ('stored total', t.total_distributions <> t.distributions,
         format('total_distributions stores %%s, the entries sum to %%s', t.total_distributions, t.distributions))
       ) AS found (name, is_wrong, words)
 WHERE found.is_wrong

UNION ALL
SELECT 'negative balance', a.escrow_account_id, 'ledger_accounts', a.id::text,
       format('the %%s account %%s holds %%s', a.kind, a.id, a.balance)
  FROM ledger_accounts a
 WHERE a.escrow_account_id IN (SELECT id FROM ours) AND a.balance < 0
   AND a.kind IN ('BANK', 'INVESTOR', 'OFFERING', 'PAYOUTS', 'HELD')
UNION ALL
SELECT 'negative balance', e.escrow_account_id, 'journal_entries', e.journal_entry_id::text,
       format('journal entry %%s left the %%s account %%s at %%s', e.reference, a.kind, a.id, e.balance_after)
  FROM escrow_ledger_entries e JOIN ledger_accounts a ON a.id = e.ledger_account_id
 WHERE e.escrow_account_id IN (SELECT id FROM ours) AND e.balance_after < 0
   AND a.kind IN ('BANK', 'INVESTOR', 'OFFERING', 'PAYOUTS', 'HELD')

UNION ALL
-- The same reference twice; or one bank transfer of one payment under two references.
SELECT 'posted twice', j.escrow_account_id, 'journal_entries', min(j.id::text),
       format('the reference %%s stands on %%s journal entries', j.reference, count(*))
  FROM journal_entries j
 WHERE j.escrow_account_id IN (SELECT id FROM ours)
 GROUP BY j.escrow_account_id, j.reference HAVING count(*) > 1
UNION ALL
SELECT 'posted twice', j.escrow_account_id, 'journal_entries', max(j.id::text),
       format('%%s of payment %%s with the bank''s reference %%s is posted %%s times: %%s', j.event, j.transaction_id,
              split_part(j.description, ' ', 1), count(*), string_agg(j.reference, ', ' ORDER BY j.id))
  FROM journal_entries j
 WHERE j.escrow_account_id IN (SELECT id FROM ours) AND j.transaction_id IS NOT NULL
   AND j.event IN ('INBOUND_SETTLED', 'OUTBOUND_SETTLED', 'PAYOUT_RETURNED', 'RETURN_BEFORE_CLEARING',
                   'RETURN_AFTER_CLEARING')
 GROUP BY j.escrow_account_id, j.transaction_id, j.event, split_part(j.description, ' ', 1) HAVING count(*) > 1

UNION ALL
-- What is held of whom is what their open holds say.
SELECT 'hold', coalesce(l.escrow_account_id, h.escrow_account_id), 'ledger_accounts', coalesce(l.id::text, '-'),
       format('%%s is held of %%s, open holds say %%s', coalesce(l.balance, 0),
              coalesce(l.owner_id, h.investor_id), coalesce(h.blocked, 0))
  FROM (SELECT id, escrow_account_id, owner_id, balance FROM ledger_accounts
         WHERE kind = 'HELD' AND escrow_account_id IN (SELECT id FROM ours)) l
  FULL JOIN (SELECT escrow_account_id, investor_id, sum(amount - released_amount) AS blocked FROM holds
              WHERE status = 'OPEN' AND escrow_account_id IN (SELECT id FROM ours)
              GROUP BY escrow_account_id, investor_id) h
         ON h.escrow_account_id = l.escrow_account_id AND h.investor_id = l.owner_id
 WHERE coalesce(l.balance, 0) <> coalesce(h.blocked, 0)

UNION ALL
-- An executed closing released each of its figures and a paid call each of its items, once and exactly; nothing else was.
SELECT 'closing', coalesce(c.escrow_account_id, r.escrow_account_id), 'closings', coalesce(c.id, '-'),
       format('%%s: its closing or call says %%s, the ledger released %%s', coalesce(c.reference, r.reference),
              coalesce(c.amount, 0), coalesce(r.amount, 0))
  FROM (SELECT k.id::text, k.escrow_account_id, 'closing:' || k.id || ':' || f.key AS reference,
               f.value::numeric AS amount
          FROM closings k, jsonb_each_text(k.figures) f
         WHERE k.status = 'EXECUTED' AND k.escrow_account_id IN (SELECT id FROM ours)
        UNION ALL
        SELECT split_part(p.reference, ':', 2), p.escrow_account_id, p.reference, p.amount
          FROM capital_call_releases((SELECT array_agg(id) FROM ours)) p) c
  FULL JOIN (SELECT j.escrow_account_id, j.reference, sum(e.amount) AS amount
               FROM journal_entries j JOIN escrow_ledger_entries e ON e.journal_entry_id = j.id AND e.amount > 0
              WHERE j.event = 'RELEASE' AND j.escrow_account_id IN (SELECT id FROM ours)
              GROUP BY j.escrow_account_id, j.reference) r ON r.reference = c.reference
 WHERE coalesce(c.amount, 0) <> coalesce(r.amount, 0)

)
SELECT f.name, coalesce(x.account_number, '?'), f.entity_type, f.entity_id, f.words
  FROM found f LEFT JOIN escrow_accounts x ON x.id = f.escrow_account_id
 ORDER BY 2, 1, 4, 5
