"""
Allocations after they were paid for: follow each payment to its end, keep what investments had back,
and say when the whole distribution is done.

An investment's totals change when its money has arrived, and change back when a bank returns it.
"""

from collections import Counter
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from django.db import transaction
from django.db.models import F

from distributions.models import Distribution, DistributionAllocation
from distributions.operations import distributions
from escrow.models import Investment
from finance.models import Transaction
from realco import audit

Status = DistributionAllocation.Status
Payment = Transaction.Status
WHOLE = Distribution.Status
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


def follow(payment_id: UUID, *, at: datetime) -> DistributionAllocation | None:
    """
    Bring the allocation of a payment to where its payment is, and finish its distribution if it was the last.

    Harmless when repeated, and for payments that are no distribution's, or no longer: then None.
    """
    row = DistributionAllocation.objects.filter(transaction_id=payment_id).only("id", "distribution_id").first()
    if row is None:
        return None
    with audit.acting("distribution.follow"), transaction.atomic():
        distribution = distributions.lock(row.distribution_id)
        allocation = distribution.allocations.select_related("transaction").get(pk=row.pk)
        if allocation.transaction_id != payment_id or not _catch_up(allocation, at=at):
            return allocation
        finish(distribution, at=at)
    return allocation


def catch_up(distribution: Distribution, *, at: datetime) -> int:
    """
    Bring all allocations of a locked distribution to where their payments are; return how many moved.

    The caller finishes the distribution.
    """
    moved = 0
    rows = distribution.allocations.filter(transaction__isnull=False).exclude(status=Status.CANCELLED)
    for allocation in rows.select_related("transaction").order_by("pk"):
        moved += _catch_up(allocation, at=at)
    return moved


def finish(distribution: Distribution, *, at: datetime) -> None:
    """
    Give a locked distribution the status that its allocations add up to.

    Waiting for a payment it is PROCESSING; afterwards COMPLETED if everybody was paid, FAILED if
    nobody was, PARTIALLY_FAILED in between. A bank's late return opens it again.
    """
    numbers = Counter(distribution.allocations.exclude(status=Status.CANCELLED).values_list("status", flat=True))
    target = WHOLE.PARTIALLY_FAILED
    if numbers[Status.PENDING] or numbers[Status.PROCESSING]:
        target = WHOLE.PROCESSING
    elif not numbers[Status.FAILED]:
        target = WHOLE.COMPLETED
    elif not numbers[Status.COMPLETED]:
        target = WHOLE.FAILED
    if distribution.status == target:
        return
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


def _catch_up(allocation: DistributionAllocation, *, at: datetime) -> bool:
    """Bring an allocation of a locked distribution to where its payment is; return whether it moved."""
    payment = allocation.transaction
    assert payment is not None
    if payment.status == Payment.COMPLETED and allocation.status in (Status.PROCESSING, Status.FAILED):
        allocation.mark_completed(at=at)
        _credit(allocation, sign=1, at=at)
    elif payment.status in NOT_PAID and allocation.status in (Status.PROCESSING, Status.COMPLETED):
        was_paid = allocation.status == Status.COMPLETED
        allocation.mark_failed(reason=_why(payment)[:500])
        if was_paid:
            _credit(allocation, sign=-1, at=at)
    elif payment.status in UNDER_WAY and allocation.status == Status.FAILED:
        allocation.mark_processing(payment=payment)
    else:
        return False
    allocation.save()
    return True


def _credit(allocation: DistributionAllocation, *, sign: int, at: datetime) -> None:
    """Add what an investor has had back to the investment, or take it off again (sign -1)."""
    if allocation.investment_id is None:
        return
    capital, preferred, profit = (
        sign * amount for amount in (allocation.return_of_capital, allocation.preferred_return, allocation.profit_split)
    )
    owed = Decimal(allocation.explanation.get("preferred_owed_after", "0.00"))
    Investment.objects.filter(pk=allocation.investment_id).update(
        returned_capital=F("returned_capital") + capital,
        current_balance=F("current_balance") - capital,
        preferred_return_paid=F("preferred_return_paid") + preferred,
        preferred_return_owed=owed if sign > 0 else owed + allocation.preferred_return,
        profits_paid=F("profits_paid") + profit,
        updated_at=at,
    )


def _why(payment: Transaction) -> str:
    """Say in words why a payment did not arrive."""
    if payment.status == Payment.CANCELLED:
        return payment.failure_message or payment.cancelled_reason or "The payment was cancelled."
    return f"{payment.failure_code} {payment.failure_message}".strip() or "The bank did not take the payment."
