-- Whom and what a payment names exists: compared for a statement's rows together, not by eight foreign keys for each of
-- them. None of it is ever deleted or given another id, and a payment never names another (triggers), so that nothing is
-- left for a constraint to find. Approvers, and payments that a payment replaces, keep their foreign keys.
CREATE FUNCTION finance_payments_name_what_is_there() RETURNS trigger LANGUAGE plpgsql
SET random_page_cost = 1 AS $$
DECLARE
    wrong record;
BEGIN
    SELECT n.id, CASE WHEN e.id IS NULL THEN 'escrow account ' || n.escrow_account_id
                      WHEN i.id IS NULL THEN 'user ' || n.initiated_by_id
                      WHEN n.from_user_id IS NOT NULL AND f.id IS NULL THEN 'user ' || n.from_user_id
                      WHEN n.to_user_id IS NOT NULL AND t.id IS NULL THEN 'user ' || n.to_user_id
                      WHEN n.from_bank_account_id IS NOT NULL AND fb.id IS NULL
                      THEN 'bank account ' || n.from_bank_account_id
                      WHEN n.to_bank_account_id IS NOT NULL AND tb.id IS NULL
                      THEN 'bank account ' || n.to_bank_account_id
                      WHEN n.offering_id IS NOT NULL AND o.id IS NULL THEN 'offering ' || n.offering_id
                      ELSE 'distribution ' || n.distribution_id END AS missing
      INTO wrong
      FROM new_rows n
      LEFT JOIN escrow_accounts e ON e.id = n.escrow_account_id
      LEFT JOIN users i ON i.id = n.initiated_by_id
      LEFT JOIN users f ON f.id = n.from_user_id
      LEFT JOIN users t ON t.id = n.to_user_id
      LEFT JOIN bank_accounts fb ON fb.id = n.from_bank_account_id
      LEFT JOIN bank_accounts tb ON tb.id = n.to_bank_account_id
      LEFT JOIN offerings o ON o.id = n.offering_id
      LEFT JOIN distributions d ON d.id = n.distribution_id
     WHERE e.id IS NULL OR i.id IS NULL
        OR (n.from_user_id, n.to_user_id, n.from_bank_account_id, n.to_bank_account_id, n.offering_id, n.distribution_id)
           IS DISTINCT FROM (f.id, t.id, fb.id, tb.id, o.id, d.id)
     LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'payment % names %, which does not exist', wrong.id, wrong.missing
            USING ERRCODE = 'foreign_key_violation';
    END IF;
    RETURN NULL;
END $$;
