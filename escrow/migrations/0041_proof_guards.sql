-- The proof snapshots of an account form a chain: each counts on by one and names the hash of the one before.
CREATE FUNCTION proof_snapshots_follow() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    last record;
BEGIN
    SELECT p.sequence, p.content_hash INTO last
      FROM proof_snapshots p WHERE p.escrow_account_id = NEW.escrow_account_id
     ORDER BY p.sequence DESC LIMIT 1;
    IF NEW.sequence <> coalesce(last.sequence, 0) + 1 OR NEW.previous_hash <> coalesce(last.content_hash, '') THEN
        RAISE EXCEPTION 'proof snapshot number % does not follow number % of its account',
            NEW.sequence, coalesce(last.sequence, 0) USING ERRCODE = 'restrict_violation';
    END IF;
    IF NOT EXISTS (SELECT FROM reconciliations r
                    WHERE r.id = NEW.reconciliation_id AND r.escrow_account_id = NEW.escrow_account_id)
       OR NOT EXISTS (SELECT FROM proof_leaves l
                       WHERE l.id = NEW.leaves_id AND l.escrow_account_id = NEW.escrow_account_id) THEN
        RAISE EXCEPTION 'proof snapshot number % is made of another account''s figures', NEW.sequence
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
