"""
History: the distributions of an offering that count, as the engine is told them.

Every distribution that has been approved counts, whether or not its payments have arrived. Its lines come as columns, a
row of the database for each distribution, since there may be millions of them.
"""

from decimal import Decimal
from uuid import UUID

from django.contrib.postgres.aggregates import ArrayAgg
from django.db.models import BigIntegerField, F, Q, QuerySet, TextField
from django.db.models.functions import Cast

from distributions.models import Distribution, DistributionAllocation
from distributions.positions import LineTable
from distributions.waterfall import PastDistribution
from realco.money import ZERO

Status = Distribution.Status
COUNTED = (
    Status.APPROVED,
    Status.QUEUED,
    Status.PROCESSING,
    Status.COMPLETED,
    Status.PARTIALLY_FAILED,
    Status.FAILED,
)
"""Distributions whose allocations are owed or paid."""


def of(distribution: Distribution) -> tuple[tuple[PastDistribution, ...], tuple[str, ...]]:
    """
    Return what counts of the offering's other distributions, in the order in which they were approved.

    Premiums that are paid on are outside of the waterfall, and not among them.
    """
    others = before(distribution).filter(nature=Distribution.Nature.WATERFALL)
    earlier = list(
        others.order_by("as_of_date", "approved_at", "id").values_list("id", "as_of_date", "distribution_number")
    )
    counted = DistributionAllocation.objects.filter(distribution_id__in=[pk for pk, _, _ in earlier])
    counted = counted.exclude(status=DistributionAllocation.Status.CANCELLED).order_by()
    promotes = _promotes_by_class(others)
    sponsor = {
        pk: (catch_up, profit, promotes.get(pk, ()))
        for pk, catch_up, profit in counted.filter(investment__isnull=True).values_list(
            "distribution_id", "sponsor_catch_up", "profit_split"
        )
    }
    lines = _lines(counted)
    nobody = LineTable((), (), (), ())
    history = tuple(
        PastDistribution(day, lines.get(pk, nobody), *sponsor.get(pk, (ZERO, ZERO))) for pk, day, _ in earlier
    )
    return history, tuple(number for _, _, number in earlier)


def before(distribution: Distribution) -> QuerySet[Distribution]:
    """
    Return the offering's other distributions that count for one, of any nature.

    For one that is approved itself these are the ones approved before it: its own numbers count for
    those after it, not theirs for it.
    """
    others = Distribution.objects.filter(offering_id=distribution.offering_id, status__in=COUNTED)
    if distribution.approved_at is not None:
        others = others.filter(
            Q(approved_at__lt=distribution.approved_at)
            | Q(approved_at=distribution.approved_at, pk__lt=distribution.pk)
        )
    return others.exclude(pk=distribution.pk)


def _lines(allocations: QuerySet[DistributionAllocation]) -> dict[UUID, LineTable]:
    """Return what investors were allocated by distribution, in the order of their keys: a row for each distribution."""

    def column(name: str) -> ArrayAgg:
        return ArrayAgg(Cast(F(name) * 100, BigIntegerField()), order_by="investment_id")

    rows = (
        allocations.filter(investment__isnull=False)
        .values("distribution_id")
        .annotate(
            keys=ArrayAgg(Cast("investment_id", TextField()), order_by="investment_id"),
            capital=column("return_of_capital"),
            preferred=column("preferred_return"),
            profit=column("profit_split"),
        )
    )
    return {
        row["distribution_id"]: LineTable(tuple(row["keys"]), row["capital"], row["preferred"], row["profit"])
        for row in rows
    }


def _promotes_by_class(distributions: QuerySet[Distribution]) -> dict[UUID, tuple[tuple[str, Decimal], ...]]:
    """Return, of each distribution on terms with classes, from which class's money the sponsor had its promote."""
    kept = DistributionAllocation.objects.filter(
        distribution__in=distributions.order_by(), investment__isnull=True, metadata__has_key="promote_by_class"
    ).exclude(status=DistributionAllocation.Status.CANCELLED)
    return {
        pk: tuple((name, Decimal(amount)) for name, amount in by_class)
        for pk, by_class in kept.values_list("distribution_id", "metadata__promote_by_class")
    }
