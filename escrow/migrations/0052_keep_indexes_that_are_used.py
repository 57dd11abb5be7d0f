"""
Drop indexes that every insert paid for and no query needed: those that another index begins with, and those
of nulls. The fields keep their foreign keys, which altering them would have dropped and checked again.
"""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

INDEXES = (
    ("escrow_ledger_entries", "distribution_id", "0e37ff68"),
    ("journal_entries", "created_by_id", "1416cb39"),
    ("journal_entries", "distribution_id", "02af0bb5"),
)


class Migration(migrations.Migration):
    dependencies = [
        ("distributions", "0006_let_an_unpayable_allocation_fail"),
        ("escrow", "0051_post_one_entry_by_a_short_way"),
        ("finance", "0014_give_a_fee_back_once"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddIndex(
            model_name="escrowledgerentry",
            index=models.Index(
                condition=models.Q(("distribution__isnull", False)),
                fields=["distribution"],
                name="escrow_entries_distribution",
            ),
        ),
        migrations.AddIndex(
            model_name="journalentry",
            index=models.Index(
                condition=models.Q(("distribution__isnull", False)),
                fields=["distribution"],
                name="journal_entries_distribution",
            ),
        ),
        migrations.AddIndex(
            model_name="journalentry",
            index=models.Index(
                condition=models.Q(("created_by__isnull", False)),
                fields=["created_by"],
                name="journal_entries_created_by",
            ),
        ),
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.AlterField(
                    model_name="escrowledgerentry",
                    name="distribution",
                    field=models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="ledger_entries",
                        to="distributions.distribution",
                    ),
                ),
                migrations.AlterField(
                    model_name="journalentry",
                    name="created_by",
                    field=models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                migrations.AlterField(
                    model_name="journalentry",
                    name="distribution",
                    field=models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="journal_entries",
                        to="distributions.distribution",
                    ),
                ),
            ],
            database_operations=[
                migrations.RunSQL(
                    f"DROP INDEX {table}_{column}_{digest}",
                    f"CREATE INDEX {table}_{column}_{digest} ON {table} ({column})",
                )
                for table, column, digest in INDEXES
            ],
        ),
    ]
