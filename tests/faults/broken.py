"""
The product broken on purpose, to show that the fault tests would notice: REALCO_BROKEN names a variant.

``REALCO_BROKEN=no-locks ./dev test tests/faults -q`` must fail. Each variant changes a function of the test's database,
or drops a rule of it, before the first test that uses it; nothing of the product is changed, and a variant that no
longer finds what it is to break says so. What each is caught by is written beside it.
"""

import os
from collections.abc import Callable
from typing import Any

Execute = Callable[..., Any]


def _rewrite(execute: Execute, function: str, *changes: tuple[str, str]) -> None:
    """Replace pieces of a database function's text."""
    [[text]] = execute("SELECT pg_get_functiondef(%s::regproc)", [function])
    for old, new in changes:
        if old not in text:
            raise LookupError(f"{function} has no “{old}” any more; think again how to break it")
        text = text.replace(old, new)
    execute(text, None)


def no_locks(execute: Execute) -> None:
    """ledger_post takes no row locks. Caught by: storm, kills, interleavings, at once."""
    _rewrite(execute, "ledger_post", ("FOR NO KEY UPDATE", ""))


def locks_in_no_order(execute: Execute) -> None:
    """ledger_post locks escrow accounts in the order they come in, newest first. Caught by: storm, interleavings."""
    _rewrite(
        execute,
        "ledger_post",
        (
            "PERFORM FROM escrow_accounts WHERE id = ANY (j_escrow) ORDER BY id FOR NO KEY UPDATE;",
            "FOR k IN 1..cardinality(j_escrow) LOOP"
            " PERFORM FROM escrow_accounts WHERE id = j_escrow[k] FOR NO KEY UPDATE; END LOOP;",
        ),
    )


def no_unique_reference(execute: Execute) -> None:
    """References may repeat, and nobody looks whether they do. Caught by: kills, storm (the replay), idempotency."""
    execute("ALTER TABLE journal_entries DROP CONSTRAINT journal_entries_reference_key", None)
    _rewrite(
        execute,
        "ledger_post",
        ("WHERE NOT EXISTS (SELECT FROM journal_entries e WHERE e.reference = n.reference)", ""),
    )


def no_overdraft_rule(execute: Execute) -> None:
    """Accounts may go below zero. Caught by: state machine, interleavings, at once."""
    execute("ALTER TABLE ledger_accounts DROP CONSTRAINT ledger_accounts_never_negative", None)
    _rewrite(execute, "ledger_entries_follow", ("n.balance_after < 0", "false"))


def no_frozen_rule(execute: Execute) -> None:
    """A frozen account lets everything pass in the database. Caught by: interleavings."""
    _rewrite(execute, "ledger_status_forbids", ("WHEN 'FROZEN' THEN", "WHEN 'NEVER' THEN"))


def no_closed_rule(execute: Execute) -> None:
    """A closed account takes money in the database. Caught by: interleavings."""
    execute("ALTER TABLE escrow_accounts DROP CONSTRAINT escrow_accounts_closed_is_empty", None)
    _rewrite(execute, "ledger_status_forbids", ("WHEN 'CLOSED' THEN true", "WHEN 'CLOSED' THEN false"))


def unclear_balances(execute: Execute) -> None:
    """Held money is not taken out of what is available. Caught by: every test that checks the books."""
    _rewrite(
        execute, "ledger_entries_follow", ("held_balance = a.held_balance + d.held", "held_balance = a.held_balance")
    )


def lazy_commits(execute: Execute) -> None:
    """Commits are acknowledged before they are on the disk. Caught by: kills."""
    execute("ALTER ROLE CURRENT_USER SET synchronous_commit = off", None)


def no_row_locks() -> None:
    """Operations read rows without locking them. Caught by: interleavings, at once."""
    from django.db.models import QuerySet

    def select(self: Any, **_: object) -> Any:
        return self.all()

    vars_of_queryset: Any = QuerySet
    vars_of_queryset.select_for_update = select


def closed_over_payments() -> None:
    """Asking for a payment does not keep its escrow account open. Caught by: interleavings."""
    from escrow.operations import escrow_accounts

    module: Any = escrow_accounts
    module.keep_open = lambda _: True


def two_steps() -> None:
    """A batch is posted in as many database transactions as it has entries. Caught by: kills."""
    from tests.faults import moves

    together = moves.post

    def one_by_one(wanted: Any, *, at: Any) -> Any:
        return [posted for one in wanted for posted in together([one], at=at)]

    module: Any = moves
    module.post = one_by_one


IN_THE_DATABASE: dict[str, Callable[[Execute], None]] = {
    "no-locks": no_locks,
    "locks-in-no-order": locks_in_no_order,
    "no-unique-reference": no_unique_reference,
    "no-overdraft-rule": no_overdraft_rule,
    "no-frozen-rule": no_frozen_rule,
    "no-closed-rule": no_closed_rule,
    "unclear-balances": unclear_balances,
    "lazy-commits": lazy_commits,
}
IN_EACH_PROCESS: dict[str, Callable[[], None]] = {
    "no-row-locks": no_row_locks,
    "closed-over-payments": closed_over_payments,
    "two-steps": two_steps,
}


def break_database() -> None:
    """Break the database we are connected to as REALCO_BROKEN says."""
    from django.db import connection

    def execute(sql: str, arguments: list[Any] | None) -> Any:
        with connection.cursor() as cursor:
            cursor.execute(sql, arguments)
            return cursor.fetchall() if cursor.description else []

    if (name := _wanted()) in IN_THE_DATABASE:
        IN_THE_DATABASE[name](execute)


def break_process() -> None:
    """Break this process as REALCO_BROKEN says."""
    if (name := _wanted()) in IN_EACH_PROCESS:
        IN_EACH_PROCESS[name]()


def _wanted() -> str:
    name = os.environ.get("REALCO_BROKEN", "")
    if name and name not in IN_THE_DATABASE and name not in IN_EACH_PROCESS:
        raise LookupError(f"REALCO_BROKEN={name} is none of {', '.join([*IN_THE_DATABASE, *IN_EACH_PROCESS])}")
    return name
