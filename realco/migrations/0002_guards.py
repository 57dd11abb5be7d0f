"""The database functions behind realco/guards.py."""

from pathlib import Path

from django.db import migrations

HERE = Path(__file__).parent


class Migration(migrations.Migration):
    dependencies = [("realco", "0001_initial")]
    operations = [
        migrations.RunSQL(
            (HERE / "0002_guards.sql").read_text(encoding="utf-8"),
            (HERE / "0002_guards_reverse.sql").read_text(encoding="utf-8"),
        )
    ]
