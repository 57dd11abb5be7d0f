"""
What distributions have brought one investor.

A distribution is shown from the moment it has been approved: before that its numbers may change.
Everything starts from `of`, which knows only the person's own allocations.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.db.models import QuerySet, Sum
from django.db.models.functions import TruncDate

from distributions.models import Distribution, DistributionAllocation, WaterfallTier
from realco.models import User

ZERO = Decimal("0.00")
_COLUMNS: dict[str, str] = {
    WaterfallTier.Kind.RETURN_OF_CAPITAL: "return_of_capital",
    WaterfallTier.Kind.PREFERRED_RETURN: "preferred_return",
    WaterfallTier.Kind.CATCH_UP: "sponsor_catch_up",
    WaterfallTier.Kind.SPLIT: "profit_split",
}
_NOT_YET = (Distribution.Status.DRAFT, Distribution.Status.PENDING_APPROVAL, Distribution.Status.CANCELLED)


@dataclass(frozen=True, slots=True)
class TierShare:
    """One tier of a distribution: what it took altogether, of that to investors, of that to one of them."""

    name: str
    rule: WaterfallTier | None
    total: Decimal
    investors: Decimal
    yours: Decimal

    @property
    def sponsor(self) -> Decimal:
        """What the sponsor got of this tier."""
        return self.total - self.investors


def of(investor: User) -> QuerySet[DistributionAllocation]:
    """Return the person's allocations of approved distributions, newest first."""
    return (
        DistributionAllocation.objects.filter(investor=investor)
        .exclude(status=DistributionAllocation.Status.CANCELLED)
        .exclude(distribution__status__in=_NOT_YET)
        .select_related("distribution__offering", "distribution__terms", "investment", "transaction")
        .order_by("-created_at", "-id")
    )


def capital_returned(investor: User) -> Sequence[tuple[date, Decimal]]:
    """Return each day on which capital came back to the investor, and how much of it."""
    days = (
        of(investor)
        .filter(status=DistributionAllocation.Status.COMPLETED, return_of_capital__gt=0)
        .order_by()
        .annotate(day=TruncDate("processed_at"))
        .values("day")
        .annotate(total=Sum("return_of_capital"))
        .order_by("day")
    )
    return [(row["day"], row["total"]) for row in days]


def tiers(allocation: DistributionAllocation) -> list[TierShare]:
    """Return what each tier took of the distribution, in the order of its terms, and the allocation's part."""
    distribution = allocation.distribution
    everyone = distribution.allocations.exclude(status=DistributionAllocation.Status.CANCELLED)
    to_investors = everyone.filter(investment__isnull=False).aggregate(
        **{column: Sum(column, default=ZERO) for column in _COLUMNS.values()}
    )
    terms = distribution.terms
    rules = {tier.kind: tier for tier in terms.tiers.order_by("position")} if terms else {}
    order = [*rules, *(kind for kind in _COLUMNS if kind not in rules)]
    shares = [
        TierShare(
            name=WaterfallTier.Kind(kind).label,
            rule=rules.get(kind),
            total=getattr(distribution, f"{_COLUMNS[kind]}_total"),
            investors=to_investors[_COLUMNS[kind]],
            yours=getattr(allocation, _COLUMNS[kind]),
        )
        for kind in order
    ]
    return [share for share in shares if share.rule or share.total]
