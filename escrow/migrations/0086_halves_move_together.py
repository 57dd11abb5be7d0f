"""The rule that halves of one movement move together in the ledger, in PL/pgSQL."""

from pathlib import Path

from django.db import migrations

HERE = Path(__file__).parent


class Migration(migrations.Migration):
    dependencies = [("escrow", "0085_plan_what_was_funded"), ("finance", "0042_guard_halves")]
    operations = [
        migrations.RunSQL(
            (HERE / "0086_halves_move_together.sql").read_text(encoding="utf-8"),
            (HERE / "0086_halves_move_together_reverse.sql").read_text(encoding="utf-8"),
        )
    ]
