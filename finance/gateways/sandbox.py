"""
The sandbox bank's front desk: a deterministic simulator, with books of its own.

What happens to a transfer depends on the counterparty's account number, its idempotency key and
the calendar, so that the same story always plays the same way. Here requests are answered; what
the bank does later is in ``sandbox_bank``, how it tells us in ``sandbox_webhooks``.
"""

import base64
import hashlib
from collections.abc import Mapping
from datetime import date, datetime, timedelta

from django.conf import settings
from django.db import IntegrityError, transaction

from finance import return_codes
from finance.gateways import sandbox_accounts, sandbox_bank, sandbox_webhooks
from finance.gateways.interface import Answer, Event, ProviderRefusedKey, Submission
from finance.gateways.sandbox_accounts import Behaviour, Moment
from finance.models import SandboxLostRequest, SandboxTransfer
from finance.models.transactions import PaymentMethod
from realco.business_days import add_business_days, banking_date
from realco.clock import NoSandbox
from realco.errors import ProviderUnavailable

State = SandboxTransfer.State
SETTLES_AFTER_BUSINESS_DAYS: Mapping[str, tuple[int, ...]] = {
    PaymentMethod.ACH: (3, 4, 5),
    PaymentMethod.WIRE: (0, 1),
    PaymentMethod.CHECK: (5, 6, 7),
}
"""The business days that a method may take; the hash of the key chooses. Other methods settle at once."""
FAILS_AFTER_BUSINESS_DAYS = 2
RETURNED_AFTER_BUSINESS_DAYS = {"IN": 2, "OUT": 1}
LATE_RETURN_AFTER = timedelta(days=61)


def submit(submission: Submission, *, at: datetime) -> Answer:
    """
    Take a transfer on, or refuse it; the same key with the same contents has the same answer.

    :raises NoSandbox: in production mode
    :raises ProviderRefusedKey: if the key is known with other contents
    :raises ProviderUnavailable: if the account is one whose request or answer is lost
    """
    _require_sandbox()
    behaviour = sandbox_accounts.behaviour(submission.account_number, is_debit=submission.direction == "IN")
    if behaviour.request_lost and _lose(submission.idempotency_key, at=at):
        raise ProviderUnavailable("The sandbox bank did not answer.")
    transfer, is_new = _take_on(submission, behaviour, at=at)
    if transfer.request_hash != request_hash(submission):
        raise ProviderRefusedKey("The sandbox bank knows this idempotency key with other contents.")
    if behaviour.answer_lost and is_new:
        raise ProviderUnavailable("The sandbox bank did not answer in time.")
    return _answer(transfer)


def move(leaving: Submission, coming: Submission, *, at: datetime) -> tuple[Answer, Answer]:
    """
    Move money between two of our accounts at once, both halves in one transaction of the bank's, or refuse both.

    It refuses a movement of other than equal halves, or between accounts one of which it is told to refuse
    (``sandbox_accounts``, by the account's own number at the bank).

    :raises NoSandbox: in production mode
    :raises ProviderRefusedKey: if a key is known with other contents
    :raises ProviderUnavailable: if the account is one whose request or answer is lost
    """
    _require_sandbox()
    halves = (leaving, coming)
    told = [sandbox_accounts.behaviour(half.external_account_id) for half in halves]
    if any(one.request_lost for one in told) and _lose(leaving.idempotency_key, at=at):
        raise ProviderUnavailable("The sandbox bank did not answer.")
    wrong = next((one for one in told if one.is_refused(0)), None)
    if leaving.amount != coming.amount or (leaving.direction, coming.direction) != ("OUT", "IN"):
        wrong = Behaviour(Moment.AT_ONCE, "TRANSFER_REFUSED")
    with transaction.atomic():
        taken = [_take_on(half, wrong or sandbox_accounts.SUCCEEDS, at=at) for half in halves]
        for half, (transfer, _) in zip(halves, taken, strict=True):
            if transfer.request_hash != request_hash(half):
                raise ProviderRefusedKey("The sandbox bank knows this idempotency key with other contents.")
    if any(one.answer_lost for one in told) and taken[0][1]:
        raise ProviderUnavailable("The sandbox bank did not answer in time.")
    return _answer(taken[0][0]), _answer(taken[1][0])


def move_back(leaving_key: str, coming_key: str, *, at: datetime) -> date:
    """
    Undo a movement, both halves in one transaction of the bank's.

    :raises NoSandbox: in production mode
    :raises CannotMoveBack: if it never settled
    """
    _require_sandbox()
    return sandbox_bank.move_back(leaving_key, coming_key, at=at)


def lookup(idempotency_key: str, *, at: datetime) -> Answer | None:
    """
    Return what ``submit`` answered; None if the bank never heard of the key.

    :raises NoSandbox: in production mode
    """
    _require_sandbox()
    transfer = SandboxTransfer.objects.filter(idempotency_key=idempotency_key).first()
    return _answer(transfer) if transfer is not None else None


def verify_webhook(body: bytes, headers: Mapping[str, str], *, at: datetime) -> None:
    """
    Check that the bank signed exactly this body, less than five minutes ago.

    :raises NoSandbox: in production mode
    :raises ForgedWebhook: if it did not
    """
    _require_sandbox()
    sandbox_webhooks.verify(body, signature_of(headers), at=at)


