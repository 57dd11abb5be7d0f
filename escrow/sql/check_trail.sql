-- The ledger against the audit trail: (check, escrow account, table, row, words). escrow/books.py runs it for some
-- escrow accounts, or with null for all. Books may be changed so that they still add up: a journal entry taken out
-- with everything that follows from it, or a day, an owner or a status rewritten on all sides. The trail was written
-- by other triggers at the time, so rows that were never to change must be what it says they were.
WITH ours AS MATERIALIZED (
    SELECT id FROM escrow_accounts WHERE %(accounts)s::uuid[] IS NULL OR id = ANY(%(accounts)s::uuid[])
), told AS MATERIALIZED (
    SELECT t.entity_type, t.entity_id, t.changes -> 'after' AS was
      FROM audit_events t
     WHERE t.operation = 'INSERT' AND t.entity_type IN ('journal_entries', 'ledger_accounts')
       AND (%(accounts)s::uuid[] IS NULL
            OR (t.changes -> 'after' ->> 'escrow_account_id')::uuid = ANY(%(accounts)s::uuid[]))
), rows AS MATERIALIZED (
    -- A posting is told by its digest over the entry and its lines; before there was one, by the entry's columns.
    SELECT 'journal_entries' AS entity_type, j.id::text AS entity_id, j.escrow_account_id, j.created_at,
           to_jsonb(j) || jsonb_build_object('digest', d.digest) AS row, format('journal entry %%s', j.reference) AS name
      FROM journal_entries j JOIN ledger_digests d ON d.id = j.id WHERE j.escrow_account_id IN (SELECT id FROM ours)
    UNION ALL
    SELECT 'ledger_accounts', a.id::text, a.escrow_account_id, a.created_at, to_jsonb(a) - ARRAY['balance', 'entry_count'],
           format('the %%s account %%s', a.kind, a.id)
      FROM ledger_accounts a WHERE a.escrow_account_id IN (SELECT id FROM ours)
), found (name, escrow_account_id, entity_type, entity_id, words) AS (

SELECT 'erased', (t.was ->> 'escrow_account_id')::uuid, t.entity_type, t.entity_id,
       CASE t.entity_type WHEN 'journal_entries' THEN format('journal entry %%s was made and is gone', t.was ->> 'reference')
                          ELSE format('a %%s account was opened and is gone', t.was ->> 'kind') END
  FROM told t
 WHERE NOT EXISTS (SELECT FROM rows r WHERE (r.entity_type, r.entity_id) = (t.entity_type, t.entity_id))

UNION ALL
SELECT 'not in the trail', r.escrow_account_id, r.entity_type, r.entity_id,
       format('%%s was made behind the audit trail', r.name)
  FROM rows r
 WHERE NOT EXISTS (SELECT FROM told t WHERE (t.entity_type, t.entity_id) = (r.entity_type, r.entity_id))

UNION ALL
-- What a later migration added to a row is not in the trail of its making, so only what was told is compared.
SELECT 'altered', r.escrow_account_id, r.entity_type, r.entity_id,
       CASE WHEN t.was ? 'digest' THEN format('%%s or one of its lines is not what was made', r.name)
            ELSE format('%%s is not what was made: %%s', r.name,
              (SELECT string_agg(format('%%s was %%s and is %%s', w.key, w.value, r.row -> w.key), ', ' ORDER BY w.key)
                 FROM jsonb_each(t.was) w WHERE w.value IS DISTINCT FROM r.row -> w.key AND r.row ? w.key)) END
  FROM rows r JOIN told t ON (t.entity_type, t.entity_id) = (r.entity_type, r.entity_id)
 WHERE NOT (r.row - 'created_at') @> (t.was - ARRAY['created_at', 'balance', 'entry_count'])
    OR (t.was ? 'created_at' AND r.created_at <> (t.was ->> 'created_at')::timestamptz)

UNION ALL
-- The status that an escrow account has is the one it was last given.
SELECT 'altered', a.id, 'escrow_accounts', a.id::text,
       format('its status is %%s; the one it was given is %%s', a.status, coalesce(given.status, 'not in the audit trail'))
  FROM escrow_accounts a
  LEFT JOIN LATERAL (SELECT t.changes -> 'after' ->> 'status' AS status FROM audit_events t
                      WHERE t.entity_type = 'escrow_accounts' AND t.entity_id = a.id::text
                        AND t.changes -> 'after' ? 'status'
                      ORDER BY t.sequence DESC LIMIT 1) given ON true
 WHERE a.id IN (SELECT id FROM ours) AND a.status IS DISTINCT FROM given.status

)
SELECT f.name, coalesce(x.account_number, '?'), f.entity_type, f.entity_id, f.words
  FROM found f LEFT JOIN escrow_accounts x ON x.id = f.escrow_account_id
 ORDER BY 2, 1, 4, 5
