-- A REVERSAL is posted only for a journal entry whose reversal a second person has approved, and only for
-- events that carry no payment's, closing's or hold's state. Runs for REVERSAL rows alone.
CREATE FUNCTION ledger_reversal_is_approved() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    reversed record;
BEGIN
    IF NEW.event <> 'REVERSAL' OR NEW.reverses_id IS NULL THEN
        RAISE EXCEPTION 'journal entry %: a REVERSAL names the entry it reverses, and nothing else does', NEW.reference
            USING ERRCODE = 'RC010';
    END IF;
    SELECT j.escrow_account_id, j.event, j.transaction_id, j.distribution_id INTO reversed
      FROM journal_entries j WHERE j.id = NEW.reverses_id;
    IF reversed.escrow_account_id IS DISTINCT FROM NEW.escrow_account_id
       OR reversed.event NOT IN ('UNKNOWN_RECEIPT', 'RECEIPT_CLAIMED', 'BANK_FEE')
       OR reversed.transaction_id IS NOT NULL OR reversed.distribution_id IS NOT NULL THEN
        RAISE EXCEPTION 'journal entry %: % of another account, or with a state of its own, is not reversed',
            NEW.reference, coalesce(reversed.event, 'nothing') USING ERRCODE = 'RC010';
    END IF;
    IF NOT EXISTS (SELECT FROM journal_reversals r
                    WHERE r.journal_entry_id = NEW.reverses_id AND r.status = 'EXECUTED'
                      AND r.approved_by_id <> r.proposed_by_id) THEN
        RAISE EXCEPTION 'journal entry %: its reversal was not approved by a second person', NEW.reference
            USING ERRCODE = 'RC010';
    END IF;
    RETURN NEW;
END $$;

-- An executed reversal is only kept with its REVERSAL. Checked at commit.
CREATE FUNCTION journal_reversals_are_posted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.status = 'EXECUTED' AND NOT EXISTS (
        SELECT FROM journal_entries j WHERE j.reverses_id = NEW.journal_entry_id AND j.event = 'REVERSAL') THEN
        RAISE EXCEPTION 'reversal % is executed, but nothing was posted', NEW.id USING ERRCODE = 'RC010';
    END IF;
    RETURN NULL;
END $$;
