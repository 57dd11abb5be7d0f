"""Capital calls: committed capital called in parts, who owes how much of it, and the payments made for it."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django_fsm import FSMField, FSMModelMixin, transition

from distributions.day_counts import DayCount
from realco import guards
from realco.identifiers import new_id
from realco.models import Offering
from realco.money import MoneyField

ZERO = Decimal("0.00")


class CapitalCallStatus(models.TextChoices):
    DRAFT = "DRAFT", "Draft"
    PENDING_APPROVAL = "PENDING_APPROVAL", "Pending approval"
    NOTICED = "NOTICED", "Noticed"
    COMPLETED = "COMPLETED", "Completed"
    CANCELLED = "CANCELLED", "Cancelled"


class CapitalCallKind(models.TextChoices):
    REGULAR = "REGULAR", "Call"
    LATE_CLOSING = "LATE_CLOSING", "Late closing"


class CallItemStatus(models.TextChoices):
    OPEN = "OPEN", "Open"
    PAID = "PAID", "Paid"
    CANCELLED = "CANCELLED", "Cancelled"


CALL_TRANSITIONS = {
    CapitalCallStatus.DRAFT: (CapitalCallStatus.PENDING_APPROVAL, CapitalCallStatus.CANCELLED),
    CapitalCallStatus.PENDING_APPROVAL: (CapitalCallStatus.NOTICED, CapitalCallStatus.CANCELLED),
    CapitalCallStatus.NOTICED: (CapitalCallStatus.COMPLETED, CapitalCallStatus.CANCELLED),
    CapitalCallStatus.COMPLETED: (),
    CapitalCallStatus.CANCELLED: (),
}
ITEM_TRANSITIONS = {
    CallItemStatus.OPEN: (CallItemStatus.PAID, CallItemStatus.CANCELLED),
    CallItemStatus.PAID: (),
    CallItemStatus.CANCELLED: (),
}


class CapitalCall(FSMModelMixin, models.Model):
    """
    One call of an offering's committed capital; its items say who owes how much of ``total_amount``.

    A late closing is a call on those admitted after earlier calls, with a premium on each item.
    Rates are yearly fractions; ``interest_rate`` runs on what is late, by ``day_count``, simple.
    """

    Status = CapitalCallStatus
    Kind = CapitalCallKind
    TRANSITIONS = CALL_TRANSITIONS

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    offering = models.ForeignKey(Offering, on_delete=models.PROTECT, related_name="capital_calls")
    call_number = models.CharField(max_length=20, unique=True)
    kind = models.CharField(max_length=20, choices=CapitalCallKind, default=CapitalCallKind.REGULAR)
    status = FSMField(max_length=20, choices=CapitalCallStatus.choices, default=CapitalCallStatus.DRAFT, protected=True)
    notice_date = models.DateField()
    due_date = models.DateField()
    notice_days = models.PositiveSmallIntegerField(default=10)
    total_amount = MoneyField()
    purpose = models.CharField(max_length=300)
    interest_rate = models.DecimalField(max_digits=7, decimal_places=6, default=ZERO)
    premium_rate = models.DecimalField(max_digits=7, decimal_places=6, default=ZERO)
    day_count = models.CharField(max_length=20, choices=[(one.value, one.value) for one in DayCount])
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    approved_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    approved_at = models.DateTimeField(null=True)
    completed_at = models.DateTimeField(null=True)
    cancelled_at = models.DateTimeField(null=True)
    cancelled_reason = models.CharField(max_length=300, blank=True, default="")
    idempotency_key = models.CharField(max_length=255, unique=True, null=True)
    request_hash = models.CharField(max_length=64, blank=True, default="", db_default="")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        db_table = "capital_calls"
        ordering = ("-created_at", "-id")
        permissions = (
            ("create_capitalcall", "Can draw up capital calls"),
            ("approve_capitalcall", "Can approve capital calls"),
        )
        constraints = (
            guards.known_values("capital_calls", "status", CapitalCallStatus),
            guards.known_values("capital_calls", "kind", CapitalCallKind),
            guards.known_values("capital_calls", "day_count", DayCount),
            models.CheckConstraint(condition=Q(total_amount__gt=0), name="capital_calls_amount_positive"),
            models.CheckConstraint(
                condition=Q(interest_rate__gte=0, interest_rate__lt=1, premium_rate__gte=0, premium_rate__lt=1),
                name="capital_calls_rates_are_fractions",
            ),
            models.CheckConstraint(
                condition=Q(notice_days__gte=1) & Q(due_date__gt=F("notice_date")), name="capital_calls_give_notice"
            ),
            models.CheckConstraint(
                condition=Q(approved_by__isnull=True) | ~Q(approved_by=F("created_by")),
                name="capital_calls_four_eyes",
            ),
            models.CheckConstraint(
                condition=~Q(status__in=["NOTICED", "COMPLETED"])
                | Q(approved_by__isnull=False, approved_at__isnull=False),
                name="capital_calls_noticed_is_approved",
            ),
        )
        triggers = (
            *guards.audited(),
            *guards.never_deleted(),
            guards.immutable(
                "offering_id", "call_number", "kind", "notice_date", "due_date", "notice_days", "total_amount",
                "purpose", "interest_rate", "premium_rate", "day_count", "created_by_id", "created_at",
            ),
            guards.immutable("idempotency_key", "request_hash", name="immutable_key"),
            guards.written_once("approved_by_id", "approved_at", "completed_at", "cancelled_at"),
            guards.legal_status(CapitalCallStatus.DRAFT, CALL_TRANSITIONS),
            guards.Guard(
                "capital_call_passes", name="passes", when=guards.Before, operation=guards.UpdateOf("status")
            ),
        )  # fmt: skip

    def __str__(self) -> str:
        return self.call_number

    @transition(field=status, source=CapitalCallStatus.DRAFT, target=CapitalCallStatus.PENDING_APPROVAL)
    def mark_submitted(self) -> None:
        """Put before an approver."""

    @transition(field=status, source=CapitalCallStatus.PENDING_APPROVAL, target=CapitalCallStatus.NOTICED)
    def mark_noticed(self, *, approver: Any, at: datetime) -> None:
        self.approved_by = approver
        self.approved_at = at

    @transition(field=status, source=CapitalCallStatus.NOTICED, target=CapitalCallStatus.COMPLETED)
    def mark_completed(self, *, at: datetime) -> None:
        self.completed_at = at

    @transition(
        field=status,
        source=guards.sources_of(CALL_TRANSITIONS, CapitalCallStatus.CANCELLED),
        target=CapitalCallStatus.CANCELLED,
    )
    def mark_cancelled(self, *, reason: str, at: datetime) -> None:
        self.cancelled_reason = reason
        self.cancelled_at = at


class CapitalCallItem(FSMModelMixin, models.Model):
    """
    What one investment owes of a call: its part of the capital, a premium, and interest when it was late.

    ``commitment_amount`` is what it had committed when the call was drawn up. ``paid_amount`` is
    capital, premium and interest together, once its payments have cleared; until then it is nothing.
    ``keeps_premium`` says that a premium that has arrived is promised to those to whom it is owed; not so where it
    had arrived before premiums were paid on, and may have been distributed as income.
    """

    Status = CallItemStatus
    TRANSITIONS = ITEM_TRANSITIONS

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    call = models.ForeignKey(CapitalCall, on_delete=models.PROTECT, related_name="items", db_index=False)
    investment = models.ForeignKey("escrow.Investment", on_delete=models.PROTECT, related_name="call_items")
    investor = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="call_items")
    status = FSMField(max_length=20, choices=CallItemStatus.choices, default=CallItemStatus.OPEN, protected=True)
    commitment_amount = MoneyField()
    amount = MoneyField()
    premium_amount = MoneyField(default=ZERO)
    keeps_premium = models.BooleanField(default=True, db_default=True)
    interest_amount = MoneyField(default=ZERO)
    paid_amount = MoneyField(default=ZERO)
    paid_date = models.DateField(null=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        db_table = "capital_call_items"
        ordering = ("call", "id")
        constraints = (
            guards.known_values("capital_call_items", "status", CallItemStatus),
            models.UniqueConstraint(fields=["call", "investment"], name="capital_call_items_once_each"),
            models.CheckConstraint(
                condition=Q(amount__gt=0, premium_amount__gte=0, interest_amount__gte=0)
                & Q(commitment_amount__gte=F("amount")),
                name="capital_call_items_amounts_in_order",
            ),
            models.CheckConstraint(
                condition=Q(
                    status="PAID",
                    paid_date__isnull=False,
                    paid_amount=F("amount") + F("premium_amount") + F("interest_amount"),
                )
                | (~Q(status="PAID") & Q(paid_amount=0, interest_amount=0, paid_date__isnull=True)),
                name="capital_call_items_paid_adds_up",
            ),
        )
        triggers = (
            *guards.audited(),
            *guards.never_deleted(),
            guards.immutable(
                "call_id", "investment_id", "investor_id", "commitment_amount", "amount", "premium_amount",
                "keeps_premium", "created_at",
            ),
            guards.legal_status(CallItemStatus.OPEN, ITEM_TRANSITIONS),
            guards.Guard(
                "capital_call_item_fits", name="fits", when=guards.Before, operation=guards.InsertOrUpdate
            ),
            guards.Guard(
                "capital_call_item_releases", name="releases", when=guards.After, operation=guards.InsertOrUpdate,
                timing=guards.Deferred,
            ),
        )  # fmt: skip

    def __str__(self) -> str:
        return f"{self.investor} in {self.call}"

    @property
    def reference(self) -> str:
        """What the ledger entry that releases its capital is called."""
        return f"call:{self.call_id}:{self.investor_id}"

    @transition(field=status, source=CallItemStatus.OPEN, target=CallItemStatus.PAID)
    def mark_paid(self, *, interest: Decimal, on: Any) -> None:
        self.interest_amount = interest
        self.paid_amount = self.amount + self.premium_amount + interest
        self.paid_date = on

    @transition(field=status, source=CallItemStatus.OPEN, target=CallItemStatus.CANCELLED)
    def mark_cancelled(self) -> None:
        """The call was cancelled, or this investor was excused from it."""


class CapitalCallPayment(models.Model):
    """A CAPITAL_CALL payment made for an item. The database takes one of the same investor and offering only."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    item = models.ForeignKey(CapitalCallItem, on_delete=models.PROTECT, related_name="payments")
    transaction = models.OneToOneField(
        "finance.Transaction", on_delete=models.PROTECT, related_name="capital_call_payment"
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        db_table = "capital_call_payments"
        ordering = ("created_at", "id")
        triggers = (
            *guards.audited(),
            *guards.append_only(),
            guards.Guard("capital_call_payment_fits", name="fits", when=guards.Before, operation=guards.Insert),
        )

    def __str__(self) -> str:
        return f"{self.transaction} for {self.item}"
