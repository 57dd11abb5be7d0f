-- The three-way figures of each escrow account, with its last statement up to a day (or null: the last one).
-- escrow/books.py runs it for some escrow accounts, or with null for all.
WITH sums AS (
    SELECT a.escrow_account_id,
           coalesce(sum(e.amount) FILTER (WHERE ledger_normal_side(a.kind) = 1), 0) AS assets,
           coalesce(-sum(e.amount) FILTER (WHERE ledger_normal_side(a.kind) = -1), 0) AS liabilities
      FROM escrow_ledger_entries e JOIN ledger_accounts a ON a.id = e.ledger_account_id
     WHERE %(accounts)s::uuid[] IS NULL OR a.escrow_account_id = ANY(%(accounts)s::uuid[])
     GROUP BY a.escrow_account_id
)
SELECT x.id, x.account_number, b.as_of_date, b.closing_balance,
       (SELECT coalesce(sum(e.amount), 0) FROM escrow_ledger_entries e
          JOIN ledger_accounts a ON a.id = e.ledger_account_id
         WHERE a.escrow_account_id = x.id AND a.kind = 'BANK'
           AND (b.as_of_date IS NULL OR e.effective_date <= b.as_of_date)),
       coalesce(s.assets, 0), coalesce(s.liabilities, 0), x.current_balance
  FROM escrow_accounts x
  LEFT JOIN sums s ON s.escrow_account_id = x.id
  LEFT JOIN LATERAL (SELECT t.as_of_date, t.closing_balance FROM bank_statements t
                      WHERE t.escrow_account_id = x.id
                        AND (%(as_of)s::date IS NULL OR t.as_of_date <= %(as_of)s::date)
                      ORDER BY t.as_of_date DESC, t.created_at DESC, t.id DESC LIMIT 1) b ON true
 WHERE %(accounts)s::uuid[] IS NULL OR x.id = ANY(%(accounts)s::uuid[])
 ORDER BY x.account_number
