CREATE OR REPLACE FUNCTION compliance_checks_are_about_somebody() RETURNS trigger LANGUAGE plpgsql
SET random_page_cost = 1 AS $$
DECLARE
    wrong record;
BEGIN
    SELECT n.id, CASE WHEN u.id IS NULL THEN 'user ' || n.subject_id ELSE 'payment ' || n.payment_id END AS missing
      INTO wrong
      FROM new_rows n
      LEFT JOIN users u ON u.id = n.subject_id
      LEFT JOIN transactions t ON t.id = n.payment_id
     WHERE u.id IS NULL OR n.payment_id IS NOT NULL AND t.id IS NULL
     LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'compliance check % names %, which does not exist', wrong.id, wrong.missing
            USING ERRCODE = 'foreign_key_violation';
    END IF;
    RETURN NULL;
END $$;
DROP FUNCTION compliance_audit_answers();
