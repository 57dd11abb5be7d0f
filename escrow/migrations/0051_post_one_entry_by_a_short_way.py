"""A short way through ledger_post for one journal entry, and plans that are kept."""

from pathlib import Path

from django.db import migrations

HERE = Path(__file__).parent
NAME = "0051_post_one_entry_by_a_short_way"


class Migration(migrations.Migration):
    dependencies = [("escrow", "0050_leave_room_beside_hot_rows")]
    operations = [
        migrations.RunSQL(
            (HERE / f"{NAME}.sql").read_text(encoding="utf-8"),
            (HERE / f"{NAME}_reverse.sql").read_text(encoding="utf-8"),
        ),
    ]
