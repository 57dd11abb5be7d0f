"""Payments name distributions without a foreign key each, so a distribution keeps its id."""

import pgtrigger.compiler
from django.db import migrations

from realco import guards


class Migration(migrations.Migration):
    dependencies = [
        ("distributions", "0071_guard_fund_arrangements"),
    ]

    operations = [
        migrations.RunSQL(migrations.RunSQL.noop, guards.DROP_UNUSED_FUNCTIONS),
        guards.AddGuard(
            model_name="distribution",
            trigger=pgtrigger.compiler.Trigger(
                name="keeps_its_id",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_immutable('id')",
                    func="RETURN NULL;",
                    hash="f94842298a1a0706d11124f6129fe62296848536",
                    operation='UPDATE OF "id"',
                    pgid="pgtrigger_keeps_its_id_b6821",
                    table="distributions",
                    when="BEFORE",
                ),
            ),
        ),
    ]
