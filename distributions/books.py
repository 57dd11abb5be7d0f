"""
Books: all classes together while history is replayed, and whom rounding has kept waiting.

Cents paid are facts and set the balances. The exact shares of each past run are worked out
beside them, so that leftover cents go to those who are furthest behind over a lifetime.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from math import lcm

from distributions import cents
from distributions.cents import Column
from distributions.class_books import ClassBooks
from distributions.grains import GRAIN, PLACES, fixed, in_grains, nearest_cent
from distributions.natures import Nature, nature_groups
from distributions.positions import Balance
from distributions.runs import Flow, Run
from distributions.terms import BetweenClasses

# How far somebody is behind is compared to a billionth of a cent, so that rounding breaks no tie.
COMPARED = 10**9


@dataclass(frozen=True)
class Paid:
    """The cents of a run by nature, per investor, and the sponsor's per class."""

    capital: list[int]
    preferred: list[int]
    profit: list[int]
    promote: list[int]

    @property
    def total(self) -> int:
        return sum(self.capital) + sum(self.preferred) + sum(self.profit) + sum(self.promote)


class Books:
    """Where everybody stands; investors are rows by key, and `rows` says which belong to each class."""

    def __init__(
        self, keys: list[str], classes: list[ClassBooks], rows: list[list[int]], between: BetweenClasses
    ) -> None:
        self.keys = keys
        self.classes = classes
        self.rows = rows
        self.between = between
        self._groups = [nature_groups(one.terms) for one in classes]
        # By how many grains the cents paid fell short of the exact shares of the same runs.
        self._carries = [[[0] * len(own) for _ in groups] for own, groups in zip(rows, self._groups, strict=True)]
        self._sponsor_carry = 0

    @property
    def contributed(self) -> int:
        return sum(sum(one.contributed) for one in self.classes)

    @property
    def profit_weight(self) -> int:
        return sum(sum(one.profit_weights()) for one in self.classes)

    def run(self, amount: int, on: date) -> list[list[Flow]]:
        """Send cents down the tiers of every class, exactly; return the flows by class."""
        runs = [Run(one, on) for one in self.classes]
        left = Fraction(amount)
        if self.between is BetweenClasses.PRO_RATA:
            weights = [sum(one.profit_weights()) for one in self.classes]
            for run, part in zip(runs, _divide(left, weights), strict=True):
                rest = part
                for _ in run.books.terms.tiers:
                    rest = _step([run], rest)
            return [run.flows for run in runs]
        hurdles = max(len(one.terms.tiers) - 1 for one in self.classes)
        if self.between is BetweenClasses.SENIOR:
            for run in runs:
                for _ in run.books.terms.tiers[:-1]:
                    left = _step([run], left)
        else:
            for place in range(hurdles):
                left = _step([run for run in runs if place < len(run.books.terms.tiers) - 1], left)
        _step(runs, left)
        return [run.flows for run in runs]

    def columns(self, flows: Sequence[Sequence[Flow]]) -> list[Column]:
        """Divide what each tier that takes something takes among the investors, and last the sponsor."""
        columns = []
        for own, tiers in zip(self.rows, flows, strict=True):
            for flow in tiers:
                if flow.taken:
                    columns.append(self._column(own, flow))
        return columns

    def _column(self, own: list[int], flow: Flow) -> Column:
        weights, numerator, share = flow.divided()
        denominator = lcm(share, flow.gp.denominator)
        factor = numerator * (denominator // share)
        numerators = [0] * (len(self.keys) + 1)
        if factor:
            if len(self.classes) == 1:
                numerators[:-1] = [weight * factor for weight in weights]
            else:
                for row, weight in zip(own, weights, strict=True):
                    numerators[row] = weight * factor
        numerators[-1] = flow.gp.numerator * (denominator // flow.gp.denominator)
        return Column(numerators, denominator)

    def behind(self, flows: Sequence[Sequence[Flow]]) -> Column:
        """
        Return by how much each row is below its lifetime exact entitlement, in all, before these flows.

        What a flow makes good by itself is part of its exact shares already, and is left out.
        """
        behind = [0] * (len(self.keys) + 1)
        for index, own in enumerate(self.rows):
            groups = [self._left(index, place, flows[index]) for place in range(len(self._groups[index]))]
            for row, carries in zip(own, zip(*groups, strict=True), strict=True):
                behind[row] = sum(carries)
        behind[-1] = self._sponsor_carry
        return Column(_compared(behind), COMPARED)

    def behind_by_column(self, flows: Sequence[Sequence[Flow]]) -> list[list[int]]:
        """Return the same for each column of `columns`: for the money of its tier's nature alone."""
        columns = []
        for index, (own, tiers) in enumerate(zip(self.rows, flows, strict=True)):
            for flow in tiers:
                if not flow.taken:
                    continue
                behind = [0] * (len(self.keys) + 1)
                for place, group in enumerate(self._groups[index]):
                    if group.has(flow.tier):
                        for row, carry in zip(own, self._left(index, place, tiers), strict=True):
                            behind[row] = carry
                columns.append(_compared(behind))
        return columns

    def _left(self, index: int, place: int, flows: Sequence[Flow]) -> list[int]:
        """Return what hurdles leave of earlier differences, after they have paid part of what each investor lacks."""
        group, carries = self._groups[index][place], self._carries[index][place]
        for flow in flows:
            if not flow.lp or not group.makes_good(flow.tier):
                continue
            if flow.met >= 1:
                carries = [0 if weight else carry for carry, weight in zip(carries, flow.weights, strict=True)]
            else:
                part = fixed(1 - flow.met)
                rows = zip(carries, flow.weights, strict=True)
                carries = [carry * part >> PLACES if weight else carry for carry, weight in rows]
        return carries

    def carry(self, paid: Paid, on: date) -> None:
        """
        Note how far a past run's cents were from its exact shares.

        What a run pays of a hurdle already makes good that part of earlier differences, since
        the hurdle is reckoned from the cents paid; only profit is not reckoned so. A difference
        no rounding makes, two cents or more, is somebody's decision or other terms, and is not
        made good.
        """
        flows = self.run(paid.total, on)
        by_nature = {Nature.CAPITAL: paid.capital, Nature.PREFERRED: paid.preferred, Nature.PROFIT: paid.profit}
        for index, own in enumerate(self.rows):
            for place, group in enumerate(self._groups[index]):
                cells = [by_nature[nature] for nature in group.natures]
                got = cells[0] if len(cells) == 1 else [sum(row) for row in zip(*cells, strict=True)]
                if len(self.classes) > 1:
                    got = [got[row] for row in own]
                self._carry_group(
                    index, place, [flow for flow in flows[index] if group.has(flow.tier) and flow.lp], got
                )
        sponsor = in_grains(sum((flow.gp for tiers in flows for flow in tiers), Fraction(0)))
        short = sponsor - sum(paid.promote) * GRAIN
        if abs(short) < 2 * GRAIN:
            self._sponsor_carry += short

    def _carry_group(self, index: int, place: int, flows: list[Flow], got: list[int]) -> None:
        if not flows and not any(got):
            return
        short = [-cents * GRAIN for cents in got]
        for flow in flows:
            weights, numerator, denominator = flow.divided(unit=GRAIN)
            if denominator == 1:
                short = [one + weight * numerator for one, weight in zip(short, weights, strict=True)]
            else:
                rows = zip(short, weights, strict=True)
                short = [one + weight * numerator // denominator for one, weight in rows]
        if short and max(max(short), -min(short)) < 2 * GRAIN:
            carries = self._left(index, place, flows)
            self._carries[index][place] = [old + new for old, new in zip(carries, short, strict=True)]

    def pay(self, paid: Paid, on: date) -> None:
        """Book the cents of a run."""
        alone = len(self.classes) == 1
        for own, one, promote in zip(self.rows, self.classes, paid.promote, strict=True):
            capital, preferred, profit = (
                cells if alone else [cells[row] for row in own] for cells in (paid.capital, paid.preferred, paid.profit)
            )
            one.pay(capital, preferred, profit, promote, on)

    def move_carry(self, index: int, seller: int, buyer: int, part: Fraction) -> None:
        """Hand over what rounding still owes on a part of an investment."""
        for carries in self._carries[index]:
            moved = int(carries[seller] * part)
            carries[seller] -= moved
            carries[buyer] += moved

    def balances(self, on: date) -> tuple[Balance, ...]:
        balances: list[Balance | None] = [None] * len(self.keys)
        for own, one in zip(self.rows, self.classes, strict=True):
            rows = zip(own, one.contributed, one.unreturned, one.hurdle_owed(on), strict=True)
            for row, contributed, unreturned, owed in rows:
                balances[row] = Balance(
                    key=self.keys[row],
                    contributed=cents.to_decimal(contributed),
                    unreturned_capital=cents.to_decimal(unreturned),
                    preferred_owed=cents.to_decimal(nearest_cent(owed) if owed > 0 else 0),
                    preferred_owed_grains=owed,
                )
        return tuple(balance for balance in balances if balance is not None)


def _compared(grains: list[int]) -> list[int]:
    part = GRAIN // COMPARED
    return [(one + part // 2) // part for one in grains]


def _step(runs: Sequence[Run], left: Fraction) -> Fraction:
    """Let the next tier of these classes take its need of what is left; return what remains."""
    if not left:
        for run in runs:
            run.skip()
        return left
    needs = [run.need() for run in runs]
    finite = [need for need in needs if need is not None]
    if len(finite) < len(needs):
        parts = _divide(left, [sum(run.books.profit_weights()) for run in runs])
        taken = left
    else:
        whole = sum(finite, Fraction(0))
        taken = min(left, whole)
        parts = finite if taken == whole else [need * taken / whole for need in finite]
    for run, part in zip(runs, parts, strict=True):
        run.take(part)
    return left - taken


def _divide(amount: Fraction, weights: Sequence[int]) -> list[Fraction]:
    """Divide an amount by weights; the first gets all where there is nothing to divide by."""
    whole = sum(weights)
    if not whole:
        return [amount] + [Fraction(0)] * (len(weights) - 1)
    return [amount * weight / whole for weight in weights]
