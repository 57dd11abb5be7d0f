"""What stands against dealing with a person, as one function of the database that staff and guards both ask."""

from pathlib import Path

from django.db import migrations

HERE = Path(__file__).parent


class Migration(migrations.Migration):
    dependencies = [("compliance", "0004_triggers")]
    operations = [
        migrations.RunSQL(
            (HERE / "0010_standing.sql").read_text(encoding="utf-8"),
            "DROP FUNCTION compliance_obstacles(uuid[], timestamptz)",
        )
    ]
