"""A payment keeps its id: journal entries name it, and compare it themselves."""

import pgtrigger.compiler
from django.db import migrations

from realco import guards


class Migration(migrations.Migration):
    dependencies = [
        ("realco", "0002_guards"),
        ("finance", "0006_decide_a_sandbox_transfer_at_once"),
    ]

    operations = [
        migrations.RunSQL(migrations.RunSQL.noop, guards.DROP_UNUSED_FUNCTIONS),
        guards.AddGuard(
            model_name="transaction",
            trigger=pgtrigger.compiler.Trigger(
                name="keeps_its_id",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_immutable('id')",
                    func="RETURN NULL;",
                    hash="37979277be488e8badd802c4b4203e7bce18f078",
                    operation='UPDATE OF "id"',
                    pgid="pgtrigger_keeps_its_id_b8bf8",
                    table="transactions",
                    when="BEFORE",
                ),
            ),
        ),
    ]
