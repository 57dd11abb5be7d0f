"""Keep premiums for those to whom they are owed; what arrived before may have been distributed as income since."""

import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models

KEEP_WHAT_IS_COMING = """
UPDATE capital_call_items SET keeps_premium = true WHERE status <> 'PAID';
SET CONSTRAINTS ALL IMMEDIATE;
SET CONSTRAINTS ALL DEFERRED
"""


class Migration(migrations.Migration):
    dependencies = [
        ("distributions", "0065_guard_premiums"),
    ]

    operations = [
        pgtrigger.migrations.RemoveTrigger(
            model_name="capitalcallitem",
            name="immutable",
        ),
        migrations.AddField(
            model_name="capitalcallitem",
            name="keeps_premium",
            field=models.BooleanField(db_default=False, default=False),
        ),
        migrations.RunSQL(KEEP_WHAT_IS_COMING, migrations.RunSQL.noop),
        migrations.AlterField(
            model_name="capitalcallitem",
            name="keeps_premium",
            field=models.BooleanField(db_default=True, default=True),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="capitalcallitem",
            trigger=pgtrigger.compiler.Trigger(
                name="immutable",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_immutable('call_id', 'investment_id', 'investor_id', 'commitment_amount', 'amount', 'premium_amount', 'keeps_premium', 'created_at')",
                    func="RETURN NULL;",
                    hash="c9bb6bb07bb23e68d360e5a5aaa10a0d83c7c399",
                    operation='UPDATE OF "call_id", "investment_id", "investor_id", "commitment_amount", "amount", "premium_amount", "keeps_premium", "created_at"',
                    pgid="pgtrigger_immutable_08419",
                    table="capital_call_items",
                    when="BEFORE",
                ),
            ),
        ),
    ]
