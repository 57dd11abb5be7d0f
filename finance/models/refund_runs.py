"""Refund runs: giving investors back what they paid in for a raise that failed, was called off, or that they left."""

from datetime import date, datetime
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django_fsm import FSMField, FSMModelMixin, transition

from escrow.models import EscrowAccount
from finance.models.bank_accounts import BankAccount
from finance.models.transactions import APPROVAL_THRESHOLD, Transaction
from realco import guards
from realco.identifiers import new_id
from realco.models import Offering
from realco.money import MoneyField


class RefundCause(models.TextChoices):
    FAILED_RAISE = "FAILED_RAISE", "Failed raise"
    OFFERING_CANCELLED = "OFFERING_CANCELLED", "Offering called off"
    INVESTOR_CANCELLED = "INVESTOR_CANCELLED", "Cancelled by the investor"


class RefundRunStatus(models.TextChoices):
    PROPOSED = "PROPOSED", "Proposed"
    RUNNING = "RUNNING", "Running"
    COMPLETED = "COMPLETED", "Completed"
    CANCELLED = "CANCELLED", "Cancelled"


class RefundItemStatus(models.TextChoices):
    WAITING_TO_CLEAR = "WAITING_TO_CLEAR", "Waiting to clear"
    DUE = "DUE", "Due"
    PAYING = "PAYING", "Being paid"
    PAID = "PAID", "Paid"
    BLOCKED = "BLOCKED", "Blocked"
    NOTHING_LEFT = "NOTHING_LEFT", "Nothing to give back"


class RefundObstacle(models.TextChoices):
    """What keeps a refund from being paid; the words are beside it."""

    NONE = "", "Nothing"
    BANK_ACCOUNT = "BANK_ACCOUNT", "Bank account"
    PAYEE = "PAYEE", "Payee"
    MONEY_HELD = "MONEY_HELD", "Money on hold"
    FEES_GONE = "FEES_GONE", "Fees no longer there"
    BANK = "BANK", "Returned or refused by the bank"
    COMPLIANCE = "COMPLIANCE", "Refused by compliance"


RUN_TRANSITIONS = {
    RefundRunStatus.PROPOSED: (RefundRunStatus.RUNNING, RefundRunStatus.CANCELLED),
    RefundRunStatus.RUNNING: (RefundRunStatus.COMPLETED,),
    RefundRunStatus.COMPLETED: (RefundRunStatus.RUNNING,),
    RefundRunStatus.CANCELLED: (),
}
"""A bank's late return opens a completed run again."""
S = RefundItemStatus
ITEM_TRANSITIONS = {
    S.WAITING_TO_CLEAR: (S.DUE, S.NOTHING_LEFT),
    S.DUE: (S.PAYING, S.PAID, S.BLOCKED, S.NOTHING_LEFT),
    S.PAYING: (S.PAID, S.DUE, S.BLOCKED),
    S.PAID: (S.BLOCKED,),
    S.BLOCKED: (S.DUE, S.PAYING),
    S.NOTHING_LEFT: (),
}


