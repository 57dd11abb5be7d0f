"""
Accruals: what each investor is owed of preferred return, from one day to the next.

Amounts are grains of a cent. Contributions that began to earn on the same day run on one
clock and share every factor, so that a day costs each of them a multiplication and no
fraction. The clock is set only when money moves: between two movements nothing is
rounded, however often somebody looks. Investors are rows, by number.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from functools import lru_cache

from distributions.day_counts import year_fraction
from distributions.grains import GRAIN, HALF, PLACES, fixed
from distributions.handovers import Lot
from distributions.tiers import CapitalBase, PreferredReturn


@dataclass(frozen=True)
class Span:
    """
    What one contribution earned between two movements of money; amounts in grains, capital in cents.

    `clock` is the day from which its compounding periods are counted.
    """

    row: int
    clock: date
    start: date
    end: date
    years: Fraction
    capital: int
    unpaid_before: int
    accrued_before: int
    unpaid_after: int
    accrued_after: int


class Accrual:
    """The preferred return of all investors under one tier, advanced from movement to movement."""

    def __init__(self, tier: PreferredReturn, rows: int, traced: frozenset[int] = frozenset()) -> None:
        self.tier = tier
        self.cohorts: list[_Cohort] = []
        self.spans: list[Span] = []
        self._traced = traced
        self._open: dict[date, _Cohort] = {}
        # Most investors have one contribution; those with more divide what they are paid.
        self._lots: list[list[tuple[_Cohort, int]]] = [[] for _ in range(rows)]
        self._several: set[int] = set()

    def contribute(self, row: int, capital: int, on: date) -> None:
        """Begin to accrue on a contribution, from the common start if there is one."""
        start = self.tier.accrues_from or on
        cohort = self._open.get(start)
        if cohort is None or cohort.is_running:
            cohort = self._open[start] = _Cohort(self.tier, start)
            self.cohorts.append(cohort)
        self._enter(cohort, row, capital, 0, 0)

    def owed(self, on: date) -> list[int]:
        """
        Return what each investor is owed on a day, that day itself not earning yet.

        It may be a fraction of a cent below nothing, where the last payment was rounded up.
        """
        owed = [0] * len(self._lots)
        for cohort in self.cohorts:
            unpaid, accrued = cohort.at(on)
            for row, before, new in zip(cohort.rows, unpaid, accrued, strict=True):
                owed[row] += before + new
        return owed

    def pay(self, preferred: Sequence[int], on: date) -> None:
        """Pay each investor cents of preferred return, the oldest first."""
        if not any(preferred):
            return
        self.settle(on)
        for cohort in self.cohorts:
            cohort.pay([0 if row in self._several else preferred[row] for row in cohort.rows])
        for row in self._several:
            if preferred[row]:
                lots = self._lots[row]
                due = [max(cohort.unpaid[place] + cohort.accrued[place], 0) for cohort, place in lots]
                for (cohort, place), part in zip(lots, share(preferred[row], due), strict=True):
                    cohort.pay_one(place, part)

    def return_capital(self, capital: Sequence[int], on: date) -> None:
        """Stop accruing on returned cents of capital, taken from an investor's contributions by their size."""
        if self.tier.base is CapitalBase.ORIGINAL or not any(capital):
            return
        self.settle(on)
        for cohort in self.cohorts:
            less = [0 if row in self._several else capital[row] for row in cohort.rows]
            cohort.capital = [held - cents for held, cents in zip(cohort.capital, less, strict=True)]
        for row in self._several:
            if capital[row]:
                self._take_capital(row, capital[row])

    def hand_over(self, row: int, part: Fraction, capital: int, on: date) -> tuple[Lot, ...]:
        """Give away cents of capital that earns, and that part of what is owed, on the contributions' own clocks."""
        self.settle(on)
        lots = self._lots[row]
        moved = share(capital, [cohort.capital[place] for cohort, place in lots])
        handed = []
        for (cohort, place), cents in zip(lots, moved, strict=True):
            unpaid, accrued = (int(grains[place] * part) for grains in (cohort.unpaid, cohort.accrued))
            cohort.give(place, cents, unpaid, accrued)
            handed.append(Lot(cohort.start, cents, unpaid, accrued))
        return tuple(handed)

    def take_over(self, row: int, lots: Iterable[Lot], on: date) -> None:
        """Take in what was handed over on a day, on the clocks it ran on."""
        self.settle(on)
        for lot in lots:
            self._enter(self._running(lot.clock, on), row, lot.capital, lot.unpaid, lot.accrued)

    def _running(self, clock: date, on: date) -> "_Cohort":
        """Return a cohort that runs on this clock and has been set to the day."""
        for cohort in self.cohorts:
            if cohort.start == clock and cohort.reached == max(clock, on):
                return cohort
        cohort = _Cohort(self.tier, clock)
        if on > clock:
            cohort.settle(on)
        self.cohorts.append(cohort)
        return cohort

    def settle(self, on: date) -> None:
        """Set every clock to a day, and note what traced investors earned since it was set last."""
        for cohort in self.cohorts:
            if on > cohort.reached:
                traced = self._places(cohort) if self._traced else []
                before = [(cohort.unpaid[place], cohort.accrued[place]) for place in traced]
                start, years = cohort.reached, cohort.years
                cohort.settle(on)
                for place, (unpaid, accrued) in zip(traced, before, strict=True):
                    self.spans.append(
                        Span(
                            row=cohort.rows[place],
                            clock=cohort.start,
                            start=start,
                            end=on,
                            years=cohort.years - years,
                            capital=cohort.capital[place],
                            unpaid_before=unpaid,
                            accrued_before=accrued,
                            unpaid_after=cohort.unpaid[place],
                            accrued_after=cohort.accrued[place],
                        )
                    )

    def _places(self, cohort: "_Cohort") -> list[int]:
        return [place for place, row in enumerate(cohort.rows) if row in self._traced]

    def _enter(self, cohort: "_Cohort", row: int, capital: int, unpaid: int, accrued: int) -> None:
        place = cohort.enter(row, capital, unpaid, accrued)
        self._lots[row].append((cohort, place))
        if len(self._lots[row]) > 1:
            self._several.add(row)

    def _take_capital(self, row: int, cents: int) -> None:
        lots = self._lots[row]
        capital = [cohort.capital[place] for cohort, place in lots]
        for (cohort, place), part in zip(lots, share(cents, capital), strict=True):
            cohort.capital[place] -= part


