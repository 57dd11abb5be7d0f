"""Sweeps: what was executed goes on, and what a lost message left behind is caught up with."""

import logging
from collections.abc import Callable
from datetime import datetime
from functools import partial
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, OuterRef, Q

from distributions.models import Distribution, DistributionAllocation
from distributions.operations import allocations, distributions, payouts
from distributions.operations.allocations import NOT_PAID, UNDER_WAY
from finance.models import Transaction
from realco import audit

Status = DistributionAllocation.Status
WHOLE = Distribution.Status
logger = logging.getLogger(__name__)


def sweep(*, at: datetime) -> int:
    """
    Resume distributions that were executed, follow payments whose message was lost, and finish what is done.

    Returns how many distributions and payments it touched. One that fails does not stop the others.
    """
    touched = 0
    for pk in unpaid():
        touched += _tried(partial(payouts.resume, pk, at=at), pk)
    for payment_id in unfollowed():
        touched += _tried(partial(allocations.follow, payment_id, at=at), payment_id)
    for pk in unfinished():
        touched += _tried(partial(_finish, pk, at=at), pk)
    return touched


def unpaid() -> list[UUID]:
    """Return executed distributions with payees who have no payment yet, the oldest first."""
    waiting = DistributionAllocation.objects.filter(distribution=OuterRef("pk"), status=Status.PENDING)
    rows = Distribution.objects.filter(status__in=[WHOLE.QUEUED, WHOLE.PROCESSING]).order_by("executed_at")
    return list(rows.filter(Q(status=WHOLE.QUEUED) | Exists(waiting)).values_list("pk", flat=True))


def unfollowed() -> list[UUID]:
    """Return payments that have come further than their allocations know."""
    behind = (
        Q(status=Status.PROCESSING, transaction__status__in=[Transaction.Status.COMPLETED, *NOT_PAID])
        | Q(status=Status.COMPLETED, transaction__status__in=NOT_PAID)
        | Q(status=Status.FAILED, transaction__status__in=[Transaction.Status.COMPLETED, *UNDER_WAY])
    )
    rows = DistributionAllocation.objects.filter(behind).order_by("transaction_id")
    return [pk for pk in rows.values_list("transaction_id", flat=True) if pk is not None]


def unfinished() -> list[UUID]:
    """Return distributions that are PROCESSING though nobody's payment is waited for."""
    waiting = DistributionAllocation.objects.filter(
        distribution=OuterRef("pk"), status__in=[Status.PENDING, Status.PROCESSING]
    )
    rows = Distribution.objects.filter(status=WHOLE.PROCESSING).exclude(Exists(waiting))
    return list(rows.values_list("pk", flat=True))


def _finish(distribution_id: UUID, *, at: datetime) -> None:
    with audit.acting("distribution.finish"), transaction.atomic():
        allocations.finish(distributions.lock(distribution_id), at=at)


def _tried(work: Callable[[], object], pk: UUID) -> int:
    try:
        work()
    except Exception:
        logger.exception("the sweep left %s for its next round", pk)
        return 0
    return 1
