"""
What bank lines knew about their entries moves into bank_matches.

Backwards, living matches of one line with one entry are written back into the columns; matches of several
lines or entries cannot be, and their lines are unmatched again. Matches made before are not made twice.
"""

from django.db import migrations

FORWARDS = """
WITH moved AS MATERIALIZED (
    SELECT l.id AS line_id, l.ledger_entry_id AS entry_id, l.escrow_account_id, l.matched_at,
           realco_uuid7() AS match_id, realco_uuid7() AS match_line_id, realco_uuid7() AS match_entry_id,
           CASE l.match_reason WHEN 'reference and amount' THEN 'REFERENCE'
                               WHEN 'recorded as unknown receipt' THEN 'RECEIPT' ELSE 'AMOUNT' END AS method,
           coalesce(nullif(l.match_reason, ''), 'matched before') AS reason,
           (SELECT j.created_by_id FROM escrow_ledger_entries e JOIN journal_entries j ON j.id = e.journal_entry_id
             WHERE e.id = l.ledger_entry_id) AS booked_by
      FROM bank_statement_lines l
     WHERE l.ledger_entry_id IS NOT NULL
       AND NOT EXISTS (SELECT FROM bank_match_lines m WHERE m.line_id = l.id AND m.is_living)
       AND NOT EXISTS (SELECT FROM bank_match_entries m WHERE m.entry_id = l.ledger_entry_id AND m.is_living)
), matches AS (
    INSERT INTO bank_matches (id, escrow_account_id, method, confidence, reason, line_count, entry_count, made_by_id,
                              approved_by_id, made_at, reverses_id)
    SELECT match_id, escrow_account_id, CASE WHEN method = 'RECEIPT' AND booked_by IS NULL THEN 'REFERENCE' ELSE method END,
           CASE method WHEN 'AMOUNT' THEN 0.850 ELSE 1.000 END, reason, 1, 1,
           CASE WHEN method = 'RECEIPT' THEN booked_by END, NULL, coalesce(matched_at, now()), NULL
      FROM moved
), lines AS (
    INSERT INTO bank_match_lines (id, match_id, line_id, is_living) SELECT match_line_id, match_id, line_id, true FROM moved
)
INSERT INTO bank_match_entries (id, match_id, entry_id, is_living) SELECT match_entry_id, match_id, entry_id, true FROM moved;
"""

BACKWARDS = """
UPDATE bank_statement_lines l
   SET ledger_entry_id = e.entry_id, matched_at = m.made_at,
       match_reason = CASE m.method WHEN 'REFERENCE' THEN 'reference and amount'
                                    WHEN 'RECEIPT' THEN 'recorded as unknown receipt' ELSE left(m.reason, 60) END
  FROM bank_matches m
  JOIN bank_match_lines p ON p.match_id = m.id AND p.is_living
  JOIN bank_match_entries e ON e.match_id = m.id AND e.is_living
 WHERE p.line_id = l.id AND m.line_count = 1 AND m.entry_count = 1;
"""


class Migration(migrations.Migration):
    dependencies = [("escrow", "0033_bank_match_triggers")]
    operations = [migrations.RunSQL(FORWARDS, BACKWARDS)]
