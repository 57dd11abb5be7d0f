"""
Reinvestments after their two payments were made: followed to their end, and moved back where that is right.

A movement that is done leaves the rest of its allocation to be paid in cash; one that is given up leaves all of it.
Both are paid as whoever waited is paid, with one payment for an allocation.
"""

import logging
from collections.abc import Callable
from datetime import datetime
from functools import partial
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from distributions.models import Distribution, DistributionAllocation, Reinvestment
from distributions.operations import allocations, elections, locks, payouts
from distributions.queries import reinvestments as queries
from escrow.operations import escrow_accounts
from escrow.operations.ledger import InsufficientFunds
from finance.gateways.interface import CannotMoveBack
from finance.models import Transaction
from finance.operations import internal_returns, transactions
from finance.operations.orders import require_escrow_open
from realco import audit, permissions, stopping_points
from realco.errors import IllegalTransition, ProviderUnavailable, Refusal
from realco.models import User
from realco.money import format_money

Status = Reinvestment.Status
Allocation = DistributionAllocation.Status
Payment = Transaction.Status
logger = logging.getLogger(__name__)
_BEHIND = Q(status=Status.MOVING, outbound__status__in=[Payment.COMPLETED, Payment.CANCELLED, Payment.REVERSED]) | Q(
    status=Status.DONE, outbound__status=Payment.REVERSED
)


class NotReinvested(IllegalTransition):
    """The part is not reinvested, or its rest is still under way, so there is nothing to reverse."""


class ReleasedAlready(Refusal):
    """The reinvested money became the other offering's at a closing, or the investor has used it otherwise."""

    code = "INVALID_STATE_TRANSITION"


def follow(payment_id: UUID, *, at: datetime) -> bool:
    """
    Bring a reinvestment to where its payments are, and pay what is then due in cash; return whether it moved.

    Harmless when repeated, and for payments that are no reinvestment's. ``payment_id`` is either half, or a payment
    in cash of the rest, or of the part after that was moved back.
    """
    rows = Reinvestment.objects.select_related("allocation")
    row = rows.filter(Q(outbound=payment_id) | Q(outbound__counterpart=payment_id)).first()
    if row is None and (key := _allocation_of_returned(payment_id)) is not None:
        row = rows.filter(allocation=key, status=Status.REVERSED, paid_before__isnull=False).first()
    if row is None:
        return False
    return _follow(row, at=at)


def _allocation_of_returned(payment_id: UUID) -> UUID | None:
    """Return which allocation a payment in cash was for that its payee's bank has sent back."""
    rows = Transaction.objects.filter(
        pk=payment_id, type=Transaction.Type.DISTRIBUTION, status=Payment.REVERSED, metadata__has_key="allocation"
    )
    key = rows.values_list("metadata__allocation", flat=True).first()
    return None if key is None else UUID(key)


def _follow(row: Reinvestment, *, at: datetime) -> bool:
    distribution_id = row.allocation.distribution_id
    with audit.acting("reinvestment.follow"), transaction.atomic():
        has_moved = _catch_up(locks.lock(distribution_id), row.pk, at=at)
    stopping_points.reach("reinvestment.after_follow")
    if has_moved:
        payouts.pay_waiting(distribution_id, at=at)
    return has_moved


def sweep(*, at: datetime) -> int:
    """Follow what lost messages left behind, finish reversals, end what is over; return how much moved."""
    moved = 0
    behind = Reinvestment.objects.filter(_BEHIND).order_by("pk").values_list("outbound_id", flat=True)
    for payment_id in list(behind):
        moved += payment_id is not None and _tried(partial(follow, payment_id, at=at), payment_id)
    for row in queries.came_back_later():
        moved += _tried(partial(_follow, row, at=at), row.pk)
    reversing = Reinvestment.objects.filter(status=Status.DONE, reversal_asked_at__isnull=False).order_by("pk")
    for pk in list(reversing.values_list("pk", flat=True)):
        moved += _tried(partial(_move_back, pk, at=at), pk)
    for pk in list(queries.no_longer_open(at).order_by("pk").values_list("pk", flat=True)):
        moved += _tried(partial(elections.end_closed, pk, at=at), pk)
    return moved


