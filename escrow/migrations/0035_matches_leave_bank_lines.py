"""
Bank lines no longer say what explains them; bank_matches does.

The columns ledger_entry_id, match_reason and matched_at leave Django's state and stay in the table, readable and
no longer written, so that whoever reads them elsewhere finds what they held on the day of the move. Backwards
they are Django's again, with what 0034 writes back into them.
"""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("escrow", "0034_move_bank_matches")]
    operations = [
        migrations.RemoveIndex(model_name="bankstatementline", name="bank_lines_unmatched"),
        migrations.RunSQL(
            "ALTER TABLE bank_statement_lines ALTER COLUMN match_reason SET DEFAULT ''",
            "ALTER TABLE bank_statement_lines ALTER COLUMN match_reason DROP DEFAULT",
        ),
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.RemoveField(model_name="bankstatementline", name="ledger_entry"),
                migrations.RemoveField(model_name="bankstatementline", name="match_reason"),
                migrations.RemoveField(model_name="bankstatementline", name="matched_at"),
            ]
        ),
        migrations.AddIndex(
            model_name="bankstatementline",
            index=models.Index(fields=["escrow_account", "value_date", "id"], name="bank_lines_by_day"),
        ),
    ]
