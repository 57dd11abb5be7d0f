"""
Hurdle accounts: what investors still lack of an IRR, per investor.

An account grows at (1 + rate)^(days / 365), rises with contributions and falls with cash.
It is kept at its value on the first day of all, so that a movement is one multiplication,
nothing is rounded as days pass, and everybody's weight is at hand without growing it.
"""

from datetime import date
from decimal import Decimal
from fractions import Fraction

from distributions.grains import GRAIN, PLACES, fixed, growth

# Present values keep more places than a grain, so that growing them brings back the grain.
_FINER = 64
_SHIFT = PLACES + _FINER
_HALF = 1 << (_SHIFT - 1)


class HurdleAccount:
    """What each investor lacks of one IRR; below nothing where it has had more."""

    def __init__(self, rate: Decimal, rows: int, origin: date) -> None:
        self.rate = rate
        self.origin = origin
        self.present = [0] * rows
        self._discounts: dict[date, int] = {}

    def contribute(self, row: int, capital: int, on: date) -> None:
        self.present[row] += capital * self._discount(on)

    def pay(self, cash: list[int], on: date) -> None:
        """Take all cash that investors get off their accounts."""
        discount = self._discount(on)
        self.present = [present - cents * discount for present, cents in zip(self.present, cash, strict=True)]

    def hand_over(self, row: int, part: Fraction) -> int:
        """Give away a part of what an investor lacks; return its present value."""
        moved = int(self.present[row] * part)
        self.present[row] -= moved
        return moved

    def take_over(self, row: int, present: int) -> None:
        self.present[row] += present

    def total(self, on: date) -> int:
        """Return what investors lack together, in grains."""
        return (sum(self.present) * self._growth(on) + _HALF) >> _SHIFT

    def balances(self, on: date) -> list[int]:
        """Return what each investor lacks, in grains."""
        factor = self._growth(on)
        return [(present * factor + _HALF) >> _SHIFT for present in self.present]

    def value_of(self, cents: int, paid_on: date, on: date) -> int:
        """Return what cents of a day count for on another, in grains."""
        return (cents * self._discount(paid_on) * self._growth(on) + _HALF) >> _SHIFT

    def grown(self, present: int, on: date) -> int:
        """Return what a present value is on a day, in grains."""
        return (present * self._growth(on) + _HALF) >> _SHIFT

    def _growth(self, on: date) -> int:
        return fixed(growth(self.rate, (on - self.origin).days))

    def _discount(self, on: date) -> int:
        """Return the present value of a cent, in the unit of the accounts."""
        known = self._discounts.get(on)
        if known is None:
            unit = (GRAIN << _FINER) / growth(self.rate, (on - self.origin).days)
            known = self._discounts[on] = round(unit)
        return known
