"""
The posting table in the database: each event's lines, its payment, its escrow account's state.

A journal entry is written with all of its lines by one statement and checked at its end, set-based; the
deferred checks of every row, which this replaces, were a third of the time that a large batch took.
"""

from pathlib import Path

import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations

from realco import guards

HERE = Path(__file__).parent


class Migration(migrations.Migration):
    dependencies = [("escrow", "0005_add_fee_returned_and_bank_fee"), ("realco", "0002_guards")]

    operations = [
        migrations.RunSQL(migrations.RunSQL.noop, guards.DROP_UNUSED_FUNCTIONS),
        migrations.RunSQL(
            (HERE / "0006_lines_fit_their_event.sql").read_text(encoding="utf-8"),
            (HERE / "0006_lines_fit_their_event_reverse.sql").read_text(encoding="utf-8"),
        ),
        pgtrigger.migrations.RemoveTrigger(model_name="journalentry", name="journal_balances"),
        pgtrigger.migrations.RemoveTrigger(model_name="ledgeraccount", name="head_is_last_entry"),
        guards.AddGuard(
            model_name="ledgeraccount",
            trigger=pgtrigger.compiler.Trigger(
                name="begins_empty",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="ledger_heads_are_last_entries()",
                    func="RETURN NULL;",
                    hash="3f88bd20a180ed9811fc114b4ed064f812521d05",
                    level="STATEMENT",
                    operation="INSERT",
                    pgid="pgtrigger_begins_empty_24da1",
                    referencing="REFERENCING NEW TABLE AS new_rows ",
                    table="ledger_accounts",
                    when="AFTER",
                ),
            ),
        ),
        guards.AddGuard(
            model_name="ledgeraccount",
            trigger=pgtrigger.compiler.Trigger(
                name="heads_are_last_entries",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    execute="ledger_heads_are_last_entries()",
                    func="RETURN NULL;",
                    hash="ff40eb885b53ea2102565afedadfae09dd293012",
                    level="STATEMENT",
                    operation="UPDATE",
                    pgid="pgtrigger_heads_are_last_entries_17f1f",
                    referencing="REFERENCING NEW TABLE AS new_rows ",
                    table="ledger_accounts",
                    when="AFTER",
                ),
            ),
        ),
        migrations.RunSQL(
            (HERE / "0006_deferred_checks_gone.sql").read_text(encoding="utf-8"),
            (HERE / "0006_deferred_checks_reverse.sql").read_text(encoding="utf-8"),
        ),
        migrations.RunSQL(guards.DROP_UNUSED_FUNCTIONS, migrations.RunSQL.noop),
    ]
