"""Results: a calculated distribution, in whole cents that foot and the exact figures behind them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction

from distributions import cents
from distributions.books import Books, Paid
from distributions.cents import Column
from distributions.natures import natures_of
from distributions.positions import Balance, LineTable, PastDistribution
from distributions.runs import Flow
from distributions.tiers import Tier, TierKind

_NOTHING = Decimal("0.00")


@dataclass(frozen=True, slots=True)
class TierTotal:
    """What one tier takes, for the investors together (lp) and for the sponsor (gp), in dollars."""

    kind: TierKind
    lp: Decimal
    gp: Decimal
    lp_exact: Fraction
    gp_exact: Fraction
    investor_class: str = ""

    @property
    def total(self) -> Decimal:
        return self.lp + self.gp


@dataclass(frozen=True, slots=True)
class Share:
    """
    What one investor is due; `profit_split` includes its part of a catch-up.

    `by_tier` holds its cents of each tier of the result, in their order. The exact share is
    a numerator over a denominator that all shares of a result have in common, in cents.
    """

    key: str
    return_of_capital: Decimal
    preferred_return: Decimal
    profit_split: Decimal
    total: Decimal
    by_tier: tuple[int, ...]
    exact_numerator: int
    exact_denominator: int

    @property
    def exact(self) -> Fraction:
        """The exact share, in dollars."""
        return Fraction(self.exact_numerator, self.exact_denominator * 100)


@dataclass(frozen=True, slots=True)
class SponsorShare:
    """What the sponsor is due as its promote; what it gets for capital of its own is a `Share`."""

    catch_up: Decimal
    profit_split: Decimal
    total: Decimal
    exact: Fraction
    by_class: tuple[tuple[str, Decimal], ...] = ()


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
        return sum((share.return_of_capital for share in self.shares), _NOTHING)

    @property
    def preferred_return(self) -> Decimal:
        return sum((share.preferred_return for share in self.shares), _NOTHING)

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
        shares = self.shares
        return PastDistribution(
            on=self.on,
            lines=LineTable(
                tuple(share.key for share in shares),
                [cents.from_decimal(share.return_of_capital) for share in shares],
                [cents.from_decimal(share.preferred_return) for share in shares],
                [cents.from_decimal(share.profit_split) for share in shares],
            ),
            sponsor_catch_up=self.sponsor.catch_up,
            sponsor_profit_split=self.sponsor.profit_split,
            promote_by_class=self.sponsor.by_class,
        )


class Worked:
    """A run in whole cents, not booked yet: the flows of each class and the cents of each payee in each tier."""

    def __init__(self, books: Books, flows: Sequence[Sequence[Flow]], on: date) -> None:
        self.books = books
        self.flows = flows
        self.on = on
        self.columns = books.columns(flows)
        self.behind = books.behind(flows)
        table = iter(cents.whole_cents(self.columns, self.behind, books.behind_by_column(flows)))
        nothing = [0] * (len(books.keys) + 1)
        # By class and tier, each column over all rows and last the sponsor.
        self.cells = [[next(table) if flow.taken else nothing for flow in tiers] for tiers in flows]

    def paid(self) -> Paid:
        """Return the cents by nature, as they are booked."""
        books = self.books
        size = len(books.keys)
        natures = ([0] * size, [0] * size, [0] * size)
        for own, one, columns in zip(books.rows, books.classes, self.cells, strict=True):
            cells = [column[:-1] if len(own) == size else [column[row] for row in own] for column in columns]
            for whole, part in zip(natures, natures_of(one, cells, self.on), strict=True):
                for row, amount in zip(own, part, strict=True):
                    whole[row] = amount
        promote = [sum(column[-1] for column in columns) for columns in self.cells]
        return Paid(*natures, promote)

    def exact(self) -> Column:
        """Return what each row is due in all, in exact cents."""
        whole = Column([0] * (len(self.books.keys) + 1), 1)
        for column in self.columns:
            whole = cents.add(whole, column, keep=Fraction(1))
        return whole

    def result(self, amount: int, paid: Paid) -> Result:
        """Return the result; the run must have been booked."""
        exact = self.exact()
        by_row = zip(*(column for columns in self.cells for column in columns), strict=True)
        rows = zip(self.books.keys, paid.capital, paid.preferred, paid.profit, by_row, exact.numerators, strict=False)
        return Result(
            on=self.on,
            amount=cents.to_decimal(amount),
            tiers=tuple(self._tiers()),
            shares=tuple(
                Share(
                    key=key,
                    return_of_capital=_money(capital),
                    preferred_return=_money(preferred),
                    profit_split=_money(profit),
                    total=_money(capital + preferred + profit),
                    by_tier=cells,
                    exact_numerator=numerator,
                    exact_denominator=exact.denominator,
                )
                for key, capital, preferred, profit, cells, numerator in rows
            ),
            sponsor=self._sponsor(paid, Fraction(exact.numerators[-1], exact.denominator * 100)),
            balances=self.books.balances(self.on),
        )

    def each_tier(self) -> list[tuple[str, Tier, Flow, list[int]]]:
        """Return class, tier, flow and cents of every tier, in the order of the result."""
        return [
            (one.name, flow.tier, flow, column)
            for one, tiers, columns in zip(self.books.classes, self.flows, self.cells, strict=True)
            for flow, column in zip(tiers, columns, strict=True)
        ]

    def _tiers(self) -> list[TierTotal]:
        return [
            TierTotal(
                kind=tier.kind,
                lp=cents.to_decimal(sum(column) - column[-1]),
                gp=cents.to_decimal(column[-1]),
                lp_exact=flow.lp / 100,
                gp_exact=flow.gp / 100,
                investor_class=name,
            )
            for name, tier, flow, column in self.each_tier()
        ]

    def _sponsor(self, paid: Paid, exact: Fraction) -> SponsorShare:
        catch_up = sum(column[-1] for _, _, flow, column in self.each_tier() if flow.is_catch_up)
        whole = sum(paid.promote)
        by_class: tuple[tuple[str, Decimal], ...] = ()
        if len(paid.promote) > 1:
            names = (one.name for one in self.books.classes)
            by_class = tuple(zip(names, map(cents.to_decimal, paid.promote), strict=True))
        return SponsorShare(
            catch_up=cents.to_decimal(catch_up),
            profit_split=cents.to_decimal(whole - catch_up),
            total=cents.to_decimal(whole),
            exact=exact,
            by_class=by_class,
        )


def _money(amount: int) -> Decimal:
    return cents.to_decimal(amount) if amount else _NOTHING
