"""
How long a process waits for the database, and what its refusals mean to the person who asked.

A worker that hangs while it holds a lock must not hold up everybody: the server ends its transaction, and
those who wait are told within seconds that they should try again. A web process waits least, since a person
waits for it; a command may run for hours, but never waits for a lock that long.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePath

WEB, WORKER, COMMAND = "web", "worker", "command"


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds: for a lock, for one statement, and how long a transaction may idle; 0 is for ever."""

    lock: int
    statement: int
    idle: int

    @property
    def options(self) -> str:
        """What a connection is opened with."""
        return (
            f"-c lock_timeout={self.lock}s -c statement_timeout={self.statement}s"
            f" -c idle_in_transaction_session_timeout={self.idle}s -c timezone=UTC"
        )


PATIENCE: Mapping[str, Patience] = {
    WEB: Patience(lock=5, statement=25, idle=30),
    WORKER: Patience(lock=10, statement=300, idle=60),
    COMMAND: Patience(lock=30, statement=0, idle=300),
}
# A host that has gone without a word is noticed in about a minute, not in the two hours of the kernel's defaults.
KEEPALIVE: Mapping[str, int] = {
    "connect_timeout": 10,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
}

# Waited too long for a lock; took too long; deadlock; serialization; disk full; out of memory; too many
# connections; a deliberate end of this transaction for idling; server shutting down or starting.
_NOTHING_DONE = {"55P03", "57014", "40P01", "40001", "53100", "53200", "53300", "25P03", "57P03"}

BUSY = "Something else is using the same rows just now. Nothing was changed; try again in a moment."
FULL = "The database has no room to write just now. Nothing was changed; try again later. It has been noted."
GONE = (
    "The database did not answer. Whether this was done is not known: look at what is recorded before you ask again."
    " With the same idempotency key nothing is ever done twice."
)


def process_of(program: str) -> str:
    """Tell from the program's path what kind of process this is; whatever is not known is as hurried as the web."""
    names = PurePath(program).parts[-2:]
    if "celery" in names:
        return WORKER
    return COMMAND if "manage.py" in names else WEB


def sqlstate(error: BaseException) -> str:
    """Return what PostgreSQL itself called an error, or nothing when the connection was lost."""
    return str(getattr(error.__cause__, "sqlstate", None) or getattr(error, "sqlstate", None) or "")


def is_rolled_back(error: BaseException) -> bool:
    """Say whether the database has undone the whole transaction, so that trying again is safe."""
    return sqlstate(error) in _NOTHING_DONE


def words_for(error: BaseException) -> str:
    """Say what a person reads whose request the database did not serve."""
    if sqlstate(error) == "53100":
        return FULL
    return BUSY if is_rolled_back(error) else GONE


def retry_after(error: BaseException) -> int:
    """Return after how many seconds another try makes sense."""
    return {"53100": 60}.get(sqlstate(error), 1 if is_rolled_back(error) else 5)
