"""
The terms of an offering's waterfall, as data: versions, and the tiers of each.

One person drafts a version, another one activates it, and from then on it never changes. The
database holds to that whatever road a change takes.
"""

from datetime import date, datetime
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django_fsm import FSMField, FSMModelMixin, transition

from realco import guards
from realco.identifiers import new_id
from realco.models import Offering


class ProfitBasis(models.TextChoices):
    """What investors share profit by, once the hurdles are met."""

    CONTRIBUTED = "CONTRIBUTED", "Contributed capital"
    OWNERSHIP = "OWNERSHIP", "Ownership"


class BetweenClasses(models.TextChoices):
    """How money is divided between classes before each divides its own."""

    PRO_RATA = "PRO_RATA", "Pro rata to contributed capital"
    IN_STEP = "IN_STEP", "Tier by tier, by what is due to each"
    SENIOR = "SENIOR", "The first class first"


class TermsStatus(models.TextChoices):
    DRAFT = "DRAFT", "Draft"
    ACTIVE = "ACTIVE", "Active"
    SUPERSEDED = "SUPERSEDED", "Superseded"
    WITHDRAWN = "WITHDRAWN", "Withdrawn"


TRANSITIONS = {
    TermsStatus.DRAFT: (TermsStatus.ACTIVE, TermsStatus.WITHDRAWN),
    TermsStatus.ACTIVE: (TermsStatus.SUPERSEDED,),
    TermsStatus.SUPERSEDED: (),
    TermsStatus.WITHDRAWN: (),
}
ACTIVATED = (TermsStatus.ACTIVE, TermsStatus.SUPERSEDED)


