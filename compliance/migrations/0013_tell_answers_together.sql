-- The answers about one payment that are kept together are told by one audit event, under the payment's id: who asked,
-- by which operation, and what was answered under which rule. What a rule looked at (details) is not copied: it never
-- changes and is never deleted, and is itself the record. A check that says more than that when it is made (whom it
-- matched, who reviewed it, until when it holds), or is about no payment, is told by itself, whole.
CREATE FUNCTION compliance_audit_answers() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    _who uuid := realco_setting('user_id');
    _what text := coalesce(realco_setting('action'), '');
    _why text := coalesce(realco_setting('reason'), '');
    _request text := coalesce(realco_setting('request_id'), '');
    _address inet := realco_setting('address');
BEGIN
    INSERT INTO audit_events (id, operation, action, reason, entity_type, entity_id, user_id, changes,
                              request_id, ip_address, database_role, created_at)
    SELECT realco_uuid7(), TG_OP, _what, _why, TG_TABLE_NAME, coalesce(t.payment_id, t.first)::text, _who, t.changes,
           _request, _address, session_user, clock_timestamp()
      FROM (SELECT n.payment_id, NULL::uuid AS first,
                   ('{"before":null,"after":{"subject_id":"' || n.subject_id || '","created_at":'
                    || to_json(n.created_at) || ',"*":['
                    || string_agg('{"id":"' || n.id || '","check_type":' || to_json(n.check_type) || ',"status":'
                                  || to_json(n.status) || ',"rule_version":' || to_json(n.rule_version)
                                  || ',"summary":' || to_json(n.summary) || '}', ',') || ']}}')::jsonb AS changes
              FROM new_rows n
             WHERE n.payment_id IS NOT NULL AND n.review_note = ''
               AND num_nonnulls(n.matched_party_id, n.score, n.reviewed_by_id, n.reviewed_at, n.expires_at) = 0
             GROUP BY n.payment_id, n.subject_id, n.created_at
            UNION ALL
            SELECT NULL, n.id, jsonb_build_object('before', NULL, 'after', to_jsonb(n))
              FROM new_rows n
             WHERE n.payment_id IS NULL OR n.review_note <> ''
                OR num_nonnulls(n.matched_party_id, n.score, n.reviewed_by_id, n.reviewed_at, n.expires_at) > 0) t;
    RETURN NULL;
END $$;

-- The person and the payment of a check exist: the answers about one payment name the same, looked up once.
CREATE OR REPLACE FUNCTION compliance_checks_are_about_somebody() RETURNS trigger LANGUAGE plpgsql
SET random_page_cost = 1 AS $$
DECLARE
    wrong record;
BEGIN
    SELECT n.id, CASE WHEN u.id IS NULL THEN 'user ' || n.subject_id ELSE 'payment ' || n.payment_id END AS missing
      INTO wrong
      FROM (SELECT min(id::text) AS id, subject_id, payment_id FROM new_rows GROUP BY subject_id, payment_id) n
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
