DROP FUNCTION fund_arrangement_follows_on();
DROP FUNCTION fund_arrangement_stands();
DROP FUNCTION fund_deal_fits();
