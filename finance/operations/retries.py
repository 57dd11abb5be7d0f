"""
Trying again: technical failures after 30 minutes, 2 and 8 hours; ACH returns by NACHA's rule.

Only R01 and R09 are presented again, at most twice more within 180 days of the first, for the same
amount. Everything else waits for a person.
"""

from datetime import datetime
from uuid import UUID

from django.db import transaction

from compliance.models import CheckStatus
from finance import return_codes
from finance.models import Transaction
from finance.models.transactions import TransactionStatus as Status
from finance.operations import reservations, transactions
from finance.operations.screening import screen
from realco import audit, events, permissions, queue
from realco.business_days import add_business_days, banking_date
from realco.errors import IllegalTransition
from realco.models import User


class NotRetryable(IllegalTransition):
    """The payment has not failed, or the bank's rules forbid presenting it again."""


def plan(payment: Transaction, *, code: str, at: datetime) -> bool:
    """
    Plan the next attempt of a payment that has just failed; return whether there is one.

    Called inside the transaction that records the failure, with the payment locked.
    """
    due = next_attempt(payment, code=code, at=at)
    if due is None:
        return False
    payment.mark_pending_retry(due=due)
    payment.save()
    return True


def next_attempt(payment: Transaction, *, code: str, at: datetime) -> datetime | None:
    """Return when a failed payment may be tried again by itself, or None if it may not."""
    if code in return_codes.TECHNICAL:
        if payment.retry_count >= min(payment.max_retries, len(return_codes.RETRY_DELAYS)):
            return None
        return at + return_codes.RETRY_DELAYS[payment.retry_count]
    if code not in return_codes.REPRESENTABLE or not payment.is_inbound:
        return None
    wait = add_business_days(banking_date(at), return_codes.REPRESENT_AFTER_BUSINESS_DAYS) - banking_date(at)
    return at + wait if _may_represent(payment, at=at + wait) else None


def _may_represent(payment: Transaction, *, at: datetime) -> bool:
    returns = payment.attempts.filter(code__in=return_codes.REPRESENTABLE).count()
    first = payment.attempts.order_by("number").values_list("sent_at", flat=True).first()
    in_window = first is None or at - first <= return_codes.REPRESENTMENT_WINDOW
    return returns <= return_codes.MAX_REPRESENTMENTS and in_window


def requeue(payment_id: UUID, *, at: datetime) -> bool:
    """
    Queue a payment whose next attempt is due, after compliance was asked again; return whether it was.

    Refused by compliance it is cancelled; waiting for a review it waits another eight hours.
    """
    with audit.acting("transaction.requeue"), transaction.atomic():
        payment = transactions.lock(payment_id)
        is_due = payment.next_retry_at is not None and payment.next_retry_at <= at
        if payment.status != Status.PENDING_RETRY or not is_due:
            return False
        verdict = screen(payment, party=payment.party, at=at)
        if verdict.status == CheckStatus.FAILED:
            reservations.unreserve(payment, by=None, at=at)
            transactions.refuse(payment, at=at)
            events.publish("finance.transaction.cancelled", payment_id=payment.pk)
        elif verdict.status != CheckStatus.PASSED:
            payment.next_retry_at = at + return_codes.RETRY_DELAYS[-1]
        else:
            payment.mark_queued()
            queue.enqueue("finance.process_transaction", payment_id=payment.pk)
        payment.save()
        return bool(payment.status == Status.QUEUED)


def retry(payment: Transaction, *, by: User, at: datetime) -> Transaction:
    """
    Try a failed payment again now, because a person decided so.

    :raises NotPermitted: if the person may not retry payments
    :raises NotRetryable: if it has not failed, or its return code forbids presenting it again
    :raises InsufficientFunds: if an outbound payment's money is no longer there
    """
    permissions.require(by, permissions.RETRY_PAYMENT)
    with audit.acting("transaction.retry", by=by), transaction.atomic():
        payment = transactions.lock(payment.pk)
        if payment.status == Status.PENDING_RETRY:
            payment.next_retry_at = at
            payment.save()
            return payment
        if payment.status != Status.FAILED:
            raise NotRetryable(f"This payment is {payment.get_status_display().lower()}; only a failed one is retried.")
        _require_retryable(payment, at=at)
        payment.mark_pending_retry(due=at)
        reservations.reserve(payment, by=by, at=at)
        payment.save()
    return payment


def _require_retryable(payment: Transaction, *, at: datetime) -> None:
    code = payment.failure_code
    if code in return_codes.TECHNICAL:
        return
    if payment.is_inbound and code in return_codes.REPRESENTABLE:
        if not _may_represent(payment, at=at):
            raise NotRetryable("NACHA allows two re-presentments within 180 days; this payment has had them.")
        return
    raise NotRetryable(
        f"{code}: {return_codes.meaning(code)}. The bank's rules forbid presenting it again;"
        " make a new payment to or from another bank account."
    )
