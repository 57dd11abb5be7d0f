"""The rules of refunds, in PL/pgSQL."""

from pathlib import Path

from django.db import migrations

HERE = Path(__file__).parent


class Migration(migrations.Migration):
    dependencies = [("finance", "0011_say_who_added_a_bank_account")]
    operations = [
        migrations.RunSQL(
            (HERE / "0012_refund_rules.sql").read_text(encoding="utf-8"),
            (HERE / "0012_refund_rules_reverse.sql").read_text(encoding="utf-8"),
        )
    ]
