-- What goes into suspense, out of it to an investor, and to the bank as its fee is what a line of the bank says,
-- and the latter two what two people say besides (SQLSTATE RC013). The reference names both:
--     UNKNOWN_RECEIPT  receipt:<line>, and after a reversal receipt:<line>:again-<number>
--     RECEIPT_CLAIMED  receipt:<line>:claim:<proposal>
--     BANK_FEE         bank-fee:<line>:<proposal>
-- A reference is unique, so a proposal posts once. Runs for these three events alone: others do not pay for it.
-- By then all lines of the entry are there and fit their event, which other triggers see to.
CREATE FUNCTION ledger_suspense_is_accounted_for() RETURNS trigger LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
    id_form CONSTANT text := '([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})';
    named text[] := regexp_match(NEW.reference, CASE NEW.event
        WHEN 'UNKNOWN_RECEIPT' THEN '^receipt:' || id_form || '(?::again-[0-9]+)?$'
        WHEN 'RECEIPT_CLAIMED' THEN '^receipt:' || id_form || ':claim:' || id_form || '$'
        ELSE '^bank-fee:' || id_form || ':' || id_form || '$' END);
    line bank_statement_lines;
    proposal bank_proposals;
    moved record;
    fault text;
BEGIN
    SELECT * INTO line FROM bank_statement_lines l WHERE l.id = named[1]::uuid;
    SELECT * INTO proposal FROM bank_proposals p WHERE p.id = named[2]::uuid;
    SELECT count(*) AS lines, coalesce(sum(e.amount) FILTER (WHERE a.kind = 'BANK'), 0) AS banked,
           coalesce(sum(e.amount) FILTER (WHERE a.kind = 'SUSPENSE'), 0) AS claimed,
           coalesce(min(e.balance_after) FILTER (WHERE a.kind = 'SUSPENSE'), 0) AS lowest,
           min(a.owner_id::text)::uuid AS owner,
           min(a.kind) FILTER (WHERE e.amount > 0) AS source, max(a.kind) FILTER (WHERE e.amount > 0) AS other_source
      INTO moved
      FROM escrow_ledger_entries e JOIN ledger_accounts a ON a.id = e.ledger_account_id
     WHERE e.journal_entry_id = NEW.id;
    IF moved.lines = 0 THEN
        RETURN NULL;  -- ledger_event_is_allowed refuses an entry without lines.
    END IF;

    fault := CASE
        WHEN line.id IS NULL THEN 'names no line of a bank statement'
        WHEN line.escrow_account_id <> NEW.escrow_account_id THEN 'names a bank line of another escrow account'
        WHEN NEW.event <> 'RECEIPT_CLAIMED' AND line.amount <> moved.banked THEN 'is not of the amount of its bank line'
        WHEN NEW.event <> 'RECEIPT_CLAIMED' AND EXISTS (
             SELECT FROM bank_match_lines m WHERE m.line_id = line.id AND m.is_living)
        THEN 'names a bank line that is explained already'
        WHEN NEW.event = 'UNKNOWN_RECEIPT' THEN CASE WHEN EXISTS (
             SELECT FROM journal_entries j
              WHERE j.reference ~>=~ ('receipt:' || line.id) AND j.reference ~<~ ('receipt:' || line.id || ';')
                AND j.event = 'UNKNOWN_RECEIPT' AND j.id <> NEW.id
                AND NOT EXISTS (SELECT FROM journal_entries r WHERE r.reverses_id = j.id))
             THEN 'books a bank line that is booked already' END
        WHEN proposal.id IS NULL OR proposal.line_id IS DISTINCT FROM line.id
             OR proposal.escrow_account_id <> NEW.escrow_account_id
             OR proposal.kind <> CASE NEW.event WHEN 'BANK_FEE' THEN 'BANK_FEE' ELSE 'RECEIPT_CLAIM' END
        THEN 'names no proposal about its bank line'
        WHEN proposal.status <> 'APPROVED' THEN 'names a proposal that no second person has approved'
        WHEN NEW.event = 'BANK_FEE' THEN CASE
             WHEN proposal.amount <> -moved.banked OR proposal.source <> moved.source
                  OR moved.source <> moved.other_source
             THEN 'is not what was approved' END
        WHEN proposal.amount <> moved.claimed OR proposal.investor_id IS DISTINCT FROM moved.owner
        THEN 'is not what was approved'
        WHEN moved.lowest < 0 OR (
             SELECT coalesce(sum(e.amount), 0) > 0
               FROM journal_entries j
               JOIN escrow_ledger_entries e ON e.journal_entry_id = j.id
               JOIN ledger_accounts a ON a.id = e.ledger_account_id AND a.kind = 'SUSPENSE'
              WHERE j.reference ~>=~ ('receipt:' || line.id) AND j.reference ~<~ ('receipt:' || line.id || ';')
                AND NOT EXISTS (SELECT FROM journal_entries r WHERE r.reverses_id = j.id))
        THEN 'gives away more than waits of its receipt' END;
    IF fault IS NOT NULL THEN
        RAISE EXCEPTION '% % %', NEW.event, NEW.reference, fault USING ERRCODE = 'RC013', DETAIL = fault;
    END IF;
    RETURN NULL;
END $$;
