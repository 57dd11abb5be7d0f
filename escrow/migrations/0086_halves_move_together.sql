-- The halves of a movement between two of our own escrow accounts settle, and come back, in one statement: an entry that
-- moves one half's money at the bank is written together with the entry that moves the other's (RC014).
CREATE FUNCTION ledger_halves_move_together() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    broken record;
BEGIN
    SELECT n.event, n.reference INTO broken
      FROM new_rows n
      LEFT JOIN journal_entries r ON r.id = n.reverses_id
      JOIN transactions t ON t.id = n.transaction_id AND t.counterpart_id IS NOT NULL
     WHERE (n.event IN ('INBOUND_SETTLED', 'OUTBOUND_SETTLED', 'RETURN_BEFORE_CLEARING', 'RETURN_AFTER_CLEARING',
                        'PAYOUT_RETURNED')
            OR n.event = 'REVERSAL'
               AND r.event IN ('INBOUND_SETTLED', 'OUTBOUND_SETTLED', 'RETURN_BEFORE_CLEARING', 'RETURN_AFTER_CLEARING',
                               'PAYOUT_RETURNED'))
       AND NOT EXISTS (
           SELECT FROM new_rows o
            WHERE o.transaction_id = t.counterpart_id
              AND CASE n.event
                  WHEN 'INBOUND_SETTLED' THEN o.event = 'OUTBOUND_SETTLED'
                  WHEN 'OUTBOUND_SETTLED' THEN o.event = 'INBOUND_SETTLED'
                  WHEN 'PAYOUT_RETURNED' THEN o.event IN ('RETURN_BEFORE_CLEARING', 'RETURN_AFTER_CLEARING')
                  WHEN 'REVERSAL' THEN o.event = 'REVERSAL'
                  ELSE o.event = 'PAYOUT_RETURNED' END)
     LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION '% (%) moves one half of a movement between escrow accounts without the other', broken.event,
            broken.reference USING ERRCODE = 'RC014';
    END IF;
    RETURN NULL;
END $$;
