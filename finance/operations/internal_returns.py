"""
Movements between our own escrow accounts moved back: held so that they can be, asked for, and recorded.

The investor's money in the second account is held first, so that nothing releases it meanwhile; the hold is freed in
the transaction that takes the money out.
"""

import logging
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from django.db import transaction

from escrow.models import Hold, LedgerAccount
from escrow.operations import escrow_accounts, holds, ledger
from escrow.operations.ledger import EscrowNotOpen
from escrow.queries.balances import balance
from finance import entries
from finance.gateways import registry
from finance.models import TransactionAttempt
from finance.models.transactions import TransactionStatus as Status
from finance.operations import commitments, internal_settlements, movements
from finance.operations.movements import Movement
from finance.operations.orders import require_escrow_open
from realco import audit, events, stopping_points
from realco.errors import IllegalTransition
from realco.money import ZERO

Outcome = TransactionAttempt.Outcome
logger = logging.getLogger(__name__)


class NotMoved(IllegalTransition):
    """The money was not moved, or has been moved back already."""


class NotHeld(IllegalTransition):
    """What the investor has of a movement is not kept from leaving while the bank is asked."""


def record_returned(payment_id: UUID, *, code: str, message: str, effective_date: date, at: datetime) -> None:
    """
    Record that the money was moved back: into what the offering may distribute, out of what the investor has.

    What was held for it is freed first. What was released to the target meanwhile is owed by the investor, as
    after any return.

    :raises EventBeforeItsTime: if its settlement has not been recorded yet
    """
    with audit.acting("internal_transfer.return", reason=f"{code} {message}".strip()), transaction.atomic():
        movement = movements.lock(payment_id)
        attempts = movements.attempts(movement)
        if attempts[0].outcome in (Outcome.RETURNED, Outcome.FAILED, Outcome.REFUSED):
            return
        internal_settlements.require_current(movement, Status.COMPLETED)
        movements.lock_accounts(movement)
        free_held(payment_id, at=at)
        coming = movement.coming
        left = balance(coming.escrow_account_id, LedgerAccount.Kind.INVESTOR, coming.from_user_id)
        ledger.post(
            [
                entries.returned(
                    half,
                    bank_reference=attempt.provider_reference,
                    left=left,
                    was_cleared=True,
                    on=effective_date,
                    fee_was_returned=True,
                )
                for half, attempt in zip(movement.halves, attempts, strict=True)
            ],
            by=None,
            at=at,
        )
        for half, attempt in zip(movement.halves, attempts, strict=True):
            half.mark_reversed(code=code or "MOVED_BACK", message=(message or "Moved back.")[:500], at=at)
            attempt.outcome, attempt.code, attempt.message = Outcome.RETURNED, code[:60], message[:500]
            attempt.save()
            events.publish("finance.transaction.reversed", payment_id=half.pk)
        movements.save(movement)
        commitments.end_with(movement.coming, at=at)


def hold_for_return(payment_id: UUID, *, reason: str, at: datetime) -> None:
    """
    Hold what a movement brought its investor, so that it can be moved back; in the caller's transaction, once.

    Neither account is closed before that transaction ends. What an earlier hold no longer blocks is held anew.

    :raises EscrowNotOpen: if either escrow account is frozen or closed, or just being closed
    :raises InsufficientFunds: if it was released or used meanwhile
    """
    for half in movements.read(payment_id).halves:
        if not escrow_accounts.keep_open(half.escrow_account_id):
            raise EscrowNotOpen(f"{half.escrow_account} is just being closed.")
    movement = movements.lock(payment_id)
    movements.lock_accounts(movement)
    _require_open(movement)
    coming = movement.coming
    assert coming.from_user is not None
    missing = coming.amount - _held(movement)
    if missing > 0:
        holds.place(
            coming.escrow_account,
            investor=coming.from_user,
            amount=missing,
            reason=reason,
            by=None,
            at=at,
            reference=f"{holds.OF_MOVEMENTS}{movement.leaving.pk}:{len(_holds(movement))}",
        )


def free_held(payment_id: UUID, *, at: datetime) -> None:
    """Free what is held so that a movement can be moved back; in the caller's transaction."""
    for one in _holds(movements.read(payment_id)):
        if one.status == Hold.Status.OPEN:
            holds.release(one, by=None, reason="The money of a reinvestment is moved back, or stays", at=at)


def _holds(movement: Movement) -> list[Hold]:
    return list(Hold.objects.filter(reference__startswith=f"{holds.OF_MOVEMENTS}{movement.leaving.pk}:").order_by("pk"))


def _held(movement: Movement) -> Decimal:
    """Return what is held so that a movement can be moved back, US dollars."""
    return sum((one.left for one in _holds(movement) if one.status == Hold.Status.OPEN), ZERO)


def _require_open(movement: Movement) -> None:
    for half in movement.halves:
        require_escrow_open(half.escrow_account, half.type)


def move_back(payment_id: UUID, *, reason: str, at: datetime) -> None:
    """
    Have the bank move a done movement back, and record it; ``hold_for_return`` keeps the money from leaving first.

    While either account is frozen nothing is asked for, and the caller does this again later.

    :raises NotMoved: if it is not complete
    :raises NotHeld: if less than all of it is held for that
    :raises CannotMoveBack: if the provider does not do that
    :raises ProviderUnavailable: if nobody knows whether it did; do it again
    """
    movement = movements.read(payment_id)
    if movement.leaving.status == Status.REVERSED:
        return
    if movement.leaving.status != Status.COMPLETED:
        raise NotMoved(f"This money is {movement.leaving.get_status_display().lower()}; it cannot be moved back.")
    if _held(movement) < movement.coming.amount:
        raise NotHeld("Not all of this money is held so that it can be moved back; ask for it again.")
    try:
        _require_open(movement)
    except EscrowNotOpen as refusal:
        logger.warning("movement %s is moved back later: %s", movement.leaving.pk, refusal)
        return
    attempts = movements.attempts(movement)
    provider = registry.named(attempts[0].provider)
    on = provider.move_back(attempts[0].idempotency_key, attempts[1].idempotency_key, at=at)
    stopping_points.reach("movement.after_move_back")
    record_returned(payment_id, code="", message=reason, effective_date=on, at=at)
