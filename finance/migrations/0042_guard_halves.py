"""The guards of payments that are halves of one movement."""

import pgtrigger.compiler
from django.db import migrations

from realco import guards


class Migration(migrations.Migration):
    dependencies = [("finance", "0041_halves_agree")]

    operations = [
        migrations.RunSQL(migrations.RunSQL.noop, guards.DROP_UNUSED_FUNCTIONS),
        guards.AddGuard(
            model_name="transaction",
            trigger=pgtrigger.compiler.Trigger(
                name="immutable_counterpart",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_immutable('counterpart_id')",
                    func="RETURN NULL;",
                    hash="00e9c5cf99ed14599dab56793de4a1726eed1477",
                    operation='UPDATE OF "counterpart_id"',
                    pgid="pgtrigger_immutable_counterpart_5bf21",
                    table="transactions",
                    when="BEFORE",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="transaction",
            trigger=pgtrigger.compiler.Trigger(
                name="counterparts_agree",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN (NEW.counterpart_id IS NOT NULL)",
                    constraint="CONSTRAINT",
                    execute="finance_counterparts_agree()",
                    func="RETURN NULL;",
                    hash="421c646282be49fcc3dbe2d7dc05c38d79c7c4cd",
                    operation='INSERT OR UPDATE OF "status", "counterpart_id"',
                    pgid="pgtrigger_counterparts_agree_dd078",
                    table="transactions",
                    timing="DEFERRABLE INITIALLY DEFERRED",
                    when="AFTER",
                ),
            ),
        ),
    ]
