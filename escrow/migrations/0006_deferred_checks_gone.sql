-- What the statement triggers of 0006_lines_fit_their_event.sql replace.
DROP FUNCTION ledger_journal_balances();
DROP FUNCTION ledger_head_is_last_entry();
