"""
Payments are in the indexes that are asked, and nulls in none: money goes one way, so that half of whom and what a
payment names is null, and hardly any waits for a retry. Nobody asks by who asked or approved. They are built and dropped
while payments go on, one after the other; a try that gave way is gone on with.
"""

from typing import Any

import django.db.models.deletion
from django.conf import settings
from django.contrib.postgres.operations import RemoveIndexConcurrently
from django.db import migrations, models

from realco.indexes import AddIndexBeside

NAMED: dict[str, Any] = {
    "db_constraint": False,
    "db_index": False,
    "on_delete": django.db.models.deletion.PROTECT,
    "related_name": "+",
}
UNUSED = (
    "transactions_from_user",
    "transactions_to_user",
    "transactions_retry_queue",
    "transactions_approved_by",
    "transactions_second_approver",
)
USED = {
    "transactions_payer": ("from_user", "-created_at", "-id"),
    "transactions_payee": ("to_user", "-created_at", "-id"),
    "transactions_from_bank": ("from_bank_account",),
    "transactions_to_bank": ("to_bank_account",),
}


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("distributions", "0066_keep_premiums_for_whom_they_are_owed"),
        ("escrow", "0096_drop_indexes_nobody_asks"),
        ("finance", "0050_compare_payments_by_statement"),
        ("realco", "0023_keep_the_id_of_an_offering"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        *(
            AddIndexBeside(
                model_name="transaction",
                index=models.Index(condition=models.Q((f"{fields[0]}__isnull", False)), fields=fields, name=name),
            )
            for name, fields in USED.items()
        ),
        AddIndexBeside(
            model_name="transaction",
            index=models.Index(
                condition=models.Q(("status", "PENDING_RETRY")), fields=["next_retry_at"], name="transactions_retries"
            ),
        ),
        *(RemoveIndexConcurrently(model_name="transaction", name=name) for name in UNUSED),
        migrations.AlterField(
            model_name="transaction",
            name="from_bank_account",
            field=models.ForeignKey(null=True, to="finance.bankaccount", **NAMED),
        ),
        migrations.AlterField(
            model_name="transaction",
            name="to_bank_account",
            field=models.ForeignKey(null=True, to="finance.bankaccount", **NAMED),
        ),
        migrations.AlterField(
            model_name="transaction",
            name="initiated_by",
            field=models.ForeignKey(to=settings.AUTH_USER_MODEL, **NAMED),
        ),
    ]
