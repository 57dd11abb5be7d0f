"""Statements that update many rows are told by comparing columns, not whole documents: a third of the price."""

from pathlib import Path

from django.db import migrations

HERE = Path(__file__).parent
NAME = "0024_tell_many_changes_at_once"


class Migration(migrations.Migration):
    dependencies = [
        ("realco", "0023_keep_the_id_of_an_offering"),
    ]

    operations = [
        migrations.RunSQL(
            (HERE / f"{NAME}.sql").read_text(encoding="utf-8"),
            (HERE / f"{NAME}_reverse.sql").read_text(encoding="utf-8"),
        ),
    ]
