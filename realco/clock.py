"""
The one clock that doors read, so that time can be passed into every operation.

In production it is the real clock. In the sandbox the whole product lives ``offset`` ahead of
it, so that days of settlement can pass in a second; the offset only grows.
"""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection
from django.utils import timezone

from realco.errors import Refusal


class NoSandbox(Refusal):
    """Production has only the real clock and the real banks."""


def now() -> datetime:
    """Return the present moment, timezone-aware, in UTC."""
    if not settings.SANDBOX:
        return timezone.now()
    return timezone.now() + offset()


def offset() -> timedelta:
    """Return how far the sandbox is ahead of the real clock."""
    with connection.cursor() as cursor:
        cursor.execute('SELECT "offset" FROM sandbox_clock')
        found = cursor.fetchone()
    return found[0] if found else timedelta(0)


def advance(by: timedelta) -> datetime:
    """
    Move the sandbox clock forward and return its new present.

    :raises NoSandbox: in production mode, or when asked to move backwards
    """
    from realco.models import SandboxClock

    if not settings.SANDBOX:
        raise NoSandbox("There is no sandbox clock in production mode.")
    if by < timedelta(0):
        raise NoSandbox("The sandbox clock only moves forward.")
    SandboxClock.objects.get_or_create(pk=1)
    with connection.cursor() as cursor:
        cursor.execute('UPDATE sandbox_clock SET "offset" = "offset" + %s::interval WHERE id = 1', [str(by)])
    return now()
