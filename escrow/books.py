"""
Proving the books: what the database should have made impossible, looked for all the same.

Triggers keep the ledger right; these checks find what was changed behind them (a superuser, a
restored backup, a fault of ours), and name the journal entry or account. One statement does it all,
so that every check sees the same moment while others post.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from uuid import UUID

from django.db import connection

_SQL = Path(__file__).with_name("sql")
_CHECKS = (_SQL / "check_books.sql").read_text(encoding="utf-8")
_FIGURES = (_SQL / "figures.sql").read_text(encoding="utf-8")


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is wrong with the books, and where: ``entity_type`` is a table, ``entity_id`` a row of it."""

    check: str
    account_number: str
    entity_type: str
    entity_id: str
    message: str

    def __str__(self) -> str:
        return f"{self.account_number}: {self.message} [{self.entity_type} {self.entity_id}]"


@dataclass(frozen=True, slots=True)
class Figures:
    """
    One escrow account's three-way figures in US dollars.

    ``assets`` and ``liabilities`` are sums of entries; ``stored`` is what escrow_accounts says, which
    equals ``liabilities``. ``statement_balance`` is the bank's own, ``book_balance`` the BANK account on
    that statement's day; both are empty as long as no statement was imported.
    """

    escrow_account_id: UUID
    account_number: str
    statement_date: date | None
    statement_balance: Decimal | None
    book_balance: Decimal
    assets: Decimal
    liabilities: Decimal
    stored: Decimal

    @property
    def is_proven(self) -> bool:
        """Whether bank and books, both sides of the books, and stored balances and sums agree."""
        return self.assets == self.liabilities == self.stored and self.statement_balance in (None, self.book_balance)


def check(account_ids: Collection[UUID] | None = None) -> list[Finding]:
    """
    Look for everything that may not be in the books of the given escrow accounts, or of all; one query.

    An empty list is the proof: each journal entry sums to zero, each chain is whole, stored balances are
    the sums of their entries, assets equal liabilities, nothing is negative or posted twice, what is held is
    what open holds say, and what was released is what executed closings say.
    """
    with connection.cursor() as cursor:
        cursor.execute(_CHECKS, {"accounts": None if account_ids is None else list(account_ids)})
        return [Finding(*row) for row in cursor.fetchall()]


def figures(account_ids: Collection[UUID] | None = None, *, as_of: date | None = None) -> list[Figures]:
    """
    Return the three-way figures of the given escrow accounts, or of all, by account number; one query.

    The statement is the latest one, or the latest up to a day.
    """
    with connection.cursor() as cursor:
        accounts = None if account_ids is None else list(account_ids)
        cursor.execute(_FIGURES, {"accounts": accounts, "as_of": as_of})
        return [Figures(*row) for row in cursor.fetchall()]
