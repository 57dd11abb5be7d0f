"""
How much a person may invest under Regulation Crowdfunding in twelve months (17 CFR 227.100(a)(2)).

The two figures the regulation names are adjusted for inflation every few years, so they are
passed in from the dated limits.
"""

from dataclasses import dataclass
from decimal import ROUND_DOWN, Decimal

from realco.money import CENT, ZERO

_LOWER_SHARE = Decimal("0.05")
_UPPER_SHARE = Decimal("0.10")


@dataclass(frozen=True, slots=True)
class Figures:
    """
    The regulation's figures, in US dollars: $2,500 and $124,000 since 20 September 2022.

    ``ceiling`` is both the income and net worth below which the lower share applies, and the most
    that anybody may invest.
    """

    floor: Decimal
    ceiling: Decimal


def allowance(annual_income: Decimal | None, net_worth: Decimal | None, figures: Figures) -> Decimal:
    """
    Compute what somebody who is not accredited may invest in twelve months over all offerings.

    If income or net worth is below the ceiling: the greater of the floor and 5 % of the greater of
    the two; otherwise 10 % of the greater; never more than the ceiling. What is not known counts as
    zero. Fractions of a cent are not allowed for.
    """
    income, worth = annual_income or ZERO, net_worth or ZERO
    if min(income, worth) < figures.ceiling:
        most = max(figures.floor, max(income, worth) * _LOWER_SHARE)
    else:
        most = max(income, worth) * _UPPER_SHARE
    return min(most, figures.ceiling).quantize(CENT, rounding=ROUND_DOWN)


def room(annual_income: Decimal | None, net_worth: Decimal | None, used: Decimal, figures: Figures) -> Decimal:
    """Compute what is left of the allowance after what was invested in the last twelve months; never negative."""
    return max(ZERO, allowance(annual_income, net_worth, figures) - used)
