"""A deposit's fee leaves FEES again at most once: by its return, or by a refund run before it."""

from pathlib import Path

from django.db import migrations

HERE = Path(__file__).parent


class Migration(migrations.Migration):
    dependencies = [("finance", "0013_guard_refunds"), ("escrow", "0006_lines_fit_their_event")]
    operations = [
        migrations.RunSQL(
            (HERE / "0014_give_a_fee_back_once.sql").read_text(encoding="utf-8"),
            (HERE / "0014_give_a_fee_back_once_reverse.sql").read_text(encoding="utf-8"),
        )
    ]
