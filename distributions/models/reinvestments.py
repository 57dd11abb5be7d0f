"""Reinvestment: what investors have chosen to put into another offering, and what became of it in each distribution."""

from datetime import datetime
from decimal import ROUND_DOWN, Decimal
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django_fsm import FSMField, FSMModelMixin, transition

from distributions.models.allocations import DistributionAllocation
from realco import guards
from realco.identifiers import new_id
from realco.models import Offering
from realco.money import CENT, MoneyField


class ElectionBasis(models.TextChoices):
    ALL = "ALL", "All of it"
    PERCENTAGE = "PERCENTAGE", "A percentage"
    AMOUNT = "AMOUNT", "A fixed amount"


class ElectionStatus(models.TextChoices):
    ACTIVE = "ACTIVE", "Active"
    WITHDRAWN = "WITHDRAWN", "Withdrawn"
    ENDED = "ENDED", "Ended"


ELECTION_TRANSITIONS = {
    ElectionStatus.ACTIVE: (ElectionStatus.WITHDRAWN, ElectionStatus.ENDED),
    ElectionStatus.WITHDRAWN: (),
    ElectionStatus.ENDED: (),
}


class ReinvestmentElection(FSMModelMixin, models.Model):
    """
    An investor's choice to put future distributions of one investment into another offering.

    ``rate`` is a fraction of what is due, ``amount`` US dollars and at most what is due; which of the two is
    given is said by ``basis``. It counts for distributions submitted after it was made, until it is withdrawn or
    its target takes no more money.
    """

    Basis = ElectionBasis
    Status = ElectionStatus
    TRANSITIONS = ELECTION_TRANSITIONS

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    investor = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="reinvestment_elections"
    )
    investment = models.ForeignKey("escrow.Investment", on_delete=models.PROTECT, related_name="reinvestment_elections")
    target_offering = models.ForeignKey(Offering, on_delete=models.PROTECT, related_name="reinvestment_elections")
    basis = models.CharField(max_length=20, choices=ElectionBasis)
    rate = models.DecimalField(max_digits=7, decimal_places=6, null=True)
    amount = MoneyField(null=True)
    status = FSMField(max_length=20, choices=ElectionStatus.choices, default=ElectionStatus.ACTIVE, protected=True)
    elected_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    elected_at = models.DateTimeField()
    ended_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    ended_at = models.DateTimeField(null=True)
    ended_reason = models.CharField(max_length=300, blank=True, default="")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        db_table = "reinvestment_elections"
        ordering = ("-elected_at", "-id")
        constraints = (
            guards.known_values("reinvestment_elections", "basis", ElectionBasis),
            guards.known_values("reinvestment_elections", "status", ElectionStatus),
            models.CheckConstraint(
                condition=Q(basis="ALL", rate__isnull=True, amount__isnull=True)
                | Q(basis="PERCENTAGE", rate__gt=0, rate__lte=1, amount__isnull=True)
                | Q(basis="AMOUNT", rate__isnull=True, amount__gt=0),
                name="reinvestment_elections_say_how_much",
            ),
            models.CheckConstraint(
                condition=Q(status="ACTIVE", ended_at__isnull=True)
                | ~Q(status="ACTIVE") & Q(ended_at__isnull=False) & ~Q(ended_reason=""),
                name="reinvestment_elections_end_with_a_reason",
            ),
            models.UniqueConstraint(
                fields=["investment"], condition=Q(status="ACTIVE"), name="reinvestment_elections_one_active"
            ),
        )
        triggers = (
            *guards.audited(),
            *guards.never_deleted(),
            guards.immutable(
                "investor_id", "investment_id", "target_offering_id", "basis", "rate", "amount", "elected_by_id",
                "elected_at",
            ),
            guards.written_once("ended_by_id", "ended_at"),
            guards.legal_status(ElectionStatus.ACTIVE, ELECTION_TRANSITIONS),
            guards.Guard("reinvestment_election_fits", name="fits", when=guards.Before, operation=guards.Insert),
        )  # fmt: skip

    def __str__(self) -> str:
        return f"{self.words} into {self.target_offering}"

    @property
    def words(self) -> str:
        """How much of each distribution, in words."""
        if self.basis == ElectionBasis.PERCENTAGE:
            return f"{(self.rate * 100).normalize():f}%" if self.rate is not None else ""
        return f"${self.amount:,.2f} at most" if self.basis == ElectionBasis.AMOUNT else "all"

    def part_of(self, net_amount: Decimal) -> Decimal:
        """Return how much of what is due is reinvested, US dollars, down to the cent."""
        if self.rate is not None:
            return (net_amount * self.rate).quantize(CENT, ROUND_DOWN)
        return net_amount if self.amount is None else min(self.amount, net_amount)

    @transition(field=status, source=ElectionStatus.ACTIVE, target=ElectionStatus.WITHDRAWN)
    def mark_withdrawn(self, *, by: Any, reason: str, at: datetime) -> None:
        self.ended_by = by
        self.ended_reason = reason
        self.ended_at = at

    @transition(field=status, source=ElectionStatus.ACTIVE, target=ElectionStatus.ENDED)
    def mark_ended(self, *, reason: str, at: datetime) -> None:
        self.ended_reason = reason
        self.ended_at = at


class ReinvestmentStatus(models.TextChoices):
    PLANNED = "PLANNED", "Planned"
    MOVING = "MOVING", "Being moved"
    DONE = "DONE", "Reinvested"
    CASH = "CASH", "Paid in cash instead"
    REVERSED = "REVERSED", "Reversed"
    CANCELLED = "CANCELLED", "Cancelled"