def reverse(reinvestment: Reinvestment, *, by: User, reason: str, at: datetime) -> Reinvestment:
    """
    Move a reinvested part back into the offering that distributed it, both halves or neither.

    The investor's money in the target is held first, so that no closing releases it meanwhile; then the bank moves
    it back, and both payments are reversed. An allocation that was paid counts as failed then, and that part is paid
    in cash when staff retry it; one whose rest was not paid either is owed whole, with one payment. Call it outside of
    other transactions.

    :raises NotPermitted: if the person may not execute distributions
    :raises ReasonMissing: without a reason
    :raises NotReinvested: if it is not done, or the rest of the allocation is at the payee's bank just now
    :raises EscrowNotOpen: if either escrow account is not active
    :raises ReleasedAlready: if the money was released to the target, or used otherwise
    :raises CannotMoveBack: if the bank does not do that
    """
    permissions.require(by, permissions.EXECUTE_DISTRIBUTION)
    escrow_accounts.require_reason(reason)
    with audit.acting("reinvestment.reverse", by=by, reason=reason), transaction.atomic():
        row = _lock(reinvestment.pk)
        payment = _require_reversible(row)
        _keep_for_reversal(row, payment, reason=reason, at=at)
        row.reversal_asked_at, row.reversal_asked_by, row.reversal_reason = at, by, reason.strip()[:300]
        row.save()
    stopping_points.reach("reinvestment.before_move_back")
    try:
        _move_back(row.pk, at=at)
    except ProviderUnavailable as failure:
        logger.warning("reinvestment %s is moved back by the sweep: %s", row.pk, failure)
    return Reinvestment.objects.get(pk=row.pk)


def _require_reversible(row: Reinvestment) -> Transaction:
    if row.status != Status.DONE or row.outbound is None or row.outbound.counterpart is None:
        raise NotReinvested(f"This part is {str(row.get_status_display()).lower()}, not reinvested.")
    if row.allocation.status not in (Allocation.PENDING, Allocation.FAILED, Allocation.COMPLETED):
        raise NotReinvested("The rest of this allocation is still under way; reverse it when that has arrived.")
    for payment in (row.outbound, row.outbound.counterpart):
        require_escrow_open(payment.escrow_account, payment.type)
    return row.outbound


def _keep_for_reversal(row: Reinvestment, payment: Transaction, *, reason: str, at: datetime) -> None:
    try:
        internal_returns.hold_for_return(payment.pk, reason=f"Reinvestment reversed: {reason.strip()}"[:300], at=at)
    except InsufficientFunds as error:
        raise ReleasedAlready(
            f"{row.target_offering} no longer holds {format_money(row.amount)} of this investor's that could be given"
            " back: it was released at a closing, or used otherwise. What was released is that offering's; it gives"
            " it back by a distribution of its own."
        ) from error


def _move_back(pk: UUID, *, at: datetime) -> bool:
    """Have the bank move a held reinvestment back; the hold is freed and both payments reversed together."""
    row = Reinvestment.objects.get(pk=pk)
    payment_id = row.outbound_id
    if row.status != Status.DONE or payment_id is None or row.reversal_asked_at is None:
        return False
    try:
        internal_returns.move_back(payment_id, reason=row.reversal_reason, at=at)
    except CannotMoveBack:
        with audit.acting("reinvestment.not_reversed"), transaction.atomic():
            row = _lock(pk)
            internal_returns.free_held(payment_id, at=at)
            row.reversal_asked_at, row.reversal_asked_by, row.reversal_reason = None, None, ""
            row.save()
        raise
    return follow(payment_id, at=at)


def _lock(pk: UUID) -> Reinvestment:
    """Return a reinvestment, locked after its distribution."""
    locks.lock(Reinvestment.objects.values_list("allocation__distribution_id", flat=True).get(pk=pk))
    return (
        Reinvestment.objects.select_for_update(of=("self",))
        .select_related(
            "allocation", "target_offering", "outbound__escrow_account",
            "outbound__counterpart__escrow_account", "outbound__counterpart__from_user",
        )
        .get(pk=pk)
    )  # fmt: skip


def _catch_up(distribution: Distribution, pk: UUID, *, at: datetime) -> bool:
    """Bring one reinvestment of a locked distribution, and its allocation, to where its payments are."""
    row = _lock(pk)
    payment, allocation = row.outbound, row.allocation
    assert payment is not None
    if row.status == Status.MOVING and payment.status in (Payment.COMPLETED, Payment.REVERSED):
        row.mark_done(at=at)
        row.save()
        if payment.status == Payment.REVERSED:
            return _take_back(distribution, row, at=at)
        if row.amount == allocation.net_amount:
            _complete(distribution, allocation, payment, at=at)
    elif row.status == Status.MOVING and payment.status == Payment.CANCELLED:
        row.mark_cash(reason=_why(payment), at=at)
        row.save()
    elif row.status == Status.DONE and payment.status == Payment.REVERSED:
        return _take_back(distribution, row, at=at)
    elif row.status == Status.REVERSED and row.paid_before_id is not None:
        return _owe_what_came_back(distribution, row, at=at)
    else:
        return False
    allocations.finish(distribution, at=at)
    return True


