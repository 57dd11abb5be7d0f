"""Unknown receipts, claims on them and bank fees are what a bank line says, and the latter two what two people say."""

from pathlib import Path

import pgtrigger.compiler
from django.db import migrations

from realco import guards

HERE = Path(__file__).parent


class Migration(migrations.Migration):
    dependencies = [("escrow", "0052_keep_indexes_that_are_used")]

    operations = [
        migrations.RunSQL(
            (HERE / "0060_suspense_is_accounted_for.sql").read_text(encoding="utf-8"),
            (HERE / "0060_suspense_is_accounted_for_reverse.sql").read_text(encoding="utf-8"),
        ),
        migrations.RunSQL(migrations.RunSQL.noop, guards.DROP_UNUSED_FUNCTIONS),
        guards.AddGuard(
            model_name="journalentry",
            trigger=pgtrigger.compiler.Trigger(
                name="suspense_is_accounted_for",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN (NEW.event IN ('UNKNOWN_RECEIPT', 'RECEIPT_CLAIMED', 'BANK_FEE'))",
                    execute="ledger_suspense_is_accounted_for()",
                    func="RETURN NULL;",
                    hash="298f8628c0029a1e10dc7868cde7d2bb3fc3d86a",
                    operation="INSERT",
                    pgid="pgtrigger_suspense_is_accounted_for_c3397",
                    table="journal_entries",
                    when="AFTER",
                ),
            ),
        ),
    ]
