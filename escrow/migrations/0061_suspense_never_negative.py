"""Nobody is given more out of suspense than came into it."""

from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    dependencies = [("escrow", "0060_suspense_is_accounted_for")]

    operations = [
        migrations.AddConstraint(
            model_name="ledgeraccount",
            constraint=models.CheckConstraint(
                condition=~Q(kind="SUSPENSE") | Q(balance__gte=0), name="ledger_accounts_suspense_never_negative"
            ),
        ),
    ]
