"""Distributions: money an offering sends back, how it was split and who signed it."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django_fsm import FSMField, FSMModelMixin, transition

from distributions.models.waterfall_terms import WaterfallTerms
from realco import guards
from realco.identifiers import new_id
from realco.models import Offering
from realco.money import MoneyField

ZERO = Decimal("0.00")


class DistributionStatus(models.TextChoices):
    DRAFT = "DRAFT", "Draft"
    PENDING_APPROVAL = "PENDING_APPROVAL", "Pending approval"
    APPROVED = "APPROVED", "Approved"
    QUEUED = "QUEUED", "Queued"
    PROCESSING = "PROCESSING", "Processing"
    COMPLETED = "COMPLETED", "Completed"
    PARTIALLY_FAILED = "PARTIALLY_FAILED", "Partially failed"
    FAILED = "FAILED", "Failed"
    CANCELLED = "CANCELLED", "Cancelled"


class DistributionType(models.TextChoices):
    RETURN_OF_CAPITAL = "RETURN_OF_CAPITAL", "Return of capital"
    PREFERRED_RETURN = "PREFERRED_RETURN", "Preferred return"
    PROFIT_SPLIT = "PROFIT_SPLIT", "Profit split"
    SPECIAL = "SPECIAL", "Special"


class DistributionNature(models.TextChoices):
    """Whose rules share a distribution out: the waterfall's, or premiums of a late closing that are paid on."""

    WATERFALL = "WATERFALL", "Waterfall"
    PREMIUM = "PREMIUM", "Premiums paid on"


DISTRIBUTION_TRANSITIONS = {
    DistributionStatus.DRAFT: (DistributionStatus.PENDING_APPROVAL, DistributionStatus.CANCELLED),
    DistributionStatus.PENDING_APPROVAL: (
        DistributionStatus.APPROVED,
        DistributionStatus.DRAFT,
        DistributionStatus.CANCELLED,
    ),
    DistributionStatus.APPROVED: (DistributionStatus.QUEUED, DistributionStatus.DRAFT, DistributionStatus.CANCELLED),
    DistributionStatus.QUEUED: (DistributionStatus.PROCESSING,),
    DistributionStatus.PROCESSING: (
        DistributionStatus.COMPLETED,
        DistributionStatus.PARTIALLY_FAILED,
        DistributionStatus.FAILED,
    ),
    DistributionStatus.PARTIALLY_FAILED: (DistributionStatus.PROCESSING,),
    DistributionStatus.FAILED: (DistributionStatus.PROCESSING,),
    DistributionStatus.COMPLETED: (DistributionStatus.PROCESSING,),
    DistributionStatus.CANCELLED: (),
}


