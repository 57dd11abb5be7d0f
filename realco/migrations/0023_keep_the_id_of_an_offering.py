"""Payments name offerings without a foreign key each, so an offering keeps its id."""

import pgtrigger.compiler
from django.db import migrations

from realco import guards


class Migration(migrations.Migration):
    dependencies = [
        ("realco", "0022_tell_events_at_less_cost"),
    ]

    operations = [
        migrations.RunSQL(migrations.RunSQL.noop, guards.DROP_UNUSED_FUNCTIONS),
        guards.AddGuard(
            model_name="offering",
            trigger=pgtrigger.compiler.Trigger(
                name="keeps_its_id",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_immutable('id')",
                    func="RETURN NULL;",
                    hash="7678a9f38fc4755971f875df1f4602fc8c0e7dd7",
                    operation='UPDATE OF "id"',
                    pgid="pgtrigger_keeps_its_id_07bbd",
                    table="offerings",
                    when="BEFORE",
                ),
            ),
        ),
    ]
