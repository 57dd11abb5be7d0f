"""What investors were offered stands from the moment the raise opens."""

import pgtrigger.compiler
from django.db import migrations

from realco import guards


class Migration(migrations.Migration):
    dependencies = [("realco", "0010_business_days")]

    operations = [
        migrations.RunSQL(migrations.RunSQL.noop, guards.DROP_UNUSED_FUNCTIONS),
        guards.AddGuard(
            model_name="offering",
            trigger=pgtrigger.compiler.Trigger(
                name="terms_stand",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="offering_terms_stand()",
                    func="RETURN NULL;",
                    hash="dfb4e0711603c22048df86745b038f529463fe54",
                    operation="UPDATE",
                    pgid="pgtrigger_terms_stand_06bc3",
                    table="offerings",
                    when="BEFORE",
                ),
            ),
        ),
    ]
