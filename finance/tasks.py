"""
Wake-ups and sweeps: each finds rows by their status and makes one call for each of them.

The row is the queue; a message only wakes it. Every sweep takes a bounded batch, goes on when one
row is in trouble, and may run twice at once, because the operation locks its row and looks again.
Sweeps return how many rows they moved on; their messages expire, so that a busy worker does not
find an hour of them.
"""

import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

from celery import current_app, shared_task
from django.conf import settings
from django.db.models import Q, QuerySet

from escrow.models import EscrowAccount
from finance.gateways import sandbox_bank, sandbox_transport, sandbox_webhooks
from finance.models import Transaction
from finance.models.transactions import OUTBOUND
from finance.models.transactions import TransactionStatus as Status
from finance.operations import (
    bulk_settlements,
    bulk_submissions,
    internal_transfers,
    movements,
    refund_items,
    refund_payments,
    refund_sweeps,
    retries,
    settlements,
    webhooks,
)
from finance.queries import webhooks as webhook_queries
from realco import clock
from realco.business_days import banking_date

logger = logging.getLogger(__name__)

BATCH = 200
TOGETHER = 1000
"""Rows that one sweep deals with one by one, and in chunks."""
UNANSWERED_AFTER = timedelta(minutes=2)
EXPIRES_SECONDS = 60


@shared_task(name="finance.process_transaction", ignore_result=True)
def process_transaction(*, payment_id: str, **_: object) -> None:
    """Send one queued payment to its provider, with the other half of its movement if it has one."""
    if movements.is_half(UUID(payment_id)):
        internal_transfers.process(UUID(payment_id), at=clock.now())
    else:
        settlements.process(UUID(payment_id), at=clock.now())


@shared_task(name="finance.process_transactions", ignore_result=True)
def process_transactions(*, payment_ids: str, **_: object) -> None:
    """Send a chunk of queued payments to their provider; the ids are parted by commas."""
    bulk_submissions.send([UUID(payment_id) for payment_id in payment_ids.split(",")], now=clock.now)


@shared_task(name="finance.sweep_queued", ignore_result=True, expires=EXPIRES_SECONDS)
def sweep_queued(**_: object) -> int:
    """Send the queued payments that no message has woken; a movement is sent by the half that leaves."""
    queued = Transaction.objects.filter(status=Status.QUEUED)
    queued = queued.exclude(type__in=OUTBOUND, escrow_account__status=EscrowAccount.Status.FROZEN)
    queued = queued.filter(Q(counterpart__isnull=True) | Q(type__in=OUTBOUND))
    return bulk_submissions.send(_some(queued.order_by("created_at", "id")), now=clock.now)


@shared_task(name="finance.sweep_unanswered", ignore_result=True, expires=EXPIRES_SECONDS)
def sweep_unanswered(**_: object) -> int:
    """Ask the provider about payments whose answer was lost, or whose worker died while sending."""
    at = clock.now()
    unanswered = Transaction.objects.filter(
        Q(status=Status.PROCESSING, processed_at__lte=at - UNANSWERED_AFTER)
        | Q(status=Status.ON_HOLD, held_from=Status.PROCESSING)
    )

    def resolve(payment_id: UUID) -> bool:
        if movements.is_half(payment_id):
            return internal_transfers.resolve_unknown(payment_id, at=at)
        return settlements.resolve_unknown(payment_id, at=at)

    return _each(unanswered.order_by("processed_at", "id"), resolve)


@shared_task(name="finance.sweep_retries", ignore_result=True, expires=EXPIRES_SECONDS)
def sweep_retries(**_: object) -> int:
    """Queue again the payments whose next attempt is due."""
    at = clock.now()
    due = Transaction.objects.filter(status=Status.PENDING_RETRY, next_retry_at__lte=at)

    def requeue(payment_id: UUID) -> bool:
        return retries.requeue(payment_id, at=at)

    return _each(due.order_by("next_retry_at", "id"), requeue)


