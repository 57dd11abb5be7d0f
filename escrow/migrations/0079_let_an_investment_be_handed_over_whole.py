"""Of an investment that was transferred whole nothing is left but its history."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("escrow", "0078_release_called_capital")]

    operations = [
        migrations.RemoveConstraint(model_name="investment", name="investments_amount_positive"),
        migrations.AddConstraint(
            model_name="investment",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("investment_amount__gt", 0),
                    models.Q(
                        ("funded_amount", 0),
                        ("investment_amount", 0),
                        ("returned_capital", 0),
                        ("status", "COMPLETED"),
                    ),
                    _connector="OR",
                ),
                name="investments_amount_positive",
            ),
        ),
    ]
