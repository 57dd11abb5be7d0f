DROP FUNCTION offering_terms_stand();
DROP FUNCTION realco_money(numeric);
DROP FUNCTION realco_is_about_now(timestamptz);
DROP FUNCTION realco_add_business_days(date, integer);
DROP FUNCTION realco_is_business_day(date);
