-- The last entry of a ledger account that was known at a moment: its place in the account's chain and the balance
-- after it. All entries before it in the chain were known as well, whatever their hosts' clocks said: an entry
-- cannot continue one that is not there. Hosts' clocks may differ, so the entry with the latest time is not always
-- the last of the chain; those up to 15 minutes older are looked at too, which is more than clocks may differ.
CREATE FUNCTION ledger_known_at(account uuid, moment timestamptz)
RETURNS TABLE (sequence bigint, balance numeric) LANGUAGE sql STABLE AS $$
    SELECT e.sequence, e.balance_after
      FROM escrow_ledger_entries e
     WHERE e.ledger_account_id = account AND e.created_at <= moment
       AND e.created_at >= (SELECT l.created_at FROM escrow_ledger_entries l
                             WHERE l.ledger_account_id = account AND l.created_at <= moment
                             ORDER BY l.created_at DESC, l.id DESC LIMIT 1) - interval '15 minutes'
     ORDER BY e.sequence + 0 DESC  -- The sum keeps the planner from walking the chain back from its end.
     LIMIT 1
$$;
