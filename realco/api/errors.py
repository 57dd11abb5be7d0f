"""
What the API says when it cannot do what was asked: one body for every error, one status for each code.

The body is ``{"error": {"code", "message", "details"}}``. Codes come from the refusals themselves
(``Refusal.code``) or, for what the framework refuses, from the table here; this is the only place in
which a code meets an HTTP status.
"""

import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.db import InterfaceError, OperationalError
from django.http import Http404
from django.http.request import UnreadablePostError
from rest_framework import exceptions
from rest_framework.response import Response

from realco import patience
from realco.errors import NotFound, ProviderUnavailable, Refusal

logger = logging.getLogger(__name__)

STATUSES: Mapping[str, int] = {
    "VALIDATION_ERROR": 400,
    "INVALID_TOKEN": 401,
    "INSUFFICIENT_PERMISSIONS": 403,
    "COMPLIANCE_ERROR": 403,
    "NOT_FOUND": 404,
    "TRANSACTION_NOT_FOUND": 404,
    "ESCROW_ACCOUNT_NOT_FOUND": 404,
    "DISTRIBUTION_NOT_FOUND": 404,
    "OFFERING_NOT_FOUND": 404,
    "REFUND_RUN_NOT_FOUND": 404,
    "WATERFALL_TERMS_NOT_FOUND": 404,
    "CAPITAL_CALL_NOT_FOUND": 404,
    "TRANSFER_NOT_FOUND": 404,
    "FUND_NOT_FOUND": 404,
    "METHOD_NOT_ALLOWED": 405,
    "NOT_ACCEPTABLE": 406,
    "DUPLICATE_RESOURCE": 409,
    "PAYLOAD_TOO_LARGE": 413,
    "UNSUPPORTED_MEDIA_TYPE": 415,
    "INVALID_STATE_TRANSITION": 422,
    "TRANSACTION_LIMIT_EXCEEDED": 422,
    "INSUFFICIENT_FUNDS": 422,
    "RATE_LIMIT_ERROR": 429,
    "INTERNAL_ERROR": 500,
    "PROVIDER_ERROR": 502,
    "STRIPE_ERROR": 502,
    "PLAID_ERROR": 502,
    "SERVICE_UNAVAILABLE": 503,
}
_OF_FRAMEWORK: tuple[tuple[type[Exception], str], ...] = (
    (exceptions.NotFound, "NOT_FOUND"),
    (exceptions.PermissionDenied, "INSUFFICIENT_PERMISSIONS"),
    (exceptions.ParseError, "VALIDATION_ERROR"),
    (exceptions.NotAcceptable, "NOT_ACCEPTABLE"),
)


class TransactionNotFound(NotFound):
    """There is no such payment, or it is not this person's to see."""

    code = "TRANSACTION_NOT_FOUND"


class EscrowAccountNotFound(NotFound):
    """There is no such escrow account, or it is not this person's to see."""

    code = "ESCROW_ACCOUNT_NOT_FOUND"


class DistributionNotFound(NotFound):
    """There is no such distribution, or it is not this person's to see."""

    code = "DISTRIBUTION_NOT_FOUND"


class RefundRunNotFound(NotFound):
    """There is no such refund run, or it is not this person's to see."""

    code = "REFUND_RUN_NOT_FOUND"


class TermsNotFound(NotFound):
    """There are no such waterfall terms, or they are not this person's to see."""

    code = "WATERFALL_TERMS_NOT_FOUND"


class CapitalCallNotFound(NotFound):
    """There is no such capital call or item of it, or it is not this person's to see."""

    code = "CAPITAL_CALL_NOT_FOUND"


class TransferNotFound(NotFound):
    """There is no such transfer, or it is not this person's to see."""

    code = "TRANSFER_NOT_FOUND"


class FundNotFound(NotFound):
    """There is no such fund, or it is not this person's to see."""

    code = "FUND_NOT_FOUND"


class OfferingNotFound(NotFound):
    """There is no such offering, or it is not this person's to see."""

    code = "OFFERING_NOT_FOUND"


class BodyTooLarge(exceptions.APIException):
    """More was sent than any request needs."""

    status_code = 413
    default_detail = "The request body is too large."


