"""Business days, moments and amounts as the database itself reckons and writes them."""

from pathlib import Path

from django.db import migrations

HERE = Path(__file__).parent


class Migration(migrations.Migration):
    dependencies = [("realco", "0004_privileges")]
    operations = [
        migrations.RunSQL(
            (HERE / "0010_business_days.sql").read_text(encoding="utf-8"),
            (HERE / "0010_business_days_reverse.sql").read_text(encoding="utf-8"),
        )
    ]
