"""Capital calls are drawn up under a key, so that asking twice draws up one; the key never changes."""

import pgtrigger.compiler
from django.db import migrations, models

from realco import guards


class Migration(migrations.Migration):
    dependencies = [("distributions", "0043_keep_what_was_exported_for_taxes")]

    operations = [
        migrations.AddField(
            model_name="capitalcall",
            name="idempotency_key",
            field=models.CharField(max_length=255, null=True, unique=True),
        ),
        migrations.AddField(
            model_name="capitalcall",
            name="request_hash",
            field=models.CharField(blank=True, db_default="", default="", max_length=64),
        ),
        migrations.RunSQL(migrations.RunSQL.noop, guards.DROP_UNUSED_FUNCTIONS),
        guards.AddGuard(
            model_name="capitalcall",
            trigger=pgtrigger.compiler.Trigger(
                name="immutable_key",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_immutable('idempotency_key', 'request_hash')",
                    func="RETURN NULL;",
                    hash="31e3d6fd0c0c264818c4900f6df794f32e07bf6e",
                    operation='UPDATE OF "idempotency_key", "request_hash"',
                    pgid="pgtrigger_immutable_key_b4283",
                    table="capital_calls",
                    when="BEFORE",
                ),
            ),
        ),
    ]
