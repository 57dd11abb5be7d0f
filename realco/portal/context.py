"""What every template knows: whether this is the sandbox, and what time it is there."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest

from realco import clock


def environment(request: HttpRequest) -> dict[str, Any]:
    """Return ``sandbox`` and, inside it, ``sandbox_now``, read only if a page shows it."""
    if not settings.SANDBOX:
        return {"sandbox": False}
    return {"sandbox": True, "sandbox_now": clock.now}