def handle(exc: Exception, context: Mapping[str, Any]) -> Response:
    """
    Answer for an exception that a view raised (the framework's EXCEPTION_HANDLER).

    A refusal is answered in its own words. What is not foreseen is logged in full and answered
    without a word about its cause.
    """
    if isinstance(exc, Refusal):
        return _answer(exc.code, exc.message, exc.details)
    if isinstance(exc, Http404):
        return _answer("NOT_FOUND", "There is nothing here.")
    if isinstance(exc, PermissionDenied):
        return _answer("INSUFFICIENT_PERMISSIONS", "You may not do this.")
    if isinstance(exc, RequestDataTooBig | BodyTooLarge):
        return _answer("PAYLOAD_TOO_LARGE", "The request body is too large; no request here needs more than 1 MB.")
    if isinstance(exc, SuspiciousOperation | UnreadablePostError):
        return _answer("VALIDATION_ERROR", "The request could not be read.")
    if isinstance(exc, exceptions.APIException):
        return _of_framework(exc)
    return _unforeseen(exc, context)


def status_of(code: str) -> int:
    """Return the HTTP status of a code; a refusal whose code is not in the table is still the caller's to mend."""
    return STATUSES.get(code, HTTPStatus.UNPROCESSABLE_ENTITY)


def _answer(
    code: str, message: str, details: Mapping[str, object] | None = None, headers: Mapping[str, str] | None = None
) -> Response:
    body = {"error": {"code": code, "message": message, "details": dict(details or {})}}
    return Response(body, status=status_of(code), headers=dict(headers or {}))


def _of_framework(exc: exceptions.APIException) -> Response:
    if isinstance(exc, exceptions.ValidationError):
        details = exc.detail if isinstance(exc.detail, dict) else {"errors": exc.detail}
        return _answer("VALIDATION_ERROR", _in_words(details), details)
    if isinstance(exc, exceptions.NotAuthenticated | exceptions.AuthenticationFailed):
        header = getattr(exc, "auth_header", None)
        return _answer("INVALID_TOKEN", str(exc.detail), headers={"WWW-Authenticate": header} if header else None)
    if isinstance(exc, exceptions.Throttled):
        return _throttled(exc)
    if isinstance(exc, exceptions.MethodNotAllowed):
        return _answer("METHOD_NOT_ALLOWED", "This address does not know that method.")
    if isinstance(exc, exceptions.UnsupportedMediaType):
        return _answer("UNSUPPORTED_MEDIA_TYPE", "Send the request body as application/json.")
    for kind, code in _OF_FRAMEWORK:
        if isinstance(exc, kind):
            return _answer(code, str(exc.detail))
    return _answer("VALIDATION_ERROR", str(exc.detail))


def _throttled(exc: exceptions.Throttled) -> Response:
    seconds = max(1, int(getattr(exc, "wait", None) or 1))
    return _answer(
        "RATE_LIMIT_ERROR",
        f"Too many requests of this kind within an hour. Try again in {seconds} seconds.",
        {"retry_after_seconds": seconds},
        {"Retry-After": str(seconds)},
    )


def _unforeseen(exc: Exception, context: Mapping[str, Any]) -> Response:
    view = type(context.get("view")).__name__
    if isinstance(exc, OperationalError | InterfaceError):
        # A lock that was not given in time, a deadlock, a server that restarts: the same request may work in a moment.
        logger.warning("the database did not serve %s", view, exc_info=exc)
        retry = {"Retry-After": str(patience.retry_after(exc))}
        return _answer("SERVICE_UNAVAILABLE", patience.words_for(exc), headers=retry)
    if isinstance(exc, ProviderUnavailable):
        logger.warning("a provider did not answer %s", view, exc_info=exc)
        return _answer("PROVIDER_ERROR", "The bank or payment provider did not answer. Try again later.")
    logger.error("unforeseen failure in %s", view, exc_info=exc)
    return _answer("INTERNAL_ERROR", "Something went wrong on our side. It has been noted.")


def _in_words(details: Mapping[str, Any]) -> str:
    """Say what is wrong: the one thing, or that there are several."""
    if len(details) > 1:
        return f"{len(details)} fields need correcting: {', '.join(details)}."
    for field, problem in details.items():
        sentence = _first(problem)
        return sentence if field in ("non_field_errors", "errors") else f"{field}: {sentence}"
    return "The request is not valid."


def _first(problem: Any) -> str:
    while isinstance(problem, dict | list) and problem:
        problem = next(iter(problem.values())) if isinstance(problem, dict) else problem[0]
    return str(problem)
