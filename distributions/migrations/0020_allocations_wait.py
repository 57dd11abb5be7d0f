"""Whoever cannot be paid now waits with the reason and is paid once it is mended, instead of having failed."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("distributions", "0030_receipts"),
    ]

    operations = [
        migrations.AddField(
            model_name="distributionallocation",
            name="waiting_reason",
            field=models.CharField(blank=True, db_default="", default="", max_length=500),
        ),
        migrations.AddField(
            model_name="distributionallocation",
            name="waiting_since",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddIndex(
            model_name="distributionallocation",
            index=models.Index(
                condition=models.Q(("waiting_since__isnull", False)),
                fields=["distribution"],
                name="allocations_waiting",
            ),
        ),
        migrations.AddIndex(
            model_name="distributionallocation",
            index=models.Index(fields=["distribution", "-created_at", "-id"], name="allocations_paged"),
        ),
        migrations.AddConstraint(
            model_name="distributionallocation",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("waiting_reason", ""), ("waiting_since__isnull", True)),
                    models.Q(
                        ("status__in", ["PENDING", "CANCELLED"]),
                        ("waiting_since__isnull", False),
                        models.Q(("waiting_reason", ""), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="allocations_waiting_says_why",
            ),
        ),
    ]
