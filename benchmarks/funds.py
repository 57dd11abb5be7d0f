"""
A fund's clawback: five deals, without and with many investors and days of distribution.

    python benchmarks/funds.py [--investors 200 1000 10000] [--days 20 40]

Each deal has investors and history as in `distributions`; each quarter all deals distribute on the same day. Shown
is the processor time of one measure, and for each investment and day; it grows linearly.
"""

import argparse
import sys
import time
from decimal import Decimal
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.distributions import make_history, make_positions
from distributions.funds import Deal, clawback
from distributions.positions import Position
from distributions.templates import preferred_and_catch_up

DEALS = 5


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--investors", type=int, nargs="+", default=[200, 1_000, 10_000], help="of each deal")
    parser.add_argument("--days", type=int, nargs="+", default=[20, 40], help="days of distribution")
    asked = parser.parse_args()
    terms = preferred_and_catch_up()
    print(f"{'investors':>10} {'days':>5} {'seconds':>9} {'microseconds each':>18} {'clawback':>15}")
    for investors in asked.investors:
        for days in asked.days:
            deals = [_deal(str(number), investors, days) for number in range(DEALS)]
            began = time.process_time()
            found = clawback(terms, deals, tax_rate=Decimal("0.37"))
            taken = time.process_time() - began
            each = taken / (DEALS * investors * days) * 1_000_000
            print(f"{investors:>10,} {days:>5} {taken:>9.2f} {each:>18.1f} {found.due:>15,.2f}")
    return 0


def _deal(name: str, investors: int, days: int) -> Deal:
    positions = [Position(f"{name} {one.key}", one.contributions) for one in make_positions(investors)]
    capital = sum((amount for one in positions for _, amount in one.contributions), Decimal(0))
    history = make_history(preferred_and_catch_up(), positions, capital, days)
    return Deal(name, tuple(positions), tuple(history))


if __name__ == "__main__":
    sys.exit(main())
