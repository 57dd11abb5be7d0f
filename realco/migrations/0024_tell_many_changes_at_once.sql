-- One audit row for each row a statement touched, written set-based. Functions in SQL that look into a document are called
-- for rows with secrets only: a call costs as much as the event. Where many rows were updated, columns are compared before
-- they are written as JSON, by a query made for the table's columns: planning it costs as much as fifty rows, and a
-- document of everything, for the sake of three columns, four times as much as the rest. Joins here are full: the plan
-- is kept from the first statement of a session, which may have changed one row, and a full join is never looped.
CREATE OR REPLACE FUNCTION realco_audit() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    _secret text[] := string_to_array(TG_ARGV[0], ',');
    _who uuid := realco_setting('user_id');
    _what text := coalesce(realco_setting('action'), '');
    _why text := coalesce(realco_setting('reason'), '');
    _request text := coalesce(realco_setting('request_id'), '');
    _address inet := realco_setting('address');
    _was text;
    _is text;
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO audit_events (id, operation, action, reason, entity_type, entity_id, user_id, changes,
                                  request_id, ip_address, database_role, created_at)
        SELECT realco_uuid7(), TG_OP, _what, _why, TG_TABLE_NAME, n.id::text, _who,
               jsonb_build_object('before', NULL, 'after', CASE WHEN _secret = '{}' THEN to_jsonb(n)
                                                                ELSE realco_veil(to_jsonb(n), _secret) END),
               _request, _address, session_user, clock_timestamp()
          FROM new_rows n;
    ELSIF TG_OP = 'DELETE' THEN
        INSERT INTO audit_events (id, operation, action, reason, entity_type, entity_id, user_id, changes,
                                  request_id, ip_address, database_role, created_at)
        SELECT realco_uuid7(), TG_OP, _what, _why, TG_TABLE_NAME, o.id::text, _who,
               jsonb_build_object('before', realco_veil(to_jsonb(o), _secret), 'after', NULL),
               _request, _address, session_user, clock_timestamp()
          FROM old_rows o;
    ELSIF _secret = '{}' AND (SELECT count(*) > 50 FROM (SELECT FROM new_rows LIMIT 51) few)
          AND NOT EXISTS (SELECT FROM old_rows o FULL JOIN new_rows n ON n.id = o.id WHERE o.id IS NULL OR n.id IS NULL)
    THEN
        SELECT string_agg(format(
                   'CASE WHEN o.%1$I IS DISTINCT FROM n.%1$I THEN %2$L || coalesce(to_json(o.%1$I)::text, ''null'') END',
                   c.attname, to_json(c.attname::text)::text || ':'), ','),
               string_agg(format(
                   'CASE WHEN o.%1$I IS DISTINCT FROM n.%1$I THEN %2$L || coalesce(to_json(n.%1$I)::text, ''null'') END',
                   c.attname, to_json(c.attname::text)::text || ':'), ',')
          INTO _was, _is
          FROM pg_attribute c WHERE c.attrelid = TG_RELID AND c.attnum > 0 AND NOT c.attisdropped;
        EXECUTE format($q$
            INSERT INTO audit_events (id, operation, action, reason, entity_type, entity_id, user_id, changes,
                                      request_id, ip_address, database_role, created_at)
            SELECT realco_uuid7(), 'UPDATE', $1, $2, $3, n.id::text, $4,
                   ('{"before":{' || array_to_string(ARRAY[%s], ',') || '},"after":{'
                                  || array_to_string(ARRAY[%s], ',') || '}}')::jsonb,
                   $5, $6, session_user, clock_timestamp()
              FROM old_rows o JOIN new_rows n ON n.id = o.id
             WHERE o IS DISTINCT FROM n$q$, _was, _is)
        USING _what, _why, TG_TABLE_NAME, _who, _request, _address;
    ELSE
        INSERT INTO audit_events (id, operation, action, reason, entity_type, entity_id, user_id, changes,
                                  request_id, ip_address, database_role, created_at)
        SELECT realco_uuid7(), TG_OP, _what, _why, TG_TABLE_NAME, coalesce(n.id, o.id)::text, _who,
               CASE WHEN n.id IS NULL OR o.id IS NULL  -- the key itself was changed: show both whole rows
                    THEN jsonb_build_object('before', realco_veil(to_jsonb(o), _secret),
                                            'after', realco_veil(to_jsonb(n), _secret))
                    WHEN _secret <> '{}' THEN realco_difference(to_jsonb(o), to_jsonb(n), _secret)
                    ELSE (SELECT jsonb_build_object('before', jsonb_object_agg(b.key, b.value),
                                                    'after', jsonb_object_agg(b.key, whole.after -> b.key))
                            FROM (SELECT to_jsonb(n) AS after OFFSET 0) whole, jsonb_each(to_jsonb(o)) b
                           WHERE b.value IS DISTINCT FROM whole.after -> b.key) END,
               _request, _address, session_user, clock_timestamp()
          FROM old_rows o FULL JOIN new_rows n ON n.id = o.id
         WHERE o IS DISTINCT FROM n;
    END IF;
    RETURN NULL;
END $$;
