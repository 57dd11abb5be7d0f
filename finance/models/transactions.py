"""Payments: every movement of money between an escrow account and somebody's bank."""

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django_fsm import RETURN_VALUE, FSMField, FSMModelMixin, transition

from finance.models.bank_accounts import BankAccount
from realco import guards
from realco.identifiers import new_id
from realco.models import Offering
from realco.money import MoneyField, format_money

APPROVAL_THRESHOLD = Decimal("50000.00")


class TransactionType(models.TextChoices):
    DEPOSIT = "DEPOSIT", "Deposit"
    WITHDRAWAL = "WITHDRAWAL", "Withdrawal"
    DISTRIBUTION = "DISTRIBUTION", "Distribution"
    CONSTRUCTION_DRAW = "CONSTRUCTION_DRAW", "Construction draw"
    PLATFORM_FEE = "PLATFORM_FEE", "Platform fee"
    REFERRAL_FEE = "REFERRAL_FEE", "Referral fee"
    ESCROW_DEPOSIT = "ESCROW_DEPOSIT", "Escrow deposit"
    ESCROW_WITHDRAWAL = "ESCROW_WITHDRAWAL", "Escrow withdrawal"
    REFUND = "REFUND", "Refund"
    TRANSFER = "TRANSFER", "Transfer"
    CAPITAL_CALL = "CAPITAL_CALL", "Capital call"


class TransactionStatus(models.TextChoices):
    INITIATED = "INITIATED", "Initiated"
    PENDING_APPROVAL = "PENDING_APPROVAL", "Pending approval"
    APPROVED = "APPROVED", "Approved"
    QUEUED = "QUEUED", "Queued"
    PROCESSING = "PROCESSING", "Processing"
    PENDING_SETTLEMENT = "PENDING_SETTLEMENT", "Pending settlement"
    SETTLED = "SETTLED", "Settled"
    COMPLETED = "COMPLETED", "Completed"
    FAILED = "FAILED", "Failed"
    CANCELLED = "CANCELLED", "Cancelled"
    REVERSED = "REVERSED", "Reversed"
    PENDING_RETRY = "PENDING_RETRY", "Pending retry"
    ON_HOLD = "ON_HOLD", "On hold"


class PaymentMethod(models.TextChoices):
    ACH = "ACH", "ACH"
    WIRE = "WIRE", "Wire"
    CHECK = "CHECK", "Check"
    CREDIT_CARD = "CREDIT_CARD", "Credit card"
    INTERNAL_TRANSFER = "INTERNAL_TRANSFER", "Internal transfer"


INBOUND = (TransactionType.DEPOSIT, TransactionType.ESCROW_DEPOSIT, TransactionType.CAPITAL_CALL)
OUTBOUND = (
    TransactionType.WITHDRAWAL,
    TransactionType.DISTRIBUTION,
    TransactionType.CONSTRUCTION_DRAW,
    TransactionType.PLATFORM_FEE,
    TransactionType.REFERRAL_FEE,
    TransactionType.ESCROW_WITHDRAWAL,
    TransactionType.REFUND,
)
ALWAYS_APPROVED = (
    TransactionType.CONSTRUCTION_DRAW,
    TransactionType.DISTRIBUTION,
    TransactionType.ESCROW_WITHDRAWAL,
)

S = TransactionStatus
TRANSITIONS: Mapping[TransactionStatus, tuple[str, ...]] = {
    S.INITIATED: (S.PENDING_APPROVAL, S.APPROVED, S.QUEUED, S.ON_HOLD, S.CANCELLED),
    S.PENDING_APPROVAL: (S.APPROVED, S.ON_HOLD, S.CANCELLED),
    S.APPROVED: (S.QUEUED, S.ON_HOLD, S.CANCELLED),
    S.QUEUED: (S.PROCESSING, S.ON_HOLD, S.CANCELLED),
    S.ON_HOLD: (guards.HELD_FROM, S.CANCELLED),
    S.PROCESSING: (S.PENDING_SETTLEMENT, S.SETTLED, S.COMPLETED, S.FAILED, S.ON_HOLD),
    S.PENDING_SETTLEMENT: (S.SETTLED, S.FAILED),
    S.SETTLED: (S.COMPLETED, S.REVERSED),
    S.COMPLETED: (S.REVERSED,),
    S.FAILED: (S.PENDING_RETRY, S.CANCELLED),
    S.PENDING_RETRY: (S.QUEUED, S.CANCELLED),
    S.CANCELLED: (),
    S.REVERSED: (),
}
HOLDABLE = tuple(guards.sources_of(TRANSITIONS, S.ON_HOLD))


