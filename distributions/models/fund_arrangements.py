"""
Funds: which offerings of one sponsor are measured together, by which terms, for the sponsor's clawback.

An arrangement moves no money and pools none: every offering pays from its own account by its own terms. One
person draws a version up, another one activates it, and from then on it never changes.
"""

from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django_fsm import FSMField, FSMModelMixin, transition

from distributions.models.waterfall_terms import WaterfallTerms
from realco import guards
from realco.identifiers import new_id
from realco.models import Offering, Organization


class FundStatus(models.TextChoices):
    DRAFT = "DRAFT", "Draft"
    ACTIVE = "ACTIVE", "Active"
    SUPERSEDED = "SUPERSEDED", "Superseded"
    WITHDRAWN = "WITHDRAWN", "Withdrawn"


FUND_TRANSITIONS = {
    FundStatus.DRAFT: (FundStatus.ACTIVE, FundStatus.WITHDRAWN),
    FundStatus.ACTIVE: (FundStatus.SUPERSEDED,),
    FundStatus.SUPERSEDED: (),
    FundStatus.WITHDRAWN: (),
}


class FundArrangement(FSMModelMixin, models.Model):
    """
    One version of a fund's arrangement; ``version`` counts from 1 for each name of an organization.

    ``terms`` is an activated version of one of its offerings, by whose tiers the fund is measured as if all
    offerings had been one deal. ``tax_rate`` is the part of a promote that the sponsor is assumed to have paid in
    tax, and need not give back.
    """

    Status = FundStatus
    TRANSITIONS = FUND_TRANSITIONS

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="fund_arrangements")
    name = models.CharField(max_length=120)
    version = models.PositiveSmallIntegerField()
    status = FSMField(max_length=20, choices=FundStatus.choices, default=FundStatus.DRAFT, protected=True)
    offerings = models.ManyToManyField(Offering, through="FundDeal", related_name="fund_arrangements")
    terms = models.ForeignKey(WaterfallTerms, on_delete=models.PROTECT, related_name="fund_arrangements")
    tax_rate = models.DecimalField(max_digits=7, decimal_places=6)
    note = models.CharField(max_length=300, blank=True, default="")
    content_hash = models.CharField(max_length=64, blank=True, default="")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    activated_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    activated_at = models.DateTimeField(null=True, blank=True)
    superseded_at = models.DateTimeField(null=True, blank=True)
    withdrawn_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    withdrawn_at = models.DateTimeField(null=True, blank=True)
    withdrawn_reason = models.CharField(max_length=300, blank=True, default="")

    class Meta:
        db_table = "fund_arrangements"
        verbose_name = "fund"
        ordering = ("organization", "name", "-version")
        constraints = (
            models.UniqueConstraint(fields=["organization", "name", "version"], name="fund_arrangements_version_once"),
            models.UniqueConstraint(
                fields=["organization", "name"], condition=Q(status="ACTIVE"), name="fund_arrangements_one_active"
            ),
            guards.known_values("fund_arrangements", "status", FundStatus),
            models.CheckConstraint(
                condition=Q(tax_rate__gte=0, tax_rate__lte=1) & ~Q(name=""), name="fund_arrangements_name_and_tax"
            ),
            models.CheckConstraint(
                condition=Q(
                    status__in=["ACTIVE", "SUPERSEDED"], activated_at__isnull=False, activated_by__isnull=False,
                    content_hash__regex="^[0-9a-f]{64}$",
                )
                | Q(status__in=["DRAFT", "WITHDRAWN"], activated_at__isnull=True, activated_by__isnull=True,
                    content_hash=""),
                name="fund_arrangements_activated_by_somebody",
            ),
            models.CheckConstraint(
                condition=Q(activated_by__isnull=True) | ~Q(activated_by=F("created_by")),
                name="fund_arrangements_four_eyes",
            ),
            models.CheckConstraint(
                condition=Q(status="SUPERSEDED", superseded_at__isnull=False)
                | (~Q(status="SUPERSEDED") & Q(superseded_at__isnull=True)),
                name="fund_arrangements_superseded_at_a_time",
            ),
            models.CheckConstraint(
                condition=(
                    Q(status="WITHDRAWN", withdrawn_at__isnull=False, withdrawn_by__isnull=False)
                    & ~Q(withdrawn_reason="")
                )
                | (
                    ~Q(status="WITHDRAWN")
                    & Q(withdrawn_at__isnull=True, withdrawn_by__isnull=True, withdrawn_reason="")
                ),
                name="fund_arrangements_withdrawn_for_a_reason",
            ),
        )  # fmt: skip
        triggers = (
            *guards.audited(),
            *guards.never_deleted(),
            guards.immutable(
                "organization_id", "name", "version", "terms_id", "tax_rate", "note", "created_by_id", "created_at"
            ),
            guards.written_once("activated_by_id", "activated_at", "content_hash", "superseded_at"),
            guards.legal_status(FundStatus.DRAFT, FUND_TRANSITIONS),
            guards.Guard(
                "fund_arrangement_stands", name="stands", when=guards.Before, operation=guards.UpdateOf("status")
            ),
            guards.Guard(
                "fund_arrangement_follows_on",
                name="follows_on",
                when=guards.After,
                operation=guards.UpdateOf("status"),
                timing=guards.Deferred,
            ),
        )

    def __str__(self) -> str:
        return f"{self.name}, version {self.version}"

    @property
    def is_draft(self) -> bool:
        """Whether it counts for nothing yet."""
        return bool(self.status == FundStatus.DRAFT)

    @transition(field=status, source=FundStatus.DRAFT, target=FundStatus.ACTIVE)
    def mark_active(self, *, by: Any, content_hash: str, at: datetime) -> None:
        """Sign what was read."""
        self.activated_by, self.content_hash, self.activated_at = by, content_hash, at

    @transition(field=status, source=FundStatus.ACTIVE, target=FundStatus.SUPERSEDED)
    def mark_superseded(self, *, at: datetime) -> None:
        """End where the next version begins."""
        self.superseded_at = at

    @transition(field=status, source=FundStatus.DRAFT, target=FundStatus.WITHDRAWN)
    def mark_withdrawn(self, *, by: Any, reason: str, at: datetime) -> None:
        """Put a draft aside for good."""
        self.withdrawn_by, self.withdrawn_reason, self.withdrawn_at = by, reason, at


class FundDeal(models.Model):
    """One offering of an arrangement: a deal of its fund."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    arrangement = models.ForeignKey(FundArrangement, on_delete=models.PROTECT, related_name="deals")
    offering = models.ForeignKey(Offering, on_delete=models.PROTECT, related_name="fund_deals")
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        db_table = "fund_deals"
        ordering = ("arrangement", "id")
        constraints = (models.UniqueConstraint(fields=["arrangement", "offering"], name="fund_deals_offering_once"),)
        triggers = (
            *guards.audited(),
            *guards.append_only(),
            guards.Guard("fund_deal_fits", name="fits", when=guards.Before, operation=guards.Insert),
        )

    def __str__(self) -> str:
        return f"{self.offering} of {self.arrangement}"
