"""
Positions: who put in what and when, what was distributed since, and where that leaves them.

These are what the waterfall is told and what it answers about an investor. Amounts are
Decimal dollars in whole cents.
"""

from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import overload

from distributions import cents
from distributions.grains import GRAIN


class UnworkableFigures(Exception):
    """These positions, this history or this amount cannot be worked; the message says why."""


@dataclass(frozen=True, slots=True)
class Position:
    """
    One investor: a stable key, and each contribution with the day it cleared.

    A sponsor that invests is a position like any other, in a class without a promote if its
    capital bears none. `investor_class` names the class where terms have classes. Where a
    `commitment` is given, more than that cannot be called.
    """

    key: str
    contributions: tuple[tuple[date, Decimal], ...]
    ownership: Decimal | None = None
    investor_class: str = ""
    commitment: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Transfer:
    """
    A part of an investment changed hands: its capital with its dates, what is owed on it, and its history.

    It counts from its day on: contributions of the day come before it, distributions after it.
    Lines of earlier distributions stay with the seller's key, where they were paid.
    """

    on: date
    seller: str
    buyer: str
    part: Decimal = Decimal(1)


@dataclass(frozen=True, slots=True)
class PastLine:
    """What one investor was allocated in an earlier distribution."""

    key: str
    return_of_capital: Decimal = Decimal("0.00")
    preferred_return: Decimal = Decimal("0.00")
    profit_split: Decimal = Decimal("0.00")


class LineTable(Sequence[PastLine]):
    """
    Lines of an earlier distribution in columns of whole cents, in the order of the keys.

    It is a sequence of `PastLine` that takes a tenth of the room: ten years of quarters for
    fifty thousand investors are two million lines.
    """

    __slots__ = ("capital", "keys", "preferred", "profit")

    def __init__(
        self, keys: tuple[str, ...], capital: Iterable[int], preferred: Iterable[int], profit: Iterable[int]
    ) -> None:
        self.keys = keys
        self.capital, self.preferred, self.profit = array("q", capital), array("q", preferred), array("q", profit)
        if not len(keys) == len(self.capital) == len(self.preferred) == len(self.profit):
            raise UnworkableFigures("Every line needs its capital, its preferred return and its profit.")

    def __len__(self) -> int:
        return len(self.keys)

    @overload
    def __getitem__(self, index: int) -> PastLine: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[PastLine, ...]: ...
    def __getitem__(self, index: int | slice) -> PastLine | tuple[PastLine, ...]:
        if isinstance(index, slice):
            return tuple(self[place] for place in range(*index.indices(len(self))))
        amounts = (self.capital[index], self.preferred[index], self.profit[index])
        return PastLine(self.keys[index], *(cents.to_decimal(amount) for amount in amounts))

    def __eq__(self, other: object) -> bool:
        return tuple(self) == tuple(other) if isinstance(other, Sequence) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.keys)


@dataclass(frozen=True, slots=True)
class PastDistribution:
    """
    An earlier distribution, to investors and sponsor, in the cents that were allocated.

    Where terms have several classes, `promote_by_class` says from which class's money the
    sponsor got how much; it adds up to what the sponsor got. Nothing is given for a distribution under terms
    without classes: its promote counts as each class's in proportion to the profit its investors had of it.
    """

    on: date
    lines: Sequence[PastLine]
    sponsor_catch_up: Decimal = Decimal("0.00")
    sponsor_profit_split: Decimal = Decimal("0.00")
    promote_by_class: tuple[tuple[str, Decimal], ...] = ()


@dataclass(frozen=True, slots=True)
class Balance:
    """
    Where an investor stands on a day.

    `preferred_owed` is what the first preferred return (or else the first IRR hurdle) has earned
    and not been paid, rounded to the nearest cent; the exact figure, in dollars, keeps what
    rounding has left of earlier payments, and so may be a fraction of a cent below zero.
    """

    key: str
    contributed: Decimal
    unreturned_capital: Decimal
    preferred_owed: Decimal
    preferred_owed_grains: int

    @property
    def preferred_owed_exact(self) -> Fraction:
        return Fraction(self.preferred_owed_grains, GRAIN * 100)
