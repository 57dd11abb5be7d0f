"""An index for balances by effective date. Built while postings go on, so it is a migration of its own."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("escrow", "0044_knowledge"),
    ]

    operations = [
        AddIndexConcurrently(
            model_name="escrowledgerentry",
            index=models.Index(
                fields=["ledger_account", "effective_date"],
                include=("amount", "sequence"),
                name="escrow_entries_account_day",
            ),
        ),
    ]
