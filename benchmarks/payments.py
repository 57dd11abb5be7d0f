"""
A failed raise given back through the sandbox bank: what each stage of thousands of payments costs.

    DATABASE_URL=postgres://… REALCO_MODE=test python benchmarks/payments.py [--investors 3000] [--profile STAGE]

Everybody's deposit has arrived and cleared; the run is signed, and then each stage is worked to its end by the
sweeps and the door that do it every day, one after another. A line a stage: seconds, payments a second,
statements a payment. Exit code 1: somebody did not get everything back once. The database must be migrated and
is left with the rows; use one of your own.
"""

import argparse
import cProfile
import logging
import os
import pstats
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "realco.settings")

import django

django.setup()

from django.db import connection

from escrow import books
from escrow.models import EscrowAccount
from finance import tasks
from finance.gateways import sandbox_bank, sandbox_transport, sandbox_webhooks
from finance.models import RefundRun, SandboxTransfer, Transaction
from finance.operations import refund_payments, refund_runs
from realco import clock
from tests import factories
from tests.finance import sandbox_stage as stage
from tests.journeys import many_investors

NUMBER = 0
PROFILED = ""


def main() -> int:
    """Play the story, print the table, and say whether it ended well."""
    global NUMBER, PROFILED
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--investors", type=int, default=3000)
    parser.add_argument("--profile", default="", help="print where the time of this stage goes")
    asked = parser.parse_args()
    NUMBER, PROFILED = asked.investors, asked.profile
    logging.disable(logging.WARNING)
    print(f"{NUMBER:,} payments, load average {os.getloadavg()[0]:.2f}")
    print(f"\n{'stage':<24}{'seconds':>9}{'payments/s':>12}{'statements/payment':>20}{'of CPU here':>13}")
    began = time.perf_counter()
    with measured("(paying in)"):
        run = signed_run(NUMBER)
    began = time.perf_counter()
    work(run)
    seconds = time.perf_counter() - began
    print(f"{'all but paying in':<24}{seconds:>9.1f}{NUMBER / seconds:>12.1f}   load average {os.getloadavg()[0]:.2f}")
    return verdict(run)


def signed_run(number: int) -> RefundRun:
    """A raise of many investors that has failed, with a refund run that is proposed."""
    at = stage.begin()
    factories.make_reference_data(at)
    operator = factories.make_user("Olivia Operator", "Operations", is_staff=True)
    offering = factories.make_offering(
        operator=operator, at=at, name="Failing", minimum_amount=Decimal("90000000.00"),
        maximum_amount=Decimal("99000000.00"), deadline_at=at + timedelta(days=20),
    )  # fmt: skip
    escrow = factories.make_escrow(offering, operator=operator, at=at)
    people = many_investors.join(escrow, number, verifier=operator, at=at)
    many_investors.pay_in(
        escrow, people, uncleared=0, settled_at=at + timedelta(days=3), clears_at=at + timedelta(days=15)
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    clock.advance(timedelta(days=20, hours=1))
    return refund_runs.propose(escrow, by=operator, reason="The minimum was not reached", at=clock.now())


def work(run: RefundRun) -> None:
    """Take every refund from a signature to the end, stage by stage."""
    approver = factories.make_user("Adam Approver", "Approvers", is_staff=True)
    with measured("signing"):
        refund_runs.approve(run, approver=approver, content_hash=run.content_hash, at=clock.now())
    with measured("making payments"):
        refund_payments.resume(run.pk, at=clock.now())
    with measured("sending"):
        to_the_end(tasks.sweep_queued)
    clock.advance(timedelta(days=7))
    with measured("the bank's work"):
        to_the_end(lambda: sandbox_bank.work(at=clock.now()))
    with measured("its messages"):
        to_the_end(lambda: sandbox_webhooks.deliver(post=sandbox_transport.post_in_process, at=clock.now()))
    with measured("recording them"):
        to_the_end(tasks.sweep_webhooks)
    clock.advance(timedelta(days=7))
    with measured("clearing"):
        to_the_end(tasks.sweep_clearing)
    with measured("following"):
        to_the_end(tasks.sweep_refunds)


def to_the_end(sweep: Callable[[], int]) -> None:
    """Work until nothing moves."""
    while sweep():
        pass


@contextmanager
def measured(name: str) -> Iterator[None]:
    """Print what a stage took."""
    statements = 0
    slow: defaultdict[str, float] = defaultdict(float)

    def count(execute, sql, params, many, context):  # type: ignore[no-untyped-def]
        nonlocal statements
        statements += 1
        asked = time.perf_counter()
        try:
            return execute(sql, params, many, context)
        finally:
            slow[str(sql)[:110]] += time.perf_counter() - asked

    profile = cProfile.Profile()
    began, worked = time.perf_counter(), time.process_time()
    with connection.execute_wrapper(count):
        if name == PROFILED:
            profile.enable()
        yield
        profile.disable()
    seconds, cpu = time.perf_counter() - began, time.process_time() - worked
    print(f"{name:<24}{seconds:>9.1f}{NUMBER / seconds:>12.1f}{statements / NUMBER:>20.2f}{cpu:>12.1f}s", flush=True)
    if name == PROFILED:
        pstats.Stats(profile).sort_stats("cumulative").print_stats(45)
        for sql, took in sorted(slow.items(), key=lambda one: -one[1])[:12]:
            print(f"{took:>9.2f} s  {sql!r}")


def verdict(run: RefundRun) -> int:
    """Whether everybody got everything back once, by the bank's books and by ours."""
    run.refresh_from_db()
    sent = SandboxTransfer.objects.filter(amount__lt=0)
    payees = Transaction.objects.filter(type="REFUND", status="COMPLETED").values("to_user").distinct().count()
    findings = books.check([run.escrow_account_id])
    empty = EscrowAccount.objects.get(pk=run.escrow_account_id).current_balance == 0
    print(
        f"run {run.status}, {sent.count():,} transfers, {payees:,} of {NUMBER:,} payees "
        f"paid, {len(findings)} findings, account {'empty' if empty else 'NOT EMPTY'}"
    )
    return int(run.status != "COMPLETED" or sent.count() != NUMBER or payees != NUMBER or bool(findings) or not empty)


if __name__ == "__main__":
    sys.exit(main())
