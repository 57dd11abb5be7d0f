"""
What distributions have brought one investor.

A distribution is shown from the moment it has been approved: before that its numbers may change.
Everything starts from `of`, which knows only the person's own allocations.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import date
from decimal import Decimal

from django.db.models import QuerySet, Sum
from django.db.models.functions import TruncDate

from distributions.models import AllocationWriteOff, Distribution, DistributionAllocation
from distributions.queries.distributions import SHOWN
from realco.models import User

_NOT_YET = (Distribution.Status.DRAFT, Distribution.Status.PENDING_APPROVAL, Distribution.Status.CANCELLED)


@dataclass(frozen=True, slots=True)
class TierShare:
    """One tier of a distribution in words, what it took altogether, and who got that, in US dollars."""

    title: str
    words: str
    took: Decimal
    to_investors: Decimal
    to_sponsor: Decimal
    yours: Decimal


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a distribution found an investor, and where it left them, in US dollars."""

    contributed: Decimal
    unreturned_before: Decimal
    unreturned_after: Decimal
    preferred_owed_before: Decimal
    preferred_owed_after: Decimal


def of(investor: User) -> QuerySet[DistributionAllocation]:
    """Return the person's allocations of approved distributions, newest first, with those that were written off."""
    return (
        DistributionAllocation.objects.filter(SHOWN, investor=investor)
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
    """Return the tiers as they were explained when the numbers were signed, in order of payment."""
    return [
        TierShare(
            title=line["title"],
            words=line["words"],
            **{name: Decimal(line[name]) for name in ("took", "to_investors", "to_sponsor", "yours")},
        )
        for line in allocation.explanation.get("tiers", [])
    ]


def written_off_because(allocation: DistributionAllocation) -> str:
    """Return why two people ended an allocation unpaid; empty if they have not."""
    if allocation.written_off_at is None:
        return ""
    return allocation.write_offs.get(status=AllocationWriteOff.Status.EXECUTED).reason


def standing(allocation: DistributionAllocation) -> Standing | None:
    """Return where the investor stood before and after; None for the sponsor's share."""
    explanation = allocation.explanation
    if "contributed" not in explanation:
        return None
    return Standing(**{field.name: Decimal(explanation[field.name]) for field in fields(Standing)})
