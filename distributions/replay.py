"""
Replay: the history of an offering's money, from the first contribution to a day.

What is due now depends on what was paid when, so every calculation begins by telling the
whole story again: contributions, transfers and distributions, in the order of their days.
"""

from collections.abc import Collection, Sequence
from datetime import date
from decimal import Decimal
from fractions import Fraction
from math import lcm

from distributions import cents
from distributions.books import Books, Paid
from distributions.class_books import ClassBooks
from distributions.handovers import Handover
from distributions.positions import LineTable, PastDistribution, PastLine, Position, Transfer, UnworkableFigures
from distributions.terms import ClassedTerms, ProfitBasis, Terms, classes_of


class Replay:
    """The story told up to some day, and what is still to tell."""

    def __init__(
        self,
        terms: Terms | ClassedTerms,
        positions: Sequence[Position],
        transfers: Sequence[Transfer] = (),
        traced: Collection[str] = (),
    ) -> None:
        positions = sorted(positions, key=lambda position: position.key)
        self.rows = {position.key: row for row, position in enumerate(positions)}
        if len(self.rows) < len(positions):
            raise UnworkableFigures("Two positions have the same key.")
        self._sorted_keys = tuple(self.rows)
        self._contributions = _contributions(positions)
        self._transfers = _transfers(transfers, self.rows)
        classed = classes_of(terms)
        self._places = _places(classed, positions)
        ownership = _ownership(classed, positions)
        origin = self._contributions[-1][0] if self._contributions else date.min
        rows: list[list[int]] = [[] for _ in classed.classes]
        # Each investor's place in its class, beside the class itself.
        self._own: list[int] = []
        for row, place in enumerate(self._places):
            self._own.append(len(rows[place]))
            rows[place].append(row)
        classes = [
            ClassBooks(
                one.name,
                one.terms,
                [positions[row].key for row in own],
                [ownership[row] for row in own] if ownership else [],
                origin,
                frozenset(self._own[row] for row in own if positions[row].key in traced),
            )
            for one, own in zip(classed.classes, rows, strict=True)
        ]
        self.books = Books(list(self.rows), classes, rows, classed.between)
        self.handed: list[tuple[Transfer, Handover]] = []

    def pay(self, past: PastDistribution) -> None:
        """Come to the day of a distribution and book it."""
        self.come_to(past.on)
        self.book(self.paid(past), past.on)

    def book(self, paid: Paid, on: date) -> None:
        """Book the cents of a run on the day reached, and note how far they were from its exact shares."""
        self.books.carry(paid, on)
        self.books.pay(paid, on)

    def come_to(self, on: date) -> None:
        """Take in contributions and transfers up to a day, the day's own too."""
        contributions, transfers = self._contributions, self._transfers
        while (contributions and contributions[-1][0] <= on) or (transfers and transfers[-1].on <= on):
            if contributions and (not transfers or contributions[-1][0] <= transfers[-1].on):
                day, row, capital = contributions.pop()
                self.books.classes[self._places[row]].contribute(self._own[row], capital, day)
            else:
                self._transfer(transfers.pop())

    def _transfer(self, transfer: Transfer) -> None:
        seller, buyer = self.rows[transfer.seller], self.rows[transfer.buyer]
        place = self._places[seller]
        if place != self._places[buyer]:
            raise UnworkableFigures(
                f"{transfer.seller} and {transfer.buyer} belong to different classes; an investment keeps its terms."
            )
        own = (self._own[seller], self._own[buyer])
        self.handed.append((transfer, self.books.classes[place].transfer(*own, transfer.part, transfer.on)))
        self.books.move_carry(place, *own, Fraction(transfer.part))

    def paid(self, past: PastDistribution) -> Paid:
        """Return a past distribution's cents by nature, per row, and the sponsor's per class."""
        name = f"The distribution of {past.on}"
        if isinstance(past.lines, LineTable):
            natures = self._from_table(past.lines, name)
        else:
            natures = self._from_lines(past.lines, name)
        promote = self._promote(past, name, [sum(parts) for parts in zip(*natures[1:], strict=True)])
        if min(min(cells, default=0) for cells in (*natures, promote)) < 0:
            raise UnworkableFigures(f"{name} has an amount below nothing.")
        return Paid(*natures, promote)

    def _from_table(self, table: LineTable, name: str) -> tuple[list[int], list[int], list[int]]:
        columns = (table.capital, table.preferred, table.profit)
        if table.keys == self._sorted_keys:
            capital, preferred, profit = (list(column) for column in columns)
            return capital, preferred, profit
        capital, preferred, profit = ([0] * len(self.rows) for _ in columns)
        for key, returned, earned, shared in zip(table.keys, *columns, strict=True):
            row = self._row_of(key, name)
            capital[row] += returned
            preferred[row] += earned
            profit[row] += shared
        return capital, preferred, profit

    def _from_lines(self, lines: Sequence[PastLine], name: str) -> tuple[list[int], list[int], list[int]]:
        capital, preferred, profit = ([0] * len(self.rows) for _ in range(3))
        read = cents.from_decimal
        try:
            for line in lines:
                row = self._row_of(line.key, name)
                # Most amounts of most lines are nothing, and there may be millions of lines.
                if line.return_of_capital:
                    capital[row] += read(line.return_of_capital)
                if line.preferred_return:
                    preferred[row] += read(line.preferred_return)
                if line.profit_split:
                    profit[row] += read(line.profit_split)
        except ValueError as error:
            raise UnworkableFigures(f"{name}: {error}") from error
        return capital, preferred, profit

    def _row_of(self, key: str, name: str) -> int:
        row = self.rows.get(key)
        if row is None:
            raise UnworkableFigures(f"{name} paid {key}, who has no position.")
        return row

    def _promote(self, past: PastDistribution, name: str, profit: list[int]) -> list[int]:
        """
        Return from which class's money the sponsor had its promote.

        Terms without classes do not say so. Under them every dollar of profit bore the same promote, so that
        it was each class's in proportion to what its investors had of that distribution's profit.
        """
        whole = read_cents(past.sponsor_catch_up, name) + read_cents(past.sponsor_profit_split, name)
        classes = self.books.classes
        if len(classes) == 1:
            return [whole]
        if whole and not past.promote_by_class:
            return self._attributed(whole, profit)
        by_class = {key: read_cents(amount, name) for key, amount in past.promote_by_class}
        if sum(by_class.values()) != whole or not by_class.keys() <= {one.name for one in classes}:
            raise UnworkableFigures(
                f"{name} gave the sponsor {cents.to_decimal(whole)}; say from which class's money how much of it came."
            )
        return [by_class.get(one.name, 0) for one in classes]

    def _attributed(self, promote: int, profit: list[int]) -> list[int]:
        """Divide a promote among classes by profit, or by capital where no investor had any, in whole cents."""
        classes = self.books.classes
        weights = [sum(profit[row] for row in rows) for rows in self.books.rows]
        if not any(weights):
            weights = [sum(one.contributed) for one in classes]
        named = {one.name: weight for one, weight in zip(classes, weights, strict=True)}
        shares = cents.allocate(cents.to_decimal(promote), named)
        return [cents.from_decimal(shares[one.name]) for one in classes]


