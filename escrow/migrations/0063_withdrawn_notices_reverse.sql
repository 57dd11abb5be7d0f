DROP FUNCTION early_closing_is_withdrawn_in_time();
CREATE OR REPLACE FUNCTION escrow_release_cutoff(offering uuid, at timestamptz) RETURNS timestamptz LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN o.exemption <> 'REG_CF' OR at >= o.deadline_at - interval '48 hours' THEN 'infinity'::timestamptz
                ELSE (SELECT max(n.closes_at) FROM early_closing_notices n
                        JOIN escrow_accounts a ON a.id = n.escrow_account_id
                       WHERE a.offering_id = o.id AND n.closes_at <= at) END
      FROM offerings o WHERE o.id = offering
$$;
