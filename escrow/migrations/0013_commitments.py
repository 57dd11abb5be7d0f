"""Each promise with its moment, and never above the maximum."""

from pathlib import Path

from django.db import migrations

HERE = Path(__file__).parent


class Migration(migrations.Migration):
    dependencies = [("escrow", "0012_release_gate")]
    operations = [
        migrations.RunSQL(
            (HERE / "0013_commitments.sql").read_text(encoding="utf-8"),
            (HERE / "0013_commitments_reverse.sql").read_text(encoding="utf-8"),
        )
    ]
