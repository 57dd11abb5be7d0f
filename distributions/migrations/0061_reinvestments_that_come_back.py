"""Remember what was paid in cash before a reinvestment came back, and let one come back that nobody had followed."""

from pathlib import Path

import django.db.models.deletion
import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models

from realco import guards

HERE = Path(__file__)
_FIND_WHAT_WAS_PAID = """
UPDATE reinvestments r SET paid_before_id = (
    SELECT t.id FROM transactions t
     WHERE t.distribution_id = a.distribution_id AND t.to_user_id = a.investor_id AND t.type = 'DISTRIBUTION'
       AND t.counterpart_id IS NULL AND t.metadata ->> 'allocation' = a.id::text
       AND t.amount = a.net_amount - r.amount AND t.completed_at <= r.finished_at
     ORDER BY t.completed_at DESC LIMIT 1)
  FROM distribution_allocations a
 WHERE a.id = r.allocation_id AND r.status = 'REVERSED' AND r.amount < a.net_amount
"""
"""Until now only what had arrived could come back."""


class Migration(migrations.Migration):
    dependencies = [
        ("distributions", "0060_keep_indexes_that_are_used"),
        ("finance", "0042_guard_halves"),
    ]

    operations = [
        migrations.RunSQL(migrations.RunSQL.noop, guards.DROP_UNUSED_FUNCTIONS),
        migrations.RunSQL(
            HERE.with_suffix(".sql").read_text(encoding="utf-8"),
            HERE.with_name(f"{HERE.stem}_reverse.sql").read_text(encoding="utf-8"),
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name="reinvestment",
            name="written_once",
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name="reinvestment",
            name="fits",
        ),
        migrations.AddField(
            model_name="reinvestment",
            name="paid_before",
            field=models.OneToOneField(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="rest_of_reinvestment",
                to="finance.transaction",
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="reinvestment",
            trigger=pgtrigger.compiler.Trigger(
                name="written_once",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_written_once('outbound_id', 'paid_before_id')",
                    func="RETURN NULL;",
                    hash="37b0ffa0a2d419b6a469b29e010b1e7720dfc5b5",
                    operation='UPDATE OF "outbound_id", "paid_before_id"',
                    pgid="pgtrigger_written_once_e6536",
                    table="reinvestments",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="reinvestment",
            trigger=pgtrigger.compiler.Trigger(
                name="fits",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="reinvestment_fits()",
                    func="RETURN NULL;",
                    hash="7babcba591accb6d90d028e8d4519edee49ee4fb",
                    operation='INSERT OR UPDATE OF "status", "outbound_id", "paid_before_id"',
                    pgid="pgtrigger_fits_ecb9b",
                    table="reinvestments",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.RunSQL(_FIND_WHAT_WAS_PAID, migrations.RunSQL.noop),
    ]
