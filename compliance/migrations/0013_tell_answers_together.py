"""What the gate answers about a payment is told by one audit event instead of four."""

from pathlib import Path

import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations

from realco import guards

HERE = Path(__file__).parent
NAME = "0013_tell_answers_together"


class Migration(migrations.Migration):
    dependencies = [
        ("compliance", "0012_compare_checks_by_statement"),
        ("realco", "0024_tell_many_changes_at_once"),
    ]

    operations = [
        migrations.RunSQL(migrations.RunSQL.noop, guards.DROP_UNUSED_FUNCTIONS),
        migrations.RunSQL(
            (HERE / f"{NAME}.sql").read_text(encoding="utf-8"),
            (HERE / f"{NAME}_reverse.sql").read_text(encoding="utf-8"),
        ),
        pgtrigger.migrations.RemoveTrigger(model_name="compliancecheck", name="audit_insert"),
        guards.AddGuard(
            model_name="compliancecheck",
            trigger=pgtrigger.compiler.Trigger(
                name="audit_insert",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="compliance_audit_answers()",
                    func="RETURN NULL;",
                    hash="5e5326d86c44f07f20a96676e369ce8cde458336",
                    level="STATEMENT",
                    operation="INSERT",
                    pgid="pgtrigger_audit_insert_5632d",
                    referencing="REFERENCING NEW TABLE AS new_rows ",
                    table="compliance_checks",
                    when="AFTER",
                ),
            ),
        ),
    ]
