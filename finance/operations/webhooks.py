"""
What providers tell us: verified, stored once, and only then worked on.

Providers tell at least once and in any order. A stored event is recorded when its payment has come
so far; until then its row waits, and is the queue. What contradicts our records, or was tried too
often, is left to an operator.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

from django.db import IntegrityError, OperationalError, transaction
from django.db.models import QuerySet

from escrow.operations.ledger import EscrowNotOpen
from finance.gateways import registry
from finance.gateways.interface import TRANSFER_FAILED, TRANSFER_RETURNED, TRANSFER_SETTLED, Event
from finance.models import TransactionAttempt, TransactionWebhook
from finance.models.transaction_attempts import AttemptOutcome as Outcome
from finance.operations import bulk_settlements, internal_returns, internal_settlements, settlements
from finance.operations.bulk_settlements import attempted, tell
from finance.queries.webhooks import MAX_ATTEMPTS, waiting
from realco import audit, permissions, queue, stopping_points
from realco.errors import IllegalTransition, Refusal
from realco.models import User

FIRST_WAIT = timedelta(seconds=5)
LONGEST_WAIT = timedelta(hours=6)
FROZEN_WAIT = timedelta(hours=1)

CONTRADICTIONS = {
    TRANSFER_SETTLED: (Outcome.FAILED, Outcome.REFUSED),
    TRANSFER_FAILED: (Outcome.SETTLED, Outcome.RETURNED),
    TRANSFER_RETURNED: (Outcome.FAILED, Outcome.REFUSED),
}
"""Outcomes of an attempt after which an event cannot be true."""


class UnknownTransfer(Refusal):
    """The event is about a transfer that is none of ours."""

    code = "NOT_FOUND"


class EventContradictsRecords(Refusal):
    """The event cannot be true if our records are; a person has to look."""

    code = "INVALID_STATE_TRANSITION"


class AlreadyProcessed(IllegalTransition):
    """The event has been recorded; there is nothing to try again."""


def receive(provider: str, body: bytes, headers: Mapping[str, str], *, at: datetime) -> TransactionWebhook:
    """
    Verify and store an event; the same event again is the same row, and nothing new happens.

    :raises UnknownProvider: if there is no such provider here
    :raises ForgedWebhook: if the provider did not sign it, or not lately
    :raises MalformedWebhook: if it is not an event that the provider sends
    """
    gateway = registry.named(provider)
    gateway.verify_webhook(body, headers, at=at)
    event = gateway.parse_event(body)
    attempt = _attempt_of(event, provider)
    webhook = TransactionWebhook(
        provider=provider,
        event_id=event.event_id,
        event_type=event.event_type,
        transaction_id=attempt.payment_id if attempt is not None else None,
        raw_payload=body.decode(),
        signature=gateway.signature_of(headers)[:500],
        next_attempt_at=at,
        created_at=at,
    )
    try:
        with audit.acting("webhook.receive"), transaction.atomic():
            webhook.save(force_insert=True)
            queue.enqueue("finance.process_webhook", webhook_id=webhook.pk)
    except IntegrityError:
        return TransactionWebhook.objects.get(provider=provider, event_id=event.event_id)
    stopping_points.reach("webhooks.after_store")
    return webhook


def process(webhook_id: UUID, *, at: datetime) -> bool:
    """
    Record what a stored event says, once; return whether it is recorded now.

    One that came before its time, or whose escrow account is frozen, stays unprocessed with the
    reason, and is tried again by the sweep.
    """
    try:
        with audit.acting("webhook.process"), transaction.atomic():
            return _record_once(webhook_id, at=at)
    except EscrowNotOpen as refusal:
        _put_off(webhook_id, refusal.message, wait=FROZEN_WAIT, attempts=0, at=at)
    except EventContradictsRecords as refusal:
        _put_off(webhook_id, refusal.message, attempts=MAX_ATTEMPTS, at=at)
    except Refusal as refusal:
        _put_off(webhook_id, refusal.message, at=at)
    except OperationalError:
        raise  # The database was busy or away: no fault of the event's, which stays due.
    except Exception as error:
        _put_off(webhook_id, f"{type(error).__name__}: {error}", at=at)
        raise
    return False


def process_many(webhook_ids: Sequence[UUID], *, at: datetime) -> int:
    """
    Record what many stored events say, settlements together and the rest one by one; return how many are recorded.

    One that is refused, such as one of a frozen escrow account, takes its chunk apart and nothing else.
    """
    size = bulk_settlements.CHUNK
    chunks = (webhook_ids[start : start + size] for start in range(0, len(webhook_ids), size))
    return sum(_process_chunk(chunk, at=at) for chunk in chunks)


def process_waiting(webhook_id: UUID, *, at: datetime) -> int:
    """Record what an event says that has just been stored, and with it what others wait; return how many."""
    if not TransactionWebhook.objects.filter(pk=webhook_id, processed=False).exists():
        return 0
    others = waiting(at=at).exclude(pk=webhook_id).values_list("pk", flat=True)[: bulk_settlements.CHUNK - 1]
    return process_many([webhook_id, *others], at=at)


def _process_chunk(webhook_ids: Sequence[UUID], *, at: datetime) -> int:
    recorded, left = set[UUID](), set(webhook_ids)
    try:
        with audit.acting("webhook.process"), transaction.atomic():
            recorded, left = _record_settlements(webhook_ids, at=at)
    except Exception as error:
        tell(error, f"{len(webhook_ids)} events cannot be recorded together")
    return len(recorded) + sum(
        attempted(partial(process, pk, at=at), f"event {pk}") for pk in webhook_ids if pk in left
    )


def _record_settlements(webhook_ids: Sequence[UUID], *, at: datetime) -> tuple[set[UUID], set[UUID]]:
    """
    Record those of some events that report a settlement which was waited for; return their ids, and those left.

    What somebody else is recording is neither. A payment of which several are told is left, because they are taken
    in the order in which they came.
    """
    unprocessed = TransactionWebhook.objects.select_for_update(skip_locked=True).filter(processed=False)
    rows = list(unprocessed.filter(pk__in=webhook_ids).order_by("pk"))
    times = Counter(webhook.transaction_id for webhook in rows)
    told: dict[tuple[str, str, UUID | None], tuple[UUID, Event]] = {}
    for webhook in rows:
        event = registry.named(webhook.provider).parse_event(webhook.raw_payload.encode())
        if event.event_type == TRANSFER_SETTLED and times[webhook.transaction_id] == 1:
            told[webhook.provider, event.idempotency_key, webhook.transaction_id] = webhook.pk, event
    attempts = TransactionAttempt.objects.filter(idempotency_key__in=[key for _, key, _ in told])
    ours = set(attempts.values_list("provider", "idempotency_key", "payment_id")) & set(told)
    days = {key: told[provider, key, payment][1].effective_date for provider, key, payment in ours}
    settled = bulk_settlements.record_settled(days, at=at)
    done = {told[one][0]: one[2] for one in ours if one[1] in settled}
    TransactionWebhook.objects.filter(pk__in=done).update(processed=True, processed_at=at, processing_error="")
    waiting_too = TransactionWebhook.objects.filter(transaction_id__in=done.values(), processed=False)
    for other_id in waiting_too.exclude(pk__in=webhook_ids).values_list("pk", flat=True):
        queue.enqueue("finance.process_webhook", webhook_id=other_id)
    if done:
        stopping_points.reach("webhooks.before_commit")
    return set(done), {webhook.pk for webhook in rows} - set(done)


def retry(webhook: TransactionWebhook, *, by: User, at: datetime) -> TransactionWebhook:
    """
    Give an event that was tried too often back to the sweep, because a person has looked.

    :raises NotPermitted: if the person may not retry payments
    :raises AlreadyProcessed: if it has been recorded meanwhile
    """
    permissions.require(by, permissions.RETRY_PAYMENT)
    with audit.acting("webhook.retry", by=by), transaction.atomic():
        webhook = TransactionWebhook.objects.select_for_update().get(pk=webhook.pk)
        if webhook.processed:
            raise AlreadyProcessed("This event has been recorded; there is nothing to try again.")
        webhook.attempts = 0
        webhook.next_attempt_at = at
        webhook.save()
        queue.enqueue("finance.process_webhook", webhook_id=webhook.pk)
    return webhook


def wake(escrow_account_id: UUID, *, at: datetime) -> int:
    """Let the events of an escrow account that is no longer frozen be tried at once; return how many."""
    return TransactionWebhook.objects.filter(
        processed=False, transaction__escrow_account_id=escrow_account_id, next_attempt_at__gt=at
    ).update(next_attempt_at=at)


def _record_once(webhook_id: UUID, *, at: datetime) -> bool:
    """Record an event unless that is done, or being done; whatever it refuses rolls all of it back."""
    webhook = TransactionWebhook.objects.select_for_update(skip_locked=True).filter(pk=webhook_id).first()
    if webhook is None or webhook.processed:
        return webhook is not None
    event = registry.named(webhook.provider).parse_event(webhook.raw_payload.encode())
    attempt = _attempt_of(event, webhook.provider)
    if attempt is None:
        raise UnknownTransfer("The event is about a transfer that is none of ours. Ask the provider what it is.")
    _record(event, at=at)
    webhook.transaction_id = attempt.payment_id
    webhook.processed = True
    webhook.processed_at = at
    webhook.processing_error = ""
    webhook.save()
    for other_id in _others(webhook, attempt.payment_id).values_list("id", flat=True):
        queue.enqueue("finance.process_webhook", webhook_id=other_id)
    stopping_points.reach("webhooks.before_commit")
    return True


def _attempt_of(event: Event, provider: str) -> TransactionAttempt | None:
    """Find the attempt an event is about; a provider can only speak of what was sent to it."""
    return TransactionAttempt.objects.filter(idempotency_key=event.idempotency_key, provider=provider).first()


def _record(event: Event, *, at: datetime) -> None:
    """Say what happened to the payment, which knows whether it is new, old or too early."""
    key, on = event.idempotency_key, event.effective_date
    half_id = _half_of(key)
    if half_id is not None:
        _record_of_movement(half_id, event, at=at)
    elif event.event_type == TRANSFER_SETTLED:
        settlements.record_settled(key, effective_date=on, at=at)
    elif event.event_type == TRANSFER_FAILED:
        settlements.record_failed(key, code=event.code, message=event.message, effective_date=on, at=at)
    else:
        settlements.record_returned(key, code=event.code, message=event.message, effective_date=on, at=at)
    attempt = TransactionAttempt.objects.get(idempotency_key=key)
    if attempt.outcome in CONTRADICTIONS[event.event_type]:
        raise EventContradictsRecords(
            f"The bank says “{event.event_type}”, but attempt {attempt.number} was recorded as"
            f" {attempt.get_outcome_display().lower()}. Ask the bank which is true."
        )


def _half_of(key: str) -> UUID | None:
    """Return the payment of an attempt if it is one half of a movement between our own accounts."""
    halves = TransactionAttempt.objects.filter(idempotency_key=key, payment__counterpart__isnull=False)
    return halves.values_list("payment_id", flat=True).first()


def _record_of_movement(half_id: UUID, event: Event, *, at: datetime) -> None:
    """Say what happened to a movement: what the bank says of one half is so of both."""
    on = event.effective_date
    if event.event_type == TRANSFER_SETTLED:
        internal_settlements.record_settled(half_id, effective_date=on, at=at)
    elif event.event_type == TRANSFER_FAILED:
        internal_settlements.record_failed(half_id, code=event.code, message=event.message, at=at)
    else:
        internal_returns.record_returned(half_id, code=event.code, message=event.message, effective_date=on, at=at)


def _others(webhook: TransactionWebhook, payment_id: UUID) -> QuerySet[TransactionWebhook]:
    """Return the events about the same payment that still wait, perhaps for this one."""
    return TransactionWebhook.objects.filter(transaction_id=payment_id, processed=False).exclude(pk=webhook.pk)


def _put_off(webhook_id: UUID, reason: str, *, at: datetime, wait: timedelta | None = None, attempts: int = 1) -> None:
    """Note why an event could not be recorded, and when it is tried again."""
    with audit.acting("webhook.put_off", reason=reason[:300]), transaction.atomic():
        webhook = TransactionWebhook.objects.select_for_update().get(pk=webhook_id)
        if webhook.processed:
            return
        doubled = FIRST_WAIT * 2 ** min(webhook.attempts, 20)
        webhook.attempts = min(webhook.attempts + attempts, MAX_ATTEMPTS)
        webhook.next_attempt_at = at + (wait if wait is not None else min(doubled, LONGEST_WAIT))
        webhook.processing_error = reason[:500]
        webhook.save()
