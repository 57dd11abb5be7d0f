"""
Accruals: what each investor is owed of preferred return, from one day to the next.

Amounts are exact: integers over a denominator shared by all contributions that began to
earn on the same day and so run on the same clock. Investors are rows, by number.
"""

from datetime import date
from fractions import Fraction
from math import lcm

from distributions.cents import Column
from distributions.day_counts import PARTS_OF_A_YEAR, year_fraction
from distributions.terms import CapitalBase, PreferredReturn


class Accrual:
    """The preferred return of all investors under one tier, advanced day by day."""

    def __init__(self, tier: PreferredReturn, rows: int) -> None:
        self.tier = tier
        self.cohorts: list[_Cohort] = []
        self.lots: list[list[tuple[_Cohort, int]]] = [[] for _ in range(rows)]
        # Simple return owes the sum of what accrued less the sum of what was paid;
        # compounding return must know which part was paid, and keeps it with the lot.
        self.paid = [0] * rows

    def contribute(self, row: int, capital: int, on: date) -> None:
        """Begin to accrue on a contribution; what it earned before now comes at the next advance."""
        start = self.tier.accrues_from or on
        cohort = next((c for c in self.cohorts if c.start == start and not c.reached), None)
        if cohort is None:
            cohort = _Cohort(self.tier, start)
            self.cohorts.append(cohort)
        self.lots[row].append((cohort, cohort.enter(row, capital)))

    def advance(self, on: date) -> None:
        """Accrue up to a day, that day itself not earning yet."""
        for cohort in self.cohorts:
            if on > cohort.start:
                cohort.advance(year_fraction(cohort.start, on, self.tier.day_count))

    def owed(self) -> Column:
        """
        Return what each investor is owed.

        It may be a fraction of a cent below zero, where the last payment was rounded up.
        """
        denominator = lcm(*(cohort.denominator for cohort in self.cohorts))
        owed = [-paid * denominator for paid in self.paid]
        for cohort in self.cohorts:
            scale = denominator // cohort.denominator
            for row, unpaid, accrued in zip(cohort.rows, cohort.unpaid, cohort.accrued, strict=True):
                owed[row] += (unpaid + accrued) * scale
        return Column(owed, denominator)

    def pay(self, row: int, cents: int) -> None:
        """Pay an investor preferred return, over its contributions by what each is owed."""
        if not cents:
            return
        if not self.tier.periods:
            self.paid[row] += cents
            return
        lots = self.lots[row]
        denominator = lcm(*(cohort.denominator for cohort, _ in lots))
        owed = [max(cohort.owed(place) * denominator // cohort.denominator, 0) for cohort, place in lots]
        for (cohort, place), part in zip(lots, _share(cents, owed), strict=True):
            cohort.pay(place, part)

    def return_capital(self, row: int, cents: int) -> None:
        """Stop accruing on returned capital, taken from an investor's contributions by their size."""
        if not cents or self.tier.base is CapitalBase.ORIGINAL:
            return
        lots = self.lots[row]
        capital = [cohort.capital[place] for cohort, place in lots]
        for (cohort, place), part in zip(lots, _share(cents, capital), strict=True):
            cohort.capital[place] -= part


class _Cohort:
    """
    Contributions whose preferred return runs on one clock.

    `unpaid` is what earlier compounding periods left unpaid and so earns itself; `accrued`
    is what the period under way has brought so far. Both are over `denominator`; capital
    is in cents. `reached` is how far the clock has run, in years.
    """

    def __init__(self, tier: PreferredReturn, start: date) -> None:
        self.start = start
        self.rate = Fraction(tier.rate)
        self.periods = tier.periods
        self.reached = Fraction(0)
        self.denominator = self.rate.denominator * PARTS_OF_A_YEAR[tier.day_count]
        self.rows: list[int] = []
        self.capital: list[int] = []
        self.unpaid: list[int] = []
        self.accrued: list[int] = []

    def enter(self, row: int, capital: int) -> int:
        """Take a contribution in, and return its place."""
        self.rows.append(row)
        self.capital.append(capital)
        self.unpaid.append(0)
        self.accrued.append(0)
        return len(self.rows) - 1

    def advance(self, years: Fraction) -> None:
        """
        Let the clock run to so many years after the start.

        Within a compounding period return accrues evenly; at its end what is unpaid begins
        to earn. Whole periods in between are one power of the period's growth.
        """
        if self.periods:
            began, ends = int(self.reached * self.periods), int(years * self.periods)
            if ends > began:
                self._accrue(Fraction(began + 1, self.periods) - self.reached)
                self._close_period()
                self._compound(ends - began - 1)
                self.reached = Fraction(ends, self.periods)
        self._accrue(years - self.reached)
        self.reached = years

    def owed(self, place: int) -> int:
        """Return what a contribution is owed, over the denominator."""
        return self.unpaid[place] + self.accrued[place]

    def pay(self, place: int, cents: int) -> None:
        """Pay a contribution's return, the oldest first."""
        due = cents * self.denominator
        oldest = min(due, max(self.unpaid[place], 0))
        self.unpaid[place] -= oldest
        self.accrued[place] -= due - oldest

    def _accrue(self, years: Fraction) -> None:
        earned = self.rate * years
        if not earned:
            return
        if self.periods:
            self._scale(earned.denominator)
            factor, whole = earned.numerator, self.denominator // earned.denominator
            self.accrued = [
                accrued + (capital * whole + unpaid // earned.denominator) * factor
                for accrued, capital, unpaid in zip(self.accrued, self.capital, self.unpaid, strict=True)
            ]
        else:
            # The first denominator of a cohort divides every later one, so this is whole.
            factor = earned.numerator * (self.denominator // earned.denominator)
            self.accrued = [
                accrued + capital * factor for accrued, capital in zip(self.accrued, self.capital, strict=True)
            ]

    def _close_period(self) -> None:
        self.unpaid = [unpaid + new for unpaid, new in zip(self.unpaid, self.accrued, strict=True)]
        self.accrued = [0] * len(self.accrued)

    def _compound(self, periods: int) -> None:
        if not periods:
            return
        growth = (1 + self.rate / self.periods) ** periods
        self._scale(growth.denominator)
        top, bottom = growth.numerator, growth.denominator
        gained = (top - bottom) * (self.denominator // bottom)
        self.unpaid = [
            unpaid // bottom * top + capital * gained for unpaid, capital in zip(self.unpaid, self.capital, strict=True)
        ]

    def _scale(self, factor: int) -> None:
        """Make the denominator finer, so that the next multiplication stays whole."""
        self.denominator *= factor
        self.unpaid = [unpaid * factor for unpaid in self.unpaid]
        self.accrued = [accrued * factor for accrued in self.accrued]


def _share(cents: int, weights: list[int]) -> list[int]:
    """Divide one investor's cents among its own contributions, whose order then decides the odd cent."""
    whole = sum(weights)
    if not whole:
        return [cents] + [0] * (len(weights) - 1)
    shares, seen, given = [], 0, 0
    for weight in weights:
        seen += weight
        shares.append(cents * seen // whole - given)
        given += shares[-1]
    return shares
