"""manage.py import_sanctions: load OFAC's csv files."""

import time
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from compliance.operations import sanctions
from realco import clock
from realco.errors import Refusal

EXIT_CODES = """
Loading the same files twice changes nothing. A broken file changes nothing and is named with its
line. Progress is written to the error output, the result to the standard output.

Exit codes: 0 loaded, or nothing to load; 1 refused (a broken or missing file, a list that lost more
than a fifth of its parties, another import running); 2 wrong usage.
"""


class Command(BaseCommand):
    help = "Load OFAC's list of specially designated nationals from a directory of its csv files."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.formatter_class = RawDescriptionHelpFormatter
        parser.epilog = EXIT_CODES
        parser.add_argument(
            "directory",
            type=Path,
            metavar="DIR",
            help="holds sdn.csv, alt.csv, add.csv and perhaps sdn_comments.csv, each gzipped (.gz) or not",
        )
        parser.add_argument(
            "--allow-shrink",
            action="store_true",
            help="load the list even if more than a fifth of its parties are no longer in it",
        )

    def handle(self, *_: Any, **options: Any) -> None:
        started = time.monotonic()
        at = clock.now()
        try:
            done = sanctions.import_directory(
                options["directory"],
                at=at,
                allow_shrink=options["allow_shrink"],
                progress=lambda line: self.stderr.write(line, style_func=str),
            )
        except Refusal as refusal:
            raise CommandError(refusal.message) from None
        if done.imported_at != at:
            self.stdout.write(f"Nothing has changed since the import of {done.imported_at:%F %H:%M} UTC.")
            return
        self.stdout.write(
            f"{done.list_name}: {done.parties:,} parties with {done.names:,} names; {done.added:,} added, "
            f"{done.changed:,} changed, {done.removed:,} removed in {time.monotonic() - started:.1f} s."
        )
