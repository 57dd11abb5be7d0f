"""
Releasing the payments of a capital call: all of them together, and one after the other.

    DATABASE_URL=postgres://… REALCO_MODE=test python benchmarks/capital_calls.py [--payments 100,1000,5000]

Everybody has committed, paid a first part in at a closing, and paid what was called; the payments have cleared at
once, as a sweep of the bank's messages leaves them. ``together`` is the sweep that releases what waits. ``apart`` is
what releases that come one by one cost: those of so many of the investors, each of which writes every investment of
the offering. Exit code 1: something was not released, or an item of the largest call cost more than three times
one of the smallest. The database must be migrated and is left with the rows; use one of your own.
"""

import argparse
import logging
import os
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from functools import partial
from itertools import count
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "realco.settings")

import django

django.setup()

from django.db import connection, transaction

from distributions.models import CapitalCallItem
from distributions.operations import call_payments, capital_calls
from distributions.operations.capital_calls import Conditions
from escrow.models import EscrowAccount, Investment
from escrow.operations import closings
from realco import clock
from realco.business_days import add_business_days, banking_date
from realco.models import Offering, User
from tests import factories
from tests.finance import sandbox_stage as stage
from tests.journeys import many_investors

APART = 10
MOST_TIMES = 3
EACH = Decimal("1000.00")


class Staff:
    """Who draws up, and who approves."""

    def __init__(self) -> None:
        self.operator = factories.make_user("Olivia Operator", "Operations", is_staff=True)
        self.approvers = [factories.make_user(f"Ann Approver {n}", "Approvers", is_staff=True) for n in range(2)]


def main() -> int:
    """Measure each size on an offering of its own."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--payments", default="100,1000,5000")
    sizes = [int(size) for size in parser.parse_args().payments.split(",")]
    logging.disable(logging.WARNING)
    stage.begin()
    factories._numbers = count(int(time.time()))  # The database may know those of an earlier run.
    factories.make_reference_data(clock.now())
    staff = Staff()
    print(f"load average {os.getloadavg()[0]:.2f}")
    print(f"{'payments':>9} {'together, s':>12} {'of CPU here':>12} {'ms a payment':>13} {'apart, ms each':>15}")
    each, is_wrong = [], False
    for size in sizes:
        items = called(staff, size)
        apart, rest = items[:APART], items[APART:]
        alone, _ = timed(partial(release_apart, apart))
        seconds, cpu = timed(lambda: call_payments.sweep(at=clock.now()))
        each.append(seconds / len(rest))
        print(f"{size:>9,} {seconds:>12.2f} {cpu:>12.2f} {each[-1] * 1000:>13.2f} {alone / len(apart) * 1000:>15.1f}")
        is_wrong |= CapitalCallItem.objects.exclude(status="PAID").exists()
    return int(is_wrong or each[-1] > MOST_TIMES * each[0])


def timed(work: Callable[[], object]) -> tuple[float, float]:
    began, worked = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - began, time.process_time() - worked


def release_apart(items: list[CapitalCallItem]) -> None:
    for item in items:
        call_payments.release([item.pk], at=clock.now())


def called(staff: Staff, size: int) -> list[CapitalCallItem]:
    """Return the items of a noticed call on so many investors of a new offering, all paid and cleared."""
    at = clock.now()
    offering = factories.make_offering(
        operator=staff.operator, at=at, name=f"Calling {size}", maximum_amount=Decimal("99000000.00")
    )
    escrow = factories.make_escrow(offering, operator=staff.operator, at=at)
    people = many_investors.join(escrow, size, verifier=staff.operator, at=at, mark=f".{size}")
    many_investors.pay_in(
        escrow, people, uncleared=0, settled_at=at + timedelta(days=3), clears_at=at + timedelta(days=15)
    )
    clock.advance(timedelta(days=20))
    analyse()
    close(escrow, staff)
    promise(offering, people)
    items = notice(offering, staff, size)
    later = clock.now()
    many_investors.pay_calls(escrow, items, settled_at=later + timedelta(days=3), clears_at=later + timedelta(days=15))
    clock.advance(timedelta(days=20))
    analyse()
    return items


def analyse() -> None:
    """So much was written at once that no plan is right until then; a database in use does it by itself."""
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def close(escrow: EscrowAccount, staff: Staff) -> None:
    closing = closings.propose(escrow, by=staff.operator, at=clock.now())
    for approver in staff.approvers:
        closing = closings.approve(closing, approver=approver, content_hash=closing.content_hash, at=clock.now())
    assert closing.status == "EXECUTED"


def promise(offering: Offering, people: list[User]) -> None:
    """Everybody commits more than they have paid in."""
    with transaction.atomic():
        for investment in Investment.objects.filter(offering=offering, investor__in=people):
            investment.investment_amount += 2 * EACH
            investment.committed_at = clock.now()
            investment.save(update_fields=["investment_amount", "committed_at", "updated_at"])


def notice(offering: Offering, staff: Staff, size: int) -> list[CapitalCallItem]:
    today = banking_date(clock.now())
    plan = Conditions(today, add_business_days(today, 30), "A new roof")
    call = capital_calls.draw_up(offering, total_amount=EACH * size, conditions=plan, by=staff.operator, at=clock.now())
    capital_calls.submit(call, by=staff.operator, at=clock.now())
    capital_calls.approve(call, approver=staff.approvers[0], at=clock.now())
    return list(call.items.select_related("call").order_by("pk"))


if __name__ == "__main__":
    sys.exit(main())
