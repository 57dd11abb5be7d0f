DROP FUNCTION journal_reversals_are_posted();
DROP FUNCTION ledger_reversal_is_approved();
