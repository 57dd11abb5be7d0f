"""Import subscriptions, as deposits into an offering's escrow account, from a CSV file."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from realco import clock
from realco.imports import csv_files, payments
from realco.imports.commands import ImportCommand, find_escrow
from realco.imports.csv_files import Report, Row
from realco.models import User


class Command(ImportCommand):
    help = (
        "Imports subscriptions, as deposits into an offering's escrow account, from a CSV file, all or none."
        " Importing it again adds nothing: a reference is paid once."
        f" Columns: {', '.join(payments.SUBSCRIPTION_COLUMNS)}."
    )
    what = "subscriptions"

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--offering", required=True, metavar="SLUG", help="the offering, by the end of its address")

    def import_file(self, path: Path, *, by: User, skip_bad: bool, **options: Any) -> Report:
        escrow, at = find_escrow(options["offering"]), clock.now()

        def import_row(row: Row) -> bool:
            return payments.import_subscription(row, escrow=escrow, by=by, at=at)

        return csv_files.import_rows(path, payments.SUBSCRIPTION_COLUMNS, import_row, skip_bad=skip_bad)
