"""What was known of a ledger account at a moment."""

from pathlib import Path

from django.db import migrations

HERE = Path(__file__).parent


class Migration(migrations.Migration):
    dependencies = [
        ("escrow", "0043_reversal_guards"),
    ]

    operations = [
        migrations.RunSQL(
            (HERE / "0044_knowledge.sql").read_text(encoding="utf-8"),
            (HERE / "0044_knowledge_reverse.sql").read_text(encoding="utf-8"),
        ),
    ]
