"""An escrow account is not closed while a reinvestment is being moved back into it, whoever would close it."""

from pathlib import Path

from django.db import migrations

HERE = Path(__file__)


class Migration(migrations.Migration):
    # The function looks at reinvestments, which are there as long as it does.
    dependencies = [
        ("escrow", "0087_guard_halves"),
        ("distributions", "0062_write_off_only_what_has_not_arrived"),
    ]
    operations = [
        migrations.RunSQL(
            HERE.with_suffix(".sql").read_text(encoding="utf-8"),
            HERE.with_name(f"{HERE.stem}_reverse.sql").read_text(encoding="utf-8"),
        ),
    ]
