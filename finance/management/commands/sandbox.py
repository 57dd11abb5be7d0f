"""The sandbox bank from the command line: let days pass, see its books, write its statements."""

import sys
from argparse import ArgumentParser
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from escrow.models import EscrowAccount
from finance import tasks
from finance.gateways import sandbox_bank, sandbox_statements, sandbox_transport
from finance.operations import sandbox
from finance.queries import sandbox as sandbox_queries
from finance.queries import webhooks as webhook_queries
from realco import clock, money
from realco.business_days import banking_date
from realco.errors import Refusal


class Command(BaseCommand):
    help = "Works the sandbox bank: advance its days, show its state, write a statement. Not in production mode."

    def add_arguments(self, parser: ArgumentParser) -> None:
        commands = parser.add_subparsers(dest="command", required=True)
        advance = commands.add_parser("advance", help="let days pass, each until 17:00 in New York")
        advance.add_argument("--days", type=int, required=True, help="0 only does what is due now")
        advance.add_argument("--work", action="store_true", help="also do RealCo's own work here, until all is quiet")
        advance.add_argument(
            "--in-process", action="store_true", help="deliver webhooks inside this process instead of over HTTP"
        )
        commands.add_parser("status", help="show the clock and the bank's books")
        statement = commands.add_parser("statement", help="write the BAI2 statement of an escrow account")
        statement.add_argument("escrow", metavar="ESCROW-NUMBER", help="such as ESCROW-2026-0001")
        statement.add_argument(
            "--from", dest="start", type=date.fromisoformat, metavar="YYYY-MM-DD", help="without it, all from the start"
        )
        statement.add_argument(
            "--to", dest="end", type=date.fromisoformat, metavar="YYYY-MM-DD", help="without it, today"
        )
        statement.add_argument("--out", metavar="FILE", help="where to write it; without it, standard output")
        deposit = commands.add_parser("deposit-unknown", help="let a wire arrive that nobody announced")
        deposit.add_argument("escrow", metavar="ESCROW-NUMBER", help="such as ESCROW-2026-0001")
        deposit.add_argument("amount", metavar="AMOUNT", help="US dollars, such as 1,500.00")

    def handle(self, *, command: str, **options: Any) -> None:
        if not settings.SANDBOX:
            raise CommandError("There is no sandbox in production mode: time and banks are real.")
        handlers: dict[str, Callable[..., None]] = {
            "advance": self.advance,
            "status": self.status,
            "statement": self.statement,
            "deposit-unknown": self.deposit_unknown,
        }
        try:
            handlers[command](**options)
        except Refusal as refusal:
            raise CommandError(refusal.message) from refusal

    def advance(self, *, days: int, work: bool, in_process: bool, **_: Any) -> None:
        """Let days pass and say what happened on each."""
        post = sandbox_transport.post_in_process if in_process else sandbox_transport.post_over_http
        sweep = tasks.run_sweeps if work else None
        for day in sandbox.advance(days, post=post, sweep=sweep):
            self.stdout.write(
                f"{day.day:%a %d %b %Y}  bank: {day.bank_steps} steps, {day.delivered} webhooks delivered"
                + (f"; RealCo: {day.moved} rows moved on" if work else "")
            )
        owed = sandbox_queries.status().undelivered
        if owed:
            self.stderr.write(
                f"{owed} webhooks did not arrive at {settings.SANDBOX_WEBHOOK_URL}. They are sent again by the worker;"
                " where no web server runs, use --in-process."
            )

    def status(self, **_: Any) -> None:
        """Show the clock and the bank's books."""
        found, at = sandbox_queries.status(), clock.now()
        self.stdout.write(f"Sandbox clock   {at:%Y-%m-%d %H:%M} UTC, {clock.offset().days} days ahead")
        self.stdout.write(f"Banking day     {banking_date(at)}")
        for state, number in found.transfers.items():
            self.stdout.write(f"Transfers       {number} {state.lower()}")
        self.stdout.write(f"Next due        {found.next_due_date or 'nothing'}")
        self.stdout.write(f"Webhooks owed   {found.undelivered}")
        self.stdout.write(f"For an operator {webhook_queries.for_operators().count()} webhooks")
        numbers = dict(EscrowAccount.objects.values_list("external_account_id", "account_number"))
        for account, balance in found.balances.items():
            self.stdout.write(f"Bank balance    {numbers.get(account, account)} {money.format_money(balance)}")

    def statement(self, *, escrow: str, start: date | None, end: date | None, out: str | None, **_: Any) -> None:
        """Write a statement; without days, everything up to now."""
        account, at = _escrow_account(escrow), clock.now()
        end = end or banking_date(at)
        # On a day without banking the first movement may lie ahead: then the statement is empty, not wrong.
        start = start or min(sandbox_queries.first_day(account.external_account_id) or end, end)
        if start > end:
            raise CommandError(f"The first day {start} is after the last day {end}.")
        written = sandbox_statements.render(account.external_account_id, start=start, end=end, at=at)
        if out is None:
            sys.stdout.buffer.write(written)
            return
        Path(out).write_bytes(written)
        self.stdout.write(f"Wrote {account.account_number} from {start} to {end} to {out}.")

    def deposit_unknown(self, *, escrow: str, amount: str, **_: Any) -> None:
        """Let a wire arrive that nobody announced."""
        account = _escrow_account(escrow)
        line = sandbox_bank.receive_unknown(account.external_account_id, money.parse_written(amount), at=clock.now())
        self.stdout.write(
            f"{money.format_money(line.amount)} arrived for {account.account_number} under {line.reference}."
        )


def _escrow_account(number: str) -> EscrowAccount:
    try:
        return EscrowAccount.objects.get(account_number=number)
    except EscrowAccount.DoesNotExist:
        raise CommandError(f"There is no escrow account {number}.") from None
