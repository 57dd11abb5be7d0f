DROP FUNCTION finance_counterparts_agree();
DROP FUNCTION finance_fault_of_halves(transactions, transactions);
