DROP FUNCTION bank_match_entries_fit();
DROP FUNCTION bank_match_lines_fit();
DROP FUNCTION bank_match_part_is_freed();
DROP FUNCTION bank_match_frees_parts();
DROP FUNCTION bank_match_adds_up();
