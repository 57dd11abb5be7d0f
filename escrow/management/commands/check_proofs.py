"""Check every stored proof snapshot: hashes, signatures, chains and roots."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from escrow.models import EscrowAccount
from escrow.queries import proofs


class Command(BaseCommand):
    help = (
        "Checks all stored proof snapshots against their signatures, the snapshots before them and the balances they "
        "were built from, and says what was changed behind them. Exit code 0: all are whole; 1: something is not."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--account", action="append", metavar="NUMBER", help="only this escrow account (repeatable)"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        accounts = EscrowAccount.objects.order_by("account_number")
        if options["account"]:
            accounts = accounts.filter(account_number__in=options["account"])
            unknown = sorted(set(options["account"]) - {account.account_number for account in accounts})
            if unknown:
                raise CommandError(f"There is no escrow account {', '.join(unknown)}.", returncode=2)
        number, found = 0, []
        for account in accounts:
            number += proofs.of_account(account).count()
            found.extend(proofs.faults(account))
        for fault in found:
            self.stdout.write(fault)
        if found:
            raise CommandError(f"{len(found)} faults in {number} proof snapshots.", returncode=1)
        self.stdout.write(self.style.SUCCESS(f"{number} proof snapshots are whole."))
