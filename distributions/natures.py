"""
Natures of money: capital, preferred return, other profit; what history tells apart.

A return of capital is capital and a preferred return is that. An IRR hurdle pays first what
the account has earned, as preferred return, and then capital. A multiple hurdle pays
capital first and beyond it preferred return. Catch-ups and splits are profit, and so is
whatever the sponsor gets.
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
    """Natures whose rounding is looked at together, and the tiers whose money has them."""

    natures: tuple[Nature, ...]
    tiers: tuple[type[Tier], ...]

    def has(self, tier: Tier) -> bool:
        return isinstance(tier, self.tiers)


_PROFIT = NatureGroup((Nature.PROFIT,), (CatchUp, Split))
_APART = (
    NatureGroup((Nature.CAPITAL,), (ReturnOfCapital,)),
    NatureGroup((Nature.PREFERRED,), (PreferredReturn,)),
    _PROFIT,
)
_TOGETHER = (
    NatureGroup((Nature.CAPITAL, Nature.PREFERRED), (ReturnOfCapital, PreferredReturn, IrrHurdle, MultipleHurdle)),
    _PROFIT,
)


def nature_groups(terms: Terms) -> tuple[NatureGroup, ...]:
    """Return the groups of terms: hurdles that count all cash do not tell capital and return apart."""
    by_cash = any(isinstance(tier, IrrHurdle | MultipleHurdle) for tier in terms.tiers)
    return _TOGETHER if by_cash else _APART


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
        if isinstance(tier, ReturnOfCapital):
            capital = _plus(capital, column)
            left = [one - part for one, part in zip(left, column, strict=True)]
        elif isinstance(tier, PreferredReturn):
            preferred = _plus(preferred, column)
        elif isinstance(tier, IrrHurdle | MultipleHurdle):
            earned = [0] * size
            if isinstance(tier, IrrHurdle) and any(left):
                given = [sum(parts) for parts in zip([0] * size, *cells[:place], strict=True)]
                rows = zip(books.accounts[place].balances(on), given, left, strict=True)
                earned = [max(balance // GRAIN - cash - held, 0) for balance, cash, held in rows]
            returned = [min(max(cash - first, 0), held) for cash, first, held in zip(column, earned, left, strict=True)]
            capital = _plus(capital, returned)
            preferred = _plus(preferred, [cash - part for cash, part in zip(column, returned, strict=True)])
            left = [one - part for one, part in zip(left, returned, strict=True)]
        else:
            profit = _plus(profit, column)
    return capital, preferred, profit


def _plus(before: Sequence[int], more: Sequence[int]) -> list[int]:
    return [one + other for one, other in zip(before, more, strict=True)]
