"""Write the table of a refund run, with the proof of every refund, to a file."""

from pathlib import Path
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser

from finance.models import RefundRun
from finance.queries import refund_reports, refund_runs
from realco import clock
from realco.business_days import banking_date
from realco.money import format_money


class Command(BaseCommand):
    help = (
        "Writes a refund run as CSV: each refund with its status, bank reference, day of settlement and journal entry. "
        "Exit code 0: written, the run is completed; 1: there is no such run; 2: the file cannot be written; "
        "3: written, but refunds are still under way; 4: written, and refunds are overdue."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("run", help="the run's id, or its escrow account's number (then its newest run)")
        parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="where to write it")

    def handle(self, *args: Any, **options: Any) -> None:
        run = _find(options["run"])
        path: Path = options["out"]
        try:
            with path.open("w", encoding="utf-8", newline="") as file:
                file.writelines(refund_reports.lines(run))
        except OSError as error:
            raise CommandError(f"{path} cannot be written: {error.strerror}.", returncode=2) from error
        at = clock.now()
        progress, time = refund_runs.progress(run, today=banking_date(at)), refund_runs.clock(run, at=at)
        self.stdout.write(
            f"{run}: {progress.over} of {progress.total} refunds are over, {format_money(progress.paid)} of "
            f"{format_money(run.total_amount)} is paid; promised by {run.promised_by}, {time.words}."
        )
        if progress.overdue:
            raise CommandError(f"{progress.overdue} refunds are overdue.", returncode=4)
        if run.status != RefundRun.Status.COMPLETED:
            raise CommandError(f"The run is {run.get_status_display().lower()}.", returncode=3)


def _find(name: str) -> RefundRun:
    runs = RefundRun.objects.select_related("offering", "escrow_account").order_by("-created_at")
    try:
        found = runs.filter(pk=UUID(name)).first()
    except ValueError:
        found = runs.filter(escrow_account__account_number=name).first()
    if found is None:
        raise CommandError(f"There is no refund run “{name}”.", returncode=1)
    return found
