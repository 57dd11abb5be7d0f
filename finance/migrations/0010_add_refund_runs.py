"""Refund runs: giving investors back what they paid in."""

import django.db.models.deletion
import django.utils.timezone
import django_fsm
from django.conf import settings
from django.db import migrations, models

import realco.identifiers


class Migration(migrations.Migration):
    dependencies = [
        ("escrow", "0050_leave_room_beside_hot_rows"),
        ("finance", "0007_keep_the_id_of_a_payment"),
        ("realco", "0020_let_a_raise_fail"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]
    operations = [
        migrations.CreateModel(
            name="RefundRun",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=realco.identifiers.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "cause",
                    models.CharField(
                        choices=[
                            ("FAILED_RAISE", "Failed raise"),
                            ("OFFERING_CANCELLED", "Offering called off"),
                            ("INVESTOR_CANCELLED", "Cancelled by the investor"),
                        ],
                        max_length=30,
                    ),
                ),
                (
                    "status",
                    django_fsm.FSMField(
                        choices=[
                            ("PROPOSED", "Proposed"),
                            ("RUNNING", "Running"),
                            ("COMPLETED", "Completed"),
                            ("CANCELLED", "Cancelled"),
                        ],
                        default="PROPOSED",
                        max_length=20,
                        protected=True,
                    ),
                ),
                ("reason", models.CharField(max_length=300)),
                ("total_amount", models.DecimalField(decimal_places=2, max_digits=18)),
                ("largest_amount", models.DecimalField(decimal_places=2, max_digits=18)),
                ("figures", models.JSONField()),
                ("content_hash", models.CharField(max_length=64)),
                ("promised_by", models.DateField()),
                ("proposed_at", models.DateTimeField()),
                ("started_at", models.DateTimeField(blank=True, null=True)),
                ("completed_at", models.DateTimeField(blank=True, null=True)),
                ("cancelled_at", models.DateTimeField(blank=True, null=True)),
                ("cancelled_reason", models.CharField(blank=True, default="", max_length=300)),
                ("stopped_reason", models.CharField(blank=True, default="", max_length=300)),
                ("report", models.JSONField(blank=True, default=dict)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("updated_at", models.DateTimeField(auto_now=True)),
                (
                    "escrow_account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="refund_runs",
                        to="escrow.escrowaccount",
                    ),
                ),
                (
                    "offering",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="refund_runs", to="realco.offering"
                    ),
                ),
                (
                    "proposed_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
            options={
                "db_table": "refund_runs",
                "ordering": ("-created_at", "-id"),
                "permissions": (
                    ("propose_refundrun", "Can propose to refund a failed raise"),
                    ("approve_refundrun", "Can approve the refund of a failed raise"),
                ),
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("cause__in", ["FAILED_RAISE", "OFFERING_CANCELLED", "INVESTOR_CANCELLED"])),
                        name="refund_runs_cause_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("status__in", ["PROPOSED", "RUNNING", "COMPLETED", "CANCELLED"])),
                        name="refund_runs_status_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("largest_amount__gte", 0),
                            ("largest_amount__lte", models.F("total_amount")),
                            ("total_amount__gte", 0),
                        ),
                        name="refund_runs_amounts_in_order",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("reason", ""), _negated=True), name="refund_runs_says_why"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("status__in", ["RUNNING", "COMPLETED"]), _negated=True),
                            ("started_at__isnull", False),
                            _connector="OR",
                        ),
                        name="refund_runs_started_at_a_time",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(
                            ("status__in", ["PROPOSED", "RUNNING"]),
                            models.Q(("cause", "INVESTOR_CANCELLED"), _negated=True),
                        ),
                        fields=("escrow_account",),
                        name="refund_runs_one_open",
                    ),
                ],
            },
            bases=(django_fsm.FSMModelMixin, models.Model),
        ),
        migrations.CreateModel(
            name="RefundRunApproval",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=realco.identifiers.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("content_hash", models.CharField(max_length=64)),
                ("approved_at", models.DateTimeField()),
                ("note", models.CharField(blank=True, default="", max_length=300)),
                (
                    "approver",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "run",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="approvals", to="finance.refundrun"
                    ),
                ),
            ],
            options={
                "db_table": "refund_run_approvals",
                "ordering": ("approved_at", "id"),
                "constraints": [
                    models.UniqueConstraint(fields=("run", "approver"), name="refund_run_approvals_two_people"),
                ],
            },
        ),
        migrations.CreateModel(
            name="RefundItem",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=realco.identifiers.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("amount", models.DecimalField(decimal_places=2, max_digits=18)),
                ("fee_amount", models.DecimalField(decimal_places=2, default=0, max_digits=18)),
                ("kept_amount", models.DecimalField(decimal_places=2, default=0, max_digits=18)),
                (
                    "status",
                    django_fsm.FSMField(
                        choices=[
                            ("WAITING_TO_CLEAR", "Waiting to clear"),
                            ("DUE", "Due"),
                            ("PAYING", "Being paid"),
                            ("PAID", "Paid"),
                            ("BLOCKED", "Blocked"),
                            ("NOTHING_LEFT", "Nothing to give back"),
                        ],
                        default="WAITING_TO_CLEAR",
                        max_length=20,
                        protected=True,
                    ),
                ),
                (
                    "obstacle",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("", "Nothing"),
                            ("BANK_ACCOUNT", "Bank account"),
                            ("PAYEE", "Payee"),
                            ("MONEY_HELD", "Money on hold"),
                            ("FEES_GONE", "Fees no longer there"),
                            ("BANK", "Returned or refused by the bank"),
                            ("COMPLIANCE", "Refused by compliance"),
                        ],
                        default="",
                        max_length=20,
                    ),
                ),
                ("note", models.CharField(blank=True, default="", max_length=300)),
                (
                    "method",
                    models.CharField(
                        choices=[
                            ("ACH", "ACH"),
                            ("WIRE", "Wire"),
                            ("CHECK", "Check"),
                            ("CREDIT_CARD", "Credit card"),
                            ("INTERNAL_TRANSFER", "Internal transfer"),
                        ],
                        max_length=20,
                    ),
                ),
                ("promised_by", models.DateField(null=True)),
                ("paid_at", models.DateTimeField(null=True)),
                ("redirect_reason", models.CharField(blank=True, default="", max_length=300)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("updated_at", models.DateTimeField(auto_now=True)),
                (
                    "bank_account",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="finance.bankaccount",
                    ),
                ),
                (
                    "deposit",
                    models.OneToOneField(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="refund_of",
                        to="finance.transaction",
                    ),
                ),
                (
                    "investor",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="refund_items",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "payment",
                    models.OneToOneField(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="paying_for",
                        to="finance.transaction",
                    ),
                ),
                (
                    "redirect_approved_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "redirected_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "redirected_to",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="finance.bankaccount",
                    ),
                ),
                (
                    "run",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="items", to="finance.refundrun"
                    ),
                ),
            ],
            options={
                "db_table": "refund_items",
                "ordering": ("created_at", "id"),
                "indexes": [
                    models.Index(fields=["run", "status", "id"], name="refund_items_run_status"),
                    models.Index(fields=["investor", "-created_at"], name="refund_items_investor"),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("status__in", ["WAITING_TO_CLEAR", "DUE", "PAYING", "PAID", "BLOCKED", "NOTHING_LEFT"])
                        ),
                        name="refund_items_status_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "obstacle__in",
                                ["", "BANK_ACCOUNT", "PAYEE", "MONEY_HELD", "FEES_GONE", "BANK", "COMPLIANCE"],
                            )
                        ),
                        name="refund_items_obstacle_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("method__in", ["ACH", "WIRE", "CHECK"])), name="refund_items_method_known"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("amount__gt", 0),
                            ("fee_amount__gte", 0),
                            ("fee_amount__lte", models.F("amount")),
                            ("kept_amount__gte", 0),
                            ("kept_amount__lte", models.F("amount")),
                        ),
                        name="refund_items_amounts_in_order",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("deposit__isnull", False), ("fee_amount", 0), _connector="OR"),
                        name="refund_items_fee_of_a_deposit",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("status", "BLOCKED"), _negated=True),
                            models.Q(models.Q(("obstacle", ""), _negated=True), models.Q(("note", ""), _negated=True)),
                            _connector="OR",
                        ),
                        name="refund_items_blocked_says_why",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("redirect_approved_by__isnull", True),
                            models.Q(
                                ("redirected_by__isnull", False),
                                models.Q(("redirect_approved_by", models.F("redirected_by")), _negated=True),
                            ),
                            _connector="OR",
                        ),
                        name="refund_items_redirect_four_eyes",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(
                            ("deposit__isnull", True), models.Q(("status__in", ["PAID", "NOTHING_LEFT"]), _negated=True)
                        ),
                        fields=("run", "investor"),
                        name="refund_items_one_without_deposit",
                    ),
                ],
            },
            bases=(django_fsm.FSMModelMixin, models.Model),
        ),
        migrations.AddField(
            model_name="transaction",
            name="refund_item",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.PROTECT, related_name="payments", to="finance.refunditem"
            ),
        ),
    ]