@shared_task(name="finance.process_webhook", ignore_result=True)
def process_webhook(*, webhook_id: str, **_: object) -> None:
    """Record what a stored event says, and when many wait, what they say with it."""
    webhooks.process_waiting(UUID(webhook_id), at=clock.now())


@shared_task(name="finance.sweep_webhooks", ignore_result=True, expires=EXPIRES_SECONDS)
def sweep_webhooks(*, escrow_account_id: str | None = None, **_: object) -> int:
    """Record the stored events whose turn it is; those of an account just unfrozen need not wait for it."""
    at = clock.now()
    if escrow_account_id is not None:
        webhooks.wake(UUID(escrow_account_id), at=at)
    return _together(webhook_queries.waiting(at=at), webhooks.process_many)


@shared_task(name="finance.sweep_clearing", ignore_result=True, expires=EXPIRES_SECONDS)
def sweep_clearing(**_: object) -> int:
    """Complete the settled payments whose return window has passed."""
    at = clock.now()
    settled = Transaction.objects.filter(status=Status.SETTLED, clears_on__lte=banking_date(at))
    return _together(settled.order_by("clears_on", "id"), bulk_settlements.clear)


@shared_task(name="finance.resume_refund_run", ignore_result=True)
def resume_refund_run(*, run_id: str, **_: object) -> None:
    """Pay what a refund run owes."""
    refund_payments.resume(UUID(run_id), at=clock.now())


@shared_task(name="finance.follow_refund", ignore_result=True)
def follow_refund(*, payment_id: str, **_: object) -> None:
    """Bring the refund of a deposit, or that a payment pays, to where the payment is."""
    refund_items.follow(UUID(payment_id), at=clock.now())


@shared_task(name="finance.sweep_refunds", ignore_result=True, expires=EXPIRES_SECONDS)
def sweep_refunds(**_: object) -> int:
    """Follow, resume and finish the refund runs that are under way."""
    return refund_sweeps.sweep(at=clock.now())


@shared_task(name="finance.alert_overdue_refunds", ignore_result=True)
def alert_overdue_refunds(**_: object) -> int:
    """Say loudly which refunds the bank should have by now; return how many."""
    return refund_sweeps.alert(at=clock.now())


@shared_task(name="finance.sweep_sandbox", ignore_result=True, expires=EXPIRES_SECONDS)
def sweep_sandbox(**_: object) -> int:
    """Let the sandbox bank do what is due and tell us of it; there is none in production mode."""
    if not settings.SANDBOX:
        return 0
    at = clock.now()
    return sandbox_bank.work(at=at) + sandbox_webhooks.deliver(post=sandbox_transport.post_over_http, at=at)


def run_sweeps() -> int:
    """
    Run every frequent sweep of every app here and now, and return how many rows they moved on.

    Which sweeps there are is the beat schedule's business; the bank's own work is not among them.
    """
    current_app.loader.init_worker()  # Once for each process; importing the tasks checks all models, too.
    moved = 0
    for entry in settings.CELERY_BEAT_SCHEDULE.values():
        if isinstance(entry["schedule"], float) and entry["task"] != sweep_sandbox.name:
            moved += current_app.tasks[str(entry["task"])]() or 0
    return moved


def _together(rows: QuerySet[Any], call: Callable[..., int]) -> int:
    """Make the call for a whole batch of rows, which it deals with in chunks, and return how many it moved on."""
    return call(_some(rows), at=clock.now())


def _some(rows: QuerySet[Any]) -> list[UUID]:
    """Return the ids of a batch of rows that are dealt with together."""
    return list(rows.values_list("id", flat=True)[:TOGETHER])


def _each(rows: QuerySet[Any], call: Callable[[UUID], bool]) -> int:
    """Make the call for every row of a batch and count those it moved on; a defect in one does not stop the rest."""
    moved = 0
    for row_id in rows.values_list("id", flat=True)[:BATCH]:
        try:
            moved += call(row_id)
        except Exception:
            logger.exception("%s %s is left to the next sweep", rows.model.__name__, row_id)
    return moved
