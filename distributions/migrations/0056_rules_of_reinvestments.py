"""The rules of elections and reinvestments, in PL/pgSQL."""

from pathlib import Path

from django.db import migrations

HERE = Path(__file__).parent


class Migration(migrations.Migration):
    dependencies = [("distributions", "0055_reinvestments")]
    operations = [
        migrations.RunSQL(
            (HERE / "0056_rules_of_reinvestments.sql").read_text(encoding="utf-8"),
            (HERE / "0056_rules_of_reinvestments_reverse.sql").read_text(encoding="utf-8"),
        )
    ]
