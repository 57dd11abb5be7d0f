"""Allocations: what each payee gets of a distribution, and how its payment fared."""

from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django_fsm import FSMField, FSMModelMixin, transition

from distributions.models.distributions import ZERO, Distribution
from realco import guards
from realco.identifiers import new_id
from realco.money import MoneyField


class AllocationStatus(models.TextChoices):
    PENDING = "PENDING", "Pending"
    PROCESSING = "PROCESSING", "Processing"
    COMPLETED = "COMPLETED", "Completed"
    FAILED = "FAILED", "Failed"
    CANCELLED = "CANCELLED", "Cancelled"


ALLOCATION_TRANSITIONS = {
    AllocationStatus.PENDING: (AllocationStatus.PROCESSING, AllocationStatus.FAILED, AllocationStatus.CANCELLED),
    AllocationStatus.PROCESSING: (AllocationStatus.COMPLETED, AllocationStatus.FAILED),
    AllocationStatus.FAILED: (AllocationStatus.PROCESSING, AllocationStatus.COMPLETED, AllocationStatus.CANCELLED),
    AllocationStatus.COMPLETED: (AllocationStatus.FAILED,),
    AllocationStatus.CANCELLED: (),
}


class DistributionAllocation(FSMModelMixin, models.Model):
    """
    What one payee gets of one distribution; the sponsor's share is an allocation without an investment.

    ``total_amount`` is the sum of the tiers, or a part of premiums; ``net_amount = total_amount - fee_amount -
    withholding_amount`` is paid, and the lines (allocation_lines.py) say what was taken off. Where people decided
    otherwise than the waterfall, ``calculated`` has what it gave. ``transaction`` is the present payment; earlier,
    failed ones hang on it by ``replaces``. Whoever cannot be paid now waits, still PENDING, for what
    ``waiting_reason`` names; ``processed_at`` is when money arrived last, whether or not it came back. What two
    people have ended unpaid (write_offs.py) is CANCELLED with ``written_off_at``.
    """

    Status = AllocationStatus
    TRANSITIONS = ALLOCATION_TRANSITIONS

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    distribution = models.ForeignKey(Distribution, on_delete=models.PROTECT, related_name="allocations", db_index=False)
    investor = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="allocations", db_index=False
    )
    investment = models.ForeignKey("escrow.Investment", null=True, on_delete=models.PROTECT, related_name="allocations")
    return_of_capital = MoneyField(default=ZERO)
    preferred_return = MoneyField(default=ZERO)
    sponsor_catch_up = MoneyField(default=ZERO)
    profit_split = MoneyField(default=ZERO)
    premium_amount = MoneyField(default=ZERO, db_default=ZERO)
    total_amount = MoneyField()
    fee_amount = MoneyField(default=ZERO)
    withholding_amount = MoneyField(default=ZERO, db_default=ZERO)
    net_amount = MoneyField()
    calculated = models.JSONField(null=True, blank=True)
    override_reason = models.CharField(max_length=300, blank=True, default="", db_default="")
    overridden_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    override_confirmed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    override_confirmed_at = models.DateTimeField(null=True, blank=True)
    status = FSMField(max_length=20, choices=AllocationStatus.choices, default=AllocationStatus.PENDING, protected=True)
    transaction = models.OneToOneField(
        "finance.Transaction", null=True, on_delete=models.PROTECT, related_name="allocation"
    )
    failure_reason = models.CharField(max_length=500, blank=True, default="")
    waiting_reason = models.CharField(max_length=500, blank=True, default="", db_default="")
    waiting_since = models.DateTimeField(null=True, blank=True)
    processed_at = models.DateTimeField(null=True)
    written_off_at = models.DateTimeField(null=True, blank=True)
    explanation = models.JSONField(default=dict, blank=True)
    metadata = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        db_table = "distribution_allocations"
        ordering = ("distribution", "id")
        indexes = (
            models.Index(fields=["distribution", "status"], name="allocations_progress"),
            models.Index(fields=["investor", "-created_at"], name="allocations_investor"),
            models.Index(fields=["distribution", "-created_at", "-id"], name="allocations_paged"),
            models.Index(fields=["distribution"], condition=Q(waiting_since__isnull=False), name="allocations_waiting"),
            models.Index(
                fields=["overridden_by"], condition=Q(overridden_by__isnull=False), name="allocations_overridden_by"
            ),
            models.Index(
                fields=["override_confirmed_by"],
                condition=Q(override_confirmed_by__isnull=False),
                name="allocations_confirmed_by",
            ),
        )
        constraints = (
            models.CheckConstraint(
                condition=Q(waiting_since__isnull=True, waiting_reason="")
                | (Q(waiting_since__isnull=False, status__in=["PENDING", "CANCELLED"]) & ~Q(waiting_reason="")),
                name="allocations_waiting_says_why",
            ),
            guards.known_values("distribution_allocations", "status", AllocationStatus),
            models.CheckConstraint(
                condition=Q(written_off_at__isnull=True) | Q(status="CANCELLED"),
                name="allocations_written_off_are_cancelled",
            ),
            models.UniqueConstraint(
                fields=["distribution", "investor", "investment"],
                condition=~Q(status="CANCELLED"),
                nulls_distinct=False,
                name="allocations_once_per_payee",
            ),
            models.CheckConstraint(
                condition=Q(
                    return_of_capital__gte=0,
                    preferred_return__gte=0,
                    sponsor_catch_up__gte=0,
                    profit_split__gte=0,
                    premium_amount__gte=0,
                )
                & Q(
                    total_amount=F("return_of_capital")
                    + F("preferred_return")
                    + F("sponsor_catch_up")
                    + F("profit_split")
                    + F("premium_amount")
                ),
                name="allocations_tiers_add_up",
            ),
            models.CheckConstraint(
                condition=Q(fee_amount__gte=0, withholding_amount__gte=0, net_amount__gte=0)
                & Q(net_amount=F("total_amount") - F("fee_amount") - F("withholding_amount")),
                name="allocations_net_is_total_less_deductions",
            ),
            models.CheckConstraint(
                condition=Q(overridden_by__isnull=True, override_confirmed_by__isnull=True, override_reason="")
                & Q(calculated__isnull=True)
                | Q(overridden_by__isnull=False, calculated__isnull=False) & ~Q(override_reason=""),
                name="allocations_override_says_why",
            ),
            models.CheckConstraint(
                condition=Q(override_confirmed_by__isnull=True) | ~Q(override_confirmed_by=F("overridden_by")),
                name="allocations_override_four_eyes",
            ),
        )
        triggers = (
            *guards.audited(),
            *guards.never_deleted(),
            guards.immutable(
                "distribution_id", "investor_id", "investment_id", "return_of_capital", "preferred_return",
                "sponsor_catch_up", "profit_split", "total_amount", "fee_amount", "net_amount",
            ),
            guards.immutable(
                "withholding_amount", "premium_amount", "calculated", "override_reason", "overridden_by_id",
                name="immutable_override",
            ),
            guards.written_once("override_confirmed_by_id", "override_confirmed_at"),
            guards.Guard(
                "distributions_allocation_is_drawn_up",
                name="is_drawn_up",
                when=guards.Before,
                operation=guards.Insert | guards.UpdateOf("status"),
                condition=guards.Condition("NEW.status IN ('PENDING', 'CANCELLED')"),
            ),
            guards.Guard(
                "distributions_allocation_is_written_off",
                name="is_written_off",
                when=guards.Before,
                operation=guards.UpdateOf("written_off_at"),
            ),
            guards.legal_status(AllocationStatus.PENDING, ALLOCATION_TRANSITIONS),
        )  # fmt: skip

    def __str__(self) -> str:
        return f"{self.total_amount} to {self.investor}"

    @transition(
        field=status, source=[AllocationStatus.PENDING, AllocationStatus.FAILED], target=AllocationStatus.PROCESSING
    )
    def mark_processing(self, *, payment_id: UUID) -> None:
        self.transaction_id = payment_id
        self.failure_reason = ""
        self.waiting_reason = ""
        self.waiting_since = None

    @transition(
        field=status, source=[AllocationStatus.PROCESSING, AllocationStatus.FAILED], target=AllocationStatus.COMPLETED
    )
    def mark_completed(self, *, at: datetime) -> None:
        self.processed_at = at
        self.failure_reason = ""

    @transition(
        field=status,
        source=[AllocationStatus.PENDING, AllocationStatus.PROCESSING, AllocationStatus.COMPLETED],
        target=AllocationStatus.FAILED,
    )
    def mark_failed(self, *, reason: str) -> None:
        self.failure_reason = reason

    def wait(self, *, reason: str, at: datetime) -> None:
        """Note what keeps it from being paid; it stays PENDING, and is paid when that is mended."""
        self.waiting_reason = reason[:500]
        self.waiting_since = self.waiting_since or at

    @transition(
        field=status, source=[AllocationStatus.PENDING, AllocationStatus.FAILED], target=AllocationStatus.CANCELLED
    )
    def mark_cancelled(self) -> None:
        """Its numbers were drawn up anew, or the distribution was cancelled."""

    @transition(
        field=status, source=[AllocationStatus.PENDING, AllocationStatus.FAILED], target=AllocationStatus.CANCELLED
    )
    def mark_written_off(self, *, at: datetime) -> None:
        self.written_off_at = at

    def get_status_display(self) -> str:  # type: ignore[no-redef]
        """Return the status in words; one that was written off says so."""
        return "Written off" if self.written_off_at is not None else str(AllocationStatus(self.status).label)
