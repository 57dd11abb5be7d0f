-- What stands against dealing with a person at a moment: one row for each obstacle, in words for staff.
-- Identity: a profile, not restricted, the check passed and not expired. Sanctions: no match confirmed while the
-- party is listed, nothing waiting for review, the latest answer passed, and an answer younger than both the
-- latest import of a list and 31 days.
CREATE FUNCTION compliance_obstacles(people uuid[], at timestamptz)
RETURNS TABLE (person uuid, code text, obstacle text) LANGUAGE sql STABLE AS $$
    WITH asked AS (SELECT DISTINCT u.id AS person, u.full_name AS name, p.id AS profile, p.restricted_at, p.kyc_status,
                          p.kyc_expires_at
                     FROM users u LEFT JOIN investor_profiles p ON p.user_id = u.id WHERE u.id = ANY (people)),
         lists AS (SELECT max(imported_at) AS imported_at FROM sanctions_imports)
    SELECT a.person, 'no_profile', a.name || ' has no investor profile.' FROM asked a WHERE a.profile IS NULL
    UNION ALL
    SELECT a.person, 'restricted', a.name || ' is restricted.' FROM asked a WHERE a.restricted_at IS NOT NULL
    UNION ALL
    SELECT a.person, 'identity', a.name || ' has not passed the identity check.' FROM asked a
     WHERE a.profile IS NOT NULL AND a.kyc_status <> 'PASSED'
    UNION ALL
    SELECT a.person, 'identity', a.name || ': the identity check expired on '
           || to_char(a.kyc_expires_at AT TIME ZONE 'UTC', 'YYYY-MM-DD') || '.' FROM asked a
     WHERE a.kyc_status = 'PASSED' AND a.kyc_expires_at <= at
    UNION ALL
    SELECT a.person, 'review', a.name || ' is under review by compliance.' FROM asked a
     WHERE EXISTS (SELECT FROM compliance_checks c
                    WHERE c.subject_id = a.person AND c.check_type IN ('OFAC', 'AML') AND c.status = 'MANUAL_REVIEW')
    UNION ALL
    SELECT a.person, 'sanctions', a.name || ' was found to be on a sanctions list.' FROM asked a
     WHERE EXISTS (SELECT FROM (SELECT DISTINCT ON (c.matched_party_id) c.status, c.matched_party_id
                                  FROM compliance_checks c
                                 WHERE c.subject_id = a.person AND c.check_type = 'OFAC'
                                   AND c.reviewed_at IS NOT NULL AND c.matched_party_id IS NOT NULL
                                 ORDER BY c.matched_party_id, c.reviewed_at DESC, c.created_at DESC) latest
                     JOIN sanctioned_parties s ON s.id = latest.matched_party_id
                    WHERE latest.status = 'FAILED' AND s.removed_at IS NULL)
        OR 'FAILED' = (SELECT c.status FROM compliance_checks c
                        WHERE c.subject_id = a.person AND c.check_type = 'OFAC'
                        ORDER BY greatest(c.created_at, c.reviewed_at) DESC, c.id DESC LIMIT 1)
    UNION ALL
    SELECT a.person, 'unscreened', a.name || ' has not been screened since the sanctions list was last loaded.'
      FROM asked a, lists
     WHERE NOT EXISTS (SELECT FROM compliance_checks c
                        WHERE c.subject_id = a.person AND c.check_type = 'OFAC' AND c.status = 'PASSED'
                          AND c.created_at >= coalesce(lists.imported_at, '-infinity')
                          AND c.created_at > at - interval '744 hours')
    UNION ALL
    SELECT p, 'no_profile', 'Nobody has the id ' || p || '.' FROM unnest(people) p
     WHERE NOT EXISTS (SELECT FROM users u WHERE u.id = p)
$$;