class RefundRun(FSMModelMixin, models.Model):
    """
    One decision to give money back, and how far it has come.

    ``figures`` lists every refund as it was proposed (deposit, investor, amount), ``content_hash`` is its
    SHA-256; approvers sign that hash. ``promised_by`` is the banking day by which cleared money is to be on its
    way. ``report`` is what was found when the run completed.
    """

    Status = RefundRunStatus
    Cause = RefundCause
    TRANSITIONS = RUN_TRANSITIONS

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    escrow_account = models.ForeignKey(EscrowAccount, on_delete=models.PROTECT, related_name="refund_runs")
    offering = models.ForeignKey(Offering, on_delete=models.PROTECT, related_name="refund_runs")
    cause = models.CharField(max_length=30, choices=RefundCause)
    status = FSMField(max_length=20, choices=RefundRunStatus.choices, default=RefundRunStatus.PROPOSED, protected=True)
    reason = models.CharField(max_length=300)
    total_amount = MoneyField()
    largest_amount = MoneyField()
    figures = models.JSONField()
    content_hash = models.CharField(max_length=64)
    promised_by = models.DateField()
    proposed_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    proposed_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True, blank=True)
    completed_at = models.DateTimeField(null=True, blank=True)
    cancelled_at = models.DateTimeField(null=True, blank=True)
    cancelled_reason = models.CharField(max_length=300, blank=True, default="")
    stopped_reason = models.CharField(max_length=300, blank=True, default="")
    report = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        db_table = "refund_runs"
        ordering = ("-created_at", "-id")
        permissions = (
            ("propose_refundrun", "Can propose to refund a failed raise"),
            ("approve_refundrun", "Can approve the refund of a failed raise"),
        )
        constraints = (
            guards.known_values("refund_runs", "cause", RefundCause),
            guards.known_values("refund_runs", "status", RefundRunStatus),
            models.CheckConstraint(
                condition=Q(total_amount__gte=0, largest_amount__gte=0, largest_amount__lte=F("total_amount")),
                name="refund_runs_amounts_in_order",
            ),
            models.CheckConstraint(condition=~Q(reason=""), name="refund_runs_says_why"),
            models.CheckConstraint(
                condition=~Q(status__in=["RUNNING", "COMPLETED"]) | Q(started_at__isnull=False),
                name="refund_runs_started_at_a_time",
            ),
            models.UniqueConstraint(
                fields=["escrow_account"],
                condition=Q(status__in=["PROPOSED", "RUNNING"]) & ~Q(cause="INVESTOR_CANCELLED"),
                name="refund_runs_one_open",
            ),
        )
        triggers = (
            *guards.audited(),
            *guards.never_deleted(),
            guards.immutable(
                "escrow_account_id", "offering_id", "cause", "reason", "total_amount", "largest_amount", "figures",
                "content_hash", "promised_by", "proposed_by_id", "proposed_at",
            ),
            guards.written_once("started_at", "cancelled_at"),
            guards.legal_status(RefundRunStatus.PROPOSED, RUN_TRANSITIONS),
            guards.Guard(
                "finance_refund_run_is_approved",
                name="started_only_approved",
                when=guards.Before,
                operation=guards.UpdateOf("status"),
            ),
        )  # fmt: skip

    def __str__(self) -> str:
        return f"Refunds of {self.offering}, {self.get_cause_display().lower()}"

    @property
    def is_whole_offering(self) -> bool:
        """Whether it gives back everything that was paid in, and not one investor's part of it."""
        return self.cause != RefundCause.INVESTOR_CANCELLED

    @property
    def signatures_needed(self) -> int:
        """How many approvers it needs: one, two where a single refund is above $50,000, none for an investor's own."""
        if not self.is_whole_offering:
            return 0
        return 2 if self.largest_amount > APPROVAL_THRESHOLD else 1

    @transition(
        field=status, source=[RefundRunStatus.PROPOSED, RefundRunStatus.COMPLETED], target=RefundRunStatus.RUNNING
    )
    def mark_running(self, *, at: datetime) -> None:
        self.started_at = self.started_at or at

    @transition(field=status, source=RefundRunStatus.RUNNING, target=RefundRunStatus.COMPLETED)
    def mark_completed(self, *, report: dict[str, Any], at: datetime) -> None:
        self.report = report
        self.stopped_reason = ""
        self.completed_at = at

    @transition(field=status, source=RefundRunStatus.PROPOSED, target=RefundRunStatus.CANCELLED)
    def mark_cancelled(self, *, reason: str, at: datetime) -> None:
        self.cancelled_reason = reason
        self.cancelled_at = at