class Distribution(FSMModelMixin, models.Model):
    """
    One distribution of an offering's money, US dollars with two places.

    ``net_amount = total_amount - platform_fee_amount`` is what the tiers share. Submitting freezes
    the numbers under ``content_hash``; approvers sign that hash. One that pays premiums on (premiums.py) has
    neither terms nor tiers, and history is told without it.
    """

    Status = DistributionStatus
    Type = DistributionType
    Nature = DistributionNature

    TRANSITIONS = DISTRIBUTION_TRANSITIONS

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    offering = models.ForeignKey(Offering, on_delete=models.PROTECT, related_name="distributions")
    escrow_account = models.ForeignKey("escrow.EscrowAccount", on_delete=models.PROTECT, related_name="distributions")
    distribution_number = models.CharField(max_length=20, unique=True)
    type = models.CharField(max_length=30, choices=DistributionType)
    nature = models.CharField(
        max_length=20,
        choices=DistributionNature,
        default=DistributionNature.WATERFALL,
        db_default=DistributionNature.WATERFALL,
    )
    status = FSMField(
        max_length=30, choices=DistributionStatus.choices, default=DistributionStatus.DRAFT, protected=True
    )
    currency = models.CharField(max_length=3, default="USD")
    total_amount = MoneyField()
    platform_fee_amount = MoneyField(default=ZERO)
    net_amount = MoneyField()
    return_of_capital_total = MoneyField(default=ZERO)
    preferred_return_total = MoneyField(default=ZERO)
    sponsor_catch_up_total = MoneyField(default=ZERO)
    profit_split_total = MoneyField(default=ZERO)
    premium_total = MoneyField(default=ZERO, db_default=ZERO)
    terms = models.ForeignKey(WaterfallTerms, null=True, on_delete=models.PROTECT, related_name="distributions")
    waterfall_tiers = models.JSONField(default=list, blank=True)
    as_of_date = models.DateField()
    content_hash = models.CharField(max_length=64, blank=True, default="")
    description = models.CharField(max_length=300, blank=True, default="")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    submitted_at = models.DateTimeField(null=True, blank=True)
    approved_at = models.DateTimeField(null=True, blank=True)
    executed_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    executed_at = models.DateTimeField(null=True, blank=True)
    completed_at = models.DateTimeField(null=True, blank=True)
    cancelled_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    cancelled_at = models.DateTimeField(null=True, blank=True)
    cancelled_reason = models.CharField(max_length=300, blank=True, default="")
    idempotency_key = models.CharField(max_length=255, unique=True, null=True)
    request_hash = models.CharField(max_length=64, blank=True, default="")
    metadata = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        db_table = "distributions"
        ordering = ("-created_at", "-id")
        permissions = (
            ("create_distribution", "Can create, calculate and submit distributions"),
            ("approve_distribution", "Can approve distributions"),
            ("execute_distribution", "Can execute approved distributions and retry failed payments"),
        )
        indexes = (
            models.Index(fields=["offering", "-created_at"], name="distributions_offering"),
            models.Index(fields=["status", "-created_at"], name="distributions_status"),
        )
        constraints = (
            guards.known_values("distributions", "status", DistributionStatus),
            guards.known_values("distributions", "type", DistributionType),
            guards.known_values("distributions", "nature", DistributionNature),
            guards.known_values("distributions", "currency", ["USD"]),
            models.CheckConstraint(
                condition=Q(total_amount__gt=0, platform_fee_amount__gte=0, net_amount__gt=0)
                & Q(net_amount=F("total_amount") - F("platform_fee_amount")),
                name="distributions_net_is_total_less_fee",
            ),
            models.CheckConstraint(
                condition=Q(status__in=["DRAFT", "CANCELLED"])
                | Q(
                    net_amount=F("return_of_capital_total")
                    + F("preferred_return_total")
                    + F("sponsor_catch_up_total")
                    + F("profit_split_total")
                    + F("premium_total")
                )
                & ~Q(content_hash=""),
                name="distributions_tiers_add_up",
            ),
            models.CheckConstraint(
                condition=Q(nature="WATERFALL", premium_total=0)
                | Q(nature="PREMIUM", premium_total__gte=0, platform_fee_amount=0, terms__isnull=True)
                & Q(return_of_capital_total=0, preferred_return_total=0)
                & Q(sponsor_catch_up_total=0, profit_split_total=0),
                name="distributions_premiums_are_apart",
            ),
            models.CheckConstraint(
                condition=Q(distribution_number__regex=r"^DIST-[0-9]{4}-[0-9]{4,}$"), name="distributions_number_form"
            ),
        )
        triggers = (
            *guards.audited(),
            *guards.never_deleted(),
            guards.immutable(
                "offering_id", "escrow_account_id", "distribution_number", "currency", "created_by_id",
                "total_amount", "idempotency_key", "request_hash", "nature",
            ),
            guards.immutable("id", name="keeps_its_id"),
            guards.legal_status(DistributionStatus.DRAFT, DISTRIBUTION_TRANSITIONS),
            guards.Guard(
                "distributions_are_approved",
                name="is_approved",
                when=guards.Before,
                operation=guards.UpdateOf("status"),
            ),
            guards.Guard(
                "distributions_stay_as_submitted",
                name="stays_as_submitted",
                when=guards.Before,
                operation=guards.Update,
            ),
        )  # fmt: skip

    def __str__(self) -> str:
        return self.distribution_number

    @transition(field=status, source=DistributionStatus.DRAFT, target=DistributionStatus.PENDING_APPROVAL)
    def mark_pending_approval(self, *, content_hash: str, at: datetime) -> None:
        self.content_hash = content_hash
        self.submitted_at = at

    @transition(
        field=status,
        source=[DistributionStatus.PENDING_APPROVAL, DistributionStatus.APPROVED],
        target=DistributionStatus.DRAFT,
    )
    def mark_draft(self) -> None:
        self.content_hash = ""
        self.submitted_at = None
        self.approved_at = None

    @transition(field=status, source=DistributionStatus.PENDING_APPROVAL, target=DistributionStatus.APPROVED)
    def mark_approved(self, *, at: datetime) -> None:
        self.approved_at = at

    @transition(field=status, source=DistributionStatus.APPROVED, target=DistributionStatus.QUEUED)
    def mark_queued(self, *, executor: Any, at: datetime) -> None:
        self.executed_by = executor
        self.executed_at = at

    @transition(
        field=status,
        source=[
            DistributionStatus.QUEUED,
            DistributionStatus.PARTIALLY_FAILED,
            DistributionStatus.FAILED,
            DistributionStatus.COMPLETED,
        ],
        target=DistributionStatus.PROCESSING,
    )
    def mark_processing(self) -> None:
        self.completed_at = None

    @transition(field=status, source=DistributionStatus.PROCESSING, target=DistributionStatus.COMPLETED)
    def mark_completed(self, *, at: datetime) -> None:
        self.completed_at = at

    @transition(field=status, source=DistributionStatus.PROCESSING, target=DistributionStatus.PARTIALLY_FAILED)
    def mark_partially_failed(self) -> None:
        """Some payees were paid and some were not; the failed ones can be retried."""

    @transition(field=status, source=DistributionStatus.PROCESSING, target=DistributionStatus.FAILED)
    def mark_failed(self) -> None:
        """Nobody was paid."""

    @transition(
        field=status,
        source=[DistributionStatus.DRAFT, DistributionStatus.PENDING_APPROVAL, DistributionStatus.APPROVED],
        target=DistributionStatus.CANCELLED,
    )
    def mark_cancelled(self, *, by: Any, reason: str, at: datetime) -> None:
        self.cancelled_by = by
        self.cancelled_reason = reason
        self.cancelled_at = at
