"""
Middleware: tells the audit trail who is asking, from where, under which request id; and tells people to try
again when the database did not serve them.
"""

import ipaddress
import logging
import sys
import uuid
from collections.abc import Callable

from django.conf import settings
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.loader import render_to_string
from django.views import defaults

from realco import audit, patience

logger = logging.getLogger(__name__)
PROGRAMS = ("/api/", "/webhooks/")


def address_of(request: HttpRequest) -> str:
    """Return the caller's address: the last hop that our own trusted proxies did not add; nothing if it is none."""
    hops = [hop.strip() for hop in request.META.get("HTTP_X_FORWARDED_FOR", "").split(",") if hop.strip()]
    if 0 < settings.TRUSTED_PROXIES <= len(hops):
        address = hops[-settings.TRUSTED_PROXIES]
    else:
        address = str(request.META.get("REMOTE_ADDR", ""))
    try:
        return str(ipaddress.ip_address(address))
    except ValueError:
        return ""


class AuditMiddleware:
    """Wrap each request in ``audit.acting``; the API names its user later, when the token is known."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request_id = uuid.uuid4().hex
        user = request.user if request.user.is_authenticated else None
        with audit.acting(by=user, request_id=request_id, address=address_of(request)):
            response = self.get_response(request)
        response["X-Request-Id"] = request_id
        return response


class PatienceMiddleware:
    """
    Answer 503 with words when the database was busy, full or away, instead of an error page.

    The API answers for itself (realco/api/errors.py); this is for pages, webhooks, and what is
    asked of the database before a view is reached.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        return _not_served(request, exception)


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer for a failure outside any view, such as finding who is signed in (the project's handler500)."""
    return _not_served(request, sys.exc_info()[1]) or defaults.server_error(request)


def _not_served(request: HttpRequest, failure: BaseException | None) -> HttpResponse | None:
    if not isinstance(failure, OperationalError | InterfaceError):
        return None
    logger.warning("the database did not serve %s %s", request.method, request.path, exc_info=failure)
    words = patience.words_for(failure)
    response: HttpResponse
    if request.path.startswith(PROGRAMS):
        error = {"code": "SERVICE_UNAVAILABLE", "message": words, "details": {}}
        response = JsonResponse({"error": error}, status=503)
    else:
        # Without the request: its context processors might ask the database again.
        response = HttpResponse(render_to_string("503.html", {"words": words}), status=503)
    response["Retry-After"] = str(patience.retry_after(failure))
    return response
