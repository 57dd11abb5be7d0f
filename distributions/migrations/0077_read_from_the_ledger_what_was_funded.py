"""What an investment was funded with is read from the ledger, so that checking many of them stays linear."""

from pathlib import Path

from django.db import migrations

HERE = Path(__file__)


class Migration(migrations.Migration):
    dependencies = [("distributions", "0076_personal_readings")]
    operations = [
        migrations.RunSQL(
            HERE.with_suffix(".sql").read_text(encoding="utf-8"),
            HERE.with_name(f"{HERE.stem}_reverse.sql").read_text(encoding="utf-8"),
        ),
    ]
