"""Prove the books: the three-way figures of each escrow account, and everything that is wrong."""

from datetime import date
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from escrow import books
from escrow.models import EscrowAccount

_COLUMNS = ("Escrow account", "Bank", "Books at bank", "Assets", "Liabilities", "Stored", "Proof")


class Command(BaseCommand):
    help = (
        "Proves the books. Prints bank = books, assets = liabilities and stored = sums for each escrow account, then "
        "each finding with its journal entry or account: in the books, between them and the audit trail, and in the "
        "triggers and constraints that guard them. Exit code 0: all agrees; 1: something does not."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--account", action="append", metavar="NUMBER", help="only this escrow account (repeatable)"
        )
        parser.add_argument("--as-of", metavar="YYYY-MM-DD", help="compare with the last statement up to this day")

    def handle(self, *args: Any, **options: Any) -> None:
        account_ids = _ids(options["account"])
        figures = books.figures(account_ids, as_of=_day(options["as_of"]))
        findings = [
            *books.check(account_ids),
            *books.check_intents(account_ids),
            *books.check_trail(account_ids),
            *books.check_guards(),
        ]
        wrong = {finding.account_number for finding in findings}
        self._table([_row(row, is_proven=row.is_proven and row.account_number not in wrong) for row in figures])
        for finding in findings:
            self.stdout.write(f"{finding.check.upper()}: {finding}")
        for row in figures:
            if row.statement_balance is not None and row.statement_balance != row.book_balance:
                self.stdout.write(
                    f"BANK: {row.account_number}: the bank closed {row.statement_date} with {row.statement_balance:,}, "
                    f"the books with {row.book_balance:,} [escrow_accounts {row.escrow_account_id}]"
                )
        unproven = [row.account_number for row in figures if not row.is_proven]
        if findings or unproven:
            raise CommandError(f"The books do not prove: {', '.join(sorted({*wrong, *unproven}))}.", returncode=1)
        self.stdout.write(self.style.SUCCESS(f"The books prove: {len(figures)} escrow accounts."))

    def _table(self, rows: list[tuple[str, ...]]) -> None:
        widths = [max(len(row[column]) for row in (_COLUMNS, *rows)) for column in range(len(_COLUMNS))]
        for row in (_COLUMNS, *rows):
            cells = [
                row[0].ljust(widths[0]),
                *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)),
            ]
            self.stdout.write("  ".join(cells).rstrip())


def _row(figures: books.Figures, *, is_proven: bool) -> tuple[str, ...]:
    bank = "no statement" if figures.statement_balance is None else f"{figures.statement_balance:,}"
    return (
        figures.account_number,
        bank,
        f"{figures.book_balance:,}",
        f"{figures.assets:,}",
        f"{figures.liabilities:,}",
        f"{figures.stored:,}",
        "agrees" if is_proven else "DIFFERS",
    )


def _ids(numbers: list[str] | None) -> list[Any] | None:
    if not numbers:
        return None
    found = dict(EscrowAccount.objects.filter(account_number__in=numbers).values_list("account_number", "pk"))
    unknown = sorted(set(numbers) - found.keys())
    if unknown:
        raise CommandError(f"There is no escrow account {', '.join(unknown)}.", returncode=2)
    return list(found.values())


def _day(text: str | None) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError as error:
        raise CommandError(f"{text} is no day; write it as 2026-03-31.", returncode=2) from error
