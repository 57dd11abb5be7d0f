"""
Cents: exact shares become whole cents, once, and every table foots.

Amounts are whole cents (int) or exact cents (a `Column`: numerators over one
denominator, so that a thousand shares need no thousand fractions). The rule: every
exact share is rounded down, then one cent each goes to those with a fractional share
who are furthest below their lifetime exact entitlement; ties go to the earlier row, so
callers order rows by a stable key.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from itertools import combinations
from math import lcm
from typing import NamedTuple

_CENT = Decimal("0.01")
_TOO_MANY = 10**18


class Column(NamedTuple):
    """Exact cents, one numerator per row over a common denominator."""

    numerators: list[int]
    denominator: int


def from_decimal(amount: Decimal) -> int:
    """
    Return an amount of money as whole cents.

    :raises ValueError: if it is not a finite number of whole cents that fits its column
    """
    if isinstance(amount, Decimal):
        try:
            whole = amount.quantize(_CENT)
        except InvalidOperation:
            pass
        else:
            cents = int(whole.scaleb(2)) if whole == amount else _TOO_MANY
            if -_TOO_MANY < cents < _TOO_MANY:
                return cents
    raise ValueError(_why_no_money(amount))


def _why_no_money(amount: object) -> str:
    if not isinstance(amount, Decimal) or not amount.is_finite():
        return f"{amount} is not an amount of money."
    if amount.adjusted() > 15:
        return f"{amount} is more than an account can hold."
    return f"{amount} is not a whole number of cents."


def to_decimal(cents: int) -> Decimal:
    """Return whole cents as money with two places."""
    return Decimal(cents).scaleb(-2)


def add(column: Column, share: Column, *, keep: Fraction) -> Column:
    """Return a part of one column plus another, row by row."""
    if not keep:
        return share
    denominator = lcm(column.denominator * keep.denominator, share.denominator)
    kept = keep.numerator * (denominator // (column.denominator * keep.denominator))
    added = denominator // share.denominator
    rows = zip(column.numerators, share.numerators, strict=True)
    return Column([old * kept + new * added for old, new in rows], denominator)


def allocate(
    total: Decimal, weights: Mapping[str, int], behind: Mapping[str, Fraction] | None = None
) -> dict[str, Decimal]:
    """
    Split a total in proportion to whole weights, losing and inventing nothing.

    `behind` says by how many cents each key is below its lifetime exact entitlement
    before this split; without it the leftover cents go to the largest remainders. Ties
    go to the lesser key.

    :raises ValueError: if the total is not whole cents, or there is nothing to split by
    """
    cents, pool = from_decimal(total), sum(weights.values())
    if cents < 0 or pool <= 0 or min(weights.values()) < 0:
        raise ValueError("Only an amount that is not negative, over weights that are not, can be split.")
    keys = sorted(weights)
    before = [(behind or {}).get(key, Fraction(0)) for key in keys]
    denominator = lcm(*(fraction.denominator for fraction in before))
    late = Column([f.numerator * (denominator // f.denominator) for f in before], denominator)
    [shares] = whole_cents([Column([cents * weights[key] for key in keys], pool)], late)
    return {key: to_decimal(share) for key, share in zip(keys, shares, strict=True)}


def whole_cents(
    columns: Sequence[Column], behind: Column, by_column: Sequence[Sequence[int]] | None = None
) -> list[list[int]]:
    """
    Round a table of exact shares to whole cents, so that rows, columns and total foot.

    Rows are payees and columns are tiers. A payee's whole amount follows the rule above,
    because that is what is paid; each amount in a tier is then rounded down or up so that
    every tier adds up to its own exact total where that is whole, and to less than a cent
    from it otherwise. Where the rule's choice of payees would not let the tiers foot, the
    cent goes to the next payee in order; a share that is already whole is never touched,
    and a solution always exists (controlled rounding of a two-way table).

    `behind` holds what each row was below its entitlement before this table. The table's
    sum must be whole cents. `by_column` may say, over the denominator of `behind`, how far each
    row was behind in each column; cents then go to the columns where a row is further behind,
    as far as that changes no sum.
    """
    table = _Table(columns, behind)
    table.give_to_the_furthest_behind()
    table.spread_over_columns()
    table.foot()
    if by_column is not None:
        table.suit_rows(by_column, behind.denominator)
    return [
        [floor + (index in extra) for floor, extra in zip(floors, table.extras, strict=True)]
        for index, floors in enumerate(table.floors)
    ]


class _Table:
    """
    A table half way to whole cents: everything rounded down, and who has got a cent since.

    Fractions of a cent are integers over `unit`. A row is *owed* the cents that make up
    its own amount rounded down; a *winner* has one more.
    """

    def __init__(self, columns: Sequence[Column], behind: Column) -> None:
        self.floors = [[n // column.denominator for n in column.numerators] for column in columns]
        self.unit = lcm(*(column.denominator for column in columns))
        scales = [self.unit // column.denominator for column in columns]
        parts = self.parts = [
            [n % column.denominator * scale for n in column.numerators]
            for column, scale in zip(columns, scales, strict=True)
        ]
        sums = [sum(row) for row in zip(*parts, strict=True)]
        if sum(sums) % self.unit:
            raise ValueError("The shares do not add up to whole cents.")
        self.owed = [whole // self.unit for whole in sums]
        self.rest = [whole % self.unit for whole in sums]
        self.leftover = sum(sums) // self.unit - sum(self.owed)
        self.open = [[i for i, part in enumerate(row) if part] for row in zip(*parts, strict=True)]
        self.need = [sum(part) for part in parts]
        self.count = [0] * len(columns)
        self.extras: list[set[int]] = [set() for _ in sums]
        self.winners: set[int] = set()
        both = lcm(self.unit, behind.denominator)
        here, before = both // self.unit, both // behind.denominator
        self.late = [rest * here + late * before for rest, late in zip(self.rest, behind.numerators, strict=True)]

    def give_to_the_furthest_behind(self) -> None:
        """Choose who gets the leftover cents, by their whole amounts."""
        candidates = [row for row, rest in enumerate(self.rest) if rest]
        candidates.sort(key=lambda row: (-self.late[row], row))
        self.winners = set(candidates[: self.leftover])

    def spread_over_columns(self) -> None:
        """Put each row's cents where its columns lack most of their exact total."""
        lacking = list(self.need)
        for row, open_columns in enumerate(self.open):
            cents = self.owed[row] + (row in self.winners)
            if not cents:
                continue
            chosen = open_columns
            if cents < len(open_columns):
                chosen = sorted(open_columns, key=lambda column: (-lacking[column], column))[:cents]
            for column in chosen:
                self.extras[row].add(column)
                self.count[column] += 1
                lacking[column] -= self.unit

    def foot(self) -> None:
        """Move cents until every column is its exact total, rounded down or up."""
        least = [need // self.unit for need in self.need]
        most = [-(-need // self.unit) for need in self.need]
        while True:
            over = [c for c, count in enumerate(self.count) if count > most[c]]
            under = [c for c, count in enumerate(self.count) if count < least[c]]
            if over:
                self._move(over[:1], [c for c, count in enumerate(self.count) if count < most[c]])
            elif under:
                self._move([c for c, count in enumerate(self.count) if count > least[c]], under[:1])
            else:
                return

    def suit_rows(self, by_column: Sequence[Sequence[int]], unit: int) -> None:
        """Let pairs of rows exchange the columns of their cents, where both together are served better."""
        late = [
            [before + part * unit // self.unit for before, part in zip(column, parts, strict=True)]
            for column, parts in zip(by_column, self.parts, strict=True)
        ]
        for one, other in combinations(range(len(late)), 2):
            here, there = self._would_gain(late, one, other), self._would_gain(late, other, one)
            for (gain, row), (other_gain, other_row) in zip(here, there, strict=False):
                if gain + other_gain <= 0:
                    break
                self.extras[row] ^= {one, other}
                self.extras[other_row] ^= {one, other}

    def _would_gain(self, late: Sequence[Sequence[int]], old: int, new: int) -> list[tuple[int, int]]:
        """Return the rows that could have their cent in another column, those who would gain most first."""
        gains = [
            (late[new][row] - late[old][row], row)
            for row, extra in enumerate(self.extras)
            if old in extra and new not in extra and self.parts[new][row]
        ]
        gains.sort(key=lambda gain: (-gain[0], gain[1]))
        return gains

    def _move(self, sources: list[int], targets: list[int]) -> None:
        """
        Take a cent from one of these columns and give one to one of those, as fairly as can be.

        A cent moves between two columns of one row at no cost. Through the pool it moves from
        a winner to somebody who had none, at the cost of how much further behind the winner
        is. The cheapest chain of moves is found by Bellman-Ford over the columns and the pool.
        """
        steps = self._steps()
        cost: dict[int, int] = dict.fromkeys(sources, 0)
        came: dict[int, int] = {}
        for _ in range(len(self.count)):
            for (start, end), (price, _row) in sorted(steps.items()):
                if start in cost and (end not in cost or cost[start] + price < cost[end]):
                    cost[end], came[end] = cost[start] + price, start
        end = min((target for target in targets if target in cost), key=lambda c: (cost[c], c))
        self.count[end] += 1
        while end in came:
            start = came[end]
            self._take(start, end, steps[start, end][1])
            end = start
        self.count[end] -= 1

    def _steps(self) -> dict[tuple[int, int], tuple[int, int]]:
        """Return the cheapest way (cost, row) for a cent to pass between each two columns or the pool."""
        pool = len(self.count)
        steps: dict[tuple[int, int], tuple[int, int]] = {}

        def offer(start: int, end: int, price: int, row: int) -> None:
            if (start, end) not in steps or price < steps[start, end][0]:
                steps[start, end] = (price, row)

        for row, extras in enumerate(self.extras):
            free = [column for column in self.open[row] if column not in extras]
            for start in extras:
                for end in free:
                    offer(start, end, 0, row)
                if row in self.winners:
                    offer(start, pool, self.late[row], row)
            if self.rest[row] and row not in self.winners:
                for end in free:
                    offer(pool, end, -self.late[row], row)
        return steps

    def _take(self, start: int, end: int, row: int) -> None:
        pool = len(self.count)
        if start == pool:
            self.winners.add(row)
        else:
            self.extras[row].remove(start)
        if end == pool:
            self.winners.remove(row)
        else:
            self.extras[row].add(end)
