"""The ledger's rules and ledger_post, in PL/pgSQL."""

from pathlib import Path

from django.db import migrations

HERE = Path(__file__).parent


class Migration(migrations.Migration):
    dependencies = [("escrow", "0002_links"), ("realco", "0002_guards")]
    operations = [
        migrations.RunSQL(
            (HERE / "0003_ledger.sql").read_text(encoding="utf-8"),
            (HERE / "0003_ledger_reverse.sql").read_text(encoding="utf-8"),
        )
    ]
