"""
What distributions have brought one investor.

A distribution is shown from the moment it has been approved: before that its numbers may change.
Everything starts from `of`, which knows only the person's own allocations.
"""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal

from django.db.models import QuerySet, Sum
from django.db.models.functions import TruncDate

from distributions.models import Distribution, DistributionAllocation
from realco.models import User

_NOT_YET = (Distribution.Status.DRAFT, Distribution.Status.PENDING_APPROVAL, Distribution.Status.CANCELLED)


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
