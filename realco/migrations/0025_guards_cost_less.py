"""Ids of what the database writes, and the guard of statuses, at a fifth of their price."""

from pathlib import Path

from django.db import migrations

HERE = Path(__file__).parent
NAME = "0025_guards_cost_less"


class Migration(migrations.Migration):
    dependencies = [
        ("realco", "0024_tell_many_changes_at_once"),
    ]

    operations = [
        migrations.RunSQL(
            (HERE / f"{NAME}.sql").read_text(encoding="utf-8"),
            (HERE / f"{NAME}_reverse.sql").read_text(encoding="utf-8"),
        ),
    ]
