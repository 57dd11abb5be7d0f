"""The person and the payment of a check are looked up for a statement's rows together, not by foreign keys."""

from pathlib import Path

import django.db.models.deletion
import pgtrigger.compiler
from django.conf import settings
from django.db import migrations, models

from realco import guards

HERE = Path(__file__).parent
NAME = "0012_compare_checks_by_statement"


class Migration(migrations.Migration):
    dependencies = [
        ("compliance", "0011_keep_indexes_that_are_used"),
        ("finance", "0042_guard_halves"),
        ("realco", "0022_tell_events_at_less_cost"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RunSQL(migrations.RunSQL.noop, guards.DROP_UNUSED_FUNCTIONS),
        migrations.RunSQL(
            (HERE / f"{NAME}.sql").read_text(encoding="utf-8"), "DROP FUNCTION compliance_checks_are_about_somebody()"
        ),
        migrations.AlterField(
            model_name="compliancecheck",
            name="payment",
            field=models.ForeignKey(
                db_constraint=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="compliance_checks",
                to="finance.transaction",
            ),
        ),
        migrations.AlterField(
            model_name="compliancecheck",
            name="subject",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="compliance_checks",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        guards.AddGuard(
            model_name="compliancecheck",
            trigger=pgtrigger.compiler.Trigger(
                name="about_somebody",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="compliance_checks_are_about_somebody()",
                    func="RETURN NULL;",
                    hash="e3aee77b282fa282bc8d6f1f63a34c6980342417",
                    level="STATEMENT",
                    operation="INSERT",
                    pgid="pgtrigger_about_somebody_de7a8",
                    referencing="REFERENCING NEW TABLE AS new_rows ",
                    table="compliance_checks",
                    when="AFTER",
                ),
            ),
        ),
    ]
