-- All entries of a payment together are one of the states that its events make, in full: nothing, being
-- collected, settled, cleared; or nothing, reserved, paid. So nothing is posted twice under another reference,
-- out of turn or of another amount, and money goes back to the very account it came from. FEES gives back no
-- more of a deposit's fee than it took, whether the bank returns the deposit or a refund run gives it back first.
CREATE OR REPLACE FUNCTION ledger_require_payments_agree(payments uuid[]) RETURNS void LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
    broken record;
BEGIN
    SELECT s.type, s.id INTO broken
      FROM (SELECT t.id, t.type, t.amount, t.net_amount, t.type IN ('DEPOSIT', 'ESCROW_DEPOSIT', 'CAPITAL_CALL') AS is_inbound,
                   coalesce(sum(p.amount) FILTER (WHERE a.kind = 'CLEARING'), 0) AS collecting,
                   coalesce(sum(p.amount) FILTER (WHERE a.kind = 'BANK'), 0) AS banked,
                   coalesce(-sum(p.amount) FILTER (WHERE a.kind = 'UNCLEARED'), 0) AS uncleared,
                   coalesce(-sum(p.amount) FILTER (WHERE a.kind = 'PAYOUTS'), 0) AS reserved,
                   bool_and(CASE
                       WHEN a.kind IN ('BANK', 'CLEARING', 'PAYOUTS') THEN true
                       WHEN a.kind IN ('UNCLEARED', 'RECEIVABLE') THEN a.owner_id = t.from_user_id
                       WHEN t.type IN ('DEPOSIT', 'ESCROW_DEPOSIT', 'CAPITAL_CALL') AND a.kind = 'FEES'
                       THEN p.amount BETWEEN -t.fee_amount AND 0
                       WHEN a.kind <> ledger_kind_of_payment(t.type) THEN false
                       WHEN t.type IN ('DEPOSIT', 'ESCROW_DEPOSIT', 'CAPITAL_CALL')
                       THEN coalesce(a.owner_id = t.from_user_id, true)
                       ELSE p.amount IN (0, t.net_amount) AND coalesce(a.owner_id = t.to_user_id, true) END) AS fits
              FROM (SELECT e.transaction_id, e.ledger_account_id, sum(e.amount) AS amount
                      FROM escrow_ledger_entries e WHERE e.transaction_id = ANY (payments)
                     GROUP BY e.transaction_id, e.ledger_account_id) p
              JOIN transactions t ON t.id = p.transaction_id
              JOIN ledger_accounts a ON a.id = p.ledger_account_id
             GROUP BY t.id) s
     WHERE NOT s.fits
        OR CASE WHEN s.is_inbound
                THEN s.reserved <> 0 OR (s.collecting, s.banked, s.uncleared) NOT IN
                     ((0, 0, 0), (s.amount, 0, s.amount), (0, s.amount, s.amount), (0, s.amount, 0))
                ELSE (s.collecting, s.uncleared) <> (0, 0) OR (s.reserved, s.banked) NOT IN
                     ((0, 0), (s.net_amount, 0), (0, -s.net_amount)) END
     LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'the entries of % % do not agree with it: wrong in amount, account or order, or posted twice',
            broken.type, broken.id USING ERRCODE = 'RC005';
    END IF;
END $$;
