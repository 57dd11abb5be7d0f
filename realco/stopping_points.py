"""
Named places at which a test may kill the process, to show that nothing is lost or doubled there.

A place does nothing unless the process runs in test mode and ``REALCO_STOP_AT`` names it; then the
process kills itself with SIGKILL, which no handler, rollback or ``finally`` can soften. ``name:7``
lets six pass and means the seventh time, in the middle of the work.
"""

import os
import signal
from collections import Counter

from django.conf import settings

VARIABLE = "REALCO_STOP_AT"
_reached: Counter[str] = Counter()


def reach(name: str) -> None:
    """Say that a named place was reached; the process ends here if a test asked for it."""
    wanted = os.environ.get(VARIABLE, "") if settings.MODE == "test" else ""
    place, _, number = wanted.partition(":")
    if place == name:
        _reached[name] += 1
        if _reached[name] >= int(number or 1):
            os.kill(os.getpid(), signal.SIGKILL)