REINVESTMENT_TRANSITIONS = {
    ReinvestmentStatus.PLANNED: (ReinvestmentStatus.MOVING, ReinvestmentStatus.CASH, ReinvestmentStatus.CANCELLED),
    ReinvestmentStatus.MOVING: (ReinvestmentStatus.DONE, ReinvestmentStatus.CASH),
    ReinvestmentStatus.DONE: (ReinvestmentStatus.REVERSED,),
    ReinvestmentStatus.CASH: (),
    ReinvestmentStatus.REVERSED: (),
    ReinvestmentStatus.CANCELLED: (),
}


class Reinvestment(FSMModelMixin, models.Model):
    """
    The part of one allocation that its investor chose to reinvest, planned when the distribution is submitted.

    ``outbound`` is the half of the movement that leaves the distribution's escrow account; its counterpart is the
    deposit into the target. ``reason`` says why it is paid in cash instead, in words fit for the investor. While
    ``reversal_asked_at`` is set of what is DONE, the bank is being asked to move it back. ``paid_before`` is the
    payment in cash of the rest, if that had arrived when it was moved back.
    """

    Status = ReinvestmentStatus
    TRANSITIONS = REINVESTMENT_TRANSITIONS

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    allocation = models.ForeignKey(DistributionAllocation, on_delete=models.PROTECT, related_name="reinvestments")
    election = models.ForeignKey(ReinvestmentElection, on_delete=models.PROTECT, related_name="reinvestments")
    target_offering = models.ForeignKey(Offering, on_delete=models.PROTECT, related_name="reinvestments")
    amount = MoneyField()
    status = FSMField(
        max_length=20, choices=ReinvestmentStatus.choices, default=ReinvestmentStatus.PLANNED, protected=True
    )
    outbound = models.OneToOneField(
        "finance.Transaction", null=True, on_delete=models.PROTECT, related_name="reinvestment"
    )
    paid_before = models.OneToOneField(
        "finance.Transaction", null=True, on_delete=models.PROTECT, related_name="rest_of_reinvestment"
    )
    reason = models.CharField(max_length=300, blank=True, default="")
    finished_at = models.DateTimeField(null=True)
    reversal_asked_at = models.DateTimeField(null=True)
    reversal_asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    reversal_reason = models.CharField(max_length=300, blank=True, default="")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        db_table = "reinvestments"
        ordering = ("-created_at", "-id")
        indexes = (models.Index(fields=["status", "created_at"], name="reinvestments_by_status"),)
        constraints = (
            guards.known_values("reinvestments", "status", ReinvestmentStatus),
            models.CheckConstraint(condition=Q(amount__gt=0), name="reinvestments_amount_positive"),
            models.CheckConstraint(
                condition=~Q(status__in=["CASH", "REVERSED"]) | ~Q(reason=""), name="reinvestments_say_why_not"
            ),
            models.CheckConstraint(
                condition=~Q(status__in=["MOVING", "DONE", "REVERSED"]) | Q(outbound__isnull=False),
                name="reinvestments_moved_by_a_payment",
            ),
            models.UniqueConstraint(
                fields=["allocation"], condition=~Q(status="CANCELLED"), name="reinvestments_once_an_allocation"
            ),
        )
        triggers = (
            *guards.audited(),
            *guards.never_deleted(),
            guards.immutable("allocation_id", "election_id", "target_offering_id", "amount", "created_at"),
            guards.written_once("outbound_id", "paid_before_id"),
            guards.legal_status(ReinvestmentStatus.PLANNED, REINVESTMENT_TRANSITIONS),
            guards.Guard(
                "reinvestment_fits", name="fits", when=guards.Before,
                operation=guards.Insert | guards.UpdateOf("status", "outbound_id", "paid_before_id"),
            ),
            guards.Guard(
                "reinvestment_reverses_between_open_accounts", name="reverses_between_open_accounts",
                when=guards.Before, operation=guards.UpdateOf("reversal_asked_at"),
                condition=guards.Condition("NEW.reversal_asked_at IS NOT NULL"),
            ),
        )  # fmt: skip

    def __str__(self) -> str:
        return f"{self.amount} into {self.target_offering}"

    @transition(field=status, source=ReinvestmentStatus.PLANNED, target=ReinvestmentStatus.MOVING)
    def mark_moving(self, *, outbound: Any) -> None:
        self.outbound = outbound

    @transition(field=status, source=ReinvestmentStatus.MOVING, target=ReinvestmentStatus.DONE)
    def mark_done(self, *, at: datetime) -> None:
        self.finished_at = at

    @transition(
        field=status, source=[ReinvestmentStatus.PLANNED, ReinvestmentStatus.MOVING], target=ReinvestmentStatus.CASH
    )
    def mark_cash(self, *, reason: str, at: datetime) -> None:
        self.reason = reason[:300]
        self.finished_at = at

    @transition(field=status, source=ReinvestmentStatus.DONE, target=ReinvestmentStatus.REVERSED)
    def mark_reversed(self, *, reason: str, at: datetime) -> None:
        self.reason = reason[:300]
        self.finished_at = at

    @transition(field=status, source=ReinvestmentStatus.PLANNED, target=ReinvestmentStatus.CANCELLED)
    def mark_cancelled(self, *, at: datetime) -> None:
        self.finished_at = at
