"""The terms of an offering's waterfall, as data: versions and their tiers, immutable once active."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from realco import guards
from realco.identifiers import new_id
from realco.models import Offering


class ProfitBasis(models.TextChoices):
    """What investors share profit by, once the hurdles are met."""

    CONTRIBUTED = "CONTRIBUTED", "Contributed capital"
    OWNERSHIP = "OWNERSHIP", "Ownership"


class WaterfallTerms(models.Model):
    """One version of an offering's terms; ``version`` counts from 1. Never edited: a change is a new version."""

    ProfitBasis = ProfitBasis

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    offering = models.ForeignKey(Offering, on_delete=models.PROTECT, related_name="waterfall_terms")
    version = models.PositiveSmallIntegerField()
    effective_from = models.DateField()
    profits_by = models.CharField(max_length=20, choices=ProfitBasis, default=ProfitBasis.CONTRIBUTED)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        db_table = "waterfall_terms"
        verbose_name_plural = "waterfall terms"
        ordering = ("offering", "-version")
        constraints = (
            models.UniqueConstraint(fields=["offering", "version"], name="waterfall_terms_version_once"),
            guards.known_values("waterfall_terms", "profits_by", ProfitBasis),
        )
        triggers = (*guards.audited(), *guards.append_only())

    def __str__(self) -> str:
        return f"Terms {self.version} of {self.offering}"


class WaterfallTierKind(models.TextChoices):
    RETURN_OF_CAPITAL = "RETURN_OF_CAPITAL", "Return of capital"
    PREFERRED_RETURN = "PREFERRED_RETURN", "Preferred return"
    CATCH_UP = "CATCH_UP", "Sponsor catch-up"
    SPLIT = "SPLIT", "Profit split"


class WaterfallTier(models.Model):
    """
    One tier, in the order of ``position``. Rates and shares are fractions, not percents.

    RETURN_OF_CAPITAL has none; PREFERRED_RETURN has rate, base, day count, compounding and, where
    all contributions accrue from one day, that day; CATCH_UP has the GP's share inside the tier and
    its target share of profit; SPLIT has the GP's share.
    """

    Kind = WaterfallTierKind

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    terms = models.ForeignKey(WaterfallTerms, on_delete=models.PROTECT, related_name="tiers")
    position = models.PositiveSmallIntegerField()
    kind = models.CharField(max_length=30, choices=WaterfallTierKind)
    rate = models.DecimalField(max_digits=7, decimal_places=6, null=True)
    day_count = models.CharField(max_length=20, blank=True, default="")
    compounding = models.CharField(max_length=20, blank=True, default="")
    base = models.CharField(max_length=20, blank=True, default="")
    accrues_from = models.DateField(null=True, blank=True)
    sponsor_share = models.DecimalField(max_digits=7, decimal_places=6, null=True)
    sponsor_target = models.DecimalField(max_digits=7, decimal_places=6, null=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        db_table = "waterfall_tiers"
        ordering = ("terms", "position")
        constraints = (
            guards.known_values("waterfall_tiers", "kind", WaterfallTierKind),
            models.UniqueConstraint(fields=["terms", "position"], name="waterfall_tiers_position_once"),
            models.CheckConstraint(
                condition=Q(kind="RETURN_OF_CAPITAL")
                | Q(kind="PREFERRED_RETURN", rate__gt=0, rate__lt=1)
                | Q(kind="CATCH_UP", sponsor_target__gt=0, sponsor_share__gt=F("sponsor_target"), sponsor_share__lte=1)
                | Q(kind="SPLIT", sponsor_share__gte=0, sponsor_share__lte=1),
                name="waterfall_tiers_can_work",
            ),
        )
        triggers = (*guards.audited(), *guards.append_only())

    def __str__(self) -> str:
        return f"{self.position}. {self.get_kind_display()}"
