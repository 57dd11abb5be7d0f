-- Audit events of the ledger: one for each journal entry, none for what only repeats it.

-- Who posted a journal entry, by which operation, why and from where. What was posted is not copied: the entry
-- and its lines are append-only and are themselves the record.
CREATE FUNCTION ledger_audit_journal_entries() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    _who uuid := realco_setting('user_id');
    _what text := coalesce(realco_setting('action'), '');
    _why text := coalesce(realco_setting('reason'), '');
    _request text := coalesce(realco_setting('request_id'), '');
    _address inet := realco_setting('address');
BEGIN
    INSERT INTO audit_events (id, operation, action, reason, entity_type, entity_id, user_id, changes,
                              request_id, ip_address, database_role, created_at)
    SELECT realco_uuid7(), TG_OP, _what, _why, TG_TABLE_NAME, n.id::text, _who, '{"before": null, "after": {}}',
           _request, _address, session_user, clock_timestamp()
      FROM new_rows n;
    RETURN NULL;
END $$;

-- Changes of an escrow account, but for the balances that follow its ledger: those are in the journal.
CREATE FUNCTION escrow_audit_accounts() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    _balances text[] := '{current_balance,available_balance,pending_balance,held_balance,total_deposits,total_withdrawals,total_distributions}';
BEGIN
    INSERT INTO audit_events (id, operation, action, reason, entity_type, entity_id, user_id, changes,
                              request_id, ip_address, database_role, created_at)
    SELECT realco_uuid7(), TG_OP, coalesce(realco_setting('action'), ''), coalesce(realco_setting('reason'), ''),
           TG_TABLE_NAME, n.id::text, realco_setting('user_id')::uuid,
           realco_difference(to_jsonb(o) - _balances, to_jsonb(n) - _balances, '{}'),
           coalesce(realco_setting('request_id'), ''), realco_setting('address')::inet, session_user, clock_timestamp()
      FROM old_rows o JOIN new_rows n ON n.id = o.id
     WHERE to_jsonb(o) - _balances <> to_jsonb(n) - _balances;
    RETURN NULL;
END $$;
