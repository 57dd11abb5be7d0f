-- A notice of an early closing that was withdrawn counts for nothing (SQLSTATE RC006).

CREATE OR REPLACE FUNCTION escrow_release_cutoff(offering uuid, at timestamptz) RETURNS timestamptz LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN o.exemption <> 'REG_CF' OR at >= o.deadline_at - interval '48 hours' THEN 'infinity'::timestamptz
                ELSE (SELECT max(n.closes_at) FROM early_closing_notices n
                        JOIN escrow_accounts a ON a.id = n.escrow_account_id
                       WHERE a.offering_id = o.id AND n.closes_at <= at AND n.withdrawn_at IS NULL) END
      FROM offerings o WHERE o.id = offering
$$;

-- A notice is withdrawn after it was given and before its moment has come, now, and never once money was released
-- at or after that moment. Runs only for notices that are withdrawn.
CREATE FUNCTION early_closing_is_withdrawn_in_time() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        RAISE EXCEPTION 'a notice is given before it is withdrawn' USING ERRCODE = 'RC006';
    ELSIF OLD.withdrawn_at IS NOT NULL THEN
        RETURN NEW;
    ELSIF NOT realco_is_about_now(NEW.withdrawn_at) OR NEW.withdrawn_at < NEW.notice_at THEN
        RAISE EXCEPTION 'a notice is withdrawn now, not at %', NEW.withdrawn_at USING ERRCODE = 'RC006';
    ELSIF NEW.withdrawn_at >= NEW.closes_at OR EXISTS (
        SELECT FROM closings c WHERE c.escrow_account_id = NEW.escrow_account_id
           AND c.status = 'EXECUTED' AND c.executed_at >= NEW.closes_at) THEN
        RAISE EXCEPTION 'the early closing of % has come and is not withdrawn any more', NEW.closes_at
            USING ERRCODE = 'RC006', DETAIL = 'The early closing that this notice announced has come.';
    END IF;
    RETURN NEW;
END $$;
