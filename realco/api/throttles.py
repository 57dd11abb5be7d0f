"""
How often one person may ask, per hour and kind of request.

The count slides: what was asked in the hour before weighs as much as is left of it. Counting is one
atomic step in the cache, so that requests at the same moment cannot slip past together.
"""

import logging
import math
import time
from collections.abc import Callable

from django.core.cache import cache
from redis.exceptions import RedisError
from rest_framework.request import Request
from rest_framework.settings import api_settings
from rest_framework.throttling import BaseThrottle
from rest_framework.views import APIView

logger = logging.getLogger(__name__)

WINDOW = 3600
"""Seconds; every rate is per hour."""


class PerHour(BaseThrottle):
    """Counts requests of one person under the scope that the view names for the method."""

    timer: Callable[[], float] = staticmethod(time.time)

    def __init__(self) -> None:
        self.seconds_to_wait: float | None = None

    def allow_request(self, request: Request, view: APIView) -> bool:
        """Count the request and say whether it is within the rate; refused requests do not count."""
        scopes: dict[str, str] = getattr(view, "throttle_scopes", {})
        scope = scopes.get((request.method or "").upper().replace("HEAD", "GET"))
        if scope is None:
            return True
        try:
            return self._count(f"api-rate:{scope}:{request.user.pk}", limit_of(scope))
        except (RedisError, OSError):
            # Without its cache the API still serves: a rate is a courtesy, not a rule about money.
            logger.warning("the cache is unreachable; requests are not being counted", exc_info=True)
            return True

    def wait(self) -> float | None:
        """Return how many seconds to wait before the next request has a place."""
        return self.seconds_to_wait

    def _count(self, key: str, limit: int) -> bool:
        number, elapsed = divmod(self.timer(), WINDOW)
        present, before = f"{key}:{int(number)}", f"{key}:{int(number) - 1}"
        cache.add(present, 0, timeout=2 * WINDOW)
        count = cache.incr(present)
        earlier = cache.get(before, 0)
        if count + earlier * (1 - elapsed / WINDOW) <= limit:
            return True
        cache.decr(present)
        self.seconds_to_wait = self._until_free(count - 1, earlier, elapsed, limit)
        return False

    @staticmethod
    def _until_free(count: int, earlier: int, elapsed: float, limit: int) -> float:
        """Return the seconds until the sliding count leaves room for one more."""
        room = limit - 1
        if count <= room and earlier:
            return math.ceil(WINDOW * (1 - (room - count) / earlier) - elapsed)
        return math.ceil(WINDOW - elapsed + WINDOW * (1 - room / max(count, 1)))


def limit_of(scope: str) -> int:
    """Return how many requests of a scope one person may make in an hour."""
    number, _, period = str(api_settings.DEFAULT_THROTTLE_RATES[scope]).partition("/")
    if not period.startswith("h"):
        raise ValueError(f"The rate of {scope} is not per hour.")
    return int(number)
