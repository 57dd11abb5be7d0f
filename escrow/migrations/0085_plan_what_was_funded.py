"""What investments were funded with is checked with a plan for as many rows as a closing changes."""

from pathlib import Path

from django.db import migrations

HERE = Path(__file__).parent
NAME = "0085_plan_what_was_funded"


class Migration(migrations.Migration):
    dependencies = [("escrow", "0079_let_an_investment_be_handed_over_whole")]
    operations = [
        migrations.RunSQL(
            (HERE / f"{NAME}.sql").read_text(encoding="utf-8"),
            (HERE / f"{NAME}_reverse.sql").read_text(encoding="utf-8"),
        ),
    ]
