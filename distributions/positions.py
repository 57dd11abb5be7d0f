"""
Positions: who put in what and when, what was distributed since, and where that leaves them.

These are what the waterfall is told and what it answers about an investor. Amounts are
Decimal dollars in whole cents.
"""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction


class UnworkableFigures(Exception):
    """These positions, this history or this amount cannot be worked; the message says why."""


@dataclass(frozen=True)
class Position:
    """One investor: a stable key, and each contribution with the day it cleared."""

    key: str
    contributions: tuple[tuple[date, Decimal], ...]
    ownership: Decimal | None = None


@dataclass(frozen=True)
class PastLine:
    """What one investor was allocated in an earlier distribution."""

    key: str
    return_of_capital: Decimal = Decimal("0.00")
    preferred_return: Decimal = Decimal("0.00")
    profit_split: Decimal = Decimal("0.00")


@dataclass(frozen=True)
class PastDistribution:
    """An earlier distribution, to investors and sponsor, in the cents that were allocated."""

    on: date
    lines: tuple[PastLine, ...]
    sponsor_catch_up: Decimal = Decimal("0.00")
    sponsor_profit_split: Decimal = Decimal("0.00")


@dataclass(frozen=True)
class Balance:
    """
    Where an investor stands on a day.

    `preferred_owed` is rounded to the nearest cent; the exact figure, in dollars, keeps what
    rounding has left of earlier payments, and so may be a fraction of a cent below zero.
    """

    key: str
    contributed: Decimal
    unreturned_capital: Decimal
    preferred_owed: Decimal
    preferred_owed_exact: Fraction
