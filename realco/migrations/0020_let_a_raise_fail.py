"""When a raise failed, which is never before its deadline."""

import pgtrigger.compiler
from django.db import migrations, models
from realco import guards


class Migration(migrations.Migration):
    dependencies = [
        ("realco", "0011_terms_stand"),
    ]

    operations = [
        migrations.AddField(
            model_name="offering",
            name="failed_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        guards.AddGuard(
            model_name="offering",
            trigger=pgtrigger.compiler.Trigger(
                name="written_once",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_written_once('failed_at')",
                    func="RETURN NULL;",
                    hash="2947b3c41af467c70763201ddffd69538692ed76",
                    operation='UPDATE OF "failed_at"',
                    pgid="pgtrigger_written_once_3e5db",
                    table="offerings",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddConstraint(
            model_name="offering",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("status", "FAILED"), _negated=True),
                    models.Q(("failed_at__gte", models.F("deadline_at")), ("failed_at__isnull", False)),
                    _connector="OR",
                ),
                name="offerings_failed_after_deadline",
            ),
        ),
    ]
