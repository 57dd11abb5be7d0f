"""Called capital is released by its call: the gate's narrow path, and what it means for closings and funding."""

from pathlib import Path

from django.db import migrations

HERE = Path(__file__).parent


class Migration(migrations.Migration):
    dependencies = [
        ("escrow", "0070_investments_have_a_class"),
        ("distributions", "0042_guard_calls_and_transfers"),
    ]

    operations = [
        migrations.RunSQL(
            (HERE / "0078_release_called_capital.sql").read_text(encoding="utf-8"),
            (HERE / "0078_release_called_capital_reverse.sql").read_text(encoding="utf-8"),
        )
    ]
