"""
The only way money moves: journal entries, posted many at once by one database function.

``ledger_post`` (escrow/migrations/0003_ledger.sql) locks the escrow accounts in the order of their
ids and their ledger accounts in theirs, leaves out references that are there already, chains the
balances and writes everything with one statement. Triggers refuse what breaks a rule.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NoReturn
from uuid import UUID

from django.db import DatabaseError, connection, transaction

from escrow.postings import Posting
from realco import arrays
from realco.errors import Duplicate, Refusal
from realco.identifiers import new_id
from realco.models import User


class InsufficientFunds(Refusal):
    """Escrow holds less than this needs."""

    code = "INSUFFICIENT_FUNDS"


class EscrowNotOpen(Refusal):
    """The escrow account is frozen, liquidating or closed, and does not allow this."""

    code = "INVALID_STATE_TRANSITION"


class ReferenceReused(Duplicate):
    """A journal entry with this reference exists, with other contents."""


class LinesDoNotFit(Refusal):
    """A journal entry is not what its event, its payment or the entry it reverses allows."""


class ReleaseRefused(Refusal):
    """The database lets no investor's money become the offering's while something stands against it."""

    code = "INVALID_STATE_TRANSITION"


class HoldRefused(Refusal):
    """The database holds and frees money only as the rows of holds say."""

    code = "INVALID_STATE_TRANSITION"


class ReversalNotApproved(Refusal):
    """A journal entry is only reversed after a second person has approved it."""

    code = "INVALID_STATE_TRANSITION"


class NotAccountedFor(Refusal):
    """No line of the bank says this of suspense or of a bank fee, or no two people do."""


class UnbalancedPosting(Exception):
    """A journal entry does not sum to zero, or breaks a chain: a defect in the caller."""


@dataclass(frozen=True, slots=True)
class Posted:
    """A journal entry's id, and whether it is new or had been posted before."""

    journal_entry_id: UUID
    was_posted: bool


_NEVER_NEGATIVE = ("ledger_accounts_never_negative", "ledger_accounts_suspense_never_negative")
_POST = (
    "SELECT * FROM ledger_post(%s::text::uuid[], %s::text::uuid[], %s::text::text[], %s::text::text[],"
    " %s::text::text[], %s::text::text[], %s::text::text[], %s::text::date[], %s::text::uuid[], %s::text::uuid[],"
    " %s::text::uuid[], %s::text::integer[], %s::text::text[], %s::text::uuid[], %s::text::numeric[],"
    " %s::uuid, %s::timestamptz)"
)


def post(postings: Sequence[Posting], *, by: User | None, at: datetime) -> list[Posted]:
    """
    Post journal entries, in order, all or none; one entry is a batch of one.

    Must run inside the caller's database transaction. A reference that is there already posts
    nothing and returns the entry that has it.

    :raises InsufficientFunds: if an account that may not be negative would be
    :raises EscrowNotOpen: if a frozen, liquidating or closed account does not allow an entry
    :raises ReferenceReused: if a reference was used with other contents
    :raises LinesDoNotFit: if an entry is not what its event or its payment allows
    :raises ReversalNotApproved: if a reversal was not approved, or of what is not reversed
    :raises NotAccountedFor: if suspense or a bank fee is not what a bank line and two people say
    :raises UnbalancedPosting: if an entry does not sum to zero
    """
    if not postings:
        return []
    if not connection.in_atomic_block:
        raise transaction.TransactionManagementError("ledger.post runs inside its caller's transaction")
    for posting in postings:
        if len(posting.lines) < 2 or sum(line.amount for line in posting.lines) != 0:
            raise UnbalancedPosting(posting.subject.reference)
    with refusing(), transaction.atomic(savepoint=False), connection.cursor() as cursor:
        cursor.execute(_POST, _columns(postings, by=by, at=at))
        rows = cursor.fetchall()
    return [Posted(journal_entry_id, was_posted) for _, journal_entry_id, was_posted in rows]


@contextmanager
def refusing() -> Iterator[None]:
    """Turn what the database refuses inside the block into refusals that people read."""
    try:
        yield
    except DatabaseError as error:
        _refuse(error)


def _columns(postings: Sequence[Posting], *, by: User | None, at: datetime) -> list[Any]:
    """Turn postings into the parallel arrays that ledger_post takes, as PostgreSQL writes arrays."""
    subjects = [posting.subject for posting in postings]
    lines = [(number, line) for number, posting in enumerate(postings, start=1) for line in posting.lines]
    return [
        arrays.ids(new_id() for _ in subjects),
        arrays.ids(subject.escrow_account_id for subject in subjects),
        arrays.words(posting.event for posting in postings),
        arrays.words(subject.entry_type for subject in subjects),
        arrays.texts(subject.reference for subject in subjects),
        arrays.words(posting.content_hash for posting in postings),
        arrays.texts(subject.description for subject in subjects),
        arrays.words(subject.effective_date for subject in subjects),
        arrays.ids(subject.transaction_id for subject in subjects),
        arrays.ids(subject.distribution_id for subject in subjects),
        arrays.ids(subject.reverses_id for subject in subjects),
        arrays.words(number for number, _ in lines),
        arrays.words(line.kind for _, line in lines),
        arrays.ids(line.owner_id for _, line in lines),
        arrays.words(line.amount for _, line in lines),
        by.pk if by is not None else None,
        at,
    ]


def _refuse(error: DatabaseError) -> NoReturn:
    """Turn what the database refused into the refusal that people read."""
    cause = error.__cause__
    sqlstate = getattr(cause, "sqlstate", None)
    diagnosis = getattr(cause, "diag", None)
    constraint = getattr(diagnosis, "constraint_name", None)
    detail = getattr(diagnosis, "message_detail", None) or ""
    if sqlstate == "RC001" or constraint in _NEVER_NEGATIVE:
        raise InsufficientFunds(
            "The escrow account does not hold enough money for this. Check the balance, or ask for less."
        ) from error
    if sqlstate == "RC002":
        raise ReferenceReused(f"The reference {detail} was posted before, with other contents.") from error
    if constraint == "escrow_accounts_closed_is_empty":
        detail = "CLOSED"
    if sqlstate == "RC004" or constraint == "escrow_accounts_closed_is_empty":
        raise EscrowNotOpen(
            f"The escrow account is {detail.lower()} and does not allow this. Ask compliance about it."
        ) from error
    if sqlstate == "RC005" or constraint == "journal_entries_reversal_names_its_entry":
        words = getattr(diagnosis, "message_primary", None) or str(error)
        raise LinesDoNotFit(f"The ledger does not allow this: {words}.") from error
    if sqlstate == "RC014":
        raise LinesDoNotFit(
            "The halves of money moved between two escrow accounts settle and come back together."
        ) from error
    if sqlstate == "RC006":
        raise ReleaseRefused(detail or "No closing allows this release. Propose a closing of the offering.") from error
    if sqlstate == "RC007":
        raise HoldRefused("No hold says this. Place a hold, or release one, on the escrow account's page.") from error
    if sqlstate == "RC010":
        raise ReversalNotApproved(
            "This entry cannot be reversed: its reversal needs another person's approval, or it is of a kind that "
            "its own operation undoes."
        ) from error
    if sqlstate == "RC013":
        raise NotAccountedFor(
            f"The ledger does not book this: it {detail}. Record, propose and approve it on the reconciliation page."
        ) from error
    if sqlstate == "RC003":
        raise UnbalancedPosting(str(error)) from error
    raise error
