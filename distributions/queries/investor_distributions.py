"""
What distributions have brought one investor.

A distribution is shown from the moment it has been approved: before that its numbers may change.
Everything starts from `of`, which knows only the person's own allocations.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from datetime import date
from decimal import Decimal

from django.db.models import QuerySet, Sum
from django.db.models.functions import TruncDate

from distributions.models import AllocationWriteOff, Distribution, DistributionAllocation, Reinvestment
from distributions.queries.distributions import SHOWN
from distributions.tiers import TierKind
from realco.models import User
from realco.money import ZERO

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


@dataclass(frozen=True, slots=True)
class Received:
    """What has reached a person of all distributions, US dollars; what was withheld is no part of ``paid``."""

    paid: Decimal
    capital: Decimal
    withheld: Decimal
    reinvested: Decimal


def of(investor: User) -> QuerySet[DistributionAllocation]:
    """Return the person's allocations of approved distributions, newest first, with those that were written off."""
    return (
        DistributionAllocation.objects.filter(SHOWN, investor=investor)
        .exclude(distribution__status__in=_NOT_YET)
        .select_related("distribution__offering", "distribution__terms", "investment", "transaction")
        .order_by("-created_at", "-id")
    )


def received(investor: User) -> Received:
    """Return what was paid to the person, whoever holds the capital now that it was paid on."""
    completed = of(investor).filter(status=DistributionAllocation.Status.COMPLETED).order_by()
    moved = Reinvestment.objects.filter(allocation__in=completed, status=Reinvestment.Status.DONE)
    return Received(
        **completed.aggregate(
            paid=Sum("net_amount", default=ZERO),
            capital=Sum("return_of_capital", default=ZERO),
            withheld=Sum("withholding_amount", default=ZERO),
        ),
        **moved.aggregate(reinvested=Sum("amount", default=ZERO)),
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


def worked_out(allocation: DistributionAllocation) -> Decimal:
    """Return what the tiers gave in all, US dollars: the allocation's total, unless people decided otherwise."""
    if allocation.calculated is None:
        return allocation.total_amount
    return sum((Decimal(amount) for amount in allocation.calculated.values()), ZERO)


def written_off_because(allocation: DistributionAllocation) -> str:
    """Return why two people ended an allocation unpaid; empty if they have not."""
    if allocation.written_off_at is None:
        return ""
    return allocation.write_offs.get(status=AllocationWriteOff.Status.EXECUTED).reason


def standing(allocation: DistributionAllocation) -> Standing | None:
    """Return where the investor stood before and after what was decided; None for the sponsor's share."""
    explanation = allocation.explanation
    if "contributed" not in explanation:
        return None
    found = Standing(**{field.name: Decimal(explanation[field.name]) for field in fields(Standing)})
    if allocation.calculated is None:
        return found
    # The explanation tells what the waterfall gave.
    return replace(
        found,
        unreturned_after=max(found.unreturned_before - allocation.return_of_capital, ZERO),
        preferred_owed_after=max(found.preferred_owed_before - _paid_of_preferred(allocation, found), ZERO),
    )


def _paid_of_preferred(allocation: DistributionAllocation, found: Standing) -> Decimal:
    """Return what counts against preferred return owed: of an IRR hurdle that is all cash beyond capital."""
    kinds = {line.get("kind") for line in allocation.explanation.get("tiers", [])}
    if TierKind.PREFERRED_RETURN in kinds:
        return allocation.preferred_return
    if TierKind.IRR_HURDLE in kinds:
        return allocation.preferred_return + allocation.profit_split
    return found.preferred_owed_before - found.preferred_owed_after
