"""
Named places at which a test may kill the process, to show that nothing is lost or doubled there.

A place does nothing unless the process runs in test mode and ``REALCO_STOP_AT`` names it; then the
process kills itself with SIGKILL, which no handler, rollback or ``finally`` can soften.
"""

import os
import signal

from django.conf import settings

VARIABLE = "REALCO_STOP_AT"


def reach(name: str) -> None:
    """Say that a named place was reached; the process ends here if a test asked for it."""
    if settings.MODE == "test" and os.environ.get(VARIABLE) == name:
        os.kill(os.getpid(), signal.SIGKILL)
