"""Holds, signatures of closings, notices of early closings, and each commitment with its moment."""

import django.db.models.deletion
import django.utils.timezone
import django_fsm
from decimal import Decimal
from django.conf import settings
from django.db import migrations, models

import realco.identifiers


class Migration(migrations.Migration):
    dependencies = [
        ("escrow", "0008_audit_a_posting_once"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="ClosingApproval",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=realco.identifiers.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("content_hash", models.CharField(max_length=64)),
                ("signed_at", models.DateTimeField()),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                (
                    "approver",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "closing",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="approvals",
                        to="escrow.closing",
                    ),
                ),
            ],
            options={
                "db_table": "closing_approvals",
                "ordering": ("signed_at", "id"),
                "constraints": [
                    models.UniqueConstraint(fields=("closing", "approver"), name="closing_approvals_once_each"),
                ],
            },
        ),
        migrations.CreateModel(
            name="Commitment",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=realco.identifiers.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("amount", models.DecimalField(decimal_places=2, max_digits=18)),
                ("committed_at", models.DateTimeField()),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                (
                    "investment",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="commitments", to="escrow.investment"
                    ),
                ),
            ],
            options={
                "db_table": "commitments",
                "ordering": ("committed_at", "id"),
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("amount", 0), _negated=True), name="commitments_amount_not_zero"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="EarlyClosingNotice",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=realco.identifiers.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("notice_at", models.DateTimeField()),
                ("closes_at", models.DateTimeField()),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                (
                    "escrow_account",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="early_closing_notices",
                        to="escrow.escrowaccount",
                    ),
                ),
                (
                    "given_by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
            options={
                "db_table": "early_closing_notices",
                "ordering": ("-closes_at",),
                "constraints": [
                    models.UniqueConstraint(fields=("escrow_account", "closes_at"), name="early_closing_notices_once"),
                    models.CheckConstraint(
                        condition=models.Q(("closes_at__gt", models.F("notice_at"))),
                        name="early_closing_notices_in_order",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Hold",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=realco.identifiers.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("amount", models.DecimalField(decimal_places=2, max_digits=18)),
                ("released_amount", models.DecimalField(decimal_places=2, default=Decimal("0.00"), max_digits=18)),
                (
                    "status",
                    django_fsm.FSMField(
                        choices=[("OPEN", "Open"), ("RELEASED", "Released"), ("EXPIRED", "Expired")],
                        default="OPEN",
                        max_length=20,
                        protected=True,
                    ),
                ),
                ("reason", models.CharField(max_length=300)),
                ("reference", models.CharField(max_length=200, unique=True)),
                ("placed_at", models.DateTimeField()),
                ("expires_at", models.DateTimeField(null=True)),
                ("ended_at", models.DateTimeField(null=True)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                (
                    "escrow_account",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="holds",
                        to="escrow.escrowaccount",
                    ),
                ),
                (
                    "investor",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "placed_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "db_table": "holds",
                "ordering": ("-placed_at", "-id"),
                "indexes": [
                    models.Index(
                        condition=models.Q(("status", "OPEN")),
                        fields=["escrow_account", "investor"],
                        name="holds_open_by_investor",
                    ),
                    models.Index(fields=["escrow_account", "-placed_at"], name="holds_of_account"),
                    models.Index(
                        condition=models.Q(("expires_at__isnull", False), ("status", "OPEN")),
                        fields=["expires_at"],
                        name="holds_expiring",
                    ),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("status__in", ["OPEN", "RELEASED", "EXPIRED"])), name="holds_status_known"
                    ),
                    models.CheckConstraint(condition=models.Q(("amount__gt", 0)), name="holds_amount_positive"),
                    models.CheckConstraint(
                        condition=models.Q(("released_amount__gte", 0), ("released_amount__lte", models.F("amount"))),
                        name="holds_release_no_more_than_held",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("ended_at__isnull", True),
                                ("status", "OPEN"),
                                ("released_amount__lt", models.F("amount")),
                            ),
                            models.Q(
                                models.Q(("status", "OPEN"), _negated=True),
                                ("ended_at__isnull", False),
                                ("released_amount", models.F("amount")),
                            ),
                            _connector="OR",
                        ),
                        name="holds_end_when_all_is_released",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("status", "EXPIRED"), _negated=True),
                            models.Q(("ended_at__gte", models.F("expires_at")), ("expires_at__isnull", False)),
                            _connector="OR",
                        ),
                        name="holds_expire_in_their_time",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("expires_at__isnull", True), ("expires_at__gt", models.F("placed_at")), _connector="OR"
                        ),
                        name="holds_expire_later",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("reason", ""), _negated=True), models.Q(("reference", ""), _negated=True)
                        ),
                        name="holds_say_why",
                    ),
                ],
            },
            bases=(django_fsm.FSMModelMixin, models.Model),
        ),
        migrations.AddField(
            model_name="investment",
            name="committed_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddConstraint(
            model_name="investment",
            constraint=models.CheckConstraint(
                condition=models.Q(("funded_amount__lte", models.F("investment_amount"))),
                name="investments_funded_is_committed",
            ),
        ),
    ]