class _Cohort:
    """
    Contributions whose preferred return runs on one clock, reckoned from its start.

    `unpaid` is what earlier compounding periods left unpaid and so earns itself; `accrued`
    is what the period under way has brought so far. Both are grains; capital is cents.
    """

    def __init__(self, tier: PreferredReturn, start: date) -> None:
        self.tier = tier
        self.start = self.reached = start
        self.years = Fraction(0)
        self.rows: list[int] = []
        self.capital: list[int] = []
        self.unpaid: list[int] = []
        self.accrued: list[int] = []
        # What was seen of a day by looking at it, for setting the clock to it next.
        self._seen: tuple[date, list[int], list[int]] | None = None

    @property
    def is_running(self) -> bool:
        return self.reached > self.start

    def enter(self, row: int, capital: int, unpaid: int, accrued: int) -> int:
        """Take a contribution in, and return its place."""
        self._seen = None
        self.rows.append(row)
        self.capital.append(capital)
        self.unpaid.append(unpaid)
        self.accrued.append(accrued)
        return len(self.rows) - 1

    def give(self, place: int, capital: int, unpaid: int, accrued: int) -> None:
        """Take something off a contribution, for somebody else."""
        self._seen = None
        self.capital[place] -= capital
        self.unpaid[place] -= unpaid
        self.accrued[place] -= accrued

    def at(self, on: date) -> tuple[list[int], list[int]]:
        """Return `unpaid` and `accrued` as they are on a day, without setting the clock."""
        if on <= self.reached:
            return self.unpaid, self.accrued
        if self._seen is None or self._seen[0] != on:
            self._seen = (on, *self._look(year_fraction(self.start, on, self.tier.day_count)))
        return self._seen[1:]

    def _look(self, years: Fraction) -> tuple[list[int], list[int]]:
        if not self.tier.cumulative:
            return self.unpaid, self._year_under_way(years)
        if not self.tier.periods:
            return self.unpaid, self._earn(years - self.years)
        return self._compound(years)

    def settle(self, on: date) -> None:
        self.unpaid, self.accrued = self.at(on)
        self._seen = None
        self.years = year_fraction(self.start, on, self.tier.day_count)
        self.reached = on

    def pay(self, cents: list[int]) -> None:
        """Pay contributions their return, the oldest first."""
        if self.tier.periods:
            oldest = [
                min(paid * GRAIN, max(unpaid, 0)) if paid else 0
                for paid, unpaid in zip(cents, self.unpaid, strict=True)
            ]
            self.unpaid = [unpaid - part for unpaid, part in zip(self.unpaid, oldest, strict=True)]
            newest = zip(self.accrued, cents, oldest, strict=True)
            self.accrued = [accrued - paid * GRAIN + part for accrued, paid, part in newest]
        else:
            self.accrued = [accrued - paid * GRAIN for accrued, paid in zip(self.accrued, cents, strict=True)]

    def pay_one(self, place: int, cents: int) -> None:
        oldest = min(cents * GRAIN, max(self.unpaid[place], 0))
        self.unpaid[place] -= oldest
        self.accrued[place] -= cents * GRAIN - oldest

    def _earn(self, years: Fraction) -> list[int]:
        """Return what has accrued with simple return, exactly."""
        factor = _whole_grains(Fraction(self.tier.rate) * years)
        return [accrued + capital * factor for accrued, capital in zip(self.accrued, self.capital, strict=True)]

    def _year_under_way(self, years: Fraction) -> list[int]:
        if _year_of(years) == _year_of(self.years):
            return self._earn(years - self.years)
        factor = _whole_grains(Fraction(self.tier.rate) * (years - _year_of(years)))
        return [capital * factor for capital in self.capital]

    def _compound(self, years: Fraction) -> tuple[list[int], list[int]]:
        """
        Let the clock run on.

        Within a compounding period return accrues evenly on capital and unpaid return; at its
        end what has accrued is unpaid. Whole periods in between are a power of the period's
        growth, so that all comes down to a few factors for the whole cohort.
        """
        rate, periods = Fraction(self.tier.rate), self.tier.periods
        began, ends = int(self.years * periods), int(years * periods)
        bases = [capital * GRAIN + unpaid for capital, unpaid in zip(self.capital, self.unpaid, strict=True)]
        if ends == began:
            earned = fixed(rate * (years - self.years))
            rows = zip(self.accrued, bases, strict=True)
            return self.unpaid, [accrued + ((base * earned + HALF) >> PLACES) for accrued, base in rows]
        whole = _power(1 + rate / periods, ends - began - 1)
        first = whole * (1 + rate * (Fraction(began + 1, periods) - self.years))
        grown = _weighed(bases, fixed(first), self.accrued, fixed(whole))
        unpaid = [total - capital * GRAIN for total, capital in zip(grown, self.capital, strict=True)]
        since = rate * (years - Fraction(ends, periods))
        if not since:
            return unpaid, [0] * len(unpaid)
        return unpaid, _weighed(bases, fixed(first * since), self.accrued, fixed(whole * since))


