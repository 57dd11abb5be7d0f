"""
The waterfall: what each investor and the sponsor are due of an amount.

Pure arithmetic, usable as a library: no database, no clock. History is replayed from the
first contribution, because what is due now depends on what was paid when. Cents paid are
facts and set the balances; shares are exact fractions until whole cents are made of
them, once, at the end (`distributions.cents`).

Return of capital is in proportion to unreturned capital, preferred return to what has
accrued to each, all other profit to contributed capital (or ownership).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction

from distributions import cents
from distributions.cents import Column
from distributions.day_counts import DayCount
from distributions.positions import Balance, PastDistribution, PastLine, Position, UnworkableFigures
from distributions.replay import Books, Flow, by_nature, read_cents, replay
from distributions.terms import (
    CapitalBase,
    CatchUp,
    Compounding,
    PreferredReturn,
    ProfitBasis,
    ReturnOfCapital,
    Split,
    Terms,
    Tier,
    TierKind,
    UnworkableTerms,
    case_a_terms,
    original_four_tiers,
)

# Whoever calculates needs the terms as well; one import gives both.
__all__ = [
    "Balance",
    "CapitalBase",
    "CatchUp",
    "Compounding",
    "DayCount",
    "PastDistribution",
    "PastLine",
    "Position",
    "PreferredReturn",
    "ProfitBasis",
    "Result",
    "ReturnOfCapital",
    "Share",
    "Split",
    "SponsorShare",
    "Terms",
    "Tier",
    "TierKind",
    "TierTotal",
    "UnworkableFigures",
    "UnworkableTerms",
    "balances",
    "calculate",
    "case_a_terms",
    "original_four_tiers",
]


@dataclass(frozen=True)
class TierTotal:
    """What one tier takes, for the investors together (lp) and for the sponsor (gp), in dollars."""

    kind: TierKind
    lp: Decimal
    gp: Decimal
    lp_exact: Fraction
    gp_exact: Fraction

    @property
    def total(self) -> Decimal:
        return self.lp + self.gp


@dataclass(frozen=True)
class Share:
    """What one investor is due; `profit_split` includes its part of a catch-up."""

    key: str
    return_of_capital: Decimal
    preferred_return: Decimal
    profit_split: Decimal
    total: Decimal
    exact: Fraction


@dataclass(frozen=True)
class SponsorShare:
    """What the sponsor is due as its promote."""

    catch_up: Decimal
    profit_split: Decimal
    total: Decimal
    exact: Fraction


@dataclass(frozen=True)
class Result:
    """
    A calculated distribution. It foots: shares and sponsor add up to the amount, so do
    the tiers, and so does each tier's column over the shares and the sponsor.
    """

    on: date
    amount: Decimal
    tiers: tuple[TierTotal, ...]
    shares: tuple[Share, ...]
    sponsor: SponsorShare
    balances: tuple[Balance, ...]

    @property
    def return_of_capital(self) -> Decimal:
        return sum((share.return_of_capital for share in self.shares), Decimal("0.00"))

    @property
    def preferred_return(self) -> Decimal:
        return sum((share.preferred_return for share in self.shares), Decimal("0.00"))

    @property
    def sponsor_catch_up(self) -> Decimal:
        return self.sponsor.catch_up

    @property
    def profit_split(self) -> Decimal:
        """Return all profit after the hurdles but the sponsor's catch-up; the four totals foot."""
        shares = (share.profit_split for share in self.shares)
        return sum(shares, self.sponsor.profit_split)

    def as_past(self) -> PastDistribution:
        """Return this distribution as history for the next one."""
        return PastDistribution(
            on=self.on,
            lines=tuple(
                PastLine(share.key, share.return_of_capital, share.preferred_return, share.profit_split)
                for share in self.shares
            ),
            sponsor_catch_up=self.sponsor.catch_up,
            sponsor_profit_split=self.sponsor.profit_split,
        )


def calculate(
    terms: Terms,
    positions: Sequence[Position],
    history: Sequence[PastDistribution],
    amount: Decimal,
    on: date,
) -> Result:
    """
    Run an amount through the tiers on a day, after all that was distributed before.

    The order of positions does not matter; shares come back in the order of their keys.
    History of one day is taken in the order given. Distributions on the day itself count
    as paid before; contributions of the day count, and have earned nothing yet.

    :raises UnworkableFigures: if the amount is not positive whole cents, a position or a
        past line makes no sense, history is later than the day, or there is no capital
    """
    books = replay(terms, positions, history, on)
    wanted = read_cents(amount, "The amount to distribute")
    if wanted <= 0:
        raise UnworkableFigures(f"The amount to distribute must be more than nothing; it is {amount}.")
    if not any(books.contributed) or not any(books.profit_weights()):
        raise UnworkableFigures(f"Nobody had contributed capital by {on}; there is nobody to distribute to.")
    flows = books.run(wanted)
    columns = [books.column(flow) for flow in flows]
    table = cents.whole_cents(columns, books.behind())
    books.pay(*by_nature(flows, table))
    return _result(books, flows, columns, table, amount=wanted, on=on)


def balances(
    terms: Terms, positions: Sequence[Position], history: Sequence[PastDistribution], on: date
) -> tuple[Balance, ...]:
    """
    Return where every investor stands at a day, in the order of their keys.

    :raises UnworkableFigures: if a position or a past line makes no sense, or history is
        later than the day
    """
    return replay(terms, positions, history, on).balances()


def _result(
    books: Books,
    flows: Sequence[Flow],
    columns: Sequence[Column],
    table: Sequence[list[int]],
    *,
    amount: int,
    on: date,
) -> Result:
    capital, preferred, profit = by_nature(flows, table)
    exact = [Fraction(0)] * len(capital)
    for column in columns:
        for row, numerator in enumerate(column.numerators):
            if numerator:
                exact[row] += Fraction(numerator, column.denominator * 100)
    shares = tuple(
        Share(
            key=key,
            return_of_capital=cents.to_decimal(capital[row]),
            preferred_return=cents.to_decimal(preferred[row]),
            profit_split=cents.to_decimal(profit[row]),
            total=cents.to_decimal(capital[row] + preferred[row] + profit[row]),
            exact=exact[row],
        )
        for row, key in enumerate(books.keys)
    )
    catch_up = sum(cells[-1] for flow, cells in zip(flows, table, strict=True) if flow.is_catch_up)
    sponsor = SponsorShare(
        catch_up=cents.to_decimal(catch_up),
        profit_split=cents.to_decimal(profit[-1] - catch_up),
        total=cents.to_decimal(profit[-1]),
        exact=exact[-1],
    )
    tiers = tuple(
        TierTotal(
            kind=flow.tier.kind,
            lp=cents.to_decimal(sum(cells[:-1])),
            gp=cents.to_decimal(cells[-1]),
            lp_exact=flow.lp / 100,
            gp_exact=flow.gp / 100,
        )
        for flow, cells in zip(flows, table, strict=True)
    )
    return Result(
        on=on,
        amount=cents.to_decimal(amount),
        tiers=tiers,
        shares=shares,
        sponsor=sponsor,
        balances=books.balances(),
    )
