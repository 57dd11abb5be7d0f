DROP FUNCTION reinvestment_fits();
DROP FUNCTION reinvestment_election_fits();
