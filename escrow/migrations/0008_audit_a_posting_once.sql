-- Audit events of the ledger: one for each journal entry, none for what only repeats it.

-- What a journal entry and its lines say, in 64 characters: everything that never changes, in one order and in
-- forms that no setting alters.
CREATE VIEW ledger_digests AS
SELECT j.id, j.escrow_account_id, j.reference,
       encode(sha256(convert_to(
           concat_ws('|', j.id, j.escrow_account_id, j.event, j.entry_type, j.reference, j.request_hash, j.entry_count,
                     j.description, j.effective_date - DATE '2000-01-01', j.transaction_id, '/', j.distribution_id, '/',
                     j.reverses_id, '/', j.created_by_id, extract(epoch FROM j.created_at),
                     string_agg(concat_ws('|', e.id, e.escrow_account_id, e.ledger_account_id, e.transaction_id, '/',
                                          e.distribution_id, '/', e.entry_type, e.sequence, e.amount, e.balance_before,
                                          e.balance_after, e.description, e.reference, e.created_by_id, e.metadata,
                                          e.effective_date - DATE '2000-01-01', extract(epoch FROM e.created_at)),
                                ',' ORDER BY e.id)), 'UTF8')), 'hex') AS digest
  FROM journal_entries j LEFT JOIN escrow_ledger_entries e ON e.journal_entry_id = j.id
 GROUP BY j.id;

-- Who posted a journal entry, by which operation, why and from where. What was posted is not copied: the entry
-- and its lines are append-only and are themselves the record. The digest says later whether they still are what
-- was made (escrow/sql/check_trail.sql).
CREATE FUNCTION ledger_audit_journal_entries() RETURNS trigger LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
    _who uuid := realco_setting('user_id');
    _what text := coalesce(realco_setting('action'), '');
    _why text := coalesce(realco_setting('reason'), '');
    _request text := coalesce(realco_setting('request_id'), '');
    _address inet := realco_setting('address');
    _made uuid[];
BEGIN
    SELECT array_agg(n.id) INTO _made FROM new_rows n;
    INSERT INTO audit_events (id, operation, action, reason, entity_type, entity_id, user_id, changes,
                              request_id, ip_address, database_role, created_at)
    SELECT realco_uuid7(), TG_OP, _what, _why, TG_TABLE_NAME, d.id::text, _who,
           jsonb_build_object('before', NULL, 'after', jsonb_build_object(
               'reference', d.reference, 'escrow_account_id', d.escrow_account_id, 'digest', d.digest)),
           _request, _address, session_user, clock_timestamp()
      FROM ledger_digests d WHERE d.id = ANY (_made);
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
