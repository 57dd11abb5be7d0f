"""
A payment's way from the request to cleared money, in an investor's words.

Why a payment is held, reviewed or rejected may concern compliance and is not told here.
"""

from dataclasses import dataclass
from datetime import date, datetime

from finance.models import Transaction

Status = Transaction.Status

_OVER = (Status.COMPLETED, Status.CANCELLED, Status.REVERSED)
_BEFORE_APPROVAL = (Status.INITIATED, Status.PENDING_APPROVAL)


@dataclass(frozen=True, slots=True)
class Step:
    """One step; ``at`` is when it happened or, for a step ahead, when it is expected, if that is known."""

    name: str
    at: datetime | date | None = None
    note: str = ""
    state: str = "done"


def steps(payment: Transaction) -> list[Step]:
    """Return what has happened to the payment in order, then what is still ahead of it."""
    done = [step for step in _happened(payment) if step.at is not None]
    return [*done, *_deviation(payment), *_ahead(payment)]


def _happened(payment: Transaction) -> list[Step]:
    approved_at = payment.second_approved_at if payment.approvals_required > 1 else payment.approved_at
    return [
        Step("Requested", payment.created_at),
        Step("Approved", approved_at),
        Step("Sent to the bank", payment.processed_at),
        Step("Settled", payment.settled_at, _settled_note(payment)),
        Step("Completed", payment.completed_at, _completed_note(payment)),
    ]


def _deviation(payment: Transaction) -> list[Step]:
    """Return the step away from the straight way, if the payment has taken one."""
    match payment.status:
        case Status.FAILED | Status.PENDING_RETRY:
            return [Step("Not paid", payment.failed_at, payment.failure_message, "wrong")]
        case Status.REVERSED:
            return [Step("Returned by the bank", payment.reversed_at, payment.failure_message, "wrong")]
        case Status.CANCELLED:
            return [Step("Cancelled", payment.cancelled_at, "No money moves.", "wrong")]
        case Status.ON_HOLD:
            return [Step("On hold", None, "We are checking this payment. You need to do nothing now.", "wrong")]
    return []


def _ahead(payment: Transaction) -> list[Step]:
    if payment.status in _OVER or payment.status == Status.ON_HOLD:
        return []
    if payment.status == Status.FAILED:
        return [Step("What happens next is being decided", state="ahead")]
    if payment.status == Status.PENDING_RETRY:
        return [Step("Tried again", payment.next_retry_at, state="ahead")]
    waiting = []
    if payment.status in _BEFORE_APPROVAL and not payment.is_fully_approved:
        waiting.append(Step("Approved", note="Someone at RealCo looks at it first.", state="ahead"))
    if payment.processed_at is None:
        waiting.append(Step("Sent to the bank", state="ahead"))
    if payment.settled_at is None:
        waiting.append(Step("Settled", note=_settlement_time(payment), state="ahead"))
    waiting.append(Step("Completed", payment.clears_on, _completed_note(payment), "ahead"))
    return waiting


def _settled_note(payment: Transaction) -> str:
    if payment.is_inbound:
        return "The money is in escrow. Your bank could still return it."
    return "The bank has paid it out."


def _completed_note(payment: Transaction) -> str:
    if payment.is_inbound:
        return "Past the time in which your bank may return it; it counts towards the offering."
    return "Past the time in which the receiving bank may return it."


def _settlement_time(payment: Transaction) -> str:
    match payment.payment_method:
        case Transaction.Method.ACH:
            return "ACH takes 3 to 5 business days."
        case Transaction.Method.WIRE:
            return "A wire takes until the same or the next business day."
        case Transaction.Method.CHECK:
            return "A check takes 5 to 7 business days."
    return "This takes effect at once."