class RefundRunApproval(models.Model):
    """One person's signature under a run's figures."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    run = models.ForeignKey(RefundRun, on_delete=models.PROTECT, related_name="approvals")
    approver = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    content_hash = models.CharField(max_length=64)
    approved_at = models.DateTimeField()
    note = models.CharField(max_length=300, blank=True, default="")

    class Meta:
        db_table = "refund_run_approvals"
        ordering = ("approved_at", "id")
        constraints = (models.UniqueConstraint(fields=["run", "approver"], name="refund_run_approvals_two_people"),)
        triggers = (
            *guards.audited(),
            *guards.append_only(),
            guards.Guard(
                "finance_refund_approval_is_anothers",
                name="of_another_person",
                when=guards.Before,
                operation=guards.Insert,
            ),
        )

    def __str__(self) -> str:
        return f"{self.approver} for {self.run}"


class RefundItem(FSMModelMixin, models.Model):
    """
    What one deposit gives back to its investor, and how far that has come.

    ``amount`` is all that is to be given back of it, its fee included, US dollars; ``kept_amount`` is what
    turned out not to be there any more, for the reason in ``note``. Without a deposit it is an investor's money
    of which no payment is known, such as a receipt claimed from suspense. An item may need several payments,
    one after another, when a part of its money is on hold; they never give back more than the amount.
    ``method`` and ``bank_account`` say where the next one goes.
    """

    Status = RefundItemStatus
    Obstacle = RefundObstacle
    TRANSITIONS = ITEM_TRANSITIONS

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    run = models.ForeignKey(RefundRun, on_delete=models.PROTECT, related_name="items")
    investor = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="refund_items")
    deposit = models.OneToOneField(Transaction, null=True, on_delete=models.PROTECT, related_name="refund_of")
    amount = MoneyField()
    fee_amount = MoneyField(default=0)
    kept_amount = MoneyField(default=0)
    status = FSMField(max_length=20, choices=RefundItemStatus.choices, default=S.WAITING_TO_CLEAR, protected=True)
    obstacle = models.CharField(max_length=20, choices=RefundObstacle, blank=True, default="")
    note = models.CharField(max_length=300, blank=True, default="")
    method = models.CharField(max_length=20, choices=Transaction.Method)
    bank_account = models.ForeignKey(BankAccount, null=True, on_delete=models.PROTECT, related_name="+")
    payment = models.OneToOneField(Transaction, null=True, on_delete=models.PROTECT, related_name="paying_for")
    promised_by = models.DateField(null=True)
    paid_at = models.DateTimeField(null=True)
    redirected_to = models.ForeignKey(BankAccount, null=True, on_delete=models.PROTECT, related_name="+")
    redirected_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    redirect_reason = models.CharField(max_length=300, blank=True, default="")
    redirect_approved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        db_table = "refund_items"
        ordering = ("created_at", "id")
        indexes = (
            models.Index(fields=["run", "status", "id"], name="refund_items_run_status"),
            models.Index(fields=["investor", "-created_at"], name="refund_items_investor"),
        )
        constraints = (
            guards.known_values("refund_items", "status", RefundItemStatus),
            guards.known_values("refund_items", "obstacle", RefundObstacle),
            guards.known_values("refund_items", "method", ["ACH", "WIRE", "CHECK"]),
            models.CheckConstraint(
                condition=Q(
                    amount__gt=0,
                    fee_amount__gte=0,
                    fee_amount__lte=F("amount"),
                    kept_amount__gte=0,
                    kept_amount__lte=F("amount"),
                ),
                name="refund_items_amounts_in_order",
            ),
            models.CheckConstraint(
                condition=Q(deposit__isnull=False) | Q(fee_amount=0), name="refund_items_fee_of_a_deposit"
            ),
            models.CheckConstraint(
                condition=~Q(status="BLOCKED") | (~Q(obstacle="") & ~Q(note="")), name="refund_items_blocked_says_why"
            ),
            models.CheckConstraint(
                condition=Q(redirect_approved_by__isnull=True)
                | Q(redirected_by__isnull=False) & ~Q(redirect_approved_by=F("redirected_by")),
                name="refund_items_redirect_four_eyes",
            ),
            models.UniqueConstraint(
                fields=["run", "investor"],
                condition=Q(deposit__isnull=True) & ~Q(status__in=["PAID", "NOTHING_LEFT"]),
                name="refund_items_one_without_deposit",
            ),
        )
        triggers = (
            *guards.audited(),
            *guards.never_deleted(),
            guards.immutable("run_id", "investor_id", "deposit_id", "amount", "fee_amount"),
            guards.legal_status(RefundItemStatus.WAITING_TO_CLEAR, ITEM_TRANSITIONS),
            guards.Guard(
                "finance_refund_item_is_the_investors",
                name="of_the_payer",
                when=guards.Before,
                operation=guards.Insert,
            ),
            guards.Guard(
                "finance_refund_item_is_paid_once",
                name="paid_once",
                when=guards.Before,
                operation=guards.UpdateOf(
                    "status", "kept_amount", "payment_id", "bank_account_id", "redirected_to_id", "redirected_by_id"
                ),
            ),
        )  # fmt: skip

    def __str__(self) -> str:
        return f"Refund of {self.amount} to {self.investor}"

    @property
    def is_over(self) -> bool:
        """Whether nothing more is to be done about it."""
        return self.status in (S.PAID, S.NOTHING_LEFT)

    @transition(field=status, source=[S.WAITING_TO_CLEAR, S.PAYING, S.BLOCKED], target=S.DUE)
    def mark_due(self, *, promised_by: date) -> None:
        self.promised_by = self.promised_by or promised_by
        self.obstacle = ""
        self.note = ""

    @transition(field=status, source=[S.DUE, S.BLOCKED], target=S.PAYING)
    def mark_paying(self, *, payment: Transaction) -> None:
        self.payment = payment
        self.obstacle = ""
        self.note = ""

    @transition(field=status, source=[S.DUE, S.PAYING], target=S.PAID)
    def mark_paid(self, *, at: datetime) -> None:
        self.paid_at = at

    @transition(field=status, source=[S.DUE, S.PAYING, S.PAID], target=S.BLOCKED)
    def mark_blocked(self, *, obstacle: str, note: str) -> None:
        self.obstacle = obstacle
        self.note = note[:300]
        self.paid_at = None

    @transition(field=status, source=[S.WAITING_TO_CLEAR, S.DUE], target=S.NOTHING_LEFT)
    def mark_nothing_left(self, *, note: str) -> None:
        self.obstacle = ""
        self.note = note[:300]
        self.kept_amount = self.amount