def approvals_required(transaction_type: str, amount: Decimal) -> int:
    """
    Return how many approvers a payment needs: 0, 1 or 2 (SYSTEM section 3).

    Draws, distributions and escrow withdrawals always need one, and so does anything above
    $50,000; outbound money above $50,000 needs two.
    """
    if amount > APPROVAL_THRESHOLD:
        return 2 if transaction_type in OUTBOUND else 1
    return 1 if transaction_type in ALWAYS_APPROVED else 0


NAMED: dict[str, Any] = {"on_delete": models.PROTECT, "db_constraint": False}
"""Of whom and what a payment names from the first: a trigger looks them up for a whole statement (decision 47)."""


class Transaction(FSMModelMixin, models.Model):
    """
    One payment. ``net_amount = amount - fee_amount``, US dollars with two places.

    Its status changes only through the operations in ``finance.operations``; amounts, parties and
    keys never change. The row is the queue: workers find it by status and ``next_retry_at``.
    ``counterpart`` is the other half of money moved between two of our own escrow accounts: both
    are in one status at every commit.
    """

    Type = TransactionType
    Status = TransactionStatus
    Method = PaymentMethod
    TRANSITIONS = TRANSITIONS

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    type = models.CharField(max_length=30, choices=TransactionType)
    status = FSMField(max_length=30, choices=S.choices, default=S.INITIATED, protected=True)
    held_from = models.CharField(max_length=30, choices=S.choices, blank=True, default="")
    hold_reason = models.CharField(max_length=300, blank=True, default="")
    payment_method = models.CharField(max_length=20, choices=PaymentMethod)
    amount = MoneyField()
    fee_amount = MoneyField(default=Decimal("0.00"))
    net_amount = MoneyField()
    currency = models.CharField(max_length=3, default="USD")
    from_user = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, related_name="payments_from", db_index=False, **NAMED
    )
    to_user = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, related_name="payments_to", db_index=False, **NAMED
    )
    from_bank_account = models.ForeignKey(BankAccount, null=True, related_name="+", db_index=False, **NAMED)
    to_bank_account = models.ForeignKey(BankAccount, null=True, related_name="+", db_index=False, **NAMED)
    offering = models.ForeignKey(Offering, null=True, related_name="payments", db_index=False, **NAMED)
    escrow_account = models.ForeignKey("escrow.EscrowAccount", related_name="payments", db_index=False, **NAMED)
    distribution = models.ForeignKey(
        "distributions.Distribution", null=True, related_name="payments", db_index=False, **NAMED
    )
    refund_item = models.ForeignKey(
        "finance.RefundItem", null=True, on_delete=models.PROTECT, related_name="payments", db_index=False
    )
    replaces = models.OneToOneField("self", null=True, on_delete=models.PROTECT, related_name="replaced_by")
    counterpart = models.ForeignKey("self", null=True, on_delete=models.PROTECT, related_name="+", db_index=False)
    stripe_payment_intent_id = models.CharField(max_length=255, unique=True, null=True, blank=True)
    stripe_charge_id = models.CharField(max_length=255, blank=True, default="")
    stripe_transfer_id = models.CharField(max_length=255, blank=True, default="")
    plaid_transaction_id = models.CharField(max_length=255, blank=True, default="")
    idempotency_key = models.CharField(max_length=255, unique=True)
    request_hash = models.CharField(max_length=64)
    description = models.CharField(max_length=300, blank=True, default="")
    internal_memo = models.TextField(blank=True, default="")
    failure_code = models.CharField(max_length=60, blank=True, default="")
    failure_message = models.CharField(max_length=500, blank=True, default="")
    retry_count = models.PositiveSmallIntegerField(default=0)
    max_retries = models.PositiveSmallIntegerField(default=3)
    next_retry_at = models.DateTimeField(null=True, blank=True)
    approvals_required = models.PositiveSmallIntegerField(default=0)
    initiated_by = models.ForeignKey(settings.AUTH_USER_MODEL, related_name="+", db_index=False, **NAMED)
    approved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    approved_at = models.DateTimeField(null=True, blank=True)
    second_approved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    second_approved_at = models.DateTimeField(null=True, blank=True)
    is_reserved = models.BooleanField(default=False)
    processed_at = models.DateTimeField(null=True, blank=True)
    settled_at = models.DateTimeField(null=True, blank=True)
    clears_on = models.DateField(null=True, blank=True)
    completed_at = models.DateTimeField(null=True, blank=True)
    failed_at = models.DateTimeField(null=True, blank=True)
    cancelled_at = models.DateTimeField(null=True, blank=True)
    cancelled_reason = models.CharField(max_length=300, blank=True, default="")
    reversed_at = models.DateTimeField(null=True, blank=True)
    ip_address = models.GenericIPAddressField(null=True, blank=True)
    user_agent = models.CharField(max_length=300, blank=True, default="")
    compliance_check_passed = models.BooleanField(default=False)
    compliance_check_data = models.JSONField(default=dict, blank=True)
    metadata = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        db_table = "transactions"
        ordering = ("-created_at", "-id")
        permissions = (
            ("initiate_transaction", "Can initiate payments for others"),
            ("approve_transaction", "Can approve and reject payments"),
            ("hold_transaction", "Can hold payments and release them"),
            ("retry_transaction", "Can retry failed payments"),
        )
        indexes = (
            models.Index(fields=["type", "-created_at"], name="transactions_type"),
            models.Index(fields=["status", "-created_at", "-id"], name="transactions_status"),
            # Money goes one way: half of who and where is null in every row.
            models.Index(
                fields=["from_user", "-created_at", "-id"],
                condition=Q(from_user__isnull=False),
                name="transactions_payer",
            ),
            models.Index(
                fields=["from_bank_account"],
                condition=Q(from_bank_account__isnull=False),
                name="transactions_from_bank",
            ),
            models.Index(
                fields=["to_bank_account"], condition=Q(to_bank_account__isnull=False), name="transactions_to_bank"
            ),
            models.Index(
                fields=["to_user", "-created_at", "-id"], condition=Q(to_user__isnull=False), name="transactions_payee"
            ),
            models.Index(fields=["offering", "-created_at"], name="transactions_offering"),
            models.Index(fields=["escrow_account", "-created_at", "-id"], name="transactions_escrow"),
            models.Index(fields=["distribution"], name="transactions_distribution"),
            models.Index(
                fields=["refund_item"], condition=Q(refund_item__isnull=False), name="transactions_refund_item"
            ),
            models.Index(fields=["-created_at", "-id"], name="transactions_created"),
            models.Index(fields=["next_retry_at"], condition=Q(status="PENDING_RETRY"), name="transactions_retries"),
            models.Index(fields=["clears_on"], condition=Q(status="SETTLED"), name="transactions_clearing"),
        )
        constraints = (
            guards.known_values("transactions", "type", TransactionType),
            guards.known_values("transactions", "status", S),
            guards.known_values("transactions", "payment_method", PaymentMethod),
            guards.known_values("transactions", "held_from", ["", *HOLDABLE]),
            guards.known_values("transactions", "currency", ["USD"]),
            models.CheckConstraint(condition=Q(amount__gt=0), name="transactions_amount_positive"),
            models.CheckConstraint(
                condition=Q(fee_amount__gte=0, net_amount__gt=0, net_amount=F("amount") - F("fee_amount")),
                name="transactions_net_is_amount_less_fee",
            ),
            models.CheckConstraint(
                condition=(Q(status="ON_HOLD") & ~Q(held_from="") & ~Q(hold_reason=""))
                | (~Q(status="ON_HOLD") & Q(held_from="")),
                name="transactions_hold_remembers",
            ),
            models.CheckConstraint(
                condition=Q(approved_by__isnull=True) | ~Q(approved_by=F("initiated_by")),
                name="transactions_four_eyes",
            ),
            models.CheckConstraint(
                condition=Q(second_approved_by__isnull=True)
                | (
                    ~Q(second_approved_by=F("initiated_by"))
                    & Q(approved_by__isnull=False)
                    & ~Q(second_approved_by=F("approved_by"))
                ),
                name="transactions_two_approvals_two_people",
            ),
            models.CheckConstraint(
                condition=Q(approvals_required__gte=2)
                | Q(approvals_required=1) & ~(Q(amount__gt=APPROVAL_THRESHOLD) & Q(type__in=[*OUTBOUND]))
                | Q(approvals_required=0, amount__lte=APPROVAL_THRESHOLD) & ~Q(type__in=[*ALWAYS_APPROVED]),
                name="transactions_approvals_by_rule",
            ),
            models.CheckConstraint(
                condition=Q(status__in=["INITIATED", "PENDING_APPROVAL", "ON_HOLD", "CANCELLED"])
                | Q(approvals_required=0)
                | Q(approvals_required=1, approved_by__isnull=False)
                | Q(approvals_required=2, approved_by__isnull=False, second_approved_by__isnull=False),
                name="transactions_moves_only_approved",
            ),
            models.CheckConstraint(
                condition=~Q(status="PENDING_RETRY") | Q(next_retry_at__isnull=False),
                name="transactions_retry_has_a_time",
            ),
            models.UniqueConstraint(
                fields=["counterpart"], condition=Q(counterpart__isnull=False), name="transactions_counterpart_once"
            ),
            models.CheckConstraint(
                condition=Q(counterpart__isnull=True)
                | Q(
                    payment_method="INTERNAL_TRANSFER",
                    type__in=["DISTRIBUTION", "DEPOSIT"],
                    fee_amount=0,
                    from_bank_account__isnull=True,
                    to_bank_account__isnull=True,
                ),
                name="transactions_counterpart_is_internal",
            ),
        )
        triggers = (
            *guards.audited(),
            *guards.never_deleted(),
            guards.immutable(
                "type", "payment_method", "amount", "fee_amount", "net_amount", "currency", "from_user_id",
                "to_user_id", "from_bank_account_id", "to_bank_account_id", "offering_id", "escrow_account_id",
                "distribution_id", "replaces_id", "idempotency_key", "request_hash", "initiated_by_id", "created_at",
            ),
            guards.immutable("id", name="keeps_its_id"),
            guards.written_once(
                "approved_by_id", "approved_at", "second_approved_by_id", "second_approved_at",
                "settled_at", "clears_on", "completed_at", "cancelled_at", "reversed_at",
                "stripe_payment_intent_id",
            ),
            guards.legal_status(S.INITIATED, TRANSITIONS, on_insert=False),
            guards.Guard("finance_payment_begins", name="begins", when=guards.Before, operation=guards.Insert),
            guards.Guard(
                "finance_payments_name_what_is_there",
                name="names_what_is_there",
                level=guards.Statement,
                when=guards.After,
                operation=guards.Insert,
                referencing=guards.NewRows,
            ),
            guards.Guard(
                "realco_immutable",
                "refund_item_id",
                name="immutable_refund_item",
                when=guards.Before,
                operation=guards.UpdateOf("refund_item_id"),
            ),
            guards.Guard(
                "finance_refund_fits_its_item",
                name="refund_fits_its_item",
                when=guards.Before,
                operation=guards.Insert | guards.UpdateOf("status"),
            ),
            guards.immutable("counterpart_id", name="immutable_counterpart"),
            guards.Guard(
                "finance_counterparts_agree",
                name="counterparts_agree",
                when=guards.After,
                operation=guards.Insert | guards.UpdateOf("status", "counterpart_id"),
                timing=guards.Deferred,
                condition=guards.Condition("NEW.counterpart_id IS NOT NULL"),
            ),
            guards.Guard(
                "finance_approvals_only_rise",
                name="approvals_only_rise",
                when=guards.Before,
                operation=guards.UpdateOf("approvals_required"),
            ),
        )  # fmt: skip

    def __str__(self) -> str:
        return f"{self.get_type_display()} of {format_money(self.amount)}"

    @property
    def is_inbound(self) -> bool:
        """Whether it brings money into escrow."""
        return self.type in INBOUND

    @property
    def is_outbound(self) -> bool:
        """Whether it takes money out of escrow."""
        return self.type in OUTBOUND

    @property
    def party(self) -> Any:
        """The person on the other side of escrow: payer of inbound money, payee of outbound."""
        return self.from_user if self.is_inbound else self.to_user

    @property
    def is_half(self) -> bool:
        """Whether it is one half of money moved between two of our own escrow accounts."""
        return self.counterpart_id is not None

    @property
    def is_fully_approved(self) -> bool:
        """Whether it has every approval that it needs."""
        given = (self.approved_by_id is not None) + (self.second_approved_by_id is not None)
        return given >= self.approvals_required

    @property
    def attempt_key(self) -> str:
        """The idempotency key of the present attempt, by which the provider knows it."""
        return f"{self.pk}:{self.retry_count}"

    @transition(field=status, source=S.INITIATED, target=S.PENDING_APPROVAL)
    def mark_pending_approval(self, *, approvals: int) -> None:
        self.approvals_required = max(self.approvals_required, approvals)

    @transition(field=status, source=[S.INITIATED, S.PENDING_APPROVAL], target=S.APPROVED)
    def mark_approved(self) -> None:
        """Every approval that it needs has been signed."""

    @transition(field=status, source=[S.INITIATED, S.APPROVED, S.PENDING_RETRY], target=S.QUEUED)
    def mark_queued(self) -> None:
        self.next_retry_at = None

    @transition(field=status, source=S.QUEUED, target=S.PROCESSING)
    def mark_processing(self, *, at: datetime) -> None:
        self.processed_at = at

    @transition(field=status, source=S.PROCESSING, target=S.PENDING_SETTLEMENT)
    def mark_pending_settlement(self) -> None:
        """The provider has taken it on."""

    @transition(field=status, source=[S.PROCESSING, S.PENDING_SETTLEMENT], target=S.SETTLED)
    def mark_settled(self, *, at: datetime, clears_on: date) -> None:
        self.settled_at = at
        self.clears_on = clears_on

    @transition(field=status, source=[S.PROCESSING, S.SETTLED], target=S.COMPLETED)
    def mark_completed(self, *, at: datetime) -> None:
        self.completed_at = at

    @transition(field=status, source=[S.PROCESSING, S.PENDING_SETTLEMENT], target=S.FAILED)
    def mark_failed(self, *, code: str, message: str, at: datetime) -> None:
        self.failure_code = code
        self.failure_message = message
        self.failed_at = at

    @transition(field=status, source=S.FAILED, target=S.PENDING_RETRY)
    def mark_pending_retry(self, *, due: datetime) -> None:
        self.retry_count += 1
        self.next_retry_at = due

    @transition(field=status, source=guards.sources_of(TRANSITIONS, S.CANCELLED), target=S.CANCELLED)
    def mark_cancelled(self, *, reason: str, at: datetime) -> None:
        self.held_from = ""
        self.next_retry_at = None
        self.cancelled_reason = reason
        self.cancelled_at = at

    @transition(field=status, source=[S.SETTLED, S.COMPLETED], target=S.REVERSED)
    def mark_reversed(self, *, code: str, message: str, at: datetime) -> None:
        self.failure_code = code
        self.failure_message = message
        self.reversed_at = at

    @transition(field=status, source=list(HOLDABLE), target=S.ON_HOLD)
    def mark_on_hold(self, *, reason: str) -> None:
        self.held_from = self.status
        self.hold_reason = reason

    @transition(field=status, source=S.ON_HOLD, target=RETURN_VALUE(*HOLDABLE))
    def mark_released(self) -> str:
        """Give it back the status it was held from (the trigger allows no other)."""
        target, self.held_from = self.held_from, ""
        return target
