"""
Proposing a closing for thousands of investors, whose names are all compared with the sanctions lists first.

    DATABASE_URL=postgres://… REALCO_MODE=test python benchmarks/closings.py [--investors 3000] [--sanctions DIR]

Everybody has committed, paid and cleared, and nobody has been screened since. DIR holds OFAC's csv files;
without it no list is loaded, and names are compared with none. Exit code 1: somebody was left out, or the
proposal took longer than five seconds. The database must be migrated and is left with the rows; use one of your own.
"""

import argparse
import logging
import os
import sys
import time
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "realco.settings")

import django

django.setup()

from django.db import connection

from compliance.operations import sanctions
from escrow.operations import closings
from realco import clock
from tests import factories
from tests.finance import sandbox_stage as stage
from tests.journeys import many_investors

MOST_SECONDS = 5


def main() -> int:
    """Measure proposing twice: with everybody to be screened, and when everybody has been."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--investors", type=int, default=3000)
    parser.add_argument("--sanctions", type=Path)
    asked = parser.parse_args()
    logging.disable(logging.WARNING)
    at = stage.begin()
    factories.make_reference_data(at)
    if asked.sanctions:
        sanctions.import_directory(asked.sanctions, at=at, allow_shrink=False, progress=print)
    operator = factories.make_user("Olivia Operator", "Operations", is_staff=True)
    offering = factories.make_offering(operator=operator, at=at, name="Closing", maximum_amount=Decimal("99000000.00"))
    escrow = factories.make_escrow(offering, operator=operator, at=at)
    people = many_investors.join(escrow, asked.investors, verifier=operator, at=at)
    many_investors.pay_in(
        escrow, people, uncleared=0, settled_at=at + timedelta(days=3), clears_at=at + timedelta(days=15)
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    clock.advance(timedelta(days=20))
    print(f"{asked.investors:,} investors, load average {os.getloadavg()[0]:.2f}")
    worst, figures = 0.0, 0
    for words in ("everybody is screened first", "everybody has been screened"):
        began, worked = time.perf_counter(), time.process_time()
        closing = closings.propose(escrow, by=operator, at=clock.now())
        seconds, cpu = time.perf_counter() - began, time.process_time() - worked
        worst, figures = max(worst, seconds), len(closing.figures)
        print(f"proposed, {words}: {seconds:.1f} s ({cpu:.1f} s of CPU here), {figures:,} figures")
        closings.cancel(closing, by=operator, reason="Measured", at=clock.now())
    return int(worst > MOST_SECONDS or figures != asked.investors)


if __name__ == "__main__":
    sys.exit(main())
