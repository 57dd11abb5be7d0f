"""Refuse the write-off of an allocation part of which was reinvested or has arrived, in PL/pgSQL."""

from pathlib import Path

from django.db import migrations

HERE = Path(__file__)


class Migration(migrations.Migration):
    dependencies = [("distributions", "0061_reinvestments_that_come_back")]
    operations = [
        migrations.RunSQL(
            HERE.with_suffix(".sql").read_text(encoding="utf-8"),
            HERE.with_name("0062_write_off_only_what_has_not_arrived_reverse.sql").read_text(encoding="utf-8"),
        )
    ]
