DROP FUNCTION commitments_within_maximum();
DROP FUNCTION commitments_follow_investments();
DROP FUNCTION commitment_is_written_down();
DROP FUNCTION commitment_has_its_moment();
