CREATE OR REPLACE FUNCTION ledger_post(
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
    planning text := current_setting('plan_cache_mode');
    posted uuid;
BEGIN
    -- A plan made for one entry is quadratic for ten thousand, so large batches are planned for their size. To plan
    -- anew for a few entries would take longer than to post them; left to itself the server does.
    PERFORM set_config('plan_cache_mode', CASE WHEN cardinality(j_id) > 20 THEN 'force_custom_plan' ELSE 'force_generic_plan' END, true);

    PERFORM FROM escrow_accounts WHERE id = ANY (j_escrow) ORDER BY id FOR NO KEY UPDATE;

    IF cardinality(j_id) = 1 THEN
        posted := ledger_post_one(j_id[1], j_escrow[1], j_event[1], j_type[1], j_reference[1], j_hash[1],
                                  j_description[1], j_effective[1], j_transaction[1], j_distribution[1], j_reverses[1],
                                  l_kind, l_owner, l_amount, posted_by, posted_at);
        IF posted IS NOT NULL THEN
            PERFORM set_config('plan_cache_mode', planning, true);
            RETURN QUERY VALUES (1, posted, posted = j_id[1]);
            RETURN;
        END IF;
    END IF;

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
    PERFORM set_config('plan_cache_mode', planning, true);
END $$;

ALTER FUNCTION ledger_entries_follow() RESET random_page_cost;
ALTER FUNCTION ledger_require_payments_agree(uuid[]) RESET random_page_cost;
ALTER FUNCTION ledger_custody() RESET random_page_cost;
ALTER FUNCTION ledger_event_is_allowed() RESET random_page_cost;
ALTER FUNCTION ledger_audit_journal_entries() RESET random_page_cost;
