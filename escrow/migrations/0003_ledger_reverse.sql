DROP FUNCTION ledger_post(uuid[], uuid[], text[], text[], text[], text[], text[], date[], uuid[], uuid[], uuid[],
                          integer[], text[], uuid[], numeric[], uuid, timestamptz);
DROP FUNCTION ledger_entries_follow();
DROP FUNCTION ledger_event_is_allowed();
DROP FUNCTION ledger_journal_balances();
DROP FUNCTION ledger_head_is_last_entry();
DROP FUNCTION escrow_balances_follow_ledger();
DROP FUNCTION ledger_normal_side(text);
