-- What an investment has been paid in: released by closings and calls, and handed over by transfers.
CREATE OR REPLACE FUNCTION investment_funded(investment uuid) RETURNS numeric LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN coalesce((SELECT sum((c.figures ->> i.investor_id::text)::numeric)
              FROM investments i JOIN escrow_accounts a ON a.offering_id = i.offering_id
              JOIN closings c ON c.escrow_account_id = a.id AND c.status = 'EXECUTED'
             WHERE i.id = investment), 0)
         + coalesce((SELECT sum(n.amount) FROM capital_call_items n
                      WHERE n.investment_id = investment AND n.status = 'PAID'), 0)
         + coalesce((SELECT sum(CASE WHEN t.buyer_investment_id = investment THEN t.funded_amount
                                     ELSE -t.funded_amount END)
                       FROM investment_transfers t
                      WHERE t.status = 'EXECUTED' AND investment IN (t.buyer_investment_id, t.seller_investment_id)), 0);
END $$;