def _weighed(bases: list[int], on_base: int, accrued: list[int], on_accrued: int) -> list[int]:
    """Return bases and what has accrued on them, each times its fixed factor, to the nearest grain."""
    if not any(accrued):
        return [(base * on_base + HALF) >> PLACES for base in bases]
    return [(base * on_base + new * on_accrued + HALF) >> PLACES for base, new in zip(bases, accrued, strict=True)]


def share(cents: int, weights: Sequence[int]) -> list[int]:
    """Divide one investor's cents among its own contributions, whose order then decides the odd cent."""
    whole = sum(weights)
    if not whole:
        return [cents, *[0] * len(weights)][: len(weights)]
    shares, seen, given = [], 0, 0
    for weight in weights:
        seen += weight
        shares.append(cents * seen // whole - given)
        given += shares[-1]
    return shares


def _whole_grains(earned: Fraction) -> int:
    """Return what a cent earns, in grains; the grain is such that this is whole."""
    return earned.numerator * (GRAIN // earned.denominator)


def _year_of(years: Fraction) -> int:
    """Return the accrual year in which a moment lies, from 0; the end of a year belongs to it."""
    return max(-(-years.numerator // years.denominator) - 1, 0)


@lru_cache(maxsize=4096)
def _power(period: Fraction, times_: int) -> Fraction:
    return period**times_
