"""Nothing is asked to be moved back between escrow accounts of which one is closed."""

from pathlib import Path

import pgtrigger.compiler
from django.db import migrations

from realco import guards

HERE = Path(__file__)


class Migration(migrations.Migration):
    dependencies = [
        ("distributions", "0071_guard_fund_arrangements"),
        ("distributions", "0080_keep_the_id_of_a_distribution"),
    ]

    operations = [
        migrations.RunSQL(migrations.RunSQL.noop, guards.DROP_UNUSED_FUNCTIONS),
        migrations.RunSQL(
            HERE.with_suffix(".sql").read_text(encoding="utf-8"),
            HERE.with_name(f"{HERE.stem}_reverse.sql").read_text(encoding="utf-8"),
        ),
        guards.AddGuard(
            model_name="reinvestment",
            trigger=pgtrigger.compiler.Trigger(
                name="reverses_between_open_accounts",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN (NEW.reversal_asked_at IS NOT NULL)",
                    execute="reinvestment_reverses_between_open_accounts()",
                    func="RETURN NULL;",
                    hash="cf2b2714a0e861700d75011206d577bd8809e6eb",
                    operation='UPDATE OF "reversal_asked_at"',
                    pgid="pgtrigger_reverses_between_open_accounts_f67bb",
                    table="reinvestments",
                    when="BEFORE",
                ),
            ),
        ),
    ]
