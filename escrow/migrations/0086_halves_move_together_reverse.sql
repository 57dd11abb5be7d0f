DROP FUNCTION ledger_halves_move_together();
