"""An allocation nobody can be paid for fails before it has a payment, with its reason, and can be retried."""

import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("distributions", "0005_let_terms_say_how_profit_is_shared")]

    operations = [
        pgtrigger.migrations.RemoveTrigger(model_name="distributionallocation", name="legal_status"),
        pgtrigger.migrations.AddTrigger(
            model_name="distributionallocation",
            trigger=pgtrigger.compiler.Trigger(
                name="legal_status",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute='realco_legal_status(\'PENDING\', \'{"CANCELLED": [], "COMPLETED": ["FAILED"], "FAILED": ["CANCELLED", "COMPLETED", "PROCESSING"], "PENDING": ["CANCELLED", "FAILED", "PROCESSING"], "PROCESSING": ["COMPLETED", "FAILED"]}\')',
                    func="RETURN NULL;",
                    hash="e9941b1f5beda0a75fd39216f32b7a57e8eefb09",
                    operation='INSERT OR UPDATE OF "status"',
                    pgid="pgtrigger_legal_status_e42af",
                    table="distribution_allocations",
                    when="BEFORE",
                ),
            ),
        ),
    ]
