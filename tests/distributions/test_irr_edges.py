"""
Edges of IRR hurdles against a solver: whatever fills a hurdle brings investors its rate.

The engine finds no rate at all; the solver knows nothing of hurdles. History is told once for each deal,
so that thousands of them take seconds.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distributions import cents
from distributions.replay import Replay
from distributions.waterfall import IrrHurdle, Position, Split, Terms, work
from tests.distributions.drawn import lawful

START = date(2023, 1, 1)
PLENTY = 10**16
DEALS = 2_500


@dataclass(frozen=True)
class Deal:
    """Contributions and income as (day, cents), hurdles as (rate, investors' share) in per cent, and the last day."""

    contributed: Sequence[tuple[int, int]]
    distributed: Sequence[tuple[int, int]]
    hurdles: Sequence[tuple[int, int]]
    last: int

    @property
    def terms(self) -> Terms:
        """The hurdles, and 80/20 of what is left."""
        tiers = [
            IrrHurdle(Decimal(rate) / 100, Decimal(share) / 100, 1 - Decimal(share) / 100)
            for rate, share in self.hurdles
        ]
        return Terms((*tiers, Split(Decimal("0.80"), Decimal("0.20"))))

    @property
    def people(self) -> list[Position]:
        """Somebody from the first day on, and the others."""
        paid = [(0, 100_00), *self.contributed]
        return [
            Position(f"{index}", ((START + timedelta(day), cents.to_decimal(amount)),))
            for index, (day, amount) in enumerate(paid)
        ]


Flows = list[tuple[int, float]]


def edges(deal: Deal) -> tuple[Flows, list[Fraction]]:
    """Return what investors paid and got so far, and what brings them to the edge of each hurdle on the last day."""
    story = Replay(deal.terms, deal.people)
    flows: Flows = [(0, -100_00.0), *((day, -float(amount)) for day, amount in deal.contributed)]
    for day, amount in sorted(deal.distributed):
        on = START + timedelta(day)
        story.come_to(on)
        paid = work(story, amount, on).paid()
        story.book(paid, on)
        flows.append((day, float(paid.total - sum(paid.promote))))
    last = START + timedelta(deal.last)
    story.come_to(last)
    [filled] = story.books.run(PLENTY, last)
    so_far, found = Fraction(0), []
    for flow in filled[:-1]:
        so_far += flow.lp
        found.append(so_far)
    return flows, found


def solve_irr(flows: Flows) -> float:
    """Find the rate by halving, in floats."""
    years = [(day / 365, amount) for day, amount in flows]
    low, high = -0.9, 10.0
    while high - low > 1e-11:
        middle = (low + high) / 2
        growth = 1 + middle
        worth = sum(amount * growth**-year for year, amount in years)
        low, high = (middle, high) if worth > 0 else (low, middle)
    return (low + high) / 2


def check(deal: Deal) -> int:
    """Hold each edge against the account in floats and against the solver; return how many rates it found."""
    flows, found = edges(deal)
    solved, before = 0, 0.0
    for (percent, _), edge in zip(deal.hurdles, found, strict=True):
        rate, cash = percent / 100, float(edge)
        worth = sum(amount * (1 + rate) ** ((deal.last - day) / 365) for day, amount in flows)
        assert abs(cash - max(-worth, before)) <= 0.5 + 1e-12 * abs(worth)
        ordered = sorted([*flows, (deal.last, cash)])
        changes = sum((one > 0) != (other > 0) for (_, one), (_, other) in pairwise(ordered))
        if cash > before and changes == 1:
            assert solve_irr(ordered) == pytest.approx(rate, abs=1e-9)
            solved += 1
        before = cash
    return solved


def drawn(rng: random.Random) -> Deal:
    """A deal of up to six contributions, four distributions and three hurdles."""
    rates = sorted(rng.sample(range(1, 41), rng.randint(1, 3)))
    return Deal(
        contributed=[(rng.randint(0, 900), rng.randint(10_00, 84_000_000_00)) for _ in range(rng.randint(1, 6))],
        distributed=[(rng.randint(1, 900), rng.randint(1, 1_000_000_00)) for _ in range(rng.randint(0, 4))],
        hurdles=[(rate, rng.randint(50, 100)) for rate in rates],
        last=rng.randint(901, 4000),
    )


class TestIrrEdges:
    @lawful
    @given(
        st.lists(st.tuples(st.integers(0, 900), st.integers(10_00, 84_000_000_00)), min_size=1, max_size=6),
        st.lists(st.tuples(st.integers(1, 900), st.integers(1, 1_000_000_00)), max_size=4),
        st.lists(st.integers(1, 40), min_size=1, max_size=3, unique=True),
        st.integers(901, 4000),
        st.integers(50, 100),
    )
    def test_agree_with_a_solver_to_the_cent(
        self,
        contributed: list[tuple[int, int]],
        distributed: list[tuple[int, int]],
        rates: list[int],
        last: int,
        share: int,
    ) -> None:
        check(Deal(contributed, distributed, [(rate, share) for rate in sorted(rates)], last))

    @pytest.mark.slow
    def test_of_thousands_of_deals_agree_with_a_solver_to_the_cent(self) -> None:
        rng = random.Random(20260301)

        solved = sum(check(drawn(rng)) for _ in range(DEALS))

        # Money that went in after some came out has more rates than one, and such deals are left to the first check.
        assert solved > DEALS // 2