def replay(
    terms: Terms | ClassedTerms,
    positions: Sequence[Position],
    history: Sequence[PastDistribution],
    on: date,
    transfers: Sequence[Transfer] = (),
    traced: Collection[str] = (),
) -> Replay:
    """
    Tell the story up to a day, before anything more is distributed.

    :raises UnworkableFigures: if a position, a transfer or a past line makes no sense, or
        history is later than the day
    """
    story = Replay(terms, positions, transfers, traced)
    for past in in_order(history, on):
        story.pay(past)
    story.come_to(on)
    return story


def in_order(history: Sequence[PastDistribution], on: date) -> list[PastDistribution]:
    """
    Return history in the order of its days, those of one day in the order given.

    :raises UnworkableFigures: if it tells of a later day
    """
    ordered = sorted(history, key=lambda past: past.on)
    if ordered and ordered[-1].on > on:
        raise UnworkableFigures(f"History tells of {ordered[-1].on}, which is later than {on}.")
    return ordered


def read_cents(amount: Decimal, name: str) -> int:
    """
    Return an amount as whole cents.

    :raises UnworkableFigures: if it is not an amount of money
    """
    try:
        return cents.from_decimal(amount)
    except ValueError as error:
        raise UnworkableFigures(f"{name}: {error}") from error


def _contributions(positions: Sequence[Position]) -> list[tuple[date, int, int]]:
    """Return every contribution as (day, row, cents), the latest first."""
    contributions = []
    for row, position in enumerate(positions):
        called = 0
        for day, amount in position.contributions:
            capital = read_cents(amount, f"A contribution of {position.key}")
            if capital <= 0:
                raise UnworkableFigures(f"A contribution of {position.key} must be more than nothing.")
            contributions.append((day, row, capital))
            called += capital
        if position.commitment is not None and called > read_cents(position.commitment, f"What {position.key} commits"):
            raise UnworkableFigures(
                f"{position.key} has contributed {cents.to_decimal(called)}, more than its commitment of "
                f"{position.commitment}."
            )
    return sorted(contributions, reverse=True)


def _transfers(transfers: Sequence[Transfer], rows: dict[str, int]) -> list[Transfer]:
    """Return the transfers, the latest first, those of one day in the order given."""
    for transfer in transfers:
        for key in (transfer.seller, transfer.buyer):
            if key not in rows:
                raise UnworkableFigures(f"The transfer of {transfer.on} names {key}, who has no position.")
        if transfer.seller == transfer.buyer:
            raise UnworkableFigures(f"{transfer.seller} cannot transfer an investment to itself.")
        part = transfer.part
        if not isinstance(part, Decimal) or not part.is_finite() or not 0 < part <= 1:
            raise UnworkableFigures(f"A transfer hands over a part between 0 and 1; {part} will not do.")
    ordered = sorted(transfers, key=lambda transfer: transfer.on)
    ordered.reverse()
    return ordered


def _places(classed: ClassedTerms, positions: Sequence[Position]) -> list[int]:
    """Return the place of each position's class."""
    places = {one.name: place for place, one in enumerate(classed.classes)}
    if list(places) == [""]:
        return [0] * len(positions)
    for position in positions:
        if position.investor_class not in places:
            raise UnworkableFigures(
                f"{position.key} belongs to class “{position.investor_class}”, for which there are no terms."
            )
    return [places[position.investor_class] for position in positions]


def _ownership(classed: ClassedTerms, positions: Sequence[Position]) -> list[int]:
    """Return ownership as whole numbers in the same proportion; nothing when it is not needed."""
    if classed.classes[0].terms.profits_by is not ProfitBasis.OWNERSHIP:
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
