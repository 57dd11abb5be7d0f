"""Reconcile escrow accounts with their bank on demand, and say what was found."""

from datetime import date
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from escrow.models import EscrowAccount, Reconciliation
from escrow.operations import reconciliations
from realco import clock
from realco.business_days import banking_date
from realco.errors import Refusal


class Command(BaseCommand):
    help = (
        "Reconciles escrow accounts with their bank: all that are not closed, or those named. Nothing is corrected. "
        "Exit code 0: all balanced; 1: refused, or an account could not be compared; 2: no such account or day; "
        "3: differences were found."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--account", action="append", metavar="NUMBER", help="only this escrow account (repeatable)"
        )
        parser.add_argument("--as-of", metavar="YYYY-MM-DD", help="up to the end of this day; today in New York if not")

    def handle(self, *args: Any, **options: Any) -> None:
        accounts = _accounts(options["account"])
        as_of = _day(options["as_of"]) or banking_date(clock.now())
        differing = []
        for number, account in enumerate(accounts, start=1):
            try:
                found = reconciliations.reconcile(account, as_of=as_of, by=None, at=clock.now())
            except Refusal as refusal:
                raise CommandError(f"{account}: {refusal}", returncode=1) from refusal
            self._say(f"[{number}/{len(accounts)}] {account} {as_of}", found)
            if found.result == Reconciliation.Result.MISMATCHED:
                differing.append(str(account))
        if differing:
            raise CommandError(f"Does not reconcile: {', '.join(differing)}.", returncode=3)
        self.stdout.write(self.style.SUCCESS(f"Balanced: {len(accounts)} escrow accounts."))

    def _say(self, what: str, found: Reconciliation) -> None:
        self.stdout.write(
            f"{what}: {found.get_result_display().lower()}; {found.matched_lines:,} lines matched, "
            f"{found.unmatched_lines:,} lines and {found.unmatched_entries:,} entries without a partner, "
            f"{found.aged_items:,} of them for more than five business days."
        )
        for finding in found.findings:
            self.stdout.write(f"  {finding}")


def _accounts(numbers: list[str] | None) -> list[EscrowAccount]:
    if not numbers:
        return list(EscrowAccount.objects.exclude(status=EscrowAccount.Status.CLOSED).order_by("account_number"))
    found = list(EscrowAccount.objects.filter(account_number__in=numbers).order_by("account_number"))
    unknown = sorted(set(numbers) - {account.account_number for account in found})
    if unknown:
        raise CommandError(f"There is no escrow account {', '.join(unknown)}.", returncode=2)
    return found


def _day(text: str | None) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError as error:
        raise CommandError(f"{text} is no day; write it as 2026-03-31.", returncode=2) from error
