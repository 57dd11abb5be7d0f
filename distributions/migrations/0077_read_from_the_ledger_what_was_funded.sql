-- What an investment has been paid in: released by closings and calls, and handed over by transfers. What closings
-- released is read from the ledger, whose gate lets exactly their figures through: to look into the figures of thousands
-- of investors for each of them takes the square of their number.
CREATE OR REPLACE FUNCTION investment_funded(investment uuid) RETURNS numeric LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN coalesce((SELECT sum(-e.amount)
              FROM investments i JOIN escrow_accounts a ON a.offering_id = i.offering_id
              JOIN closings c ON c.escrow_account_id = a.id AND c.status = 'EXECUTED'
              JOIN journal_entries j ON j.reference = 'closing:' || c.id || ':' || i.investor_id AND j.event = 'RELEASE'
              JOIN escrow_ledger_entries e ON e.journal_entry_id = j.id
              JOIN ledger_accounts l ON l.id = e.ledger_account_id AND l.kind = 'OFFERING'
             WHERE i.id = investment), 0)
         + coalesce((SELECT sum(n.amount) FROM capital_call_items n
                      WHERE n.investment_id = investment AND n.status = 'PAID'), 0)
         + coalesce((SELECT sum(CASE WHEN t.buyer_investment_id = investment THEN t.funded_amount
                                     ELSE -t.funded_amount END)
                       FROM investment_transfers t
                      WHERE t.status = 'EXECUTED' AND investment IN (t.buyer_investment_id, t.seller_investment_id)), 0);
END $$;
