DROP FUNCTION proof_snapshots_follow();
