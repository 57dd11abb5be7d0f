"""The ledger for reading: entries page by page, and what every account held at the end of a day."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from django.db import connection
from django.db.models import QuerySet

from escrow.models import EscrowAccount, EscrowLedgerEntry, JournalEntry

_PAGE_AT_MOST = 100


@dataclass(frozen=True, slots=True)
class Position:
    """A place in the ledger: the time and id of the last entry seen."""

    created_at: datetime
    entry_id: UUID


@dataclass(frozen=True, slots=True)
class Page:
    """Entries, newest first, and the place to go on from, if there are more."""

    entries: Sequence[EscrowLedgerEntry]
    next: Position | None


@dataclass(frozen=True, slots=True)
class BalanceAsOf:
    """What a ledger account held at the end of a day, in its normal sign, US dollars."""

    kind: str
    owner_id: UUID | None
    owner_name: str
    balance: Decimal


def entries(
    account: EscrowAccount,
    *,
    limit: int = 50,
    after: Position | None = None,
    kind: str | None = None,
    owner_id: UUID | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> Page:
    """
    Return a page of an escrow account's entries, newest first: 1 to 100, without counting or skipping any.

    ``after`` is the earlier page's ``next``; ``since`` is included, ``until`` is not. One query.
    """
    limit = max(1, min(limit, _PAGE_AT_MOST))
    rows = EscrowLedgerEntry.objects.filter(escrow_account=account)
    if kind is not None:
        rows = rows.filter(ledger_account__kind=kind)
    if owner_id is not None:
        rows = rows.filter(ledger_account__owner_id=owner_id)
    if since is not None:
        rows = rows.filter(created_at__gte=since)
    if until is not None:
        rows = rows.filter(created_at__lt=until)
    if after is not None:
        # The first condition is what the index is entered by, the second leaves out the ties already seen.
        rows = rows.filter(created_at__lte=after.created_at).exclude(
            created_at=after.created_at, id__gte=after.entry_id
        )
    found = list(
        rows.select_related("ledger_account__owner", "journal_entry", "created_by").order_by("-created_at", "-id")[
            : limit + 1
        ]
    )
    page = found[:limit]
    last = page[-1] if len(found) > limit else None
    return Page(page, Position(last.created_at, last.pk) if last else None)


def journal(account: EscrowAccount) -> QuerySet[JournalEntry]:
    """Return the account's journal entries with their entries, newest first."""
    return (
        JournalEntry.objects.filter(escrow_account=account)
        .prefetch_related("entries__ledger_account__owner")
        .order_by("-created_at", "-id")
    )


def statement(account: EscrowAccount, *, as_of: date) -> list[BalanceAsOf]:
    """
    Return what each ledger account held at the end of a day, by what happened up to it at the bank.

    Later knowledge about earlier days counts: entries are taken by effective date. One query.
    """
    with connection.cursor() as cursor:
        cursor.execute(_STATEMENT, [as_of, account.pk])
        return [BalanceAsOf(*row) for row in cursor.fetchall()]


_STATEMENT = """
SELECT a.kind, a.owner_id, coalesce(nullif(u.full_name, ''), u.email, ''),
       coalesce(sum(e.amount), 0) * ledger_normal_side(a.kind)
  FROM ledger_accounts a
  LEFT JOIN users u ON u.id = a.owner_id
  LEFT JOIN escrow_ledger_entries e ON e.ledger_account_id = a.id AND e.effective_date <= %s
 WHERE a.escrow_account_id = %s
 GROUP BY a.id, u.id
 ORDER BY array_position(ARRAY['BANK', 'CLEARING', 'RECEIVABLE', 'UNCLEARED', 'PAYOUTS', 'INVESTOR', 'OFFERING',
                               'FEES', 'HELD', 'SUSPENSE'], a.kind::text), 3, a.owner_id
"""
