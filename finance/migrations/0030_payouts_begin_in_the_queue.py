"""Payments that were approved before they were made begin in the queue, with their money reserved."""

from pathlib import Path

import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations

from realco import guards

HERE = Path(__file__)


class Migration(migrations.Migration):
    dependencies = [("finance", "0015_keep_indexes_that_are_used")]

    operations = [
        migrations.RunSQL(migrations.RunSQL.noop, guards.DROP_UNUSED_FUNCTIONS),
        migrations.RunSQL(HERE.with_suffix(".sql").read_text(), "DROP FUNCTION finance_payment_begins();"),
        pgtrigger.migrations.RemoveTrigger(
            model_name="transaction",
            name="legal_status",
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="transaction",
            trigger=pgtrigger.compiler.Trigger(
                name="legal_status",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute='realco_legal_status(\'INITIATED\', \'{"APPROVED": ["CANCELLED", "ON_HOLD", "QUEUED"], "CANCELLED": [], "COMPLETED": ["REVERSED"], "FAILED": ["CANCELLED", "PENDING_RETRY"], "INITIATED": ["APPROVED", "CANCELLED", "ON_HOLD", "PENDING_APPROVAL", "QUEUED"], "ON_HOLD": ["<held_from>", "CANCELLED"], "PENDING_APPROVAL": ["APPROVED", "CANCELLED", "ON_HOLD"], "PENDING_RETRY": ["CANCELLED", "QUEUED"], "PENDING_SETTLEMENT": ["FAILED", "SETTLED"], "PROCESSING": ["COMPLETED", "FAILED", "ON_HOLD", "PENDING_SETTLEMENT", "SETTLED"], "QUEUED": ["CANCELLED", "ON_HOLD", "PROCESSING"], "REVERSED": [], "SETTLED": ["COMPLETED", "REVERSED"]}\')',
                    func="RETURN NULL;",
                    hash="428837400edf5df4c6c580a8a25ca4466b7beb1e",
                    operation='UPDATE OF "status", "held_from"',
                    pgid="pgtrigger_legal_status_85088",
                    table="transactions",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="transaction",
            trigger=pgtrigger.compiler.Trigger(
                name="begins",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="finance_payment_begins()",
                    func="RETURN NULL;",
                    hash="f6285dea6dc6dc75314056caaed9eb816ffe8d6e",
                    operation="INSERT",
                    pgid="pgtrigger_begins_3131b",
                    table="transactions",
                    when="BEFORE",
                ),
            ),
        ),
    ]
