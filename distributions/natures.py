"""
Natures of money: capital, preferred return, other profit; what history tells apart.

A return of capital is capital and a preferred return is that. An IRR hurdle pays first what
the account has earned and then capital; a multiple hurdle pays capital first. What they pay
beyond capital is preferred return, or profit where the terms have a preferred return besides,
which only its own tier pays off. Catch-ups and splits are profit, and so is whatever the
sponsor gets.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import Enum, auto

from distributions.class_books import ClassBooks
from distributions.grains import GRAIN
from distributions.terms import (
    CatchUp,
    IrrHurdle,
    MultipleHurdle,
    PreferredReturn,
    ReturnOfCapital,
    Split,
    Terms,
    Tier,
)


class Nature(Enum):
    CAPITAL = auto()
    PREFERRED = auto()
    PROFIT = auto()


@dataclass(frozen=True)
class NatureGroup:
    """
    Natures whose rounding is looked at together, and the tiers whose money has them.

    Differences are made good by tiers whose need is reckoned from the cents paid.
    """

    natures: tuple[Nature, ...]
    tiers: tuple[type[Tier], ...]
    made_good_by: tuple[type[Tier], ...]

    def has(self, tier: Tier) -> bool:
        return isinstance(tier, self.tiers)

    def makes_good(self, tier: Tier) -> bool:
        return isinstance(tier, self.made_good_by)


_BY_CASH: tuple[type[Tier], ...] = (IrrHurdle, MultipleHurdle)
_ALL_PROFIT: tuple[type[Tier], ...] = (CatchUp, Split)
_PREFERRED = NatureGroup((Nature.PREFERRED,), (PreferredReturn,), (PreferredReturn,))
_PROFIT = NatureGroup((Nature.PROFIT,), _ALL_PROFIT, ())
_CAPITAL = NatureGroup((Nature.CAPITAL,), (ReturnOfCapital,), (ReturnOfCapital,))
_CASH = NatureGroup((Nature.CAPITAL, Nature.PREFERRED), (ReturnOfCapital, *_BY_CASH), (ReturnOfCapital, *_BY_CASH))
_CASH_AND_PROFIT = NatureGroup((Nature.CAPITAL, Nature.PROFIT), (ReturnOfCapital, *_BY_CASH, *_ALL_PROFIT), _BY_CASH)


def nature_groups(terms: Terms) -> tuple[NatureGroup, ...]:
    """Return the groups of terms; hurdles that count all cash do not tell capital from what they pay beyond it."""
    if not any(isinstance(tier, _BY_CASH) for tier in terms.tiers):
        return (_CAPITAL, _PREFERRED, _PROFIT)
    return (_PREFERRED, _CASH_AND_PROFIT) if terms.preferred_return else (_CASH, _PROFIT)


def natures_of(books: ClassBooks, cells: Sequence[Sequence[int]], on: date) -> tuple[list[int], list[int], list[int]]:
    """
    Return each investor's cents of a run as capital, preferred return and profit.

    `cells` are the cents of each tier, per investor of the class, before the run is booked.
    """
    size = len(books.keys)
    capital, preferred, profit = [0] * size, [0] * size, [0] * size
    left = list(books.unreturned)
    for place, (tier, column) in enumerate(zip(books.terms.tiers, cells, strict=True)):
        if not any(column):
            continue
        if isinstance(tier, PreferredReturn):
            preferred = _plus(preferred, column)
        elif isinstance(tier, (ReturnOfCapital, *_BY_CASH)):
            # A return of capital, too, may end in an odd cent beyond capital, after a hurdle that returned some.
            earned = [0] * size
            if isinstance(tier, IrrHurdle) and any(left):
                given = [sum(parts) for parts in zip([0] * size, *cells[:place], strict=True)]
                rows = zip(books.accounts[place].balances(on), given, left, strict=True)
                earned = [max(balance // GRAIN - cash - held, 0) for balance, cash, held in rows]
            returned = [min(max(cash - first, 0), held) for cash, first, held in zip(column, earned, left, strict=True)]
            capital = _plus(capital, returned)
            beyond = [cash - part for cash, part in zip(column, returned, strict=True)]
            if books.terms.preferred_return:
                profit = _plus(profit, beyond)
            else:
                preferred = _plus(preferred, beyond)
            left = [one - part for one, part in zip(left, returned, strict=True)]
        else:
            profit = _plus(profit, column)
    return capital, preferred, profit


def _plus(before: Sequence[int], more: Sequence[int]) -> list[int]:
    return [one + other for one, other in zip(before, more, strict=True)]
