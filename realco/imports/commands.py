"""What the import commands have in common: a file, a person, --skip-bad, and a report with an exit status."""

from abc import ABC, abstractmethod
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from escrow.models import EscrowAccount
from realco import audit
from realco.errors import Refusal
from realco.imports.csv_files import Report
from realco.models import User


class ImportCommand(BaseCommand, ABC):
    """Reads a CSV file; exits 0 when it was imported, 1 when nothing was, because rows are malformed."""

    what = "rows"

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, help="the CSV file, UTF-8, with a line of column names")
        parser.add_argument("--by", required=True, metavar="E-MAIL", help="the member of staff who imports it")
        parser.add_argument("--skip-bad", action="store_true", help="leave malformed rows out, and import the others")

    @abstractmethod
    def import_file(self, path: Path, *, by: User, skip_bad: bool, **options: Any) -> Report:
        """Import the file and report; each command has its own."""

    def handle(self, *, file: Path, by: str, skip_bad: bool, **options: Any) -> None:
        person = User.objects.filter(email=by.lower(), is_active=True, is_staff=True).first()
        if person is None:
            raise CommandError(f"Nobody on the staff has the e-mail address {by}.")
        try:
            with audit.acting(f"import.{self.what}", by=person, reason=file.name):
                report = self.import_file(file, by=person, skip_bad=skip_bad, **options)
        except Refusal as refusal:
            raise CommandError(refusal.message) from refusal
        for bad in report.bad:
            self.stderr.write(f"{bad}{' Skipped.' if skip_bad else ''}")
        if not report.was_kept:
            raise CommandError(
                f"Nothing was imported: {len(report.bad)} rows are malformed. Mend them, or use --skip-bad."
            )
        self.stdout.write(
            f"{file.name}: {report.imported} {self.what} imported, {report.known} there already,"
            f" {len(report.bad)} skipped."
        )


def find_escrow(slug: str) -> EscrowAccount:
    """
    Return the escrow account of the offering with this slug.

    :raises CommandError: if there is none
    """
    found = EscrowAccount.objects.select_related("offering__organization__owner").filter(offering__slug=slug).first()
    if found is None:
        known = ", ".join(EscrowAccount.objects.values_list("offering__slug", flat=True)) or "none yet"
        raise CommandError(f"No offering “{slug}” has an escrow account. There are: {known}.")
    return found
