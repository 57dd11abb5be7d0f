"""Capital calls with their items and payments, and transfers of investments."""

from decimal import Decimal

import django.db.models.deletion
import django.db.models.expressions
import django.utils.timezone
import django_fsm
from django.conf import settings
from django.db import migrations, models

import realco.identifiers
import realco.money


class Migration(migrations.Migration):
    dependencies = [
        ("distributions", "0022_numbers_stay_as_signed"),
        ("escrow", "0070_investments_have_a_class"),
        ("finance", "0030_payouts_begin_in_the_queue"),
        ("realco", "0021_keep_indexes_that_are_used"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="CapitalCall",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=realco.identifiers.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("call_number", models.CharField(max_length=20, unique=True)),
                (
                    "kind",
                    models.CharField(
                        choices=[("REGULAR", "Call"), ("LATE_CLOSING", "Late closing")],
                        default="REGULAR",
                        max_length=20,
                    ),
                ),
                (
                    "status",
                    django_fsm.FSMField(
                        choices=[
                            ("DRAFT", "Draft"),
                            ("PENDING_APPROVAL", "Pending approval"),
                            ("NOTICED", "Noticed"),
                            ("COMPLETED", "Completed"),
                            ("CANCELLED", "Cancelled"),
                        ],
                        default="DRAFT",
                        max_length=20,
                        protected=True,
                    ),
                ),
                ("notice_date", models.DateField()),
                ("due_date", models.DateField()),
                ("notice_days", models.PositiveSmallIntegerField(default=10)),
                ("total_amount", models.DecimalField(decimal_places=2, max_digits=18)),
                ("purpose", models.CharField(max_length=300)),
                ("interest_rate", models.DecimalField(decimal_places=6, default=Decimal("0.00"), max_digits=7)),
                ("premium_rate", models.DecimalField(decimal_places=6, default=Decimal("0.00"), max_digits=7)),
                (
                    "day_count",
                    models.CharField(
                        choices=[
                            ("ACT_365", "ACT_365"),
                            ("ACT_360", "ACT_360"),
                            ("ACT_ACT_ISDA", "ACT_ACT_ISDA"),
                            ("30_360", "30_360"),
                            ("30E_360", "30E_360"),
                        ],
                        max_length=20,
                    ),
                ),
                ("approved_at", models.DateTimeField(null=True)),
                ("completed_at", models.DateTimeField(null=True)),
                ("cancelled_at", models.DateTimeField(null=True)),
                ("cancelled_reason", models.CharField(blank=True, default="", max_length=300)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("updated_at", models.DateTimeField(auto_now=True)),
                (
                    "approved_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "created_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "offering",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="capital_calls", to="realco.offering"
                    ),
                ),
            ],
            options={
                "db_table": "capital_calls",
                "ordering": ("-created_at", "-id"),
                "permissions": (
                    ("create_capitalcall", "Can draw up capital calls"),
                    ("approve_capitalcall", "Can approve capital calls"),
                ),
            },
            bases=(django_fsm.FSMModelMixin, models.Model),
        ),
        migrations.CreateModel(
            name="CapitalCallItem",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=realco.identifiers.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "status",
                    django_fsm.FSMField(
                        choices=[("OPEN", "Open"), ("PAID", "Paid"), ("CANCELLED", "Cancelled")],
                        default="OPEN",
                        max_length=20,
                        protected=True,
                    ),
                ),
                ("commitment_amount", models.DecimalField(decimal_places=2, max_digits=18)),
                ("amount", models.DecimalField(decimal_places=2, max_digits=18)),
                ("premium_amount", models.DecimalField(decimal_places=2, default=Decimal("0.00"), max_digits=18)),
                ("interest_amount", models.DecimalField(decimal_places=2, default=Decimal("0.00"), max_digits=18)),
                ("paid_amount", models.DecimalField(decimal_places=2, default=Decimal("0.00"), max_digits=18)),
                ("paid_date", models.DateField(null=True)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("updated_at", models.DateTimeField(auto_now=True)),
                (
                    "call",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="items",
                        to="distributions.capitalcall",
                    ),
                ),
                (
                    "investment",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="call_items", to="escrow.investment"
                    ),
                ),
                (
                    "investor",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="call_items",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "db_table": "capital_call_items",
                "ordering": ("call", "id"),
            },
            bases=(django_fsm.FSMModelMixin, models.Model),
        ),
        migrations.CreateModel(
            name="CapitalCallPayment",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=realco.identifiers.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                (
                    "item",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="payments",
                        to="distributions.capitalcallitem",
                    ),
                ),
                (
                    "transaction",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="capital_call_payment",
                        to="finance.transaction",
                    ),
                ),
            ],
            options={
                "db_table": "capital_call_payments",
                "ordering": ("created_at", "id"),
            },
        ),
        migrations.CreateModel(
            name="InvestmentTransfer",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=realco.identifiers.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("part", models.DecimalField(decimal_places=10, max_digits=11)),
                ("effective_date", models.DateField()),
                ("document_reference", models.CharField(max_length=200)),
                (
                    "status",
                    django_fsm.FSMField(
                        choices=[("PROPOSED", "Proposed"), ("EXECUTED", "Executed"), ("CANCELLED", "Cancelled")],
                        default="PROPOSED",
                        max_length=20,
                        protected=True,
                    ),
                ),
                ("committed_amount", models.DecimalField(decimal_places=2, default=Decimal("0.00"), max_digits=18)),
                ("funded_amount", models.DecimalField(decimal_places=2, default=Decimal("0.00"), max_digits=18)),
                ("returned_amount", models.DecimalField(decimal_places=2, default=Decimal("0.00"), max_digits=18)),
                ("proposed_at", models.DateTimeField()),
                ("executed_at", models.DateTimeField(null=True)),
                ("cancelled_at", models.DateTimeField(null=True)),
                ("cancelled_reason", models.CharField(blank=True, default="", max_length=300)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                (
                    "approved_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "buyer",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="transfers_in",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "buyer_investment",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="transfers_in",
                        to="escrow.investment",
                    ),
                ),
                (
                    "offering",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="transfers", to="realco.offering"
                    ),
                ),
                (
                    "proposed_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "seller_investment",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="transfers_out",
                        to="escrow.investment",
                    ),
                ),
            ],
            options={
                "db_table": "investment_transfers",
                "ordering": ("-created_at", "-id"),
                "permissions": (
                    ("propose_investmenttransfer", "Can propose transfers of investments"),
                    ("approve_investmenttransfer", "Can approve transfers of investments"),
                ),
            },
            bases=(django_fsm.FSMModelMixin, models.Model),
        ),
        migrations.AddConstraint(
            model_name="capitalcall",
            constraint=models.CheckConstraint(
                condition=models.Q(("status__in", ["DRAFT", "PENDING_APPROVAL", "NOTICED", "COMPLETED", "CANCELLED"])),
                name="capital_calls_status_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="capitalcall",
            constraint=models.CheckConstraint(
                condition=models.Q(("kind__in", ["REGULAR", "LATE_CLOSING"])), name="capital_calls_kind_known"
            ),
        ),
        migrations.AddConstraint(
            model_name="capitalcall",
            constraint=models.CheckConstraint(
                condition=models.Q(("day_count__in", ["ACT_365", "ACT_360", "ACT_ACT_ISDA", "30_360", "30E_360"])),
                name="capital_calls_day_count_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="capitalcall",
            constraint=models.CheckConstraint(
                condition=models.Q(("total_amount__gt", 0)), name="capital_calls_amount_positive"
            ),
        ),
        migrations.AddConstraint(
            model_name="capitalcall",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("interest_rate__gte", 0),
                    ("interest_rate__lt", 1),
                    ("premium_rate__gte", 0),
                    ("premium_rate__lt", 1),
                ),
                name="capital_calls_rates_are_fractions",
            ),
        ),
        migrations.AddConstraint(
            model_name="capitalcall",
            constraint=models.CheckConstraint(
                condition=models.Q(("notice_days__gte", 1), ("due_date__gt", models.F("notice_date"))),
                name="capital_calls_give_notice",
            ),
        ),
        migrations.AddConstraint(
            model_name="capitalcall",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("approved_by__isnull", True),
                    models.Q(("approved_by", models.F("created_by")), _negated=True),
                    _connector="OR",
                ),
                name="capital_calls_four_eyes",
            ),
        ),
        migrations.AddConstraint(
            model_name="capitalcall",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("status__in", ["NOTICED", "COMPLETED"]), _negated=True),
                    models.Q(("approved_at__isnull", False), ("approved_by__isnull", False)),
                    _connector="OR",
                ),
                name="capital_calls_noticed_is_approved",
            ),
        ),
        migrations.AddConstraint(
            model_name="capitalcallitem",
            constraint=models.CheckConstraint(
                condition=models.Q(("status__in", ["OPEN", "PAID", "CANCELLED"])),
                name="capital_call_items_status_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="capitalcallitem",
            constraint=models.UniqueConstraint(fields=("call", "investment"), name="capital_call_items_once_each"),
        ),
        migrations.AddConstraint(
            model_name="capitalcallitem",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("amount__gt", 0),
                    ("interest_amount__gte", 0),
                    ("premium_amount__gte", 0),
                    ("commitment_amount__gte", models.F("amount")),
                ),
                name="capital_call_items_amounts_in_order",
            ),
        ),
        migrations.AddConstraint(
            model_name="capitalcallitem",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        (
                            "paid_amount",
                            django.db.models.expressions.CombinedExpression(
                                django.db.models.expressions.CombinedExpression(
                                    models.F("amount"), "+", models.F("premium_amount")
                                ),
                                "+",
                                models.F("interest_amount"),
                            ),
                        ),
                        ("paid_date__isnull", False),
                        ("status", "PAID"),
                    ),
                    models.Q(
                        models.Q(("status", "PAID"), _negated=True),
                        ("interest_amount", 0),
                        ("paid_amount", 0),
                        ("paid_date__isnull", True),
                    ),
                    _connector="OR",
                ),
                name="capital_call_items_paid_adds_up",
            ),
        ),
        migrations.AddConstraint(
            model_name="investmenttransfer",
            constraint=models.CheckConstraint(
                condition=models.Q(("status__in", ["PROPOSED", "EXECUTED", "CANCELLED"])),
                name="investment_transfers_status_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="investmenttransfer",
            constraint=models.CheckConstraint(
                condition=models.Q(("part__gt", 0), ("part__lte", 1)), name="investment_transfers_part"
            ),
        ),
        migrations.AddConstraint(
            model_name="investmenttransfer",
            constraint=models.UniqueConstraint(
                condition=models.Q(("status", "PROPOSED")),
                fields=("seller_investment",),
                name="investment_transfers_one_open",
            ),
        ),
        migrations.AddConstraint(
            model_name="investmenttransfer",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("approved_by__isnull", True),
                    models.Q(("approved_by", models.F("proposed_by")), _negated=True),
                    _connector="OR",
                ),
                name="investment_transfers_four_eyes",
            ),
        ),
        migrations.AddConstraint(
            model_name="investmenttransfer",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("approved_by__isnull", False),
                        ("buyer_investment__isnull", False),
                        ("committed_amount__gt", 0),
                        ("executed_at__isnull", False),
                        ("funded_amount__gte", models.F("returned_amount")),
                        ("returned_amount__gte", 0),
                        ("status", "EXECUTED"),
                    ),
                    models.Q(
                        models.Q(("status", "EXECUTED"), _negated=True),
                        ("buyer_investment__isnull", True),
                        ("committed_amount", 0),
                        ("funded_amount", 0),
                        ("returned_amount", 0),
                    ),
                    _connector="OR",
                ),
                name="investment_transfers_executed_is_approved",
            ),
        ),
    ]
