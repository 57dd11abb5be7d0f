"""What reconciliation compares: bank lines and BANK entries without a partner, and earlier results."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Exists, OuterRef, QuerySet

from escrow import match_suggestions
from escrow.matching import Item, Known, Match
from escrow.models import (
    BankMatchEntry,
    BankMatchLine,
    BankStatementLine,
    EscrowAccount,
    EscrowLedgerEntry,
    LedgerAccount,
    Reconciliation,
)

_MATCHED_LINE = Exists(BankMatchLine.objects.filter(line=OuterRef("pk"), is_living=True))
_MATCHED_ENTRY = Exists(BankMatchEntry.objects.filter(entry=OuterRef("pk"), is_living=True))


@dataclass(frozen=True, slots=True)
class Status:
    """How an account stands: its last proof, and what has no partner now."""

    latest: Reconciliation | None
    unmatched_lines: int
    unmatched_entries: int


def latest(account: EscrowAccount) -> Reconciliation | None:
    """Return the last proof of the account, whatever it found."""
    return of_account(account).first()


def of_account(account: EscrowAccount) -> QuerySet[Reconciliation]:
    """Return the account's proofs, newest first."""
    return Reconciliation.objects.filter(escrow_account=account).select_related("run_by").order_by("-created_at", "-id")


def status(account: EscrowAccount) -> Status:
    """Return the last proof and how much waits for a partner; three queries."""
    return Status(
        latest=latest(account),
        unmatched_lines=lines_without_match(account).count(),
        unmatched_entries=entries_without_match(account).count(),
    )


def lines_without_match(account: EscrowAccount) -> QuerySet[BankStatementLine]:
    """Return the bank lines that no entry of the books explains, oldest first."""
    rows = BankStatementLine.objects.filter(~_MATCHED_LINE, escrow_account=account)
    return rows.order_by("value_date", "id")


def entries_without_match(account: EscrowAccount) -> QuerySet[EscrowLedgerEntry]:
    """
    Return the BANK entries that no bank line explains, oldest first.

    An entry that was reversed and its reversal explain each other: the bank knows of neither.
    """
    rows = EscrowLedgerEntry.objects.filter(
        ~_MATCHED_ENTRY,
        escrow_account=account,
        ledger_account__kind=LedgerAccount.Kind.BANK,
        journal_entry__reverses__isnull=True,
    ).exclude(journal_entry__reversed_by__isnull=False)
    return rows.order_by("effective_date", "id")


def unmatched_lines(account: EscrowAccount, *, as_of: date) -> list[Item]:
    """Return the bank lines on statements up to a day that have no entry yet, oldest first."""
    return line_items(lines_without_match(account).filter(statement__as_of_date__lte=as_of))


def unmatched_entries(account: EscrowAccount, *, up_to: date) -> list[Item]:
    """Return the BANK entries up to a day that have no bank line yet; a debit of BANK is money that came in."""
    return entry_items(entries_without_match(account).filter(effective_date__lte=up_to))


def line_items(rows: QuerySet[BankStatementLine]) -> list[Item]:
    """Return bank lines as matching compares them; one query."""
    columns = ("pk", "value_date", "amount", "customer_reference", "bank_reference", "text")
    return [
        Item(pk, day, amount, tuple(name for name in (customer, bank) if name), text=text, given=customer)
        for pk, day, amount, customer, bank, text in rows.values_list(*columns)
    ]


def entry_items(rows: QuerySet[EscrowLedgerEntry]) -> list[Item]:
    """Return BANK entries as matching compares them, with their payer's or payee's name; one query."""
    columns = (
        "pk", "effective_date", "amount", "description", "transaction__from_user__full_name",
        "transaction__to_user__full_name", "journal_entry_id", "journal_entry__reverses_id",
    )  # fmt: skip
    return [
        _entry_item(pk, day, amount, description, f"{payer or ''} {payee or ''}", journal, reverses)
        for pk, day, amount, description, payer, payee, journal, reverses in rows.values_list(*columns)
    ]


def _entry_item(pk: Any, day: date, amount: Decimal, said: str, names: str, journal: Any, reverses: Any) -> Item:
    references = tuple(said.split(maxsplit=1)[:1])
    given = references[0] if references else ""
    return Item(pk, day, amount, references, text=f"{said} {names}", given=given, journal=journal, reverses=reverses)


def suggestions(account: EscrowAccount, *, considered: int) -> tuple[list[Match], dict[UUID, Item]]:
    """Return what may belong together among the oldest rows of each side, and those rows by id; five queries."""
    lines = line_items(lines_without_match(account)[:considered])
    entries = entry_items(entries_without_match(account)[:considered])
    found = match_suggestions.suggest(lines, entries, known(account, lines, entries))
    return found, {item.id: item for item in (*lines, *entries)}


def matched_count(account: EscrowAccount, *, as_of: date) -> int:
    """Return how many bank lines on statements up to a day have their entry."""
    return BankStatementLine.objects.filter(
        _MATCHED_LINE, escrow_account=account, statement__as_of_date__lte=as_of
    ).count()


def known(account: EscrowAccount, lines: Sequence[Item], entries: Sequence[Item]) -> Known:
    """Return what both sides know of these lines' and entries' references and amounts; three queries."""
    return Known(
        in_books=references_in_books(account, [name for line in lines for name in line.references]),
        at_bank=references_at_bank(account, [name for entry in entries for name in entry.references]),
        usual=usual_amounts(account, {item.amount for item in (*lines, *entries)}),
    )


def references_in_books(account: EscrowAccount, names: Collection[str]) -> set[str]:
    """Return which of these references any BANK entry of the account carries, matched or not."""
    rows = _rows(
        "SELECT DISTINCT split_part(e.description, ' ', 1) FROM escrow_ledger_entries e"
        " JOIN ledger_accounts a ON a.id = e.ledger_account_id"
        " WHERE a.escrow_account_id = %s AND a.kind = 'BANK' AND split_part(e.description, ' ', 1) = ANY(%s)",
        [account.pk, list(names)],
    )
    return {name for (name,) in rows}


def references_at_bank(account: EscrowAccount, names: Collection[str]) -> set[str]:
    """Return which of these references any bank line of the account carries, matched or not."""
    rows = _rows(
        "SELECT DISTINCT n.name FROM bank_statement_lines l"
        " CROSS JOIN LATERAL (VALUES (l.customer_reference), (l.bank_reference)) AS n (name)"
        " WHERE l.escrow_account_id = %s AND n.name = ANY(%s)",
        [account.pk, list(names)],
    )
    return {name for (name,) in rows}


def usual_amounts(account: EscrowAccount, amounts: Collection[Decimal]) -> dict[Decimal, int]:
    """Return how often each of these amounts occurs, on that side of the account where it occurs more often."""
    rows = _rows(
        "SELECT s.amount, max(s.times) FROM ("
        "   SELECT l.amount, count(*) AS times FROM bank_statement_lines l"
        "    WHERE l.escrow_account_id = %(account)s AND l.amount = ANY(%(amounts)s::numeric[]) GROUP BY l.amount"
        "   UNION ALL"
        "   SELECT e.amount, count(*) FROM escrow_ledger_entries e JOIN ledger_accounts a ON a.id = e.ledger_account_id"
        "    WHERE a.escrow_account_id = %(account)s AND a.kind = 'BANK' AND e.amount = ANY(%(amounts)s::numeric[])"
        "    GROUP BY e.amount) s GROUP BY s.amount",
        {"account": account.pk, "amounts": sorted(amounts)},
    )
    return dict(rows)


def _rows(sql: str, params: Any) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return list(cursor.fetchall())
