"""
Payments that staff give to the bank by hand, and whose results staff enter.

Nothing reaches outside from here: a submission is taken on at once under a reference that staff
write on the bank's form, so that the statement can be matched. No one sends webhooks.
"""

import base64
import hashlib
from collections.abc import Mapping
from datetime import date, datetime

from finance.gateways.interface import Answer, CannotMoveBack, Event, ForgedWebhook, MalformedWebhook, Submission


def submit(submission: Submission, *, at: datetime) -> Answer:
    """Take the payment on, under the reference that staff give to the bank."""
    return Answer("ACCEPTED", reference_of(submission.idempotency_key))


def move(leaving: Submission, coming: Submission, *, at: datetime) -> tuple[Answer, Answer]:
    """Take a movement between two of our accounts on: one order to the bank, with a reference for each account."""
    return submit(leaving, at=at), submit(coming, at=at)


def move_back(leaving_key: str, coming_key: str, *, at: datetime) -> date:
    """
    Refuse: nobody but the bank's own people can say that they undid it.

    :raises CannotMoveBack: always
    """
    raise CannotMoveBack("Payments are given to the bank by hand here. Have the bank move the money back itself.")


def lookup(idempotency_key: str, *, at: datetime) -> Answer | None:
    """Return the same answer again; there is nobody who could have missed the question."""
    return Answer("ACCEPTED", reference_of(idempotency_key))


def verify_webhook(body: bytes, headers: Mapping[str, str], *, at: datetime) -> None:
    """
    Refuse: nobody has a key to sign for a bank that is worked by hand.

    :raises ForgedWebhook: always
    """
    raise ForgedWebhook("No provider sends messages for payments made by hand.")


def signature_of(headers: Mapping[str, str]) -> str:
    """Return no signature."""
    return ""


def parse_event(body: bytes) -> Event:
    """
    Refuse, as there are no messages.

    :raises MalformedWebhook: always
    """
    raise MalformedWebhook("No provider sends messages for payments made by hand.")


def reference_of(idempotency_key: str) -> str:
    """Return the token under which the bank's statement shows the payment."""
    digest = hashlib.sha256(idempotency_key.encode()).digest()
    return "MAN-" + base64.b32encode(digest[:10]).decode()
