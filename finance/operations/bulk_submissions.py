"""
Many queued payments sent to their provider: claimed together, asked for one by one, recorded together.

The three steps are those of one payment (settlements.py), and so is what each of them leaves behind; only the
database transactions around the first and the last are shared by a chunk. The provider is
asked for every payment by itself, under its own key, outside any transaction. Whatever does not go the usual way (a
hold, a refusal, a lost answer, a defect) is recorded for that payment alone, and the others go on. A
worker that dies leaves its chunk PROCESSING, and the provider is asked about each of those before anything is sent.
"""

import logging
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from uuid import UUID

from django.db import connection, transaction

from compliance.models import InvestorProfile
from escrow.models import EscrowAccount
from escrow.operations import ledger
from finance import entries
from finance.gateways.interface import Answer
from finance.models import Transaction, TransactionAttempt
from finance.models.transactions import TransactionStatus as Status
from finance.operations import internal_transfers, settlements
from finance.operations.bulk_settlements import attempted, lock_attempts, tell
from realco import audit, queue, stopping_points
from realco.business_days import banking_date

logger = logging.getLogger(__name__)

CHUNK = 50
"""Few enough that what was claimed is sent within seconds, and that a dead worker leaves little to ask about."""
MESSAGES = 4
"""Payments made together are told to the workers by so many messages, or fewer where there are not a chunk for each."""
UNANSWERED_IN_A_ROW = 3
"""So many lost answers are an outage, in which nothing more is claimed."""
ROWS = ("escrow_account__offering", "from_user", "to_user", "from_bank_account", "to_bank_account")
_ACCEPT = """
UPDATE transaction_attempts a SET outcome = 'ACCEPTED', provider_reference = p.reference, answered_at = %s
  FROM unnest(%s::uuid[], %s::text[]) AS p (attempt, reference) WHERE a.id = p.attempt
"""

Sent = list[tuple[Transaction, TransactionAttempt]]


def send(payment_ids: Sequence[UUID], *, now: Callable[[], datetime]) -> int:
    """
    Send those of some payments that are queued, and return how many are no longer.

    Each chunk is claimed at the moment that ``now`` returns then: with the moment of the first, the last chunk would
    seem to have been left unanswered by a slow provider while it is sent.

    Each of them may be sent by somebody else at the same time: whoever claims it first does it.
    """
    moved = 0
    for start in range(0, len(payment_ids), CHUNK):
        sent, is_answered = _send_chunk(payment_ids[start : start + CHUNK], at=now())
        moved += sent
        if not is_answered:
            break
    return moved


