"""
What banks say of movements between our own escrow accounts, recorded for both halves with one posting.

An answer or an event is about both halves, whichever it names; a second time, or too late, it changes nothing.
"""

from datetime import date, datetime
from uuid import UUID

from django.db import transaction

from escrow.models import LedgerAccount
from escrow.operations import ledger
from escrow.queries.balances import balance
from finance import entries
from finance.gateways.interface import Answer
from finance.models import TransactionAttempt
from finance.models.transaction_attempts import AttemptOutcome
from finance.models.transactions import TransactionStatus as Status
from finance.operations import movements, settlements, transactions
from finance.operations.movements import Movement
from finance.settlement_times import clears_on
from realco import audit, events, stopping_points
from realco.business_days import banking_date

Outcome = TransactionAttempt.Outcome
_OVER = (Outcome.SETTLED, Outcome.RETURNED, Outcome.FAILED, Outcome.REFUSED)


def record_answers(payment_id: UUID, answers: tuple[Answer, Answer], *, at: datetime) -> None:
    """Record what the bank answered for the leaving and the coming half; again, or too late, it changes nothing."""
    leaving, _ = answers
    on = leaving.effective_date or banking_date(at)
    with audit.acting("internal_transfer.record_answer", reason=leaving.message), transaction.atomic():
        movement = movements.lock(payment_id)
        attempts = movements.attempts(movement)
        if not settlements.waits_for_answer(movement.leaving):
            return
        for half, attempt, answer in zip(movement.halves, attempts, answers, strict=True):
            if half.status == Status.ON_HOLD:
                half.mark_released()
                half.hold_reason = ""
                half.save()
            attempt.provider_reference, attempt.answered_at = answer.provider_reference, at
            attempt.outcome = Outcome.ACCEPTED
        if any(answer.outcome == "REFUSED" for answer in answers):
            refusal = next(answer for answer in answers if answer.outcome == "REFUSED")
            _fail(movement, attempts, refusal.code, refusal.message, outcome=Outcome.REFUSED, at=at)
        elif all(answer.outcome == "SETTLED" for answer in answers):
            _settle(movement, attempts, on=on, at=at)
        else:
            for half in movement.halves:
                half.mark_pending_settlement()
            movements.save(movement)
        for attempt in attempts:
            attempt.save()
        stopping_points.reach("movement.before_record_commits")


def record_settled(payment_id: UUID, *, effective_date: date, at: datetime) -> None:
    """
    Record that a bank which had taken the movement on has done it.

    :raises EventBeforeItsTime: if that it took it on has not been recorded yet
    """
    with audit.acting("internal_transfer.settle"), transaction.atomic():
        movement = movements.lock(payment_id)
        attempts = movements.attempts(movement)
        if attempts[0].outcome in _OVER:
            return
        require_current(movement, Status.PENDING_SETTLEMENT)
        _settle(movement, attempts, on=effective_date, at=at)
        for attempt in attempts:
            attempt.save()


def record_failed(payment_id: UUID, *, code: str, message: str, at: datetime) -> None:
    """
    Record that a bank could not do the movement; both halves are given up.

    :raises EventBeforeItsTime: if that it took it on has not been recorded yet
    """
    with audit.acting("internal_transfer.fail", reason=f"{code} {message}".strip()), transaction.atomic():
        movement = movements.lock(payment_id)
        attempts = movements.attempts(movement)
        if attempts[0].outcome in _OVER:
            return
        require_current(movement, Status.PENDING_SETTLEMENT)
        _fail(movement, attempts, code, message, outcome=Outcome.FAILED, at=at)
        for attempt in attempts:
            attempt.save()


def clear(payment_id: UUID, *, at: datetime) -> bool:
    """Complete a settled movement whose day has come; return whether it is complete."""
    with audit.acting("internal_transfer.clear"), transaction.atomic():
        movement = movements.lock(payment_id)
        if movement.leaving.status == Status.SETTLED:
            movements.lock_accounts(movement)
            _clear(movement, at=at)
        return bool(movement.leaving.status == Status.COMPLETED)


def require_current(movement: Movement, status: Status) -> None:
    """
    Refuse what a bank says of a movement that is not so far.

    :raises EventBeforeItsTime: with its status
    """
    if movement.leaving.status != status:
        raise settlements.EventBeforeItsTime(
            f"The bank reports on a movement that is {movement.leaving.get_status_display().lower()}; it is tried"
            " again later."
        )


def _settle(movement: Movement, attempts: list[TransactionAttempt], *, on: date, at: datetime) -> None:
    """Book both halves at their banks with one posting, and complete them if their day has come."""
    movements.lock_accounts(movement)
    references = [attempt.provider_reference for attempt in attempts]
    ledger.post(
        [
            entries.settled(movement.leaving, bank_reference=references[0], on=on),
            entries.accepted(movement.coming, bank_reference=references[1], on=on),
            entries.settled(movement.coming, bank_reference=references[1], on=on),
        ],
        by=None,
        at=at,
    )
    for half, attempt in zip(movement.halves, attempts, strict=True):
        half.mark_settled(at=at, clears_on=clears_on(half, settled_on=on))
        half.is_reserved = False
        attempt.outcome = Outcome.SETTLED
        events.publish("finance.transaction.settled", payment_id=half.pk)
    movements.save(movement)
    _clear(movement, at=at)


def _clear(movement: Movement, *, at: datetime) -> None:
    """Make the investor's money refundable in the target, unless the bank's day is still to come."""
    coming = movement.coming
    if coming.clears_on is None or coming.clears_on > banking_date(at):
        return
    owed = balance(coming.escrow_account_id, LedgerAccount.Kind.RECEIVABLE, coming.from_user_id)
    ledger.post([entries.cleared(coming, owed=owed, on=coming.clears_on)], by=None, at=at)
    for half in movement.halves:
        half.mark_completed(at=at)
        events.publish("finance.transaction.completed", payment_id=half.pk)
    movements.save(movement)


def _fail(
    movement: Movement,
    attempts: list[TransactionAttempt],
    code: str,
    message: str,
    *,
    outcome: AttemptOutcome,
    at: datetime,
) -> None:
    """Give both halves up: nothing was moved, and nothing is tried again."""
    for half, attempt in zip(movement.halves, attempts, strict=True):
        attempt.outcome, attempt.code, attempt.message = outcome, code[:60], message[:500]
        half.mark_failed(code=code, message=message[:500], at=at)
    movements.save(movement)
    transactions.cancel_queued(movement.leaving, reason=message or "The bank did not move the money.", at=at)
