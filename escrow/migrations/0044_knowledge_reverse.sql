DROP FUNCTION ledger_known_at(uuid, timestamptz);
