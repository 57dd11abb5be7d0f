DROP FUNCTION escrow_account_life();
DROP FUNCTION ledger_custody();
DROP FUNCTION held_is_what_holds_say();
DROP FUNCTION hold_only_shrinks();
