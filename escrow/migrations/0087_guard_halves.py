"""The guard of entries that move halves of one movement."""

import pgtrigger.compiler
from django.db import migrations

from realco import guards


class Migration(migrations.Migration):
    dependencies = [("escrow", "0086_halves_move_together")]

    operations = [
        migrations.RunSQL(migrations.RunSQL.noop, guards.DROP_UNUSED_FUNCTIONS),
        guards.AddGuard(
            model_name="journalentry",
            trigger=pgtrigger.compiler.Trigger(
                name="halves_move_together",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="ledger_halves_move_together()",
                    func="RETURN NULL;",
                    hash="3acc5b7f06d18590feba30340f9abcee1f0feee4",
                    level="STATEMENT",
                    operation="INSERT",
                    pgid="pgtrigger_halves_move_together_b0bc5",
                    referencing="REFERENCING NEW TABLE AS new_rows ",
                    table="journal_entries",
                    when="AFTER",
                ),
            ),
        ),
    ]
