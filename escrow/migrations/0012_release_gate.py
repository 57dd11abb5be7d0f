"""What stands against a closing, and the triggers that let none pass while anything does."""

from pathlib import Path

from django.db import migrations

HERE = Path(__file__).parent


class Migration(migrations.Migration):
    dependencies = [("escrow", "0011_custody"), ("compliance", "0010_standing")]
    operations = [
        migrations.RunSQL(
            (HERE / "0012_release_gate.sql").read_text(encoding="utf-8"),
            (HERE / "0012_release_gate_reverse.sql").read_text(encoding="utf-8"),
        )
    ]
