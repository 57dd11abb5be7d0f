-- What payments say they did against what the BANK account says: (check, escrow account, table, row, words).
-- The ledger may be in perfect balance and still hold a payment twice, or not at all; only the intents tell.
-- escrow/books.py runs it for some escrow accounts, or with null for all. Entries that a REVERSAL has undone, and
-- reversals themselves, count for nothing here.
WITH ours AS MATERIALIZED (
    SELECT id FROM escrow_accounts WHERE %(accounts)s::uuid[] IS NULL OR id = ANY(%(accounts)s::uuid[])
), moved AS MATERIALIZED (
    SELECT j.escrow_account_id, j.transaction_id, j.id, j.reference, j.event, e.amount,
           j.event IN ('INBOUND_SETTLED', 'OUTBOUND_SETTLED') AS is_settlement,
           split_part(j.reference, ':', 3) AS attempt
      FROM journal_entries j
      JOIN escrow_ledger_entries e ON e.journal_entry_id = j.id
      JOIN ledger_accounts a ON a.id = e.ledger_account_id AND a.kind = 'BANK'
     WHERE j.escrow_account_id IN (SELECT id FROM ours) AND j.transaction_id IS NOT NULL
       AND j.event IN ('INBOUND_SETTLED', 'OUTBOUND_SETTLED', 'RETURN_BEFORE_CLEARING', 'RETURN_AFTER_CLEARING',
                       'PAYOUT_RETURNED')
       AND NOT EXISTS (SELECT FROM journal_entries r WHERE r.reverses_id = j.id)
), payments AS MATERIALIZED (
    SELECT t.id, t.escrow_account_id, t.status, t.amount, t.net_amount,
           t.type IN ('DEPOSIT', 'ESCROW_DEPOSIT', 'CAPITAL_CALL') AS is_inbound,
           t.status IN ('SETTLED', 'COMPLETED', 'REVERSED') AS has_settled,
           coalesce(m.settlements, 0) AS settlements, coalesce(m.returns, 0) AS returns, m.net
      FROM transactions t
      LEFT JOIN (SELECT transaction_id, count(*) FILTER (WHERE is_settlement) AS settlements,
                        count(*) FILTER (WHERE NOT is_settlement) AS returns, sum(amount) AS net
                   FROM moved GROUP BY transaction_id) m ON m.transaction_id = t.id
     WHERE t.escrow_account_id IN (SELECT id FROM ours)
), found (name, escrow_account_id, entity_type, entity_id, words) AS (

SELECT 'intent', p.escrow_account_id, 'transactions', p.id::text,
       format('the payment %%s is %%s, but the books have not moved its money at the bank', p.id, p.status)
  FROM payments p WHERE p.has_settled AND p.settlements = 0
UNION ALL
SELECT 'intent', p.escrow_account_id, 'transactions', p.id::text,
       format('the payment %%s is %%s, but the books have moved its money at the bank', p.id, p.status)
  FROM payments p WHERE NOT p.has_settled AND p.settlements > p.returns
UNION ALL
SELECT 'intent', p.escrow_account_id, 'transactions', p.id::text,
       format('the payment %%s is REVERSED, but %%s of its %%s settlements came back', p.id, p.returns, p.settlements)
  FROM payments p WHERE p.status = 'REVERSED' AND p.settlements > p.returns
UNION ALL
SELECT 'intent', p.escrow_account_id, 'transactions', p.id::text,
       format('the payment %%s is %%s, but its money has come back', p.id, p.status)
  FROM payments p WHERE p.status IN ('SETTLED', 'COMPLETED') AND p.settlements > 0 AND p.returns >= p.settlements
UNION ALL
SELECT 'intent', p.escrow_account_id, 'transactions', p.id::text,
       format('the payment %%s moved money at the bank %%s times and back %%s times', p.id, p.settlements, p.returns)
  FROM payments p WHERE p.settlements > 1 AND p.settlements > p.returns + 1
UNION ALL
-- One attempt settles once, whatever the bank called it.
SELECT 'intent', m.escrow_account_id, 'transactions', m.transaction_id::text,
       format('the attempt %%s of the payment %%s is at the bank %%s times: %%s', m.attempt, m.transaction_id, count(*),
              string_agg(m.reference, ', ' ORDER BY m.id))
  FROM moved m WHERE m.is_settlement
 GROUP BY m.escrow_account_id, m.transaction_id, m.attempt HAVING count(*) > 1
UNION ALL
SELECT 'intent', m.escrow_account_id, 'journal_entries', m.id::text,
       format('%%s moved %%s at the bank, the payment %%s is about %%s', m.reference, m.amount, p.id,
              CASE WHEN p.is_inbound THEN p.amount ELSE -p.net_amount END)
  FROM moved m JOIN payments p ON p.id = m.transaction_id
 WHERE m.is_settlement AND m.amount <> CASE WHEN p.is_inbound THEN p.amount ELSE -p.net_amount END
UNION ALL
SELECT 'intent', m.escrow_account_id, 'journal_entries', m.id::text,
       format('%%s moved the money of a payment of another escrow account', m.reference)
  FROM moved m JOIN transactions t ON t.id = m.transaction_id WHERE t.escrow_account_id <> m.escrow_account_id
UNION ALL
-- A provider that says another amount than was asked for has done something else.
SELECT 'intent', p.escrow_account_id, 'transaction_webhooks', w.id::text,
       format('%%s said %%s of the payment %%s, which is about %%s', w.provider, w.said, p.id,
              CASE WHEN p.is_inbound THEN p.amount ELSE p.net_amount END)
  FROM (SELECT w.id, w.provider, w.transaction_id,
               substring(w.raw_payload FROM '"amount"\s*:\s*"?([0-9]{1,15}\.[0-9]{2})"?\s*[,}]')::numeric AS said
          FROM transaction_webhooks w WHERE w.transaction_id IS NOT NULL) w
  JOIN payments p ON p.id = w.transaction_id
 WHERE w.said <> CASE WHEN p.is_inbound THEN p.amount ELSE p.net_amount END

)
SELECT f.name, coalesce(x.account_number, '?'), f.entity_type, f.entity_id, f.words
  FROM found f LEFT JOIN escrow_accounts x ON x.id = f.escrow_account_id
 ORDER BY 2, 1, 4, 5
