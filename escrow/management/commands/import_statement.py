"""Import a BAI2 bank statement from a file, and say what it added."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from escrow.operations import reconciliations, statements
from escrow.queries import statements as query
from realco import clock
from realco.errors import Refusal


class Command(BaseCommand):
    help = (
        "Imports a BAI2 bank statement. All of the file or nothing of it; the same file or line again adds nothing. "
        "Exit code 0: imported, or imported before; 1: refused, with the line and the reason; 2: the file cannot be "
        "read; 3: imported, but --reconcile found differences."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, help="the BAI2 file")
        parser.add_argument(
            "--reconcile", action="store_true", help="then reconcile each account as of its last statement in the file"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        path: Path = options["file"]
        try:
            data = path.read_bytes()
        except OSError as error:
            raise CommandError(f"{path} cannot be read: {error.strerror}.", returncode=2) from error
        at = clock.now()
        try:
            added = statements.import_file(data, file_name=path.name, by=None, at=at)
        except Refusal as refusal:
            raise CommandError(f"{path.name}: {refusal}", returncode=1) from refusal
        if not added:
            self.stdout.write(f"{path.name}: imported before; nothing added.")
        shown = query.with_line_counts(added)
        for statement in shown:
            again = statement.line_count - statement.added  # type: ignore[attr-defined]
            self.stdout.write(
                f"{statement.escrow_account} {statement.as_of_date}: {statement.added} lines added"  # type: ignore[attr-defined]
                f"{f', {again} known before' if again else ''}; closing balance {statement.closing_balance:,}."
            )
        if options["reconcile"]:
            self._reconcile({statement.escrow_account: statement.as_of_date for statement in shown})

    def _reconcile(self, days: dict[Any, Any]) -> None:
        differing = []
        for account, day in days.items():
            found = reconciliations.reconcile(account, as_of=day, by=None, at=clock.now())
            self.stdout.write(f"{account} {day}: {found.get_result_display().lower()}.")
            for finding in found.findings:
                self.stdout.write(f"  {finding}")
            if found.result == found.Result.MISMATCHED:
                differing.append(str(account))
        if differing:
            raise CommandError(f"Does not reconcile: {', '.join(differing)}.", returncode=3)
