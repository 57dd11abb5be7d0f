"""Investments: what an investor committed to an offering, paid in, and has had back."""

from datetime import datetime
from decimal import Decimal

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django_fsm import FSMField, FSMModelMixin, transition

from realco import guards
from realco.identifiers import new_id
from realco.models import Offering
from realco.money import MoneyField

ZERO = Decimal("0.00")


class InvestmentStatus(models.TextChoices):
    PENDING = "PENDING", "Pending"
    ACTIVE = "ACTIVE", "Active"
    COMPLETED = "COMPLETED", "Completed"
    CANCELLED = "CANCELLED", "Cancelled"


TRANSITIONS = {
    InvestmentStatus.PENDING: (InvestmentStatus.ACTIVE, InvestmentStatus.CANCELLED),
    InvestmentStatus.ACTIVE: (InvestmentStatus.COMPLETED,),
    InvestmentStatus.COMPLETED: (InvestmentStatus.ACTIVE,),
    InvestmentStatus.CANCELLED: (),
}


class Investment(FSMModelMixin, models.Model):
    """
    One investor's stake in one offering.

    ``investment_amount`` was committed; ``funded_amount`` was released to the offering at its
    closings and is the capital that returns and preferred return are reckoned on;
    ``current_balance`` is the part of it not yet returned. ``committed_at`` is when something was
    last promised; `Commitment` has each promise. Rates are yearly fractions. ``class_name`` is the
    class of investors it belongs to where the offering's terms have classes; it stays as it is once
    money was distributed on it.
    """

    Status = InvestmentStatus
    TRANSITIONS = TRANSITIONS

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    investor = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="investments")
    offering = models.ForeignKey(Offering, on_delete=models.PROTECT, related_name="investments")
    investment_amount = MoneyField()
    funded_amount = MoneyField(default=ZERO)
    current_balance = MoneyField(default=ZERO)
    returned_capital = MoneyField(default=ZERO)
    preferred_return_rate = models.DecimalField(max_digits=7, decimal_places=6, default=Decimal("0.08"))
    preferred_return_owed = MoneyField(default=ZERO)
    preferred_return_paid = MoneyField(default=ZERO)
    profits_paid = MoneyField(default=ZERO)
    status = FSMField(max_length=20, choices=InvestmentStatus.choices, default=InvestmentStatus.PENDING, protected=True)
    committed_at = models.DateTimeField(null=True, blank=True)
    funded_at = models.DateTimeField(null=True, blank=True)
    completed_at = models.DateTimeField(null=True, blank=True)
    ownership_percentage = models.DecimalField(max_digits=9, decimal_places=6, null=True, blank=True)
    equity_shares = models.DecimalField(max_digits=18, decimal_places=6, null=True, blank=True)
    class_name = models.CharField(max_length=60, blank=True, default="")
    reference = models.CharField(max_length=100, unique=True, null=True, blank=True)
    metadata = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        db_table = "investments"
        ordering = ("-created_at", "-id")
        indexes = (models.Index(fields=["offering", "status"], name="investments_offering_status"),)
        constraints = (
            guards.known_values("investments", "status", InvestmentStatus),
            models.UniqueConstraint(
                fields=["investor", "offering"], condition=~Q(status="CANCELLED"), name="investments_one_per_offering"
            ),
            models.CheckConstraint(
                # Nothing is left only of an investment that was handed over whole.
                condition=Q(investment_amount__gt=0)
                | Q(investment_amount=0, funded_amount=0, returned_capital=0, status="COMPLETED"),
                name="investments_amount_positive",
            ),
            models.CheckConstraint(
                condition=Q(funded_amount__gte=0)
                & Q(returned_capital__gte=0)
                & Q(current_balance=F("funded_amount") - F("returned_capital"))
                & Q(current_balance__gte=0),
                name="investments_capital_adds_up",
            ),
            models.CheckConstraint(
                condition=Q(preferred_return_owed__gte=0, preferred_return_paid__gte=0, profits_paid__gte=0),
                name="investments_nothing_negative",
            ),
            models.CheckConstraint(
                condition=Q(funded_amount__lte=F("investment_amount")), name="investments_funded_is_committed"
            ),
        )
        triggers = (
            *guards.audited(),
            *guards.never_deleted(),
            guards.immutable("investor_id", "offering_id"),
            guards.legal_status(InvestmentStatus.PENDING, TRANSITIONS),
            guards.Guard(
                "investments_keep_their_class", name="keep_their_class", when=guards.Before,
                operation=guards.UpdateOf("class_name"),
            ),
            guards.Guard(
                "commitment_has_its_moment", name="commitment_has_its_moment", when=guards.Before,
                operation=guards.InsertOrUpdate,
            ),
            guards.Guard(
                "commitment_is_written_down", name="commitment_is_written_down", when=guards.After,
                operation=guards.Insert | guards.UpdateOf("investment_amount"),
            ),
            guards.Guard(
                "commitments_within_maximum", name="within_maximum_insert", level=guards.Statement,
                when=guards.After, operation=guards.Insert, referencing=guards.NewRows,
            ),
            guards.Guard(
                "commitments_within_maximum", name="within_maximum_update", level=guards.Statement,
                when=guards.After, operation=guards.Update, referencing=guards.OldAndNewRows,
            ),
        )  # fmt: skip

    def __str__(self) -> str:
        return f"{self.investor} in {self.offering}"

    @transition(field=status, source=InvestmentStatus.PENDING, target=InvestmentStatus.ACTIVE)
    def mark_active(self, *, at: datetime) -> None:
        self.funded_at = at

    @transition(field=status, source=InvestmentStatus.ACTIVE, target=InvestmentStatus.COMPLETED)
    def mark_completed(self, *, at: datetime) -> None:
        self.completed_at = at

    @transition(field=status, source=InvestmentStatus.PENDING, target=InvestmentStatus.CANCELLED)
    def mark_cancelled(self) -> None:
        """Withdrawn before any of it was released."""


class Commitment(models.Model):
    """
    One promise within an investment, as a trigger on ``investments`` wrote it down. Append-only.

    An early closing takes only what was promised up to its moment, so each promise keeps its own.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    investment = models.ForeignKey(Investment, on_delete=models.PROTECT, related_name="commitments")
    amount = MoneyField()
    committed_at = models.DateTimeField()
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        db_table = "commitments"
        ordering = ("committed_at", "id")
        constraints = (models.CheckConstraint(condition=~Q(amount=0), name="commitments_amount_not_zero"),)
        triggers = (
            *guards.audited(),
            *guards.append_only(),
            guards.Guard(
                "commitments_follow_investments",
                name="follow_investments",
                when=guards.Before,
                operation=guards.Insert,
            ),
        )

    def __str__(self) -> str:
        return f"{self.amount} on {self.committed_at:%Y-%m-%d}"
