"""
How the sandbox bank tells us what happened: signed messages, at least once, in any order.

A message is owed from the moment it is written down and sent again until our endpoint has answered
200. The signature is HMAC-SHA256 over the time and the raw body, ``t=…,v1=…``, as Stripe does it.
"""

import base64
import hashlib
import hmac
import json
import logging
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import F

from finance import return_codes
from finance.gateways.interface import EVENT_TYPES, Event, ForgedWebhook, MalformedWebhook
from finance.models import SandboxDelivery, SandboxTransfer
from realco import money
from realco.clock import NoSandbox

logger = logging.getLogger(__name__)

HEADER = "Sandbox-Signature"
TOLERANCE = timedelta(seconds=300)
BATCH = 500
CHUNK = 20
LEASE = timedelta(seconds=60)
LONGEST_WAIT = timedelta(hours=1)

Post = Callable[[str, bytes, Mapping[str, str]], int]
"""Send a body with headers to an address and return the HTTP status; raises OSError if nobody is there."""


def owed(transfer: SandboxTransfer, event_type: str, *, on: date, at: datetime, code: str = "") -> SandboxDelivery:
    """Return a message that the bank owes us, about a day of the bank's, to be written down."""
    event_id = "evt_" + _token(f"{transfer.idempotency_key} {event_type}")
    payload = {
        "id": event_id,
        "type": event_type,
        "created": int(at.timestamp()),
        "data": {
            "idempotency_key": transfer.idempotency_key,
            "reference": transfer.reference,
            "amount": money.to_json(abs(transfer.amount)),
            "currency": money.CURRENCY,
            "direction": "IN" if transfer.amount > 0 else "OUT",
            "code": code,
            "message": return_codes.meaning(code) if code else "",
            "effective_date": on.isoformat(),
        },
    }
    return SandboxDelivery(
        transfer=transfer,
        event_id=event_id,
        event_type=event_type,
        payload=json.dumps(payload),
        copies=transfer.webhook_copies,
        next_attempt_at=at,
        created_at=at,
    )


def deliver(*, post: Post, at: datetime) -> int:
    """
    Send every message that is due, and return how many arrived.

    One that does not arrive waits twice as long as before, up to an hour. When nobody answers at
    all, the rest of the batch is left for later.

    :raises NoSandbox: in production mode
    """
    if not settings.SANDBOX:
        raise NoSandbox("There is no sandbox bank in production mode.")
    arrived, due = 0, _due(at)
    for start in range(0, len(due), CHUNK):
        received, is_reachable = _send(due[start : start + CHUNK], post=post, at=at)
        arrived += received
        if not is_reachable:
            break
    return arrived


def _due(at: datetime) -> list[UUID]:
    due = SandboxDelivery.objects.filter(delivered_at=None, next_attempt_at__lte=at).order_by("created_at", "id")
    return list(due.values_list("pk", flat=True)[:BATCH])


def _send(delivery_ids: Sequence[UUID], *, post: Post, at: datetime) -> tuple[int, bool]:
    """Send some messages one after the other; return how many arrived, and whether anybody answers at all."""
    claimed = _claim(delivery_ids, at=at)
    arrived: list[UUID] = []
    waiting = list(claimed)
    try:
        while waiting:
            delivery = waiting[0]
            statuses = [post(settings.SANDBOX_WEBHOOK_URL, *sign(delivery, at=at)) for _ in range(delivery.copies)]
            if 200 in statuses:
                arrived.append(delivery.pk)
            else:
                logger.warning("%s was answered with %s", delivery, statuses)
                _put_off(delivery, at=at)
            del waiting[0]
    except OSError as error:
        logger.warning("nobody answers at %s: %s", settings.SANDBOX_WEBHOOK_URL, error)
        for delivery in waiting:
            _put_off(delivery, at=at)
    SandboxDelivery.objects.filter(pk__in=arrived).update(delivered_at=at)
    return len(arrived), not waiting


def sign(delivery: SandboxDelivery, *, at: datetime) -> tuple[bytes, dict[str, str]]:
    """Return a message's body and its headers, signed now."""
    body = delivery.payload.encode()
    return body, {"Content-Type": "application/json", HEADER: signature(body, at=at)}


def signature(body: bytes, *, at: datetime) -> str:
    """Return the bank's signature of a body at a moment."""
    moment = int(at.timestamp())
    return f"t={moment},v1={_digest(moment, body)}"


def verify(body: bytes, signed: str, *, at: datetime) -> None:
    """
    Check that the bank signed exactly this body, less than five minutes ago.

    :raises ForgedWebhook: if it did not
    """
    found = re.fullmatch(r"t=([0-9]{1,12})((?:,v[0-9]=[0-9a-f]{64})+)", signed)
    if found is None:
        raise ForgedWebhook(f"The message has no signature in {HEADER} of the form t=…,v1=….")
    moment = int(found[1])
    if abs(at.timestamp() - moment) > TOLERANCE.total_seconds():
        raise ForgedWebhook("The message was signed more than five minutes from now.")
    expected = _digest(moment, body)
    given = [part[3:] for part in found[2].split(",") if part.startswith("v1=")]
    if not any(hmac.compare_digest(expected, one) for one in given):
        raise ForgedWebhook("The signature is not the bank's.")


def parse(body: bytes) -> Event:
    """
    Read a verified message.

    :raises MalformedWebhook: if it is not an event that the bank sends
    """
    try:
        message = json.loads(body)
        data = message["data"]
        event = Event(
            event_id=message["id"],
            event_type=message["type"],
            idempotency_key=data["idempotency_key"],
            code=data["code"],
            message=data["message"],
            effective_date=date.fromisoformat(data["effective_date"]),
        )
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise MalformedWebhook("The message is not one of the sandbox bank's.") from error
    texts = (event.event_id, event.event_type, event.idempotency_key, event.code, event.message)
    if not all(isinstance(text, str) and text.isprintable() for text in texts) or not 0 < len(event.event_id) <= 255:
        raise MalformedWebhook("The message is not one of the sandbox bank's.")
    if event.event_type not in EVENT_TYPES:
        raise MalformedWebhook(f"The sandbox bank sends no events of type “{event.event_type[:60]}”.")
    return event


def _claim(delivery_ids: Sequence[UUID], *, at: datetime) -> list[SandboxDelivery]:
    """Take messages for sending, so that nobody else sends them for a minute; return those that were free."""
    with transaction.atomic():
        free = SandboxDelivery.objects.filter(pk__in=delivery_ids, delivered_at=None, next_attempt_at__lte=at)
        claimed = list(free.select_for_update(skip_locked=True).order_by("created_at", "id"))
        SandboxDelivery.objects.filter(pk__in=[delivery.pk for delivery in claimed]).update(
            next_attempt_at=at + LEASE, attempts=F("attempts") + 1
        )
    return claimed


def _put_off(delivery: SandboxDelivery, *, at: datetime) -> None:
    wait = min(timedelta(seconds=2 ** min(delivery.attempts, 12)), LONGEST_WAIT)
    SandboxDelivery.objects.filter(pk=delivery.pk).update(next_attempt_at=at + wait)


def _digest(moment: int, body: bytes) -> str:
    return hmac.new(settings.SANDBOX_WEBHOOK_SECRET.encode(), b"%d.%s" % (moment, body), hashlib.sha256).hexdigest()


def _token(text: str) -> str:
    return base64.b32encode(hashlib.sha256(text.encode()).digest()[:15]).decode().lower()
