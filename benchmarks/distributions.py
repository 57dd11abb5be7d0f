"""
The waterfall engine's speed and memory: 1,000, 10,000 and 50,000 investors, without and with ten years of history.

    python benchmarks/distributions.py [--investors 1000 10000 50000] [--quarters 40] [--repeats 5]
    DATABASE_URL=postgres://… REALCO_MODE=test python benchmarks/distributions.py --database [--profile STAGE]

With ``--database`` a distribution is taken from the draft to queued payments (`paying_distributions`); with
``--what-if`` staff ask what an amount would pay to whom (`what_ifs`).

Investors come in over sixty days, every third with a second call later on. History is what the engine itself
paid each quarter: income of 1 to 3 % of capital, so that in some quarters return is left owing and in others
capital comes back. Then a sale is calculated: twice the capital, so that every tier is reached.

Terms: "catch-up" is 8 % simple, capital, a 50/50 catch-up to 20 %, 80/20; "IRR promote" is hurdles of 8, 12 and
18 % with splits of their own; "quarterly" is the first with the return compounded quarterly.

Each row is measured in a process of its own: p95 and median of the repeats by the clock, the least processor time
(what a busy machine does not change), and the most memory the process has used, history included. The figures to
meet: 1,000 investors p95 < 100 ms and 50,000 < 5 s without history, 50,000 with ten years of quarters < 30 s and
1 GB. It says so and returns 1 where they are missed.
"""

import argparse
import multiprocessing
import os
import random
import resource
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks import paying_distributions, what_ifs
from distributions.positions import LineTable
from distributions.replay import Replay
from distributions.templates import preferred_and_catch_up, three_hurdle_promote
from distributions.waterfall import (
    Compounding,
    PastDistribution,
    Position,
    PreferredReturn,
    Terms,
    calculate,
    work,
)

START = date(2016, 1, 1)
TERMS: Mapping[str, Callable[[], Terms]] = {
    "catch-up": preferred_and_catch_up,
    "IRR promote": three_hurdle_promote,
    "quarterly": lambda: Terms(
        (
            PreferredReturn(Decimal("0.08"), compounding=Compounding.QUARTERLY),
            *preferred_and_catch_up().tiers[1:],
        )
    ),
}
# Investors, quarters of history: seconds allowed.
LIMITS = {(1_000, 0): 0.1, (50_000, 0): 5.0, (50_000, 40): 30.0}
MOST_MEMORY = 1024


@dataclass(frozen=True)
class Row:
    terms: str
    investors: int
    quarters: int
    p95: float
    median: float
    processor: float
    memory: int

    def misses(self) -> list[str]:
        limit = LIMITS.get((self.investors, self.quarters))
        missed = []
        if limit is not None and self.p95 > limit:
            missed.append(f"{self.p95:.2f} s, not {limit} s")
        if limit is not None and self.memory > MOST_MEMORY:
            missed.append(f"{self.memory} MB, not {MOST_MEMORY} MB")
        return missed


def main() -> int:
    arguments = _arguments()
    if arguments.database:
        return _database(arguments.investors, arguments.profile, arguments.workers)
    if arguments.what_if:
        return _what_if(arguments.investors, arguments.profile)
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors, Python {sys.version.split()[0]}")
    print(f"{'terms':<12} {'investors':>9} {'quarters':>8} {'p95 s':>8} {'median s':>8} {'cpu s':>8} {'MB':>6}")
    missed = 0
    for name in TERMS:
        for quarters in (0, arguments.quarters):
            for investors in arguments.investors:
                row = _in_own_process(name, investors, quarters, arguments.repeats)
                print(
                    f"{row.terms:<12} {row.investors:>9,} {row.quarters:>8} {row.p95:>8.3f} {row.median:>8.3f} "
                    f"{row.processor:>8.3f} {row.memory:>6} {'; '.join(row.misses())}",
                    flush=True,
                )
                missed += bool(row.misses())
    print(f"load {os.getloadavg()[0]:.1f}")
    return 1 if missed else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--investors", type=int, nargs="+", default=[1_000, 10_000, 50_000])
    parser.add_argument("--quarters", type=int, default=40, help="quarters of history (default: ten years)")
    parser.add_argument("--repeats", type=int, default=5, help="calculations per row; ten times as many below 10,000")
    parser.add_argument("--database", action="store_true", help="measure paying in the database instead")
    parser.add_argument("--workers", type=int, default=2, help="with --database: workers that pay (default: 2)")
    parser.add_argument("--what-if", action="store_true", help="measure the what-if page instead")
    parser.add_argument("--profile", default="", help="with --database or --what-if: where the time of this stage goes")
    return parser.parse_args()


