"""Terms say what investors share profit by, and a preferred return may accrue from one common day."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("distributions", "0004_triggers")]

    operations = [
        migrations.AddField(
            model_name="waterfallterms",
            name="profits_by",
            field=models.CharField(
                choices=[("CONTRIBUTED", "Contributed capital"), ("OWNERSHIP", "Ownership")],
                default="CONTRIBUTED",
                max_length=20,
            ),
        ),
        migrations.AddField(
            model_name="waterfalltier",
            name="accrues_from",
            field=models.DateField(blank=True, null=True),
        ),
        migrations.AddConstraint(
            model_name="waterfallterms",
            constraint=models.CheckConstraint(
                condition=models.Q(("profits_by__in", ["CONTRIBUTED", "OWNERSHIP"])),
                name="waterfall_terms_profits_by_known",
            ),
        ),
    ]
