"""Each reconciliation keeps how old what it left unmatched was."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("escrow", "0035_matches_leave_bank_lines")]

    operations = [
        migrations.AddField(
            model_name="reconciliation",
            name="aged_items",
            field=models.PositiveIntegerField(default=0),
        ),
        migrations.AddField(
            model_name="reconciliation",
            name="aging",
            field=models.JSONField(default=dict),
        ),
    ]