def signature_of(headers: Mapping[str, str]) -> str:
    """Return the signature that came with a message, as it was written."""
    wanted = sandbox_webhooks.HEADER.lower()
    return next((value for name, value in headers.items() if name.lower() == wanted), "")


def parse_event(body: bytes) -> Event:
    """
    Read a verified message.

    :raises MalformedWebhook: if it is not an event that the bank sends
    """
    return sandbox_webhooks.parse(body)


def reference_of(idempotency_key: str) -> str:
    """Return the token under which the bank's statement shows the transfer."""
    return "SBX-" + base64.b32encode(hashlib.sha256(idempotency_key.encode()).digest()[:10]).decode()


def request_hash(submission: Submission) -> str:
    """Return the fingerprint of what moves money in a request, by which a repetition is told from a change."""
    contents = (
        submission.external_account_id,
        submission.method,
        submission.direction,
        f"{submission.amount:.2f}",
        submission.currency,
        submission.account_number,
        submission.routing_number,
    )
    return hashlib.sha256("\n".join(contents).encode()).hexdigest()


def settles_on(method: str, idempotency_key: str, *, at: datetime) -> date:
    """Return the day on which a transfer settles: as the method's times and the key's hash say."""
    days = SETTLES_AFTER_BUSINESS_DAYS.get(method)
    if days is None:
        return banking_date(at)
    chosen = days[hashlib.sha256(idempotency_key.encode()).digest()[0] % len(days)]
    return add_business_days(banking_date(at), chosen)


def _take_on(submission: Submission, behaviour: Behaviour, *, at: datetime) -> tuple[SandboxTransfer, bool]:
    """Write a new transfer down, or find the one that the key is known for; return it and whether it is new."""
    transfer = SandboxTransfer(idempotency_key=submission.idempotency_key, **_opened(submission, behaviour, at=at))
    try:
        with transaction.atomic():
            transfer.save(force_insert=True)
            if transfer.state == State.ACCEPTED and _settles_at_once(submission):
                sandbox_bank.settle(transfer, on=banking_date(at), at=at)
    except IntegrityError:
        return SandboxTransfer.objects.get(idempotency_key=submission.idempotency_key), False
    return transfer, True


def _opened(submission: Submission, behaviour: Behaviour, *, at: datetime) -> dict[str, object]:
    """Return the row of a new transfer, its fate decided."""
    opened: dict[str, object] = {
        "request_hash": request_hash(submission),
        "reference": reference_of(submission.idempotency_key),
        "external_account_id": submission.external_account_id,
        "method": submission.method,
        "amount": submission.amount if submission.direction == "IN" else -submission.amount,
        "counterparty": submission.counterparty,
        "state": State.ACCEPTED,
        "webhook_copies": behaviour.copies,
        "tells_return_first": behaviour.reversed_order,
        "created_at": at,
    }
    fails = behaviour.fails_before_settlement(submission.attempt)
    if behaviour.is_refused(submission.attempt) or (fails and _settles_at_once(submission)):
        return opened | {"state": State.REFUSED, "outcome_code": behaviour.code}
    if behaviour.never_settles or _settles_at_once(submission):
        settles = None if behaviour.never_settles else banking_date(at)
    else:
        settles = opened["due_date"] = settles_on(submission.method, submission.idempotency_key, at=at)
    if fails:
        opened["outcome_code"] = behaviour.code
        if submission.method != PaymentMethod.WIRE:
            opened["due_date"] = add_business_days(banking_date(at), FAILS_AFTER_BUSINESS_DAYS)
    if behaviour.is_returned and settles is not None:
        opened["return_code"] = behaviour.code
        opened["return_date"] = _returned_on(submission, behaviour, settles=settles)
    return opened


def _returned_on(submission: Submission, behaviour: Behaviour, *, settles: date) -> date:
    if behaviour.moment is Moment.LATE:
        return add_business_days(settles + LATE_RETURN_AFTER, 0)
    return add_business_days(settles, RETURNED_AFTER_BUSINESS_DAYS[submission.direction])


def _settles_at_once(submission: Submission) -> bool:
    return submission.method not in SETTLES_AFTER_BUSINESS_DAYS


def _answer(transfer: SandboxTransfer) -> Answer:
    """Say what the front desk said when the transfer came in, whatever has happened to it since."""
    if transfer.state == State.REFUSED:
        meaning = return_codes.meaning(transfer.outcome_code)
        return Answer("REFUSED", transfer.reference, transfer.outcome_code, meaning)
    if transfer.method not in SETTLES_AFTER_BUSINESS_DAYS and transfer.settled_date is not None:
        return Answer("SETTLED", transfer.reference, effective_date=transfer.settled_date)
    return Answer("ACCEPTED", transfer.reference)


def _lose(idempotency_key: str, *, at: datetime) -> bool:
    """Swallow the first request with a key; returns whether this was it."""
    _, is_new = SandboxLostRequest.objects.get_or_create(idempotency_key=idempotency_key, defaults={"created_at": at})
    return is_new


def _require_sandbox() -> None:
    if not settings.SANDBOX:
        raise NoSandbox("There is no sandbox bank in production mode.")
