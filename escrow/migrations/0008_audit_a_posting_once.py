"""One audit event for each journal entry; its lines and the balances that follow it have none of their own."""

from pathlib import Path

import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations

from realco import guards

CREATE = Path(__file__).with_suffix(".sql").read_text(encoding="utf-8")
DROP = """
DROP FUNCTION ledger_audit_journal_entries();
DROP FUNCTION escrow_audit_accounts();
DROP VIEW ledger_digests;
"""


class Migration(migrations.Migration):
    dependencies = [("escrow", "0007_compare_references_by_statement"), ("realco", "0002_guards")]

    operations = [
        migrations.RunSQL(CREATE, DROP),
        migrations.RunSQL(migrations.RunSQL.noop, guards.DROP_UNUSED_FUNCTIONS),
        pgtrigger.migrations.RemoveTrigger(
            model_name="escrowaccount",
            name="audit_update",
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name="escrowledgerentry",
            name="audit_insert",
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name="journalentry",
            name="audit_insert",
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name="ledgeraccount",
            name="audit_update",
        ),
        guards.AddGuard(
            model_name="escrowaccount",
            trigger=pgtrigger.compiler.Trigger(
                name="audit_update",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="escrow_audit_accounts()",
                    func="RETURN NULL;",
                    hash="34a78bd36346ecd0d0a6ec44d246458adadc72be",
                    level="STATEMENT",
                    operation="UPDATE",
                    pgid="pgtrigger_audit_update_bc1ff",
                    referencing="REFERENCING OLD TABLE AS old_rows  NEW TABLE AS new_rows ",
                    table="escrow_accounts",
                    when="AFTER",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="journalentry",
            trigger=pgtrigger.compiler.Trigger(
                name="audit_insert",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="ledger_audit_journal_entries()",
                    func="RETURN NULL;",
                    hash="e908ac68baa4b7907622db719373c37ae23fe6c3",
                    level="STATEMENT",
                    operation="INSERT",
                    pgid="pgtrigger_audit_insert_ab48d",
                    referencing="REFERENCING NEW TABLE AS new_rows ",
                    table="journal_entries",
                    when="AFTER",
                ),
            ),
        ),
        migrations.RunSQL(guards.DROP_UNUSED_FUNCTIONS, migrations.RunSQL.noop),
    ]
