"""
What RealCo asks of a payment provider, and what a provider says back.

Every gateway module has the same functions. The rule behind them: what we send carries an
idempotency key made from our own row, so that asking twice moves money once.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Literal, Protocol

from realco.errors import Duplicate, Refusal

TECHNICAL_FAILURE = "PROVIDER_ERROR"
"""The code of a refusal that says nothing about the payment: the provider itself failed."""

TRANSFER_SETTLED = "transfer.settled"
TRANSFER_FAILED = "transfer.failed"
TRANSFER_RETURNED = "transfer.returned"
EVENT_TYPES = (TRANSFER_SETTLED, TRANSFER_FAILED, TRANSFER_RETURNED)

Direction = Literal["IN", "OUT"]
Outcome = Literal["ACCEPTED", "SETTLED", "REFUSED"]


class ForgedWebhook(Refusal):
    """The message is not signed by the provider, or was signed too long ago."""

    code = "VALIDATION_ERROR"


class MalformedWebhook(Refusal):
    """The message is not one that the provider sends."""

    code = "VALIDATION_ERROR"


class CannotMoveBack(Refusal):
    """The provider does not undo a movement between our own accounts; the message says what to do."""

    code = "INVALID_STATE_TRANSITION"


class ProviderRefusedKey(Duplicate):
    """The provider knows the idempotency key, with other contents."""


@dataclass(frozen=True, slots=True)
class Submission:
    """
    One attempt of a payment, as a provider is asked for it.

    ``amount`` is positive, US dollars; ``direction`` is IN for money into escrow. ``attempt``
    counts from 0. ``account_number`` is the counterparty's and is in clear here only.
    """

    idempotency_key: str
    reference_text: str
    external_account_id: str
    method: str
    direction: Direction
    amount: Decimal
    currency: str
    account_number: str
    routing_number: str
    counterparty: str
    attempt: int


@dataclass(frozen=True, slots=True)
class Answer:
    """
    What a provider said at once: taken on, already settled, or refused with a code.

    ``effective_date`` is the bank's day of a settlement; ``provider_reference`` is what the bank's
    statement will show.
    """

    outcome: Outcome
    provider_reference: str
    code: str = ""
    message: str = ""
    effective_date: date | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """What a provider said later, in a webhook; the key says which attempt it is about."""

    event_id: str
    event_type: str
    idempotency_key: str
    code: str
    message: str
    effective_date: date


class Gateway(Protocol):
    """The functions of every gateway module."""

    def submit(self, submission: Submission, *, at: datetime) -> Answer:
        """
        Ask the provider for a transfer; the same key with the same contents has the same answer.

        :raises ProviderRefusedKey: if the key is known with other contents
        :raises ProviderUnavailable: if the outcome is unknown; ``lookup`` finds it out
        """

    def move(self, leaving: Submission, coming: Submission, *, at: datetime) -> tuple[Answer, Answer]:
        """
        Ask for money to be moved between two of our own accounts: both halves are done, or neither.

        The same keys with the same contents have the same answers, and both answers have one outcome.

        :raises ProviderRefusedKey: if a key is known with other contents
        :raises ProviderUnavailable: if the outcome is unknown; ``lookup`` finds it out for either key
        """

    def move_back(self, leaving_key: str, coming_key: str, *, at: datetime) -> date:
        """
        Ask for a movement to be undone, both halves or neither, and return the day; asking twice undoes once.

        :raises CannotMoveBack: if the provider does not do that
        :raises ProviderUnavailable: if the outcome is unknown; ask again
        """

    def lookup(self, idempotency_key: str, *, at: datetime) -> Answer | None:
        """
        Return what ``submit`` answered or would have answered; None if the provider never heard of it.

        :raises ProviderUnavailable: if the provider does not answer
        """

    def verify_webhook(self, body: bytes, headers: Mapping[str, str], *, at: datetime) -> None:
        """
        Check that the provider signed exactly this body, lately.

        :raises ForgedWebhook: if it did not
        """

    def signature_of(self, headers: Mapping[str, str]) -> str:
        """Return the signature that came with a message, as it was written."""

    def parse_event(self, body: bytes) -> Event:
        """
        Read a verified message.

        :raises MalformedWebhook: if it is not an event that the provider sends
        """