def _complete(
    distribution: Distribution, allocation: DistributionAllocation, payment: Transaction, *, at: datetime
) -> None:
    """Complete an allocation all of which was reinvested; the investment has had it back."""
    allocation.mark_processing(payment_id=payment.pk)
    allocations.write([allocation], at=at)
    allocation.mark_completed(at=at)
    allocations.write([allocation], at=at)
    assert allocation.investment_id is not None
    allocations.tell_again(distribution, {allocation.investment_id}, at=at)


def _take_back(distribution: Distribution, row: Reinvestment, *, at: datetime) -> bool:
    """
    Note that a reinvested part came back, and is owed in cash.

    An allocation that was paid counts as failed; where the rest was not paid, one payment is owed for all of it.
    """
    allocation = _caught_up(distribution, row.allocation, at=at)
    if allocation.status == Allocation.PROCESSING:
        return False  # The rest is at the payee's bank; told when it has arrived or failed.
    had_arrived = allocation.status == Allocation.COMPLETED
    why = row.reversal_reason or "The bank moved the reinvested part back."
    words = f"The part reinvested into {row.target_offering} was moved back: {why}"[:500]
    if had_arrived and allocation.transaction_id != row.outbound_id:
        row.paid_before = allocation.transaction
    row.mark_reversed(reason=why, at=at)
    row.save()
    if had_arrived:
        allocation.transaction = row.outbound
        allocation.mark_failed(reason=words)
    elif allocation.status == Allocation.PENDING:
        allocation.wait(reason=words, at=at)
    elif allocation.transaction_id is not None and allocation.transaction_id != row.outbound_id:
        _give_up_the_rest(allocation.transaction_id, at=at)
    allocations.write([allocation], at=at)
    if had_arrived:
        assert allocation.investment_id is not None
        allocations.tell_again(distribution, {allocation.investment_id}, at=at)
    allocations.finish(distribution, at=at)
    return True


def _owe_what_came_back(distribution: Distribution, row: Reinvestment, *, at: datetime) -> bool:
    """
    Note that one of two payments of an allocation came back, which is not the one that the allocation names.

    The rest was paid first, and the part after it was moved back. What came back is owed alone: the allocation
    counts as failed and names that payment, and a retry pays what has not arrived.
    """
    allocation = _caught_up(distribution, row.allocation, at=at)
    if allocation.status != Allocation.COMPLETED:
        return False  # Under way: told when it has arrived. Failed: whatever has not arrived is owed as it is.
    if queries.arrived_in_cash([allocation.pk])[allocation.pk] >= allocation.net_amount:
        return False
    payment = queries.last_that_came_back(allocation)
    if payment is None:
        return False
    allocation.transaction = payment
    words = payment.failure_message or "The payee's bank sent it back."
    allocation.mark_failed(reason=f"A payment of {format_money(payment.amount)} came back: {words}"[:500])
    allocations.write([allocation], at=at)
    assert allocation.investment_id is not None
    allocations.tell_again(distribution, {allocation.investment_id}, at=at)
    allocations.finish(distribution, at=at)
    return True


def _caught_up(
    distribution: Distribution, allocation: DistributionAllocation, *, at: datetime
) -> DistributionAllocation:
    """Bring an allocation to where its own payment is, before anything is concluded from its status."""
    if allocation.transaction_id is not None:
        allocations.catch_up(distribution, [allocation.transaction_id], at=at)
        allocation.refresh_from_db(fields=["status", "transaction", "failure_reason", "processed_at"])
    return allocation


def _give_up_the_rest(payment_id: UUID, *, at: datetime) -> None:
    """Cancel a failed payment of the rest: its money is paid together with what came back, so nobody sends it again."""
    reason = "Paid with what was reinvested and moved back, by a new payment"
    transactions.cancel_failed(transactions.lock(payment_id), by=None, reason=reason, at=at)


def _why(payment: Transaction) -> str:
    return payment.cancelled_reason or payment.failure_message or "The bank did not move the money."


def _tried(work: Callable[[], bool], pk: UUID) -> int:
    try:
        return int(work())
    except Exception:
        logger.exception("the sweep left %s of what is reinvested for its next round", pk)
        return 0
