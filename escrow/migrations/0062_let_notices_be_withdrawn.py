"""A notice of an early closing can be withdrawn: when, by whom and why; the same moment may be announced again."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
        ("escrow", "0061_suspense_never_negative"),
    ]

    operations = [
        migrations.AddField("earlyclosingnotice", "withdrawn_at", models.DateTimeField(null=True)),
        migrations.AddField(
            "earlyclosingnotice",
            "withdrawn_by",
            models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            "earlyclosingnotice", "withdrawn_reason", models.CharField(blank=True, default="", max_length=300)
        ),
        migrations.RemoveConstraint("earlyclosingnotice", "early_closing_notices_once"),
        migrations.AddConstraint(
            "earlyclosingnotice",
            models.UniqueConstraint(
                condition=Q(withdrawn_at__isnull=True),
                fields=("escrow_account", "closes_at"),
                name="early_closing_notices_living_once",
            ),
        ),
        migrations.AddConstraint(
            "earlyclosingnotice",
            models.CheckConstraint(
                condition=Q(withdrawn_at__isnull=True, withdrawn_by__isnull=True, withdrawn_reason="")
                | (Q(withdrawn_at__isnull=False, withdrawn_by__isnull=False) & ~Q(withdrawn_reason="")),
                name="early_closing_notices_withdrawn_by_somebody",
            ),
        ),
    ]
