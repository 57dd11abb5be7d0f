"""
Replay: the history of an offering's money, from the first contribution to a day.

What is due now depends on what was paid when, so every calculation begins by telling the
whole story again. Cents paid are facts and set the balances; the exact shares of each
past run are worked out beside them, to know whom rounding has kept waiting.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from fractions import Fraction
from math import lcm

from distributions import cents
from distributions.accruals import Accrual
from distributions.cents import Column
from distributions.positions import Balance, PastDistribution, Position, UnworkableFigures
from distributions.terms import CatchUp, PreferredReturn, ProfitBasis, ReturnOfCapital, Split, Terms, Tier

_NONE, _ALL = Fraction(0), Fraction(1)
# The natures of money that history tells apart: capital, preferred return, other profit.
_NATURES: tuple[tuple[type[Tier], ...], ...] = ((ReturnOfCapital,), (PreferredReturn,), (CatchUp, Split))


@dataclass(frozen=True)
class Flow:
    """What a tier takes, in exact cents, and what part of a hurdle that meets."""

    tier: Tier
    lp: Fraction
    gp: Fraction
    met: Fraction

    @property
    def is_catch_up(self) -> bool:
        return isinstance(self.tier, CatchUp)


@dataclass
class Books:
    """
    Where everybody stands while history is replayed, in cents; investors are rows by key.

    Each carry holds, per investor and last the sponsor, by how much the cents paid fell short
    of the exact shares of the same runs: the lifetime entitlement that rounding still owes.
    """

    terms: Terms
    keys: list[str]
    ownership: list[int]
    accrual: Accrual | None
    contributed: list[int] = field(default_factory=list)
    unreturned: list[int] = field(default_factory=list)
    lp_profit: int = 0
    gp_profit: int = 0
    carries: list[Column] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.contributed = [0] * len(self.keys)
        self.unreturned = [0] * len(self.keys)
        self.carries = [Column([0] * (len(self.keys) + 1), 1) for _ in range(3)]

    def contribute(self, row: int, capital: int, on: date) -> None:
        self.contributed[row] += capital
        self.unreturned[row] += capital
        if self.accrual:
            self.accrual.contribute(row, capital, on)

    def advance(self, on: date) -> None:
        if self.accrual:
            self.accrual.advance(on)

    def run(self, amount: int) -> list[Flow]:
        """Send an amount down the tiers, exactly."""
        left = Fraction(amount)
        lp, gp = Fraction(self.lp_profit), Fraction(self.gp_profit)
        flows = []
        for tier in self.terms.tiers:
            need = self._need(tier, lp, gp, left)
            taken = min(left, need)
            sponsor = taken * _sponsor_rate(tier)
            is_hurdle = isinstance(tier, (ReturnOfCapital, PreferredReturn))
            met = taken / need if is_hurdle and need else _NONE
            flows.append(Flow(tier, taken - sponsor, sponsor, met))
            left -= taken
            if not isinstance(tier, ReturnOfCapital):
                lp += taken - sponsor
                gp += sponsor
        return flows

    def _need(self, tier: Tier, lp: Fraction, gp: Fraction, left: Fraction) -> Fraction:
        """Return what a tier takes at most, given the profit of investors and sponsor so far."""
        if isinstance(tier, ReturnOfCapital):
            return Fraction(sum(self.unreturned))
        if isinstance(tier, PreferredReturn):
            return max(self._preferred_owed(), Fraction(0))
        if isinstance(tier, CatchUp):
            # After X more, of which the sponsor gets c, it has k of all profit:
            # G + cX = k(L + G + X).
            target, rate = Fraction(tier.target), Fraction(tier.gp_rate)
            return max((target * (lp + gp) - gp) / (rate - target), Fraction(0))
        return left

    def _preferred_owed(self) -> Fraction:
        # A fraction of a cent paid too much counts against the others, so that investors together
        # are never paid more than has accrued; more than that is a matter of that investor alone.
        numerators, cent = self._owed()
        return Fraction(sum(owed for owed in numerators if owed > -cent), cent)

    def _owed(self) -> Column:
        return self.accrual.owed() if self.accrual else Column([0] * len(self.keys), 1)

    def column(self, flow: Flow) -> Column:
        """Divide what a tier takes among the investors, and last the sponsor."""
        weights = self.profit_weights()
        if isinstance(flow.tier, ReturnOfCapital):
            weights = self.unreturned
        elif isinstance(flow.tier, PreferredReturn):
            weights = [max(owed, 0) for owed in self._owed().numerators]
        pool = sum(weights)
        each = flow.lp / pool if pool else Fraction(0)
        denominator = lcm(each.denominator, flow.gp.denominator)
        share = each.numerator * (denominator // each.denominator)
        sponsor = flow.gp.numerator * (denominator // flow.gp.denominator)
        return Column([weight * share for weight in weights] + [sponsor], denominator)

    def profit_weights(self) -> list[int]:
        by_ownership = self.terms.profits_by is ProfitBasis.OWNERSHIP
        return self.ownership if by_ownership else self.contributed

    def behind(self) -> Column:
        """Return by how much each row is below its lifetime exact entitlement, in all."""
        capital, preferred, profit = self.carries
        return cents.add(cents.add(capital, preferred, keep=_ALL), profit, keep=_ALL)

    def carry(self, paid: Sequence[list[int]]) -> None:
        """
        Note how far a past run's cents were from its exact shares.

        What a run pays of a tier's need already makes good that part of earlier
        differences, since the need is reckoned from the cents paid; only profit is not
        reckoned so. A difference no rounding makes, two cents or more, is somebody's
        decision or other terms, and is not made good.
        """
        flows = self.run(sum(map(sum, paid)))
        columns = [self.column(flow) for flow in flows]
        for index, natures in enumerate(_NATURES):
            exact, keep = Column([0] * (len(self.keys) + 1), 1), _ALL
            for flow, column in zip(flows, columns, strict=True):
                if isinstance(flow.tier, natures):
                    exact, keep = cents.add(exact, column, keep=_ALL), 1 - flow.met
            unit = exact.denominator
            rows = zip(exact.numerators, paid[index], strict=True)
            short = [numerator - cent * unit for numerator, cent in rows]
            if max(map(abs, short)) < 2 * unit:
                self.carries[index] = cents.add(self.carries[index], Column(short, unit), keep=keep)

    def pay(self, capital: list[int], preferred: list[int], profit: list[int]) -> None:
        """Book the cents of a run: investors first, the sponsor last."""
        for row in range(len(self.keys)):
            self.unreturned[row] -= capital[row]
            if self.unreturned[row] < 0:
                raise UnworkableFigures(
                    f"More capital was returned to {self.keys[row]} than it had contributed by then."
                )
            if self.accrual:
                self.accrual.return_capital(row, capital[row])
                self.accrual.pay(row, preferred[row])
        self.lp_profit += sum(preferred[:-1]) + sum(profit[:-1])
        self.gp_profit += profit[-1]

    def balances(self) -> tuple[Balance, ...]:
        owed = self._owed()
        return tuple(
            Balance(
                key=key,
                contributed=cents.to_decimal(self.contributed[row]),
                unreturned_capital=cents.to_decimal(self.unreturned[row]),
                preferred_owed=cents.to_decimal(max(_nearest(owed.numerators[row], owed.denominator), 0)),
                preferred_owed_exact=Fraction(owed.numerators[row], owed.denominator * 100),
            )
            for row, key in enumerate(self.keys)
        )


def by_nature(flows: Sequence[Flow], table: Sequence[list[int]]) -> tuple[list[int], list[int], list[int]]:
    """Add the columns of a table of cents up to capital, preferred return and other profit, per row."""
    capital, preferred, profit = (
        [
            sum(cells)
            for cells in zip(
                [0] * len(table[0]),
                *(cells for flow, cells in zip(flows, table, strict=True) if isinstance(flow.tier, natures)),
                strict=True,
            )
        ]
        for natures in _NATURES
    )
    return capital, preferred, profit


def replay(terms: Terms, positions: Sequence[Position], history: Sequence[PastDistribution], on: date) -> Books:
    """
    Return the books as they stand on a day, before anything more is distributed.

    :raises UnworkableFigures: if a position or a past line makes no sense, or history is
        later than the day
    """
    positions = sorted(positions, key=lambda position: position.key)
    rows = {position.key: row for row, position in enumerate(positions)}
    if len(rows) < len(positions):
        raise UnworkableFigures("Two positions have the same key.")
    tier = terms.preferred_return
    books = Books(
        terms=terms,
        keys=list(rows),
        ownership=_ownership(terms, positions),
        accrual=Accrual(tier, len(rows)) if tier else None,
    )
    waiting = _contributions(positions)
    for past in sorted(history, key=lambda past: past.on):
        if past.on > on:
            raise UnworkableFigures(f"History tells of {past.on}, which is later than {on}.")
        _come_to(books, past.on, waiting)
        paid = _paid(past, rows)
        books.carry(paid)
        books.pay(*paid)
    _come_to(books, on, waiting)
    return books


def read_cents(amount: Decimal, name: str) -> int:
    """
    Return an amount as whole cents.

    :raises UnworkableFigures: if it is not an amount of money
    """
    try:
        return cents.from_decimal(amount)
    except ValueError as error:
        raise UnworkableFigures(f"{name}: {error}") from error


def _come_to(books: Books, on: date, waiting: list[tuple[date, int, int]]) -> None:
    """Take in the contributions up to a day, the day's own too, and accrue up to it."""
    while waiting and waiting[-1][0] <= on:
        day, row, capital = waiting.pop()
        books.contribute(row, capital, day)
    books.advance(on)