def wake(payments: Sequence[Transaction]) -> None:
    """Wake workers for payments that have just been queued, some chunks each, once the transaction has committed."""
    each = max(CHUNK, -(-len(payments) // MESSAGES))
    for start in range(0, len(payments), each):
        ids = ",".join(str(payment.pk) for payment in payments[start : start + each])
        queue.enqueue("finance.process_transactions", payment_ids=ids)


def _send_chunk(payment_ids: Sequence[UUID], *, at: datetime) -> tuple[int, bool]:
    """Send a chunk; return how many of it are no longer queued, and whether the provider answers at all."""
    stopping_points.reach("finance.process.before_begin")
    try:
        claimed, held = _begin(payment_ids, at=at)
    except Exception as error:
        tell(error, f"{len(payment_ids)} payments cannot be claimed together")
        return _one_by_one(payment_ids, at=at), True
    if len(claimed) + held < len(payment_ids):
        held += _move_halves(payment_ids, at=at)
    if not claimed:
        return held, True
    stopping_points.reach("finance.process.after_begin")
    answers, is_answered = _ask(claimed, at=at)
    _record(answers, at=at)
    stopping_points.reach("finance.process.after_record")
    return len(claimed) + held, is_answered


def _move_halves(payment_ids: Sequence[UUID], *, at: datetime) -> int:
    """Have those movements done of which halves are among the payments; return how many halves moved on."""
    halves = Transaction.objects.filter(pk__in=payment_ids, counterpart__isnull=False, status=Status.QUEUED)
    return sum(
        attempted(partial(internal_transfers.process, payment_id, at=at), f"movement {payment_id}")
        for payment_id in list(halves.order_by("pk").values_list("pk", flat=True))
    )


def _begin(payment_ids: Sequence[UUID], *, at: datetime) -> tuple[Sent, int]:
    """Claim the payments and note an attempt of each, committed before anything is sent; count those put on hold."""
    with audit.acting("transaction.process"), transaction.atomic(durable=True):
        queued = (
            Transaction.objects.select_for_update(of=("self",), no_key=True, skip_locked=True)
            .select_related(*ROWS)
            .filter(pk__in=payment_ids, status=Status.QUEUED, counterpart__isnull=True)
            .order_by("pk")
        )
        payments = [payment for payment in queued if not _is_frozen(payment)]
        parties = [payment.party.pk for payment in payments]
        profiles = {profile.user_id: profile for profile in InvestorProfile.objects.filter(user__in=parties)}
        free, held = [], 0
        for payment in payments:
            obstacle = settlements.obstacle(payment, profiles.get(payment.party.pk), at=at)
            if obstacle:
                payment.mark_on_hold(reason=obstacle[:300])
                payment.save()
                held += 1
            else:
                payment.mark_processing(at=at)
                free.append(payment)
        Transaction.objects.filter(pk__in=[payment.pk for payment in free]).update(
            status=Status.PROCESSING, processed_at=at, updated_at=at
        )
        attempts = TransactionAttempt.objects.bulk_create([settlements.attempt_of(payment, at=at) for payment in free])
    return list(zip(free, attempts, strict=True)), held


def _is_frozen(payment: Transaction) -> bool:
    return payment.is_outbound and payment.escrow_account.status == EscrowAccount.Status.FROZEN


def _ask(claimed: Sent, *, at: datetime) -> tuple[dict[str, Answer], bool]:
    """
    Ask the provider for one payment after the other; return its answers by the attempt's key.

    Also whether it answers at all: if not, the rest of the chunk waits for the sweep that asks what became of it.
    """
    answers: dict[str, Answer] = {}
    unanswered = 0
    for payment, attempt in claimed:
        try:
            answer = settlements.ask(payment, attempt, at=at)
        except Exception as error:
            tell(error, f"payment {payment.pk} is left to the sweep that asks about it")
            continue
        if answer is not None:
            answers[attempt.idempotency_key] = answer
        unanswered = 0 if answer is not None else unanswered + 1
        if unanswered == UNANSWERED_IN_A_ROW:
            logger.warning("%s does not answer; payments that it was not asked for wait", attempt.provider)
            return answers, False
    return answers, True


def _record(answers: dict[str, Answer], *, at: datetime) -> None:
    """Record what was answered: what was taken on together, everything else by itself."""
    recorded: set[str] = set()
    try:
        with audit.acting("transaction.record_answer"), transaction.atomic():
            recorded = _accept({key: one for key, one in answers.items() if one.outcome == "ACCEPTED"}, at=at)
    except Exception as error:
        tell(error, f"{len(answers)} answers cannot be recorded together")
    for key, answer in answers.items():
        if key not in recorded:
            attempted(partial(settlements.record_answer, key, answer, at=at), f"the answer to {key}")


def _accept(answers: dict[str, Answer], *, at: datetime) -> set[str]:
    """Record that attempts were taken on, for payments that wait for just that; return the keys of those."""
    taken = [
        (attempt, payment)
        for attempt, payment in lock_attempts(answers)
        if attempt.number == payment.retry_count and payment.status == Status.PROCESSING
    ]
    accepted = []
    for attempt, payment in taken:
        answer = answers[attempt.idempotency_key]
        if payment.is_inbound:
            on = answer.effective_date or banking_date(at)
            accepted.append(entries.accepted(payment, bank_reference=answer.provider_reference, on=on))
        payment.mark_pending_settlement()
    ledger.post(accepted, by=None, at=at)
    Transaction.objects.filter(pk__in=[payment.pk for _, payment in taken]).update(
        status=Status.PENDING_SETTLEMENT, updated_at=at
    )
    with connection.cursor() as cursor:
        references = [answers[attempt.idempotency_key].provider_reference for attempt, _ in taken]
        cursor.execute(_ACCEPT, [at, [attempt.pk for attempt, _ in taken], references])
    return {attempt.idempotency_key for attempt, _ in taken}


def _one_by_one(payment_ids: Sequence[UUID], *, at: datetime) -> int:
    for payment_id in payment_ids:
        attempted(partial(settlements.process, payment_id, at=at), f"payment {payment_id}")
    return len(payment_ids) - Transaction.objects.filter(pk__in=payment_ids, status=Status.QUEUED).count()
