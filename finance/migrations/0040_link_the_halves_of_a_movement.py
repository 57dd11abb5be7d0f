"""Two payments may be the halves of one movement between our own escrow accounts; rows of before are none."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("finance", "0030_payouts_begin_in_the_queue"),
        ("escrow", "0079_let_an_investment_be_handed_over_whole"),
        ("distributions", "0043_keep_what_was_exported_for_taxes"),
    ]

    operations = [
        migrations.AddField(
            model_name="transaction",
            name="counterpart",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="finance.transaction",
            ),
        ),
        migrations.AddConstraint(
            model_name="transaction",
            constraint=models.UniqueConstraint(
                condition=models.Q(("counterpart__isnull", False)),
                fields=("counterpart",),
                name="transactions_counterpart_once",
            ),
        ),
        migrations.AddConstraint(
            model_name="transaction",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("counterpart__isnull", True),
                    models.Q(
                        ("fee_amount", 0),
                        ("from_bank_account__isnull", True),
                        ("payment_method", "INTERNAL_TRANSFER"),
                        ("to_bank_account__isnull", True),
                        ("type__in", ["DISTRIBUTION", "DEPOSIT"]),
                    ),
                    _connector="OR",
                ),
                name="transactions_counterpart_is_internal",
            ),
        ),
    ]
