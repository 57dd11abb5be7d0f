"""The rules that hold bank matches together, in PL/pgSQL."""

from pathlib import Path

from django.db import migrations

HERE = Path(__file__).parent


class Migration(migrations.Migration):
    dependencies = [("escrow", "0031_bank_matches")]
    operations = [
        migrations.RunSQL(
            (HERE / "0032_bank_matches.sql").read_text(encoding="utf-8"),
            (HERE / "0032_bank_matches_reverse.sql").read_text(encoding="utf-8"),
        )
    ]
