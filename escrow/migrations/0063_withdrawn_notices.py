"""What is withdrawn counts for nothing, and is withdrawn in time; of a notice nothing else ever changes."""

from pathlib import Path

import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations

from realco import guards

HERE = Path(__file__).parent


class Migration(migrations.Migration):
    dependencies = [("escrow", "0062_let_notices_be_withdrawn")]

    operations = [
        migrations.RunSQL(
            (HERE / "0063_withdrawn_notices.sql").read_text(encoding="utf-8"),
            (HERE / "0063_withdrawn_notices_reverse.sql").read_text(encoding="utf-8"),
        ),
        migrations.RunSQL(migrations.RunSQL.noop, guards.DROP_UNUSED_FUNCTIONS),
        pgtrigger.migrations.RemoveTrigger(model_name="earlyclosingnotice", name="append_only"),
        guards.AddGuard(
            model_name="earlyclosingnotice",
            trigger=pgtrigger.compiler.Trigger(
                name="never_deleted",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_append_only()",
                    func="RETURN NULL;",
                    hash="2a03cf193a4e686eadf93986ce39167e28976b3a",
                    operation="DELETE",
                    pgid="pgtrigger_never_deleted_30ddb",
                    table="early_closing_notices",
                    when="BEFORE",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="earlyclosingnotice",
            trigger=pgtrigger.compiler.Trigger(
                name="immutable",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_immutable('id', 'escrow_account_id', 'notice_at', 'closes_at', 'given_by_id', 'created_at')",
                    func="RETURN NULL;",
                    hash="1e884f67626f8842d18901a893f7de429a22d4b0",
                    operation='UPDATE OF "id", "escrow_account_id", "notice_at", "closes_at", "given_by_id", "created_at"',
                    pgid="pgtrigger_immutable_f9262",
                    table="early_closing_notices",
                    when="BEFORE",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="earlyclosingnotice",
            trigger=pgtrigger.compiler.Trigger(
                name="written_once",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="realco_written_once('withdrawn_at', 'withdrawn_by_id', 'withdrawn_reason')",
                    func="RETURN NULL;",
                    hash="49d4f0a6c2a1decb792e014f935bd2f621fd574e",
                    operation='UPDATE OF "withdrawn_at", "withdrawn_by_id", "withdrawn_reason"',
                    pgid="pgtrigger_written_once_b2b4a",
                    table="early_closing_notices",
                    when="BEFORE",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="earlyclosingnotice",
            trigger=pgtrigger.compiler.Trigger(
                name="withdrawn_in_time",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN (NEW.withdrawn_at IS NOT NULL)",
                    execute="early_closing_is_withdrawn_in_time()",
                    func="RETURN NULL;",
                    hash="44fa45d390f11c3ac358c1e6111d58d74fe3bffa",
                    operation="INSERT OR UPDATE",
                    pgid="pgtrigger_withdrawn_in_time_541b8",
                    table="early_closing_notices",
                    when="BEFORE",
                ),
            ),
        ),
    ]