def _database(sizes: Sequence[int], profiled: str, workers: int) -> int:
    """Measure paying at each size; return 1 where a figure is missed."""
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors, Python {sys.version.split()[0]}", end=", ")
    print(paying_distributions.server())
    heads = " ".join(f"{name:>10}" for name in paying_distributions.STAGES)
    print(
        f"{'investors':>9} {heads} {'ms each':>8} {'cpu':>8} {'db cpu':>8} {'MB':>6} {'statements':>10} {'pace s':>12}"
    )
    missed, before = 0, None
    for investors in sizes:
        context = multiprocessing.get_context("spawn")
        with context.Pool(1) as pool:
            ids = pool.apply(paying_distributions.prepare, (investors,))
        with context.Pool(1) as pool:
            found = pool.apply(paying_distributions.measure, (investors, ids, profiled, workers))
        misses = paying_distributions.show(investors, found, before)
        before = found["seconds"]["execute"] / investors
        missed += len(misses)
        for miss in misses:
            print(f"          {miss}", flush=True)
    print(f"load {os.getloadavg()[0]:.1f}")
    return 1 if missed else 0


def _what_if(sizes: Sequence[int], profiled: str) -> int:
    """Measure the what-if page at each size; return 1 where a figure is missed."""
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors, Python {sys.version.split()[0]}")
    heads = " ".join(f"{name:>15}" for name in what_ifs.STAGES)
    print("Seconds by the clock and of the processor, the database's included.")
    print(f"{'investors':>9} {heads} {'MB':>6} {'statements':>10} {'KB':>6}")
    missed = 0
    context = multiprocessing.get_context("spawn")
    for investors in sizes:
        with context.Pool(1) as pool:
            ids = pool.apply(paying_distributions.prepare, (investors,))
        with context.Pool(1) as pool:
            found = pool.apply(what_ifs.measure, (investors, ids, profiled))
        for miss in what_ifs.show(investors, found):
            missed += 1
            print(f"          {miss}", flush=True)
    print(f"load {os.getloadavg()[0]:.1f}")
    return 1 if missed else 0


def _in_own_process(name: str, investors: int, quarters: int, repeats: int) -> Row:
    context = multiprocessing.get_context("spawn")
    with context.Pool(1) as pool:
        return pool.apply(measure, (name, investors, quarters, repeats))


def measure(name: str, investors: int, quarters: int, repeats: int) -> Row:
    """Calculate a sale so many times over and say how long it took."""
    terms = TERMS[name]()
    positions = make_positions(investors)
    capital = sum((amount for person in positions for _, amount in person.contributions), Decimal(0))
    history = make_history(terms, positions, capital, quarters)
    on = START + timedelta(91 * (quarters + 1) + 13)
    repeats *= 10 if investors < 10_000 and not quarters else 1
    wall, processor = [], []
    for _ in range(repeats):
        began, worked = time.perf_counter(), time.process_time()
        result = calculate(terms, positions, history, 2 * capital, on)
        wall.append(time.perf_counter() - began)
        processor.append(time.process_time() - worked)
        assert result.amount == 2 * capital
    return Row(
        terms=name,
        investors=investors,
        quarters=quarters,
        p95=sorted(wall)[max(round(0.95 * len(wall)) - 1, 0)] if len(wall) > 20 else max(wall),
        median=statistics.median(wall),
        processor=min(processor),
        memory=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    )


def make_positions(investors: int) -> list[Position]:
    rng = random.Random(5)
    positions = []
    for number in range(investors):
        calls = [(START + timedelta(rng.randrange(60)), Decimal(rng.randrange(1_000_00, 250_000_00)).scaleb(-2))]
        if number % 3 == 0:
            calls.append(
                (START + timedelta(180 + rng.randrange(30)), Decimal(rng.randrange(500_00, 50_000_00)).scaleb(-2))
            )
        positions.append(Position(f"{number:06}", tuple(calls)))
    return positions


def make_history(
    terms: Terms, positions: Sequence[Position], capital: Decimal, quarters: int
) -> list[PastDistribution]:
    """Return what the engine paid each quarter, told in one go."""
    rng = random.Random(7)
    story = Replay(terms, positions)
    keys = tuple(story.rows)
    history = []
    for quarter in range(quarters):
        on = START + timedelta(91 * (quarter + 1))
        story.come_to(on)
        paid = work(story, int(capital * rng.randrange(100, 300) / 100), on).paid()
        story.book(paid, on)
        lines = LineTable(keys, paid.capital, paid.preferred, paid.profit)
        history.append(PastDistribution(on, lines, sponsor_profit_split=Decimal(sum(paid.promote)).scaleb(-2)))
    return history


if __name__ == "__main__":
    sys.exit(main())
