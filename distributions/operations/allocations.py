"""
Allocations after they were paid for: follow each payment to its end, keep what investments had back,
and say when the whole distribution is done.

Any number of payments is followed with a few statements. What an investment has had back is not added up
and taken off again, but told anew from what has arrived, so that it is right in whatever order banks
return money.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Exists, Q, QuerySet

from distributions.models import Distribution, DistributionAllocation
from distributions.operations import locks
from distributions.queries import standings
from finance.models import Transaction
from realco import arrays, audit, stopping_points

Status = DistributionAllocation.Status
Payment = Transaction.Status
WHOLE = Distribution.Status
CHUNK = 500
NOT_PAID = (Payment.FAILED, Payment.CANCELLED, Payment.REVERSED)
UNDER_WAY = (
    Payment.PENDING_APPROVAL,
    Payment.APPROVED,
    Payment.QUEUED,
    Payment.PROCESSING,
    Payment.PENDING_SETTLEMENT,
    Payment.SETTLED,
    Payment.PENDING_RETRY,
    Payment.ON_HOLD,
)
_WRITE = """
UPDATE distribution_allocations a
   SET status = p.status, transaction_id = p.payment, failure_reason = p.failure, waiting_reason = p.waiting,
       waiting_since = p.since, processed_at = p.processed, updated_at = %s
  FROM unnest(%s::text::uuid[], %s::text::text[], %s::text::uuid[], %s::text::text[], %s::text::text[],
              %s::text::timestamptz[], %s::text::timestamptz[])
       AS p (id, status, payment, failure, waiting, since, processed) WHERE a.id = p.id
"""
_RETELL = """
UPDATE investments i
   SET returned_capital = s.capital, current_balance = i.funded_amount - s.capital, preferred_return_paid = s.preferred,
       profits_paid = s.profit, preferred_return_owed = s.owed, updated_at = %s
  FROM unnest(%s::text::uuid[], %s::text::numeric[], %s::text::numeric[], %s::text::numeric[], %s::text::numeric[])
       AS s (id, capital, preferred, profit, owed) WHERE i.id = s.id
