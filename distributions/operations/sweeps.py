"""Sweeps: what was executed goes on, and what a lost message left behind is caught up with."""

import logging
from collections import defaultdict
from collections.abc import Callable
from datetime import datetime
from functools import partial
from uuid import UUID

from django.db.models import Exists, OuterRef, Q

from distributions.models import Distribution, DistributionAllocation
from distributions.operations import allocations, payouts, reinvestment_movements

Status = DistributionAllocation.Status
WHOLE = Distribution.Status
logger = logging.getLogger(__name__)


def sweep(*, at: datetime) -> int:
    """
    Resume distributions that were executed, follow payments whose message was lost, and finish what is done.

    Returns how many allocations and distributions it moved on. One that fails does not stop the others.
    """
    moved = _tried(partial(reinvestment_movements.sweep, at=at), "what is reinvested")
    for pk in unpaid():
        moved += _tried(partial(payouts.go_on, pk, at=at), pk)
    for pk in waited_for():
        moved += _tried(partial(payouts.pay_waiting, pk, at=at), pk)
    for pk, payment_ids in unfollowed().items():
        moved += _tried(partial(allocations.follow_many, pk, payment_ids, at=at), pk)
    for pk in unfinished():
        moved += _tried(partial(payouts.end, pk, at=at), pk)
    return moved


def unpaid() -> list[UUID]:
    """Return executed distributions with payees who have no payment yet and could, the oldest first."""
    due = DistributionAllocation.objects.filter(
        distribution=OuterRef("pk"), status=Status.PENDING, waiting_since__isnull=True
    )
    rows = Distribution.objects.filter(status__in=[WHOLE.QUEUED, WHOLE.PROCESSING]).order_by("executed_at")
    goes_on = Q(status=WHOLE.QUEUED) | Exists(due) | Q(metadata__has_key="stopped")
    return list(rows.filter(goes_on).values_list("pk", flat=True))


def waited_for() -> list[UUID]:
    """Return distributions some of whose payees wait for what keeps them from being paid."""
    rows = DistributionAllocation.objects.filter(status=Status.PENDING, waiting_since__isnull=False)
    return list(rows.order_by("distribution_id").values_list("distribution_id", flat=True).distinct())


def unfollowed() -> dict[UUID, list[UUID]]:
    """Return payments that have come further than their allocations know, by distribution."""
    found: dict[UUID, list[UUID]] = defaultdict(list)
    rows = DistributionAllocation.objects.filter(allocations.BEHIND).order_by("transaction_id")
    for distribution_id, payment_id in rows.values_list("distribution_id", "transaction_id"):
        assert payment_id is not None
        found[distribution_id].append(payment_id)
    return found


def unfinished() -> list[UUID]:
    """Return distributions that are PROCESSING though nobody's payment is under way."""
    under_way = DistributionAllocation.objects.filter(distribution=OuterRef("pk")).filter(
        Q(status=Status.PROCESSING) | Q(status=Status.PENDING, waiting_since__isnull=True)
    )
    rows = Distribution.objects.filter(status=WHOLE.PROCESSING).exclude(Exists(under_way))
    return list(rows.values_list("pk", flat=True))


def _tried(work: Callable[[], int], what: UUID | str) -> int:
    try:
        return work()
    except Exception:
        logger.exception("the sweep left %s for its next round", what)
        return 0
