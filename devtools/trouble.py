"""How the launcher speaks: plain lines for what it does, one exception for what it cannot do."""

from __future__ import annotations

import sys


class Trouble(Exception):
    """Something the reader must put right; the message says what and how."""


class Stopped(BaseException):
    """Ctrl-C, SIGTERM or SIGHUP arrived; everything started must now be stopped."""

    def __init__(self, signal_number: int) -> None:
        """Keep the signal, which decides the exit status."""
        super().__init__(signal_number)
        self.signal_number = signal_number


def say(message: str) -> None:
    """Print one line to whoever started us; a closed terminal is no reason to leave work half done."""
    try:
        print(message, flush=True)
    except OSError:
        sys.stdout = sys.stderr
