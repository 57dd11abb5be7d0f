DROP FUNCTION waterfall_terms_follow_on();
DROP FUNCTION waterfall_terms_stand();
DROP FUNCTION waterfall_terms_are_drafted();
