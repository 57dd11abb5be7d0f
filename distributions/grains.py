"""
Grains: the fixed part of a cent in which whatever accrues is counted.

A simple preferred return is a whole number of grains under every day count, so it is
exact. What compounds, or grows like an IRR, is rounded to the nearest grain at each
movement of money: half a grain is less than 10^-30 of a cent. See decision 30.
"""

from decimal import ROUND_HALF_EVEN, Context, Decimal
from fractions import Fraction
from functools import lru_cache

# 365, 366 and 360 days divide the first factor; rates of twelve decimals the second.
GRAIN = 1_603_080 * 10**24

# Factors are held with so many binary places; money in grains has about 140.
PLACES = 256
HALF = 1 << (PLACES - 1)
_EXACT = Context(prec=130, rounding=ROUND_HALF_EVEN, Emax=10**6, Emin=-(10**6))


def fixed(factor: Fraction) -> int:
    """Return a factor as a whole number over 2^PLACES, to the nearest."""
    return ((factor.numerator << (PLACES + 1)) // factor.denominator + 1) >> 1


def nearest_cent(grains: int) -> int:
    """Return grains as cents, a half rounded up."""
    return (2 * grains + GRAIN) // (2 * GRAIN)


def in_grains(amount: Fraction) -> int:
    """Return exact cents as grains, rounded down."""
    return amount.numerator * GRAIN // amount.denominator


@lru_cache(maxsize=65_536)
def growth(rate: Decimal, days: int) -> Fraction:
    """
    Return (1 + rate)^(days / 365).

    It is exact for whole years and otherwise right to 125 digits.
    """
    years, rest = divmod(days, 365)
    if not rest:
        return Fraction(1 + rate) ** years
    power = _EXACT.power(_EXACT.add(Decimal(1), rate), _EXACT.divide(Decimal(days), Decimal(365)))
    return Fraction(power)