def _contributions(positions: Sequence[Position]) -> list[tuple[date, int, int]]:
    """Return every contribution as (day, row, cents), the latest first."""
    contributions = []
    for row, position in enumerate(positions):
        for day, amount in position.contributions:
            capital = read_cents(amount, f"A contribution of {position.key}")
            if capital <= 0:
                raise UnworkableFigures(f"A contribution of {position.key} must be more than nothing.")
            contributions.append((day, row, capital))
    return sorted(contributions, reverse=True)


def _ownership(terms: Terms, positions: Sequence[Position]) -> list[int]:
    """Return ownership as whole numbers in the same proportion; nothing when it is not needed."""
    if terms.profits_by is not ProfitBasis.OWNERSHIP:
        return []
    for position in positions:
        ownership = position.ownership
        if ownership is None or not ownership.is_finite() or not 0 <= ownership <= 1:
            raise UnworkableFigures(
                f"These terms share profit by ownership, and that of {position.key} is {ownership}."
            )
    parts = [Fraction(position.ownership or 0) for position in positions]
    denominator = lcm(*(part.denominator for part in parts))
    return [part.numerator * (denominator // part.denominator) for part in parts]


def _paid(past: PastDistribution, rows: dict[str, int]) -> tuple[list[int], list[int], list[int]]:
    """Return a past distribution's cents of capital, preferred return and profit, the sponsor last."""
    capital, preferred, profit = ([0] * (len(rows) + 1) for _ in range(3))
    name = f"The distribution of {past.on}"
    for line in past.lines:
        if line.key not in rows:
            raise UnworkableFigures(f"{name} paid {line.key}, who has no position.")
        row = rows[line.key]
        capital[row] += read_cents(line.return_of_capital, name)
        preferred[row] += read_cents(line.preferred_return, name)
        profit[row] += read_cents(line.profit_split, name)
    profit[-1] = read_cents(past.sponsor_catch_up, name) + read_cents(past.sponsor_profit_split, name)
    if min(min(capital), min(preferred), min(profit)) < 0:
        raise UnworkableFigures(f"{name} has an amount below nothing.")
    return capital, preferred, profit


def _nearest(numerator: int, denominator: int) -> int:
    return (2 * numerator + denominator) // (2 * denominator)


def _sponsor_rate(tier: Tier) -> Fraction:
    """Return the sponsor's part of each dollar in a tier."""
    if isinstance(tier, CatchUp):
        return Fraction(tier.gp_rate)
    return Fraction(tier.gp_share) if isinstance(tier, Split) else Fraction(0)
