-- What was funded is checked with a plan for as many rows as a closing changes.

CREATE OR REPLACE FUNCTION commitments_within_maximum() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    raised uuid[];
    broken record;
BEGIN
    IF TG_OP = 'INSERT' THEN
        SELECT array_agg(DISTINCT n.offering_id) INTO raised FROM new_rows n WHERE n.status <> 'CANCELLED';
        SELECT n.id INTO broken FROM new_rows n WHERE n.funded_amount <> 0 LIMIT 1;
    ELSE
        -- Planned for the number of rows there are: a plan kept from one row compares each of thousands with every other.
        EXECUTE $query$
        SELECT array_agg(DISTINCT n.offering_id)
          FROM new_rows n JOIN old_rows o ON o.id = n.id
         WHERE n.investment_amount > o.investment_amount AND n.status <> 'CANCELLED'
        $query$ INTO raised;
        -- What was funded is what executed closings and paid calls released and transfers moved, summed once for all
        -- rows that changed. Without LIMIT 1, which would look for the first fault by comparing each row with every other.
        EXECUTE $query$
        SELECT (array_agg(f.id))[1] AS id
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
        $query$ INTO broken;
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
