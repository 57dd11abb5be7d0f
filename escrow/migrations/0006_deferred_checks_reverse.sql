-- The deferred checks of 0003_ledger.sql, for a migration that is reversed.

CREATE FUNCTION ledger_head_is_last_entry() RETURNS trigger LANGUAGE plpgsql SET enable_seqscan = off AS $$
BEGIN
    IF NEW.entry_count = 0 THEN
        IF NEW.balance <> 0 THEN
            RAISE EXCEPTION 'ledger account % has a balance but no entries', NEW.id
                USING ERRCODE = 'restrict_violation';
        END IF;
    ELSIF NOT EXISTS (SELECT FROM escrow_ledger_entries e
                       WHERE e.ledger_account_id = NEW.id AND e.sequence = NEW.entry_count
                         AND e.balance_after = NEW.balance) THEN
        RAISE EXCEPTION 'ledger account %: balance % is not that of its entry number %',
            NEW.id, NEW.balance, NEW.entry_count USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION ledger_journal_balances() RETURNS trigger LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
    found_count integer;
    found_sum numeric;
BEGIN
    SELECT count(*), coalesce(sum(amount), 0) INTO found_count, found_sum
      FROM escrow_ledger_entries WHERE journal_entry_id = NEW.id;
    IF found_sum <> 0 THEN
        RAISE EXCEPTION 'journal entry % does not balance: its entries sum to %', NEW.reference, found_sum
            USING ERRCODE = 'RC003';
    END IF;
    IF found_count <> NEW.entry_count THEN
        RAISE EXCEPTION 'journal entry % announced % entries and has %', NEW.reference, NEW.entry_count, found_count
            USING ERRCODE = 'RC003';
    END IF;
    RETURN NULL;
END $$;
