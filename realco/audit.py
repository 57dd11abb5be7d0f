"""
Who is acting, told to the database, so that its triggers can write the audit trail.

The trail itself (``audit_events``) is written by triggers on every business table, whatever road
a change takes. This module keeps the acting user, the request or task, the address, the name of
the operation and its reason, and stamps them on each database transaction before its first write
(``SET LOCAL``, through ``set_config``). They vanish with the transaction.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import astuple, dataclass, replace
from typing import TYPE_CHECKING, Any

from django.db import transaction
from psycopg.pq import TransactionStatus

if TYPE_CHECKING:
    from realco.models import User


@dataclass(frozen=True, slots=True)
class Actor:
    """What the audit trail says about the present writes; empty strings mean unknown."""

    user_id: str = ""
    action: str = ""
    reason: str = ""
    request_id: str = ""
    address: str = ""


NOBODY = Actor()
_actor: ContextVar[Actor] = ContextVar("realco_actor", default=NOBODY)

_STAMP = (
    "SELECT set_config('realco.user_id', %s, true), set_config('realco.action', %s, true),"
    " set_config('realco.reason', %s, true), set_config('realco.request_id', %s, true),"
    " set_config('realco.address', %s, true)"
)
_WRITES = ("INSERT", "UPDATE", "DELETE", "MERGE", "WITH", "TRUNCATE", "SELECT * FROM LEDGER_POST")
_LONGEST = max(map(len, _WRITES))


@contextmanager
def acting(
    action: str = "",
    *,
    by: "User | None" = None,
    reason: str = "",
    request_id: str = "",
    address: str = "",
) -> Iterator[None]:
    """
    Name the operation, its person and its reason for every write inside the block.

    What is not given is inherited from the surrounding block: an operation called by a request
    keeps the request's id and address, one called by another operation keeps its person.
    """
    outer = _actor.get()
    token = _actor.set(
        replace(
            outer,
            user_id=str(by.pk) if by is not None else outer.user_id,
            action=action or outer.action,
            reason=reason or outer.reason,
            request_id=request_id or outer.request_id,
            address=address or outer.address,
        )
    )
    try:
        yield
    finally:
        _actor.reset(token)


def stamp_writes(execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: dict[str, Any]) -> Any:
    """Stamp the acting person on the transaction before its first write (an execute wrapper)."""
    connection = context["connection"]
    if _status(connection) == TransactionStatus.IDLE:
        connection.realco_stamp = None  # This begins a transaction; what an earlier one was told went with it.
    verb = sql.lstrip()[:_LONGEST].upper() if isinstance(sql, str) else "INSERT"
    if verb.startswith("ROLLBACK TO"):
        connection.realco_stamp = None
    if not verb.startswith(_WRITES):
        return execute(sql, params, many, context)
    if not connection.in_atomic_block and connection.get_autocommit():
        with transaction.atomic(using=connection.alias):
            _stamp(connection)
            return execute(sql, params, many, context)
    _stamp(connection)
    return execute(sql, params, many, context)


def stamp(connection: Any) -> None:
    """Stamp the acting person on the open transaction before a write that is not a statement, such as COPY."""
    if _status(connection) == TransactionStatus.IDLE:
        connection.realco_stamp = None
    _stamp(connection)


def _stamp(connection: Any) -> None:
    """Tell the open transaction who acts, unless it already knows."""
    actor = _actor.get()
    if connection.realco_stamp != actor and _status(connection) != TransactionStatus.INERROR:
        connection.connection.execute(_STAMP, astuple(actor))
        connection.realco_stamp = actor


def _status(connection: Any) -> TransactionStatus:
    status: TransactionStatus = connection.connection.info.transaction_status
    return status


def install(*, connection: Any, **_: Any) -> None:
    """Give a new database connection the stamping wrapper (Django's ``connection_created``)."""
    connection.realco_stamp = None
    if stamp_writes not in connection.execute_wrappers:
        connection.execute_wrappers.append(stamp_writes)
