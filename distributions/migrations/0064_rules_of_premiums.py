"""What the database lets pass of premiums that are paid on, in PL/pgSQL."""

from pathlib import Path

from django.db import migrations

HERE = Path(__file__)


class Migration(migrations.Migration):
    dependencies = [("distributions", "0063_premiums_are_paid_on")]
    operations = [
        migrations.RunSQL(
            HERE.with_suffix(".sql").read_text(encoding="utf-8"),
            HERE.with_name("0064_rules_of_premiums_reverse.sql").read_text(encoding="utf-8"),
        )
    ]
