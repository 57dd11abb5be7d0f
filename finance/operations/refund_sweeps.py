"""Sweeps of refund runs: what a lost message left behind is caught up with, what is overdue is said."""

import logging
from collections.abc import Callable
from datetime import datetime
from functools import partial
from uuid import UUID

from finance.models import RefundRun
from finance.operations import refund_items, refund_payments
from finance.queries import refund_runs as queries
from realco.business_days import banking_date

logger = logging.getLogger(__name__)


def sweep(*, at: datetime) -> int:
    """
    Follow what has moved, pay what is due, and finish what is done, run by run; return how many items moved.

    A run that fails does not stop the others; one that is completed is opened again when a bank sends
    a refund back.
    """
    moved = 0
    for run in queries.unfinished():
        moved += _tried(partial(_work, run, at=at), run.pk)
    return moved


def alert(*, at: datetime) -> int:
    """Log an error for every run with refunds that the bank should have by now; return how many refunds."""
    today = banking_date(at)
    late: dict[UUID, int] = {}
    for run_id in queries.overdue(today).values_list("run_id", flat=True):
        late[run_id] = late.get(run_id, 0) + 1
    for run_id, number in late.items():
        logger.error("refund run %s: %s refunds are overdue", run_id, number)
    for run in queries.unstarted(today):
        logger.error("refund run %s was to be on its way by %s and waits for a signature", run.pk, run.promised_by)
    return sum(late.values())


def _work(run: RefundRun, *, at: datetime) -> int:
    behind = list(queries.unfollowed(run).order_by("pk").values_list("pk", flat=True)[: refund_items.BATCH])
    moved = refund_items.follow_many(run.pk, item_ids=behind, at=at) if behind else 0
    if run.status != RefundRun.Status.RUNNING:
        return moved
    if queries.unblocked(run).exists():
        moved += refund_items.reconsider(run.pk, at=at)
    before = queries.due(run)
    refund_payments.resume(run.pk, at=at)
    return moved + before - queries.due(run)


def _tried(work: Callable[[], int], run_id: UUID) -> int:
    try:
        return work()
    except Exception:
        logger.exception("the sweep left refund run %s for its next round", run_id)
        return 0
