"""Import investors from a CSV file."""

from pathlib import Path
from typing import Any

from realco import clock
from realco.imports import csv_files, investors
from realco.imports.commands import ImportCommand
from realco.imports.csv_files import Report, Row
from realco.models import User


class Command(ImportCommand):
    help = (
        "Imports investors and their bank accounts from a CSV file, all or none. Importing it again adds nothing."
        f" Columns: {', '.join(investors.COLUMNS)}."
    )
    what = "investors"

    def import_file(self, path: Path, *, by: User, skip_bad: bool, **options: Any) -> Report:
        at = clock.now()

        def import_row(row: Row) -> bool:
            return investors.import_investor(row, by=by, at=at)

        return csv_files.import_rows(path, investors.COLUMNS, import_row, skip_bad=skip_bad)