class WaterfallTerms(FSMModelMixin, models.Model):
    """
    One version of an offering's terms; ``version`` counts from 1.

    Activated versions are in force from ``effective_from`` until the day before
    ``superseded_from``, one after the other without a gap. Drafts count for nothing.
    ``taken_over`` marks versions that were in force before versions were activated.
    """

    ProfitBasis = ProfitBasis
    Between = BetweenClasses
    Status = TermsStatus
    TRANSITIONS = TRANSITIONS

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    offering = models.ForeignKey(Offering, on_delete=models.PROTECT, related_name="waterfall_terms")
    version = models.PositiveSmallIntegerField()
    status = FSMField(max_length=20, choices=TermsStatus.choices, default=TermsStatus.DRAFT, protected=True)
    effective_from = models.DateField()
    superseded_from = models.DateField(null=True, blank=True)
    profits_by = models.CharField(max_length=20, choices=ProfitBasis, default=ProfitBasis.CONTRIBUTED)
    between_classes = models.CharField(max_length=20, choices=BetweenClasses, default=BetweenClasses.PRO_RATA)
    note = models.CharField(max_length=300, blank=True, default="")
    content_hash = models.CharField(max_length=64, blank=True, default="")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    activated_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    activated_at = models.DateTimeField(null=True, blank=True)
    withdrawn_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    withdrawn_at = models.DateTimeField(null=True, blank=True)
    withdrawn_reason = models.CharField(max_length=300, blank=True, default="")
    taken_over = models.BooleanField(default=False)

    class Meta:
        db_table = "waterfall_terms"
        verbose_name_plural = "waterfall terms"
        ordering = ("offering", "-version")
        permissions = (
            ("draft_waterfallterms", "Can draft waterfall terms"),
            ("activate_waterfallterms", "Can activate waterfall terms that somebody else drafted"),
        )
        constraints = (
            models.UniqueConstraint(fields=["offering", "version"], name="waterfall_terms_version_once"),
            guards.known_values("waterfall_terms", "profits_by", ProfitBasis),
            guards.known_values("waterfall_terms", "between_classes", BetweenClasses),
            guards.known_values("waterfall_terms", "status", TermsStatus),
            models.UniqueConstraint(
                fields=["offering"], condition=Q(status="ACTIVE"), name="waterfall_terms_one_active"
            ),
            models.CheckConstraint(
                condition=Q(taken_over=True) | Q(created_by__isnull=False), name="waterfall_terms_have_a_drafter"
            ),
            models.CheckConstraint(
                condition=(
                    Q(status__in=["ACTIVE", "SUPERSEDED"], activated_at__isnull=False)
                    & (Q(taken_over=True) | Q(activated_by__isnull=False, content_hash__regex="^[0-9a-f]{64}$"))
                )
                | Q(status__in=["DRAFT", "WITHDRAWN"], activated_at__isnull=True, activated_by__isnull=True,
                    taken_over=False, content_hash=""),
                name="waterfall_terms_activated_by_somebody",
            ),
            models.CheckConstraint(
                condition=Q(activated_by__isnull=True) | ~Q(activated_by=F("created_by")),
                name="waterfall_terms_four_eyes",
            ),
            models.CheckConstraint(
                condition=Q(
                    status="SUPERSEDED", superseded_from__isnull=False, superseded_from__gte=F("effective_from")
                )
                | (~Q(status="SUPERSEDED") & Q(superseded_from__isnull=True)),
                name="waterfall_terms_superseded_from_a_day",
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
                name="waterfall_terms_withdrawn_for_a_reason",
            ),
        )  # fmt: skip
        triggers = (
            *guards.audited(),
            *guards.never_deleted(),
            guards.immutable("offering_id", "version", "created_by_id", "created_at", "taken_over"),
            guards.legal_status(TermsStatus.DRAFT, TRANSITIONS),
            guards.Guard(
                "waterfall_terms_stand", name="terms_stand", when=guards.Before, operation=guards.InsertOrUpdate
            ),
            guards.Guard(
                "waterfall_terms_follow_on",
                name="follow_on",
                when=guards.After,
                operation=guards.InsertOrUpdate,
                timing=guards.Deferred,
            ),
        )

    def __str__(self) -> str:
        return f"Terms {self.version} of {self.offering}"

    @property
    def is_draft(self) -> bool:
        """Whether it may still be changed, and counts for nothing."""
        return bool(self.status == TermsStatus.DRAFT)

    @transition(field=status, source=TermsStatus.DRAFT, target=TermsStatus.ACTIVE)
    def mark_active(self, *, by: Any, content_hash: str, at: datetime) -> None:
        """Sign what was checked."""
        self.activated_by, self.content_hash, self.activated_at = by, content_hash, at

    @transition(field=status, source=TermsStatus.ACTIVE, target=TermsStatus.SUPERSEDED)
    def mark_superseded(self, *, from_day: date) -> None:
        """End where the next version begins."""
        self.superseded_from = from_day

    @transition(field=status, source=TermsStatus.DRAFT, target=TermsStatus.WITHDRAWN)
    def mark_withdrawn(self, *, by: Any, reason: str, at: datetime) -> None:
        """Put a draft aside for good."""
        self.withdrawn_by, self.withdrawn_reason, self.withdrawn_at = by, reason, at


class WaterfallTierKind(models.TextChoices):
    RETURN_OF_CAPITAL = "RETURN_OF_CAPITAL", "Return of capital"
    PREFERRED_RETURN = "PREFERRED_RETURN", "Preferred return"
    IRR_HURDLE = "IRR_HURDLE", "IRR hurdle"
    MULTIPLE_HURDLE = "MULTIPLE_HURDLE", "Multiple hurdle"
    CATCH_UP = "CATCH_UP", "Sponsor catch-up"
    SPLIT = "SPLIT", "Profit split"


_NO_RATE = Q(rate__isnull=True, multiple__isnull=True, day_count="", compounding="", base="", accrues_from__isnull=True)
_NO_RETURN = Q(day_count="", compounding="", base="", accrues_from__isnull=True, sponsor_target__isnull=True)
_HURDLE_SHARE = Q(sponsor_share__isnull=False, sponsor_share__gte=0, sponsor_share__lt=1)
_IS_RATE = Q(rate__isnull=False, rate__gt=0, rate__lte=1)


