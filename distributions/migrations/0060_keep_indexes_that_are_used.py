"""
Drop indexes that every insert paid for and no query needed: those that another index begins with, and those
of nulls. The fields keep their foreign keys, which altering them would have dropped and checked again.
"""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


INDEXES = (
    ("distribution_allocations", "distribution_id", "cbeffd86"),
    ("distribution_allocations", "investor_id", "dbcbf345"),
    ("distribution_allocations", "overridden_by_id", "39c199d2"),
    ("distribution_allocations", "override_confirmed_by_id", "807e900a"),
)


class Migration(migrations.Migration):
    dependencies = [
        ("distributions", "0057_guard_reinvestments"),
        ("escrow", "0087_guard_halves"),
        ("finance", "0042_guard_halves"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddIndex(
            model_name="distributionallocation",
            index=models.Index(
                condition=models.Q(("overridden_by__isnull", False)),
                fields=["overridden_by"],
                name="allocations_overridden_by",
            ),
        ),
        migrations.AddIndex(
            model_name="distributionallocation",
            index=models.Index(
                condition=models.Q(("override_confirmed_by__isnull", False)),
                fields=["override_confirmed_by"],
                name="allocations_confirmed_by",
            ),
        ),
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.AlterField(
                    model_name="distributionallocation",
                    name="distribution",
                    field=models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="allocations",
                        to="distributions.distribution",
                    ),
                ),
                migrations.AlterField(
                    model_name="distributionallocation",
                    name="investor",
                    field=models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="allocations",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                migrations.AlterField(
                    model_name="distributionallocation",
                    name="overridden_by",
                    field=models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                migrations.AlterField(
                    model_name="distributionallocation",
                    name="override_confirmed_by",
                    field=models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
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
