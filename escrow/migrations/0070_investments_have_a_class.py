"""Investments say to which class of investors they belong, and keep it once money was distributed on them."""

from pathlib import Path

import pgtrigger.compiler
from django.db import migrations, models

from realco import guards

HERE = Path(__file__).parent


class Migration(migrations.Migration):
    dependencies = [("escrow", "0063_withdrawn_notices")]

    operations = [
        migrations.RunSQL(
            (HERE / "0070_investments_have_a_class.sql").read_text(encoding="utf-8"),
            (HERE / "0070_investments_have_a_class_reverse.sql").read_text(encoding="utf-8"),
        ),
        migrations.RunSQL(migrations.RunSQL.noop, guards.DROP_UNUSED_FUNCTIONS),
        migrations.AddField(
            model_name="investment",
            name="class_name",
            field=models.CharField(blank=True, default="", max_length=60),
        ),
        guards.AddGuard(
            model_name="investment",
            trigger=pgtrigger.compiler.Trigger(
                name="keep_their_class",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="investments_keep_their_class()",
                    func="RETURN NULL;",
                    hash="bf5516cc9ba0d5b8d01bff79a89a2224518ad0ff",
                    operation='UPDATE OF "class_name"',
                    pgid="pgtrigger_keep_their_class_3ea1a",
                    table="investments",
                    when="BEFORE",
                ),
            ),
        ),
    ]
