"""What reconciliation compares: bank lines and BANK entries without a partner, and earlier results."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db import connection
from django.db.models import QuerySet

from escrow.matching import Item
from escrow.models import BankStatementLine, EscrowAccount, EscrowLedgerEntry, LedgerAccount, Reconciliation


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
        unmatched_lines=BankStatementLine.objects.filter(escrow_account=account, ledger_entry__isnull=True).count(),
        unmatched_entries=bank_entries_without_line(account).count(),
    )


def bank_entries_without_line(account: EscrowAccount) -> QuerySet[EscrowLedgerEntry]:
    """
    Return the BANK entries that no bank line explains, oldest first.

    An entry that was reversed and its reversal explain each other: the bank knows of neither.
    """
    return (
        EscrowLedgerEntry.objects.filter(
            escrow_account=account,
            ledger_account__kind=LedgerAccount.Kind.BANK,
            bank_line__isnull=True,
            journal_entry__reverses__isnull=True,
        )
        .exclude(journal_entry__reversed_by__isnull=False)
        .order_by("effective_date", "id")
    )


def unmatched_lines(account: EscrowAccount, *, as_of: date) -> Sequence[Item]:
    """Return the bank lines on statements up to a day that have no entry yet, in the bank's order."""
    rows = BankStatementLine.objects.filter(
        escrow_account=account, ledger_entry__isnull=True, statement__as_of_date__lte=as_of
    ).order_by("value_date", "id")
    return [
        Item(
            row.pk,
            row.value_date,
            row.amount,
            tuple(name for name in (row.customer_reference, row.bank_reference) if name),
        )
        for row in rows
    ]


def unmatched_entries(account: EscrowAccount, *, up_to: date) -> Sequence[Item]:
    """Return the BANK entries up to a day that have no bank line yet; a debit of BANK is money that came in."""
    rows = bank_entries_without_line(account).filter(effective_date__lte=up_to)
    return [
        Item(pk, day, amount, tuple(description.split(maxsplit=1)[:1]))
        for pk, day, amount, description in rows.values_list("pk", "effective_date", "amount", "description")
    ]


def matched_count(account: EscrowAccount, *, as_of: date) -> int:
    """Return how many bank lines on statements up to a day have their entry."""
    return BankStatementLine.objects.filter(
        escrow_account=account, ledger_entry__isnull=False, statement__as_of_date__lte=as_of
    ).count()


def references_in_books(account: EscrowAccount, names: Collection[str]) -> set[str]:
    """Return which of these references any BANK entry of the account carries, matched or not."""
    return _references(
        "SELECT DISTINCT split_part(e.description, ' ', 1) FROM escrow_ledger_entries e"
        " JOIN ledger_accounts a ON a.id = e.ledger_account_id"
        " WHERE a.escrow_account_id = %s AND a.kind = 'BANK' AND split_part(e.description, ' ', 1) = ANY(%s)",
        [account.pk, list(names)],
    )


def references_at_bank(account: EscrowAccount, names: Collection[str]) -> set[str]:
    """Return which of these references any bank line of the account carries, matched or not."""
    return _references(
        "SELECT DISTINCT n.name FROM bank_statement_lines l"
        " CROSS JOIN LATERAL (VALUES (l.customer_reference), (l.bank_reference)) AS n (name)"
        " WHERE l.escrow_account_id = %s AND n.name = ANY(%s)",
        [account.pk, list(names)],
    )


def _references(sql: str, params: list[Any]) -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return {name for (name,) in cursor.fetchall()}
