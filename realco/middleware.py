"""Middleware: tells the audit trail who is asking, from where, under which request id."""

import ipaddress
import uuid
from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from realco import audit


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
