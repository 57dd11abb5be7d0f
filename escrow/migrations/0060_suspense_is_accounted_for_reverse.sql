DROP FUNCTION ledger_suspense_is_accounted_for();
