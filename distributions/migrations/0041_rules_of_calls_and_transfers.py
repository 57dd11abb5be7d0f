"""What the database lets pass of capital calls and transfers; the triggers come next."""

from pathlib import Path

from django.db import migrations

HERE = Path(__file__).parent


class Migration(migrations.Migration):
    dependencies = [
        ("distributions", "0040_capital_calls_and_transfers"),
    ]

    operations = [
        migrations.RunSQL(
            (HERE / "0041_rules_of_calls_and_transfers.sql").read_text(encoding="utf-8"),
            (HERE / "0041_rules_of_calls_and_transfers_reverse.sql").read_text(encoding="utf-8"),
        )
    ]
