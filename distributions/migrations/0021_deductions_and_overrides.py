"""What is taken off an allocation is kept line by line; what people decide otherwise than the waterfall, with who and why."""

from decimal import Decimal

import django.db.models.deletion
import django.db.models.expressions
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

import realco.identifiers


class Migration(migrations.Migration):
    dependencies = [
        ("distributions", "0020_allocations_wait"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="AllocationLine",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=realco.identifiers.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[("PLATFORM_FEE", "Platform fee"), ("WITHHOLDING", "Withholding")], max_length=20
                    ),
                ),
                ("amount", models.DecimalField(decimal_places=2, max_digits=18)),
                ("base_amount", models.DecimalField(decimal_places=2, max_digits=18)),
                ("rate", models.DecimalField(decimal_places=6, max_digits=7, null=True)),
                ("reason", models.CharField(max_length=300)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
            ],
            options={
                "db_table": "allocation_lines",
                "ordering": ("allocation", "kind", "id"),
            },
        ),
        migrations.CreateModel(
            name="WithholdingRate",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=realco.identifiers.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("rate", models.DecimalField(decimal_places=6, max_digits=7)),
                ("reason", models.CharField(max_length=300)),
                ("effective_from", models.DateField()),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
            ],
            options={
                "db_table": "withholding_rates",
                "ordering": ("investor", "-effective_from", "-created_at"),
            },
        ),
        migrations.RemoveConstraint(
            model_name="distributionallocation",
            name="allocations_net_is_total_less_fee",
        ),
        migrations.AddField(
            model_name="distributionallocation",
            name="calculated",
            field=models.JSONField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="distributionallocation",
            name="overridden_by",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="distributionallocation",
            name="override_confirmed_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="distributionallocation",
            name="override_confirmed_by",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="distributionallocation",
            name="override_reason",
            field=models.CharField(blank=True, db_default="", default="", max_length=300),
        ),
        migrations.AddField(
            model_name="distributionallocation",
            name="withholding_amount",
            field=models.DecimalField(
                db_default=Decimal("0.00"), decimal_places=2, default=Decimal("0.00"), max_digits=18
            ),
        ),
        migrations.AddConstraint(
            model_name="distributionallocation",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("fee_amount__gte", 0),
                    ("net_amount__gte", 0),
                    ("withholding_amount__gte", 0),
                    (
                        "net_amount",
                        django.db.models.expressions.CombinedExpression(
                            django.db.models.expressions.CombinedExpression(
                                models.F("total_amount"), "-", models.F("fee_amount")
                            ),
                            "-",
                            models.F("withholding_amount"),
                        ),
                    ),
                ),
                name="allocations_net_is_total_less_deductions",
            ),
        ),
        migrations.AddConstraint(
            model_name="distributionallocation",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("overridden_by__isnull", True),
                        ("override_confirmed_by__isnull", True),
                        ("override_reason", ""),
                        ("calculated__isnull", True),
                    ),
                    models.Q(
                        ("calculated__isnull", False),
                        ("overridden_by__isnull", False),
                        models.Q(("override_reason", ""), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="allocations_override_says_why",
            ),
        ),
        migrations.AddConstraint(
            model_name="distributionallocation",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("override_confirmed_by__isnull", True),
                    models.Q(("override_confirmed_by", models.F("overridden_by")), _negated=True),
                    _connector="OR",
                ),
                name="allocations_override_four_eyes",
            ),
        ),
        migrations.AddField(
            model_name="allocationline",
            name="allocation",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="lines",
                to="distributions.distributionallocation",
            ),
        ),
        migrations.AddField(
            model_name="withholdingrate",
            name="entered_by",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="withholdingrate",
            name="investor",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="withholding_rates",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddConstraint(
            model_name="allocationline",
            constraint=models.CheckConstraint(
                condition=models.Q(("kind__in", ["PLATFORM_FEE", "WITHHOLDING"])), name="allocation_lines_kind_known"
            ),
        ),
        migrations.AddConstraint(
            model_name="allocationline",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("amount__gt", 0), ("base_amount__gte", models.F("amount")), models.Q(("reason", ""), _negated=True)
                ),
                name="allocation_lines_part_of_their_base",
            ),
        ),
        migrations.AddIndex(
            model_name="withholdingrate",
            index=models.Index(fields=["investor", "-effective_from", "-created_at"], name="withholding_rates_latest"),
        ),
        migrations.AddConstraint(
            model_name="withholdingrate",
            constraint=models.CheckConstraint(
                condition=models.Q(("rate__gte", 0), ("rate__lt", 1)), name="withholding_rates_a_fraction"
            ),
        ),
        migrations.AddConstraint(
            model_name="withholdingrate",
            constraint=models.CheckConstraint(
                condition=models.Q(("reason", ""), _negated=True), name="withholding_rates_say_why"
            ),
        ),
        migrations.AddConstraint(
            model_name="withholdingrate",
            constraint=models.CheckConstraint(
                condition=models.Q(("entered_by", models.F("investor")), _negated=True),
                name="withholding_rates_entered_by_another",
            ),
        ),
    ]
