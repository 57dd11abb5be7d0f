-- Called capital is released by its call, narrowly: the gate, what closings may release, and what is funded.

-- Lines that hold, free or release investors' money name the row that allows them: HOLD and HOLD_RELEASED their hold
-- ('hold:<id>', 'hold:<id>:released:<sum>'), RELEASE an executed closing and one of its investors
-- ('closing:<id>:<investor>'), with exactly that closing's figure, or a paid item of a capital call that another person
-- approved ('call:<id>:<investor>', and what it was charged besides, ':charges'), with exactly that item's. No other event touches HELD, and none but RELEASE
-- turns an investor's money into the offering's.
CREATE OR REPLACE FUNCTION ledger_custody() RETURNS trigger LANGUAGE plpgsql AS $$
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
        UNION ALL
        SELECT r.reference, r.escrow_account_id, r.amount
          FROM (SELECT array_agg(DISTINCT e.escrow_account_id) AS accounts
                  FROM new_rows e JOIN journal_entries j ON j.id = e.journal_entry_id
                 WHERE j.event = 'RELEASE' AND j.reference LIKE 'call:%') s,
               LATERAL capital_call_releases(s.accounts) r
         WHERE s.accounts IS NOT NULL
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
                    CASE WHEN j.reference !~ '^(closing:[0-9a-f-]{36}:[0-9a-f-]{36}|call:[0-9a-f-]{36}:[0-9a-f-]{36}(:charges)?)$'
                         THEN 'does not name a closing or a call, and its investor'
                         WHEN j.entry_count <> 2
                           OR NOT (l.kind = 'INVESTOR' AND e.amount > 0
                                   AND l.owner_id = split_part(j.reference, ':', 3)::uuid
                                   OR l.kind = 'OFFERING' AND e.amount < 0)
                         THEN 'moves one investor''s money to the offering, and nothing else'
                         WHEN (j.reference, e.escrow_account_id, abs(e.amount))
                              NOT IN (SELECT s.reference, s.escrow_account_id, s.amount FROM signed s)
                         THEN 'is not what an executed closing or a paid call says' END
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

-- What a closing would release at a moment: each investor's cleared money, as far as they have committed it in time
-- and it has not been released before; not what is called, nor what was paid in for a call.
CREATE OR REPLACE FUNCTION escrow_releasable(account uuid, at timestamptz)
RETURNS TABLE (investor uuid, amount numeric) LANGUAGE sql STABLE AS $$
    SELECT l.owner_id, least(l.balance - k.received, c.committed - i.funded_amount - k.called)
      FROM escrow_accounts a
      JOIN ledger_accounts l ON l.escrow_account_id = a.id AND l.kind = 'INVESTOR' AND l.balance > 0
      JOIN investments i ON i.offering_id = a.offering_id AND i.investor_id = l.owner_id
                        AND i.status IN ('PENDING', 'ACTIVE')
     CROSS JOIN LATERAL (SELECT coalesce(sum(m.amount), 0) AS committed FROM commitments m
                          WHERE m.investment_id = i.id
                            AND m.committed_at <= coalesce(escrow_release_cutoff(a.offering_id, at), 'infinity')) c
     CROSS JOIN LATERAL (SELECT coalesce(sum(n.amount), 0) AS called, coalesce(sum(n.received), 0) AS received
                           FROM capital_calls_open(i.id) n) k
     WHERE a.id = account AND least(l.balance - k.received, c.committed - i.funded_amount - k.called) > 0
     ORDER BY l.owner_id
$$;

CREATE OR REPLACE FUNCTION commitments_within_maximum() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    raised uuid[];
    broken record;
BEGIN
    IF TG_OP = 'INSERT' THEN
        SELECT array_agg(DISTINCT n.offering_id) INTO raised FROM new_rows n WHERE n.status <> 'CANCELLED';
        SELECT n.id INTO broken FROM new_rows n WHERE n.funded_amount <> 0 LIMIT 1;
    ELSE
        SELECT array_agg(DISTINCT n.offering_id) INTO raised
          FROM new_rows n JOIN old_rows o ON o.id = n.id
         WHERE n.investment_amount > o.investment_amount AND n.status <> 'CANCELLED';
        -- What was funded is what executed closings and paid calls released and transfers moved, summed once for all rows that changed.
        SELECT f.id INTO broken
          FROM (SELECT n.id, n.investor_id, n.offering_id, n.funded_amount
                  FROM new_rows n JOIN old_rows o ON o.id = n.id WHERE n.funded_amount <> o.funded_amount) f
          LEFT JOIN (SELECT a.offering_id, e.key::uuid AS investor_id, sum(e.value::numeric) AS released
                       FROM closings c JOIN escrow_accounts a ON a.id = c.escrow_account_id,
                            jsonb_each_text(c.figures) e
                      WHERE c.status = 'EXECUTED' AND a.offering_id IN (SELECT offering_id FROM new_rows)
                      GROUP BY a.offering_id, e.key) r ON r.offering_id = f.offering_id
                                                      AND r.investor_id = f.investor_id
          LEFT JOIN (SELECT n.investment_id, sum(n.amount) AS called FROM capital_call_items n
                      WHERE n.status = 'PAID' AND n.investment_id IN (SELECT id FROM new_rows)
                      GROUP BY n.investment_id) p ON p.investment_id = f.id
          LEFT JOIN (SELECT m.investment_id, sum(m.amount) AS moved
                       FROM (SELECT t.buyer_investment_id AS investment_id, t.funded_amount AS amount
                               FROM investment_transfers t WHERE t.status = 'EXECUTED'
                             UNION ALL SELECT t.seller_investment_id, -t.funded_amount
                               FROM investment_transfers t WHERE t.status = 'EXECUTED') m
                      WHERE m.investment_id IN (SELECT id FROM new_rows)
                      GROUP BY m.investment_id) h ON h.investment_id = f.id
         WHERE f.funded_amount <> coalesce(r.released, 0) + coalesce(p.called, 0) + coalesce(h.moved, 0)
         LIMIT 1;
    END IF;
    IF broken.id IS NOT NULL THEN
        RAISE EXCEPTION 'investment %: funded is what closings and calls released and transfers moved, and nothing else', broken.id
            USING ERRCODE = 'RC006';
    END IF;
    IF raised IS NULL THEN
        RETURN NULL;
    END IF;
    PERFORM FROM offerings WHERE id = ANY (raised) ORDER BY id FOR NO KEY UPDATE;
    SELECT o.name, o.maximum_amount, sum(i.investment_amount) AS committed INTO broken
      FROM offerings o JOIN investments i ON i.offering_id = o.id AND i.status <> 'CANCELLED'
     WHERE o.id = ANY (raised)
     GROUP BY o.id HAVING sum(i.investment_amount) > o.maximum_amount
     LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION '% would be committed %, above the % that it may raise', broken.name,
            realco_money(broken.committed), realco_money(broken.maximum_amount) USING ERRCODE = 'RC011';
    END IF;
    RETURN NULL;
END $$;
