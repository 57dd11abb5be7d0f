"""
Many payments settled or cleared together: one posting for all of them, and a statement or two for their rows.

Only what is usual is done together: a settlement that comes when its payment waits for it, the clearing of
money whose owner owes nothing. The rest is left to the caller or to ``settlements``, one by one, and so is a
chunk in which anything is refused, so that one bad row never stops the others.
"""

import logging
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import date, datetime
from functools import partial
from uuid import UUID

from django.db import transaction

from escrow.models import LedgerAccount
from escrow.operations import ledger
from finance import entries
from finance.models import Transaction, TransactionAttempt
from finance.models.transactions import TransactionStatus as Status
from finance.operations import internal_settlements, locks, movements, settlements
from finance.settlement_times import clears_on
from realco import audit, events, stopping_points
from realco.business_days import banking_date
from realco.errors import Refusal
from realco.money import ZERO

logger = logging.getLogger(__name__)

CHUNK = 200
Outcome = TransactionAttempt.Outcome


def lock_attempts(attempt_keys: Collection[str]) -> list[tuple[TransactionAttempt, Transaction]]:
    """Return the attempts of some keys with their payments, locked in the order of their ids."""
    named = TransactionAttempt.objects.filter(idempotency_key__in=attempt_keys)
    locked = Transaction.objects.select_for_update(no_key=True).filter(
        pk__in=named.values_list("payment_id", flat=True)
    )
    payments = {payment.pk: payment for payment in locked.order_by("pk")}
    # Read after their payments are locked, so that nobody records anything of them meanwhile.
    return [(attempt, payments[attempt.payment_id]) for attempt in named.order_by("payment_id", "number")]


def record_settled(settled_on: Mapping[str, date], *, at: datetime) -> set[str]:
    """
    Record that attempts' money has arrived at its bank on a day, and return the keys of those recorded.

    Runs inside the caller's transaction. Left out are attempts of which something else is known, or whose
    payment is not so far: ``settlements.record_settled`` says what is to be done about each of those.

    :raises Refusal: whatever the ledger refuses; then none is recorded
    """
    with audit.acting("transaction.settle"), transaction.atomic():
        arrived = [
            (attempt, payment)
            for attempt, payment in lock_attempts(settled_on)
            if attempt.outcome == Outcome.ACCEPTED
            and attempt.number == payment.retry_count
            and payment.status == Status.PENDING_SETTLEMENT
            and not payment.is_half
        ]
        postings, cleared_on = [], defaultdict(list)
        for attempt, payment in arrived:
            on = settled_on[attempt.idempotency_key]
            postings.append(entries.settled(payment, bank_reference=attempt.provider_reference, on=on))
            payment.mark_settled(at=at, clears_on=clears_on(payment, settled_on=on))
            cleared_on[payment.clears_on].append(payment.pk)
            events.publish("finance.transaction.settled", payment_id=payment.pk)
        ledger.post(postings, by=None, at=at)
        for day, ids in sorted(cleared_on.items()):
            Transaction.objects.filter(pk__in=ids).update(
                status=Status.SETTLED, settled_at=at, clears_on=day, is_reserved=False, updated_at=at
            )
        TransactionAttempt.objects.filter(pk__in=[attempt.pk for attempt, _ in arrived]).update(outcome=Outcome.SETTLED)
    return {attempt.idempotency_key for attempt, _ in arrived}


def clear(payment_ids: Sequence[UUID], *, at: datetime) -> int:
    """Complete those of some settled payments whose return window has passed, and return how many."""
    chunks = (payment_ids[start : start + CHUNK] for start in range(0, len(payment_ids), CHUNK))
    return sum(_clear_chunk(chunk, at=at) for chunk in chunks)


def _clear_chunk(payment_ids: Sequence[UUID], *, at: datetime) -> int:
    done, left = set[UUID](), set(payment_ids)
    try:
        with audit.acting("transaction.clear"), transaction.atomic():
            done, left = _clear_usual(payment_ids, at=at)
    except Exception as error:
        tell(error, f"{len(payment_ids)} payments cannot be cleared together")
    return len(done) + sum(
        attempted(partial(_clear_one, payment_id, at=at), f"payment {payment_id}")
        for payment_id in payment_ids
        if payment_id in left
    )


def _clear_one(payment_id: UUID, *, at: datetime) -> bool:
    if movements.is_half(payment_id):
        return internal_settlements.clear(payment_id, at=at)
    return settlements.clear(payment_id, at=at)


def _clear_usual(payment_ids: Sequence[UUID], *, at: datetime) -> tuple[set[UUID], set[UUID]]:
    """
    Complete the payments whose parties owe nothing from an earlier return; return their ids, and those left.

    What somebody else is working on, or is not due, is neither.
    """
    due = Transaction.objects.filter(pk__in=payment_ids, status=Status.SETTLED, clears_on__lte=banking_date(at))
    payments = list(due.select_for_update(no_key=True, skip_locked=True).order_by("pk"))
    owing = _owing([payment for payment in payments if payment.is_inbound])
    free = [
        payment
        for payment in payments
        if not payment.is_half
        and (payment.is_outbound or (payment.escrow_account_id, payment.from_user_id) not in owing)
    ]
    ledger.post(
        [entries.cleared(one, owed=ZERO, on=one.clears_on) for one in free if one.is_inbound and one.clears_on],
        by=None,
        at=at,
    )
    for payment in free:
        payment.mark_completed(at=at)
    done = {payment.pk for payment in free}
    Transaction.objects.filter(pk__in=done).update(status=Status.COMPLETED, completed_at=at, updated_at=at)
    if done:
        events.publish("finance.transactions.completed")
        stopping_points.reach("clearing.before_commit")
    return done, {payment.pk for payment in payments} - done


def _owing(inbound: Sequence[Transaction]) -> set[tuple[UUID, UUID | None]]:
    """Return who owes which escrow account something, with the accounts of these payments locked until the end."""
    accounts = {payment.escrow_account_id for payment in inbound}
    locks.accounts(accounts)
    receivables = LedgerAccount.objects.filter(
        escrow_account__in=accounts, kind=LedgerAccount.Kind.RECEIVABLE, owner__in={one.from_user_id for one in inbound}
    ).exclude(balance=0)
    return set(receivables.values_list("escrow_account_id", "owner_id"))


def attempted(work: Callable[[], object], what: str) -> bool:
    """Do what one row needs and return whether it moved; its trouble is told and stays its own."""
    try:
        return bool(work())
    except Exception as error:
        tell(error, f"{what} is left to the next sweep")
        return False


def tell(trouble: Exception, words: str) -> None:
    """Log trouble: a refusal as the fact it is, a defect with where it happened."""
    if isinstance(trouble, Refusal):
        logger.warning("%s: %s", words, trouble)
    else:
        logger.error("%s", words, exc_info=trouble)
