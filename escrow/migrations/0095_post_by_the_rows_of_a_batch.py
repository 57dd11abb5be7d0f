"""Posting a batch looks up its own rows, instead of walking through every account and every payment there is."""

from pathlib import Path

from django.db import migrations

HERE = Path(__file__).parent
NAME = "0095_post_by_the_rows_of_a_batch"


class Migration(migrations.Migration):
    dependencies = [("escrow", "0090_keep_open_what_is_given_back"), ("finance", "0050_compare_payments_by_statement")]
    operations = [
        migrations.RunSQL(
            (HERE / f"{NAME}.sql").read_text(encoding="utf-8"),
            (HERE / f"{NAME}_reverse.sql").read_text(encoding="utf-8"),
        ),
    ]
