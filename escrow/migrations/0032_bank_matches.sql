-- What holds matches of bank lines with BANK entries together. A part (a line or an entry of a match) is in at
-- most one living match: that is a partial unique index. All refusals here are RC009.

-- A match has exactly the parts it announced, and both sides come to the same amount. Checked at commit.
CREATE FUNCTION bank_match_adds_up() RETURNS trigger LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
    lines integer;
    entries integer;
    stated numeric;
    booked numeric;
BEGIN
    IF NEW.method = 'REVERSAL' THEN
        RETURN NULL;
    END IF;
    SELECT count(*), coalesce(sum(l.amount), 0) INTO lines, stated
      FROM bank_match_lines m JOIN bank_statement_lines l ON l.id = m.line_id WHERE m.match_id = NEW.id;
    SELECT count(*), coalesce(sum(e.amount), 0) INTO entries, booked
      FROM bank_match_entries m JOIN escrow_ledger_entries e ON e.id = m.entry_id WHERE m.match_id = NEW.id;
    IF (lines, entries) <> (NEW.line_count, NEW.entry_count) THEN
        RAISE EXCEPTION 'match % announced % lines and % entries and has % and %', NEW.id, NEW.line_count,
            NEW.entry_count, lines, entries USING ERRCODE = 'RC009', DETAIL = 'does not have the parts it announced';
    END IF;
    IF stated <> booked THEN
        RAISE EXCEPTION 'match % does not add up: its lines come to %, its entries to %', NEW.id, stated, booked
            USING ERRCODE = 'RC009', DETAIL = 'does not add up';
    END IF;
    RETURN NULL;
END $$;

-- A reversal names a match of its own account that was not a reversal itself, and frees its parts.
CREATE FUNCTION bank_match_frees_parts() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    wrong uuid;
BEGIN
    IF NOT EXISTS (SELECT FROM new_rows WHERE reverses_id IS NOT NULL) THEN
        RETURN NULL;
    END IF;
    SELECT n.id INTO wrong FROM new_rows n JOIN bank_matches m ON m.id = n.reverses_id
     WHERE m.reverses_id IS NOT NULL OR m.escrow_account_id <> n.escrow_account_id LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'match % undoes a reversal, or one of another escrow account', wrong
            USING ERRCODE = 'RC009', DETAIL = 'undoes what cannot be undone';
    END IF;
    UPDATE bank_match_lines p SET is_living = false FROM new_rows n WHERE p.match_id = n.reverses_id;
    UPDATE bank_match_entries p SET is_living = false FROM new_rows n WHERE p.match_id = n.reverses_id;
    RETURN NULL;
END $$;

-- A part changes once, from living to freed, when its match has been reversed.
CREATE FUNCTION bank_match_part_is_freed() RETURNS trigger LANGUAGE plpgsql SET enable_seqscan = off AS $$
BEGIN
    IF to_jsonb(NEW) - 'is_living' <> to_jsonb(OLD) - 'is_living' OR NEW.is_living OR NOT OLD.is_living
       OR NOT EXISTS (SELECT FROM bank_matches r WHERE r.reverses_id = OLD.match_id) THEN
        RAISE EXCEPTION 'parts of a match are kept as they are; undo the match with a reversal'
            USING ERRCODE = 'RC009', DETAIL = 'is changed only by a reversal';
    END IF;
    RETURN NEW;
END $$;

-- New parts are living, of the escrow account of their match, and no more than it announced.
CREATE FUNCTION bank_match_lines_fit() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    wrong uuid;
BEGIN
    SELECT n.match_id INTO wrong
      FROM new_rows n
      JOIN bank_matches m ON m.id = n.match_id
      JOIN bank_statement_lines l ON l.id = n.line_id
     WHERE NOT n.is_living OR l.escrow_account_id <> m.escrow_account_id
     LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'match % takes a line of another escrow account, or one that is not living', wrong
            USING ERRCODE = 'RC009', DETAIL = 'takes a line of another escrow account';
    END IF;
    SELECT m.id INTO wrong
      FROM (SELECT match_id FROM new_rows GROUP BY match_id) n
      JOIN bank_matches m ON m.id = n.match_id
     WHERE (SELECT count(*) FROM bank_match_lines p WHERE p.match_id = m.id) > m.line_count
     LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'match % is complete; nothing is added to it', wrong
            USING ERRCODE = 'RC009', DETAIL = 'is complete';
    END IF;
    RETURN NULL;
END $$;

-- The same for entries, which are entries of the BANK account besides.
CREATE FUNCTION bank_match_entries_fit() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    wrong uuid;
BEGIN
    SELECT n.match_id INTO wrong
      FROM new_rows n
      JOIN bank_matches m ON m.id = n.match_id
      JOIN escrow_ledger_entries e ON e.id = n.entry_id
      JOIN ledger_accounts a ON a.id = e.ledger_account_id
     WHERE NOT n.is_living OR e.escrow_account_id <> m.escrow_account_id OR a.kind <> 'BANK'
     LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'match % takes an entry that is not of the BANK account of its escrow account', wrong
            USING ERRCODE = 'RC009', DETAIL = 'takes an entry that is not of its BANK account';
    END IF;
    SELECT m.id INTO wrong
      FROM (SELECT match_id FROM new_rows GROUP BY match_id) n
      JOIN bank_matches m ON m.id = n.match_id
     WHERE (SELECT count(*) FROM bank_match_entries p WHERE p.match_id = m.id) > m.entry_count
     LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'match % is complete; nothing is added to it', wrong
            USING ERRCODE = 'RC009', DETAIL = 'is complete';
    END IF;
    RETURN NULL;
END $$;