class WaterfallTier(models.Model):
    """
    One tier of a class, in the order of ``position``. Rates and shares are fractions, not percents.

    The sponsor's share is what the investors do not get of the tier; of a CATCH_UP it is the
    share inside the tier, and ``sponsor_target`` of all profit. RETURN_OF_CAPITAL has figures of
    no kind; what a PREFERRED_RETURN has, `distributions.tiers` explains. Where an offering has
    classes, each tier names its class, and the classes rank as their first tiers do.
    """

    Kind = WaterfallTierKind

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    terms = models.ForeignKey(WaterfallTerms, on_delete=models.PROTECT, related_name="tiers")
    class_name = models.CharField(max_length=60, blank=True, default="")
    position = models.PositiveSmallIntegerField()
    kind = models.CharField(max_length=30, choices=WaterfallTierKind)
    rate = models.DecimalField(max_digits=13, decimal_places=12, null=True)
    multiple = models.DecimalField(max_digits=15, decimal_places=12, null=True)
    day_count = models.CharField(max_length=20, blank=True, default="")
    compounding = models.CharField(max_length=20, blank=True, default="")
    base = models.CharField(max_length=20, blank=True, default="")
    accrues_from = models.DateField(null=True, blank=True)
    cumulative = models.BooleanField(default=True)
    sponsor_share = models.DecimalField(max_digits=13, decimal_places=12, null=True)
    sponsor_target = models.DecimalField(max_digits=13, decimal_places=12, null=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        db_table = "waterfall_tiers"
        ordering = ("terms", "position")
        constraints = (
            guards.known_values("waterfall_tiers", "kind", WaterfallTierKind),
            models.UniqueConstraint(fields=["terms", "position"], name="waterfall_tiers_position_once"),
            models.UniqueConstraint(
                fields=["terms", "class_name", "kind"],
                condition=Q(kind__in=["RETURN_OF_CAPITAL", "SPLIT"]),
                name="waterfall_tiers_one_of_a_kind",
            ),
            models.CheckConstraint(
                condition=Q(kind="PREFERRED_RETURN") | Q(cumulative=True), name="waterfall_tiers_only_returns_lapse"
            ),
            models.CheckConstraint(
                condition=(Q(kind="RETURN_OF_CAPITAL", sponsor_share__isnull=True, sponsor_target__isnull=True)
                    & _NO_RATE)
                | (Q(kind="PREFERRED_RETURN", multiple__isnull=True, sponsor_target__isnull=True) & _IS_RATE
                    & _HURDLE_SHARE
                    & Q(base__in=["UNRETURNED", "ORIGINAL"])
                    & Q(day_count__in=["ACT_365", "ACT_360", "ACT_ACT_ISDA", "30_360", "30E_360"])
                    & Q(compounding__in=["SIMPLE", "ANNUAL", "SEMI_ANNUAL", "QUARTERLY", "MONTHLY", "DAILY"])
                    & (Q(cumulative=True) | Q(compounding="SIMPLE")))
                | (Q(kind="IRR_HURDLE", multiple__isnull=True) & _IS_RATE & _HURDLE_SHARE & _NO_RETURN)
                | (Q(kind="MULTIPLE_HURDLE", rate__isnull=True, multiple__isnull=False, multiple__gte=1,
                     multiple__lte=100) & _HURDLE_SHARE & _NO_RETURN)
                | (Q(kind="CATCH_UP", sponsor_target__isnull=False, sponsor_share__isnull=False, sponsor_target__gt=0,
                     sponsor_share__gt=F("sponsor_target"), sponsor_share__lte=1) & _NO_RATE)
                | (Q(kind="SPLIT", sponsor_share__isnull=False, sponsor_share__gte=0, sponsor_share__lte=1,
                     sponsor_target__isnull=True) & _NO_RATE),
                name="waterfall_tiers_can_work",
            ),
        )  # fmt: skip
        triggers = (
            *guards.audited(),
            guards.never_truncated(),
            guards.Guard("realco_append_only", name="never_updated", when=guards.Before, operation=guards.Update),
            guards.Guard(
                "waterfall_terms_are_drafted",
                name="of_a_draft",
                when=guards.Before,
                operation=guards.Insert | guards.Delete,
            ),
        )

    def __str__(self) -> str:
        return f"{self.position}. {self.get_kind_display()}"
