"""Who may touch investors' money, in PL/pgSQL: holds, releases, and the life of an account."""

from pathlib import Path

from django.db import migrations

HERE = Path(__file__).parent


class Migration(migrations.Migration):
    dependencies = [("escrow", "0010_holds_signatures_and_notices"), ("realco", "0010_business_days")]
    operations = [
        migrations.RunSQL(
            (HERE / "0011_custody.sql").read_text(encoding="utf-8"),
            (HERE / "0011_custody_reverse.sql").read_text(encoding="utf-8"),
        )
    ]
