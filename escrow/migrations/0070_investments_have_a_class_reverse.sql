DROP FUNCTION investments_keep_their_class();
