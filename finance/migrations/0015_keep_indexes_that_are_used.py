"""
Drop indexes that every insert paid for and no query needed: those that another index begins with, and those
of nulls. The fields keep their foreign keys, which altering them would have dropped and checked again.
"""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

INDEXES = (
    ("transactions", "approved_by_id", "f2423ab1"),
    ("transactions", "distribution_id", "bba8434f"),
    ("transactions", "escrow_account_id", "6b35c74a"),
    ("transactions", "from_user_id", "7784f2b8"),
    ("transactions", "offering_id", "fe7c2c6b"),
    ("transactions", "refund_item_id", "afb9af8f"),
    ("transactions", "second_approved_by_id", "0ffd89bc"),
    ("transactions", "to_user_id", "2645ebe8"),
)


class Migration(migrations.Migration):
    dependencies = [
        ("distributions", "0006_let_an_unpayable_allocation_fail"),
        ("escrow", "0052_keep_indexes_that_are_used"),
        ("finance", "0014_give_a_fee_back_once"),
        ("realco", "0021_keep_indexes_that_are_used"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddIndex(
            model_name="transaction",
            index=models.Index(
                condition=models.Q(("approved_by__isnull", False)),
                fields=["approved_by"],
                name="transactions_approved_by",
            ),
        ),
        migrations.AddIndex(
            model_name="transaction",
            index=models.Index(
                condition=models.Q(("second_approved_by__isnull", False)),
                fields=["second_approved_by"],
                name="transactions_second_approver",
            ),
        ),
        migrations.AddIndex(
            model_name="transaction",
            index=models.Index(
                condition=models.Q(("refund_item__isnull", False)),
                fields=["refund_item"],
                name="transactions_refund_item",
            ),
        ),
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.AlterField(
                    model_name="transaction",
                    name="approved_by",
                    field=models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                migrations.AlterField(
                    model_name="transaction",
                    name="distribution",
                    field=models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="payments",
                        to="distributions.distribution",
                    ),
                ),
                migrations.AlterField(
                    model_name="transaction",
                    name="escrow_account",
                    field=models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="payments",
                        to="escrow.escrowaccount",
                    ),
                ),
                migrations.AlterField(
                    model_name="transaction",
                    name="from_user",
                    field=models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="payments_from",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                migrations.AlterField(
                    model_name="transaction",
                    name="offering",
                    field=models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="payments",
                        to="realco.offering",
                    ),
                ),
                migrations.AlterField(
                    model_name="transaction",
                    name="refund_item",
                    field=models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="payments",
                        to="finance.refunditem",
                    ),
                ),
                migrations.AlterField(
                    model_name="transaction",
                    name="second_approved_by",
                    field=models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                migrations.AlterField(
                    model_name="transaction",
                    name="to_user",
                    field=models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="payments_to",
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
