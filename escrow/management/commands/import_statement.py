"""Import a bank's statement from a file, and say what it added."""

from argparse import RawDescriptionHelpFormatter
from decimal import Decimal
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from escrow.bank_files.stated import FileFormat
from escrow.models import BankFileLayout
from escrow.operations import reconciliations, statements
from escrow.queries import bank_file_layouts
from escrow.queries import statements as query
from realco import clock, money
from realco.errors import Refusal

FORMATS = {choice.value.lower(): choice for choice in FileFormat}
LONG = 10_000
"""From how many lines on it is said how far the import has come."""


class Command(BaseCommand):
    help = (
        "Imports what the escrow bank says about escrow accounts: a statement in BAI2, OFX (1 and 2), MT940, camt.053 "
        "or CSV. All of the file is taken or nothing of it. The same file again adds nothing, and neither does a line "
        "that another file has brought. No money moves; --reconcile compares with the books."
    )
    epilog = """\
examples:
  manage.py import_statement march.bai2
      finds out the format and, by the bank's number in the file, the escrow account
  manage.py import_statement march.bai2 --reconcile
      then compares each account with the books as of its last statement in the file
  manage.py import_statement march.csv --layout "First Bank" --account ESCROW-2026-0001
      reads CSV by the columns that were saved in admin under Bank file layouts; --layouts lists them
  manage.py import_statement march.csv --layout "First Bank" --closing-balance 12345.67
      for CSV without a balance column: what the account held at the end of the file's last day

exit codes:
  0  imported, or imported before
  1  refused, with the line and the reason; nothing was imported
  2  the file cannot be read, or the arguments make no sense
  3  imported, but --reconcile found differences
"""

    def create_parser(self, prog_name: str, subcommand: str, **options: Any) -> CommandParser:
        """Keep the lines of the examples as they are."""
        parser = super().create_parser(prog_name, subcommand, epilog=self.epilog, **options)
        parser.formatter_class = RawDescriptionHelpFormatter
        return parser

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, nargs="?", help="the file, as the bank sent it, unpacked")
        parser.add_argument(
            "--format", dest="file_format", choices=sorted(FORMATS), help="its format; without it, it is found out"
        )
        parser.add_argument(
            "--layout", metavar="NAME", help="for CSV: the name under which the bank's layout was saved"
        )
        parser.add_argument(
            "--account", metavar="NUMBER", default="",
            help="the escrow account that the file has to be about, by our number or the bank's; needed where the file "
            "names none",
        )  # fmt: skip
        parser.add_argument(
            "--closing-balance", metavar="AMOUNT", help="for CSV without balances: US dollars, such as 12345.67"
        )
        parser.add_argument(
            "--reconcile", action="store_true", help="then reconcile each account as of its last statement in the file"
        )
        parser.add_argument("--layouts", action="store_true", help="only list the layouts that were saved")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["layouts"]:
            self._list()
            return
        path: Path | None = options["file"]
        if path is None:
            raise CommandError("Name the file to import; --help explains the rest.", returncode=2)
        layout, balance = self._layout(options["layout"]), self._balance(options["closing_balance"])
        try:
            data = path.read_bytes()
        except OSError as error:
            raise CommandError(f"{path} cannot be read: {error.strerror}.", returncode=2) from error
        try:
            added = statements.import_file(
                data,
                file_name=path.name,
                by=None,
                at=clock.now(),
                file_format=FORMATS[options["file_format"]] if options["file_format"] else None,
                layout=layout,
                account_number=options["account"],
                closing_balance=balance,
                tell=self._tell if data.count(b"\n") > LONG else lambda _: None,
            )
        except Refusal as refusal:
            raise CommandError(f"{path.name}: {refusal}", returncode=1) from refusal
        if not added:
            self.stdout.write(f"{path.name}: imported before; nothing added.")
        shown = query.with_line_counts(added)
        quiet = sum(not statement.line_count for statement in shown)
        if quiet:
            self.stdout.write(f"{quiet} days without movements.")
        for statement in shown:
            if not statement.line_count:
                continue
            again = statement.line_count - statement.added  # type: ignore[attr-defined]
            self.stdout.write(
                f"{statement.escrow_account} {statement.as_of_date}: {statement.added} lines added"  # type: ignore[attr-defined]
                f"{f', {again} known before' if again else ''}; closing balance {statement.closing_balance:,}."
            )
        if options["reconcile"]:
            self._reconcile({statement.escrow_account: statement.as_of_date for statement in shown})

    def _tell(self, said: str) -> None:
        """Say how far a long file has come, beside the result."""
        self.stderr.write(said, self.style.NOTICE)

    def _list(self) -> None:
        layouts = bank_file_layouts.in_use()
        for layout in layouts:
            self.stdout.write(f"{layout.name}  ({layout.bank_name}, version {layout.version})")
        if not layouts:
            self.stdout.write("No layout was saved yet; staff save one in admin under Bank file layouts.")

    def _layout(self, name: str | None) -> BankFileLayout | None:
        if name is None:
            return None
        layout = bank_file_layouts.latest(name)
        if layout is None:
            known = ", ".join(f"“{known.name}”" for known in bank_file_layouts.in_use()) or "none was saved yet"
            raise CommandError(f"There is no layout “{name}”; there are: {known}.", returncode=2)
        return layout

    def _balance(self, written: str | None) -> Decimal | None:
        try:
            return None if written is None else money.parse_written(written)
        except Refusal as refusal:
            raise CommandError(f"--closing-balance: {refusal}", returncode=2) from refusal

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
