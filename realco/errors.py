"""
What may go wrong on purpose: refusals, and providers that do not answer.

A refusal is a rule saying no. Each is a class named for the fact, defined beside the operation
that raises it; its message is written for the person who reads it and says what they can do.
HTTP statuses are chosen by the API layer from ``code``; anything that is not one of these
classes is a defect.
"""

from collections.abc import Mapping
from typing import ClassVar


class Refusal(Exception):
    """
    A rule forbids this.

    ``code`` is the machine-readable family of the refusal (SYSTEM section 6); ``details`` carries
    figures a program may want, JSON-ready, money as strings with two places.
    """

    code: ClassVar[str] = "VALIDATION_ERROR"

    def __init__(self, message: str, **details: object) -> None:
        super().__init__(message)
        self.message = message
        self.details: Mapping[str, object] = details


class NotPermitted(Refusal):
    """The person asking may not do this."""

    code = "INSUFFICIENT_PERMISSIONS"


class NotFound(Refusal):
    """There is no such row, or it is someone else's, which looks the same from outside."""

    code = "NOT_FOUND"


class IllegalTransition(Refusal):
    """The row is in a state from which this step does not exist."""

    code = "INVALID_STATE_TRANSITION"


class Duplicate(Refusal):
    """This was asked for before, with other contents."""

    code = "DUPLICATE_RESOURCE"


class ProviderUnavailable(Exception):
    """
    A bank or provider did not answer, or answered with its own failure.

    Whether the request took effect is unknown; the caller asks the provider, with the same
    idempotency key, before it sends anything again.
    """
