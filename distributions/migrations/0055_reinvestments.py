"""What investors chose to reinvest, and what became of it in each distribution."""

import django.db.models.deletion
import django.utils.timezone
import django_fsm
import realco.identifiers
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("distributions", "0052_rules_of_write_offs"),
        ("finance", "0042_guard_halves"),
        ("escrow", "0079_let_an_investment_be_handed_over_whole"),
    ]

    operations = [
        migrations.CreateModel(
            name="ReinvestmentElection",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=realco.identifiers.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "basis",
                    models.CharField(
                        choices=[("ALL", "All of it"), ("PERCENTAGE", "A percentage"), ("AMOUNT", "A fixed amount")],
                        max_length=20,
                    ),
                ),
                ("rate", models.DecimalField(decimal_places=6, max_digits=7, null=True)),
                ("amount", models.DecimalField(decimal_places=2, max_digits=18, null=True)),
                (
                    "status",
                    django_fsm.FSMField(
                        choices=[("ACTIVE", "Active"), ("WITHDRAWN", "Withdrawn"), ("ENDED", "Ended")],
                        default="ACTIVE",
                        max_length=20,
                        protected=True,
                    ),
                ),
                ("elected_at", models.DateTimeField()),
                ("ended_at", models.DateTimeField(null=True)),
                ("ended_reason", models.CharField(blank=True, default="", max_length=300)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("updated_at", models.DateTimeField(auto_now=True)),
                (
                    "elected_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "ended_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "investment",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="reinvestment_elections",
                        to="escrow.investment",
                    ),
                ),
                (
                    "investor",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="reinvestment_elections",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "target_offering",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="reinvestment_elections",
                        to="realco.offering",
                    ),
                ),
            ],
            options={
                "db_table": "reinvestment_elections",
                "ordering": ("-elected_at", "-id"),
            },
            bases=(django_fsm.FSMModelMixin, models.Model),
        ),
        migrations.CreateModel(
            name="Reinvestment",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=realco.identifiers.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("amount", models.DecimalField(decimal_places=2, max_digits=18)),
                (
                    "status",
                    django_fsm.FSMField(
                        choices=[
                            ("PLANNED", "Planned"),
                            ("MOVING", "Being moved"),
                            ("DONE", "Reinvested"),
                            ("CASH", "Paid in cash instead"),
                            ("REVERSED", "Reversed"),
                            ("CANCELLED", "Cancelled"),
                        ],
                        default="PLANNED",
                        max_length=20,
                        protected=True,
                    ),
                ),
                ("reason", models.CharField(blank=True, default="", max_length=300)),
                ("finished_at", models.DateTimeField(null=True)),
                ("reversal_asked_at", models.DateTimeField(null=True)),
                ("reversal_reason", models.CharField(blank=True, default="", max_length=300)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("updated_at", models.DateTimeField(auto_now=True)),
                (
                    "allocation",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="reinvestments",
                        to="distributions.distributionallocation",
                    ),
                ),
                (
                    "outbound",
                    models.OneToOneField(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="reinvestment",
                        to="finance.transaction",
                    ),
                ),
                (
                    "reversal_asked_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "target_offering",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="reinvestments", to="realco.offering"
                    ),
                ),
                (
                    "election",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="reinvestments",
                        to="distributions.reinvestmentelection",
                    ),
                ),
            ],
            options={
                "db_table": "reinvestments",
                "ordering": ("-created_at", "-id"),
            },
            bases=(django_fsm.FSMModelMixin, models.Model),
        ),
        migrations.AddConstraint(
            model_name="reinvestmentelection",
            constraint=models.CheckConstraint(
                condition=models.Q(("basis__in", ["ALL", "PERCENTAGE", "AMOUNT"])),
                name="reinvestment_elections_basis_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="reinvestmentelection",
            constraint=models.CheckConstraint(
                condition=models.Q(("status__in", ["ACTIVE", "WITHDRAWN", "ENDED"])),
                name="reinvestment_elections_status_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="reinvestmentelection",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("amount__isnull", True), ("basis", "ALL"), ("rate__isnull", True)),
                    models.Q(("amount__isnull", True), ("basis", "PERCENTAGE"), ("rate__gt", 0), ("rate__lte", 1)),
                    models.Q(("amount__gt", 0), ("basis", "AMOUNT"), ("rate__isnull", True)),
                    _connector="OR",
                ),
                name="reinvestment_elections_say_how_much",
            ),
        ),
        migrations.AddConstraint(
            model_name="reinvestmentelection",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("ended_at__isnull", True), ("status", "ACTIVE")),
                    models.Q(
                        models.Q(("status", "ACTIVE"), _negated=True),
                        ("ended_at__isnull", False),
                        models.Q(("ended_reason", ""), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="reinvestment_elections_end_with_a_reason",
            ),
        ),
        migrations.AddConstraint(
            model_name="reinvestmentelection",
            constraint=models.UniqueConstraint(
                condition=models.Q(("status", "ACTIVE")),
                fields=("investment",),
                name="reinvestment_elections_one_active",
            ),
        ),
        migrations.AddIndex(
            model_name="reinvestment",
            index=models.Index(fields=["status", "created_at"], name="reinvestments_by_status"),
        ),
        migrations.AddConstraint(
            model_name="reinvestment",
            constraint=models.CheckConstraint(
                condition=models.Q(("status__in", ["PLANNED", "MOVING", "DONE", "CASH", "REVERSED", "CANCELLED"])),
                name="reinvestments_status_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="reinvestment",
            constraint=models.CheckConstraint(
                condition=models.Q(("amount__gt", 0)), name="reinvestments_amount_positive"
            ),
        ),
        migrations.AddConstraint(
            model_name="reinvestment",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("status__in", ["CASH", "REVERSED"]), _negated=True),
                    models.Q(("reason", ""), _negated=True),
                    _connector="OR",
                ),
                name="reinvestments_say_why_not",
            ),
        ),
        migrations.AddConstraint(
            model_name="reinvestment",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("status__in", ["MOVING", "DONE", "REVERSED"]), _negated=True),
                    ("outbound__isnull", False),
                    _connector="OR",
                ),
                name="reinvestments_moved_by_a_payment",
            ),
        ),
        migrations.AddConstraint(
            model_name="reinvestment",
            constraint=models.UniqueConstraint(
                condition=models.Q(("status", "CANCELLED"), _negated=True),
                fields=("allocation",),
                name="reinvestments_once_an_allocation",
            ),
        ),
    ]