"""


def follow(payment_id: UUID, *, at: datetime) -> DistributionAllocation | None:
    """
    Bring the allocation of a payment to where its payment is, and finish its distribution if it was the last.

    Harmless when repeated, and for payments that are no distribution's, or no longer: then None.
    """
    row = DistributionAllocation.objects.filter(transaction_id=payment_id).only("id", "distribution_id").first()
    if row is None:
        return None
    follow_many(row.distribution_id, [payment_id], at=at)
    return DistributionAllocation.objects.select_related("transaction").get(pk=row.pk)


def follow_many(distribution_id: UUID, payment_ids: Sequence[UUID], *, at: datetime) -> int:
    """
    Bring the allocations of some payments of one distribution to where the payments are; return how many moved.

    Each chunk is a transaction, with what the investments have had back and the distribution's status.
    """
    moved = 0
    for start in range(0, len(payment_ids), CHUNK):
        with audit.acting("distribution.follow"), transaction.atomic():
            distribution = locks.lock(distribution_id)
            found = _catch_up(distribution, payment_ids[start : start + CHUNK], at=at)
            finish(distribution, at=at)
            stopping_points.reach("distribution.follow.before_commit")
        moved += found
    return moved


def catch_up(distribution: Distribution, payment_ids: Sequence[UUID] | None = None, *, at: datetime) -> int:
    """
    Bring allocations of a locked distribution, all or those of some payments, to where their payments are.

    The caller finishes the distribution. Returns how many moved.
    """
    return _catch_up(distribution, payment_ids, at=at)


def finish(distribution: Distribution, *, at: datetime) -> bool:
    """
    Give a locked distribution the status that its allocations add up to.

    While payments are under way it is PROCESSING. Afterwards COMPLETED if everybody was paid; FAILED if
    nobody was and nobody waits; PARTIALLY_FAILED if some failed. Where nobody failed but some still wait for
    what keeps them from being paid, it stays PROCESSING: it owes them. A bank's late return opens it again.
    What stopped it is forgotten once everybody has been dealt with. Returns whether it has another status now.
    """
    target = _target(distribution)
    if "stopped" in distribution.metadata and not due(distribution).exists():
        distribution.metadata = {name: what for name, what in distribution.metadata.items() if name != "stopped"}
        distribution.save()
    if distribution.status == target:
        return False
    if distribution.status != WHOLE.PROCESSING:
        # From one end to another the way leads through PROCESSING, in the database too.
        distribution.mark_processing()
        distribution.save()
    if target == WHOLE.COMPLETED:
        distribution.mark_completed(at=at)
    elif target == WHOLE.PARTIALLY_FAILED:
        distribution.mark_partially_failed()
    elif target == WHOLE.FAILED:
        distribution.mark_failed()
    distribution.save()
    return True


def due(distribution: Distribution) -> QuerySet[DistributionAllocation]:
    """Return the allocations that have no payment yet and wait for nothing that is known."""
    return distribution.allocations.filter(status=Status.PENDING, waiting_since__isnull=True)


def _target(distribution: Distribution) -> str:
    rows = DistributionAllocation.objects.filter(distribution=distribution)
    wanted = {
        "is_under_way": Q(status=Status.PROCESSING) | Q(status=Status.PENDING, waiting_since__isnull=True),
        "is_waiting": Q(status=Status.PENDING, waiting_since__isnull=False),
        "is_failed": Q(status=Status.FAILED),
        "is_paid": Q(status=Status.COMPLETED),
    }
    found = Distribution.objects.filter(pk=distribution.pk).values_list(
        *(Exists(rows.filter(condition)) for condition in wanted.values())
    )
    is_under_way, is_waiting, is_failed, is_paid = found.get()
    if is_under_way:
        return WHOLE.PROCESSING
    if is_failed:
        return WHOLE.PARTIALLY_FAILED if is_paid or is_waiting else WHOLE.FAILED
    return WHOLE.PROCESSING if is_waiting else WHOLE.COMPLETED


def write(rows: Sequence[DistributionAllocation], *, at: datetime) -> None:
    """Write what happened to some allocations, with one statement; the status trigger checks each of them."""
    with connection.cursor() as cursor:
        cursor.execute(
            _WRITE,
            [
                at,
                arrays.ids(row.id for row in rows),
                arrays.words(row.status for row in rows),
                arrays.ids(row.transaction_id for row in rows),
                arrays.texts(row.failure_reason for row in rows),
                arrays.texts(row.waiting_reason for row in rows),
                arrays.texts(row.waiting_since for row in rows),
                arrays.texts(row.processed_at for row in rows),
            ],
        )


def _catch_up(distribution: Distribution, payment_ids: Sequence[UUID] | None, *, at: datetime) -> int:
    rows = distribution.allocations.filter(transaction__isnull=False).exclude(status=Status.CANCELLED)
    if payment_ids is not None:
        rows = rows.filter(transaction_id__among=payment_ids)
    moved, told = [], set[UUID]()
    for allocation in rows.filter(BEHIND).select_related("transaction").defer("explanation").order_by("pk"):
        had_arrived = allocation.status == Status.COMPLETED
        _move(allocation, at=at)
        moved.append(allocation)
        if allocation.investment_id and (had_arrived or allocation.status == Status.COMPLETED):
            told.add(allocation.investment_id)
    if moved:
        write(moved, at=at)
        tell_again(distribution, told, at=at)
    return len(moved)


BEHIND = Q(transaction__counterpart__isnull=True) & (
    Q(status__in=[Status.PROCESSING, Status.FAILED], transaction__status=Payment.COMPLETED)
    | Q(status__in=[Status.PROCESSING, Status.COMPLETED], transaction__status__in=NOT_PAID)
    | Q(status=Status.FAILED, transaction__status__in=UNDER_WAY)
)
"""
Allocations whose payment has come further than they know.

Those whose payment is half of a reinvestment go with that (reinvestment_movements.py), which knows what is owed then.
"""


def _move(allocation: DistributionAllocation, *, at: datetime) -> None:
    """Bring an allocation that is behind to where its payment is."""
    payment = allocation.transaction
    assert payment is not None
    if payment.status == Payment.COMPLETED:
        allocation.mark_completed(at=at)
    elif payment.status in NOT_PAID:
        allocation.mark_failed(reason=_why(payment)[:500])
    else:
        allocation.mark_processing(payment_id=payment.pk)


def tell_again(distribution: Distribution, investment_ids: Collection[UUID], *, at: datetime) -> None:
    """
    Write what investments have had back, and what preferred return they are owed, told from what has arrived.

    Premiums are neither, and change nothing of it.
    """
    if distribution.nature == Distribution.Nature.PREMIUM:
        return
    found = standings.of(distribution, investment_ids)
    if not found:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            _RETELL,
            [
                at,
                arrays.ids(one.investment_id for one in found),
                arrays.words(one.returned_capital for one in found),
                arrays.words(one.preferred_paid for one in found),
                arrays.words(one.profits_paid for one in found),
                arrays.words(one.preferred_owed for one in found),
            ],
        )


def _why(payment: Transaction) -> str:
    """Say in words why a payment did not arrive."""
    if payment.status == Payment.CANCELLED:
        return payment.failure_message or payment.cancelled_reason or "The payment was cancelled."
    return f"{payment.failure_code} {payment.failure_message}".strip() or "The bank did not take the payment."
