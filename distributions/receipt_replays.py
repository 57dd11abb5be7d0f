"""
Replays of receipts: everything that follows from a receipt, worked out again by the engine alone.

The payee stands in the engine's own books beside one row for all the others. Of them a receipt knows
totals only: what each tier took and the weight of all; those are checked against each other and the
terms, and taken as given. Pure: no Django, no database.
"""

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from functools import partial
from math import ceil
from typing import Any

from distributions import premium_receipts, receipt_files, receipt_moves
from distributions.class_books import ClassBooks
from distributions.derivations import SPONSOR, accrual_lines, hurdle_lines
from distributions.hurdles import HurdleAccount
from distributions.natures import natures_of
from distributions.positions import UnworkableFigures
from distributions.receipt_files import NotAReceipt, amount, day, fraction, mapping, sequence, text, whole_number
from distributions.receipt_moves import Move, Moved
from distributions.receipt_wholes import ReceiptBroken, Total, Whole
from distributions.receipts import exact, investors_result, money, sponsors_result
from distributions.runs import Flow, Run
from distributions.terms import ReturnOfCapital, UnworkableTerms

_OTHERS = 10**30
"""Capital of the row that stands for all others; its own figures are never looked at."""


@dataclass(frozen=True)
class Replayed:
    """What follows from a receipt: the steps, and the result."""

    working: dict[str, Any]
    result: dict[str, Any]


@dataclass(frozen=True)
class Difference:
    """A figure that a file gives otherwise than the replay."""

    figure: str
    stated: Any
    recomputed: Any

    def __str__(self) -> str:
        return f"{self.figure}: the file says {_short(self.stated)}, it comes out as {_short(self.recomputed)}"


def verify(content: Mapping[str, Any]) -> list[Difference]:
    """
    Work a receipt file out again and return every figure that differs; none if it holds.

    :raises NotAReceipt: if a field is missing or of the wrong form
    :raises ReceiptBroken: if its figures contradict the terms or each other
    """
    receipt = content["receipt"]
    replayed = replay(receipt)
    differences = [
        *compare(receipt["result"], replayed.result, "result"),
        *compare(content["working"], replayed.working, "working"),
    ]
    hashed = receipt_files.receipt_hash({**receipt, "result": replayed.result})
    if hashed != content["sha256"]:
        differences.append(Difference("sha256", content["sha256"], hashed))
    return differences


def compare(stated: Any, recomputed: Any, figure: str) -> list[Difference]:
    """Return where two sets of figures differ, by the way to each figure."""
    if isinstance(stated, dict) and isinstance(recomputed, dict):
        names = sorted(stated.keys() | recomputed.keys())
        pairs = [(f"{figure}.{name}", stated.get(name), recomputed.get(name)) for name in names]
    elif isinstance(stated, list) and isinstance(recomputed, list) and len(stated) == len(recomputed):
        rows = enumerate(zip(stated, recomputed, strict=True), start=1)
        pairs = [(f"{figure}[{number}]", one, other) for number, (one, other) in rows]
    else:
        # 1 and True are equal in Python, and are not the same figure.
        same = stated == recomputed and type(stated) is type(recomputed)
        return [] if same else [Difference(figure, stated, recomputed)]
    return [difference for name, one, other in pairs for difference in compare(one, other, name)]


def replay(receipt: Mapping[str, Any]) -> Replayed:
    """
    Work out what follows from a receipt's whole and own.

    :raises NotAReceipt: if a field is missing or of the wrong form
    :raises ReceiptBroken: if its figures contradict the terms or each other
    """
    try:
        if "premiums" in mapping(receipt["whole"], "whole"):
            return Replayed(*premium_receipts.replay(receipt["whole"], mapping(receipt["own"], "own")))
        whole = Whole(mapping(receipt["whole"], "whole"))
        if receipt["payee"] == SPONSOR:
            return _of_sponsor(whole, mapping(receipt["own"], "own"))
        return _Payee(whole, mapping(receipt["own"], "own"), text(receipt["payee"], "payee")).replayed()
    except KeyError as error:
        raise NotAReceipt(f"“{error.args[0]}” is missing.") from error
    except (UnworkableFigures, UnworkableTerms) as error:
        raise ReceiptBroken(str(error)) from error


class _RunBesideOthers(Run):
    """A run in which one payee's weights are worked out and those of all together are told."""

    _told: Fraction | None = None

    def take_of(self, total: Total, number: int) -> None:
        """Let the next tier take what it took of everybody's money."""
        if not total.flow.taken:
            self._note(total.flow)
            return
        self._told = total.flow.fractions
        self.need()
        own, pool = self._weights[0], total.weight
        if not 0 <= own <= pool or not pool:
            raise ReceiptBroken(f"In tier {number} one payee's weight is {own}, more than that of all, {pool}.")
        flow = total.flow
        most = Fraction(pool, self._per_cent)
        if isinstance(flow.tier, ReturnOfCapital) and flow.need != most:
            raise ReceiptBroken(f"Tier {number} does not need the capital that is not returned yet.")
        weights = [own, pool - own]
        self._note(Flow(flow.tier, flow.lp, flow.gp, flow.need, weights, self._per_cent, flow.profits, flow.fractions))

    def _part_of_fractions(self, owed: list[int]) -> Fraction | None:
        """Return what is told of all together, which one payee cannot know."""
        return self._told


@dataclass(frozen=True)
class _Event:
    """Something that is booked on a day."""

    on: date
    book: Callable[[], None]


class _Payee:
    """One investor in the engine's books, beside a row for all others."""

    def __init__(self, whole: Whole, own: Mapping[str, Any], key: str) -> None:
        self.whole = whole
        self.own = own
        names = [one.name for one in whole.classes]
        if own["class"] not in names:
            raise ReceiptBroken(f"There are no terms for the class {own['class']!r}.")
        self.place = names.index(own["class"])
        self.terms = whole.classes[self.place].terms
        self.contributions = [
            (day(paid_on, "contributions"), amount(paid, "contributions"))
            for paid_on, paid in (
                _row(row, 2, "contributions") for row in sequence(own["contributions"], "contributions")
            )
        ]
        self.history = [
            (day(on, "history"), bool(capital), bool(preferred))
            for on, capital, preferred in (
                _row(row, 3, "history") for row in sequence(whole.data[self.place]["history"], "history")
            )
        ]
        self.lines = self._lines()
        self.clocks_set = [day(on, "clocks_set") for on in self._clocks_set()]
        self.moved: list[Moved] = []
        ownership = self._ownership()
        self.books = ClassBooks(
            own["class"], self.terms, [key, ""], [ownership, 0], whole.origin, traced=frozenset({0})
        )
        self.books.contributed[1] = self.books.unreturned[1] = _OTHERS
        self.moves = receipt_moves.moves_of(own, self.books, whole.origin)

    def _lines(self) -> dict[int, tuple[int, int, int]]:
        lines = {}
        for row in sequence(self.own["paid_before"], "paid_before"):
            number, on, *amounts = _row(row, 5, "paid_before")
            if not isinstance(number, int) or not 1 <= number <= len(self.history) or number in lines:
                raise ReceiptBroken("An earlier payment is of no earlier distribution.")
            if day(on, "paid_before") != self.history[number - 1][0]:
                raise ReceiptBroken(f"The day of an earlier payment, {on}, is not that of its distribution.")
            capital, preferred, profit = (amount(one, "paid_before") for one in amounts)
            if min(capital, preferred, profit) < 0:
                raise ReceiptBroken("An earlier payment is below nothing.")
            lines[number] = (capital, preferred, profit)
        return lines

    def _ownership(self) -> int:
        if self.own["ownership"] is None:
            return 0
        unit = whole_number(self.whole.data[self.place]["ownership_unit"], "ownership_unit")
        weight = Fraction(text(self.own["ownership"], "ownership")) * unit
        if weight.denominator != 1:
            raise ReceiptBroken("The ownership does not fit the unit in which all ownership is counted.")
        return weight.numerator

    def replayed(self) -> Replayed:
        self._tell_history()
        books, on = self.books, self.whole.on
        for accrual in books.accruals.values():
            accrual.settle(on)
        run = _RunBesideOthers(books, on)
        for number, total in enumerate(self.whole.totals[self.place], start=1):
            run.take_of(total, number)
        shares = [_share(flow) for flow in run.flows]
        cells = self._cells(shares)
        natures = natures_of(books, [[own, 0] for own in cells], on)
        result = investors_result(cells, [column[0] for column in natures])
        return Replayed(self._working(run.flows, shares, cells), result)

    def _tell_history(self) -> None:
        """Book contributions, what changed hands and earlier payments in the order of their days."""
        coming = self._coming()
        days = [on for on, _, _ in self.history]
        if days != sorted(days) or (days and days[-1] > self.whole.on):
            raise ReceiptBroken("Earlier distributions are not in the order of their days.")
        for number, (on, capital_moved, preferred_moved) in enumerate(self.history, start=1):
            _come_to(coming, on)
            capital, preferred, profit = self.lines.get(number, (0, 0, 0))
            # A cent for the others sets the clocks as it did when they were paid.
            self.books.pay([capital, int(capital_moved)], [preferred, int(preferred_moved)], [profit, 0], 0, on)
        _come_to(coming, self.whole.on)
        if coming:
            raise ReceiptBroken(f"What happened on {coming[0].on} is later than the distribution.")

    def _coming(self) -> deque["_Event"]:
        """Return what happens between distributions, on one day contributions before what changed hands."""
        events = [_Event(on, partial(self._contribute, on, paid)) for on, paid in sorted(self.contributions)]
        for accrual in self.books.accruals.values():
            events.extend(_Event(on, partial(accrual.settle, on)) for on in self.clocks_set)
        events.extend(_Event(move.on, partial(self._move, move)) for move in self.moves)
        return deque(sorted(events, key=lambda event: event.on))

    def _contribute(self, on: date, paid: int) -> None:
        if paid <= 0 or on < self.whole.origin:
            raise ReceiptBroken(f"The contribution of {on} is not one that the offering could have had.")
        self.books.contribute(0, paid, on)

    def _move(self, move: Move) -> None:
        self.moved.append(receipt_moves.book(move, self.books))

    def _clocks_set(self) -> list[Any]:
        return sequence(self.whole.data[self.place].get("clocks_set", []), "clocks_set")

    def _cells(self, shares: list[Fraction]) -> list[int]:
        """Return the whole cents of each tier: what is exact, rounded down, and the odd cents noted."""
        odd = _odd_cents(self.own, len(shares))
        cells = [share.numerator // share.denominator + cent for share, cent in zip(shares, odd, strict=True)]
        for number, (share, cell) in enumerate(zip(shares, cells, strict=True), start=1):
            if cell > ceil(share):
                raise ReceiptBroken(f"Tier {number} gives an odd cent where nothing was left over.")
        whole = sum(shares, Fraction(0))
        if not 0 <= sum(cells) - whole.numerator // whole.denominator <= 1:
            raise ReceiptBroken("The odd cents are more than the fractions of a cent they stand for.")
        return cells

    def _working(self, flows: list[Flow], shares: list[Fraction], cells: list[int]) -> dict[str, Any]:
        books, on = self.books, self.whole.on
        whole = sum(shares, Fraction(0))
        cash = [(self.history[number - 1][0], sum(line)) for number, line in sorted(self.lines.items())]
        return {
            "contributed": money(books.contributed[0]),
            "unreturned_before": money(books.unreturned[0]),
            "accruals": [
                accrual_lines(accrual, tier, 0, on, [span for span in accrual.spans if span.row == 0])
                for tier, accrual in books.accruals.items()
            ],
            "hurdles": [self._hurdle(account, tier, cash) for tier, account in books.accounts.items()],
            **({"changed_hands": receipt_moves.lines(self.moved)} if self.moved else {}),
            "tiers": [
                _tier_line(flow, share, cell, flow.weights[0] if flow.weights else 0)
                for flow, share, cell in zip(flows, shares, cells, strict=True)
            ],
            "cents": cents_line(self.whole, self.own, whole, sum(cells)),
        }

    def _hurdle(self, account: HurdleAccount, tier: int, cash: list[tuple[date, int]]) -> dict[str, Any]:
        flows = [*self.contributions, *((paid_on, -paid) for paid_on, paid in cash)]
        moves = [(one.move.on, one.sign * one.handed.present[tier]) for one in self.moved]
        return hurdle_lines(account, tier, 0, self.whole.on, flows, moves)


def _come_to(coming: deque["_Event"], on: date) -> None:
    while coming and coming[0].on <= on:
        coming.popleft().book()


def _of_sponsor(whole: Whole, own: Mapping[str, Any]) -> Replayed:
    totals = [total for tiers in whole.totals for total in tiers]
    shares = [total.flow.gp for total in totals]
    odd = _odd_cents(own, len(shares))
    cells = [share.numerator // share.denominator + cent for share, cent in zip(shares, odd, strict=True)]
    for number, (share, cell) in enumerate(zip(shares, cells, strict=True), start=1):
        if cell > ceil(share):
            raise ReceiptBroken(f"Tier {number} gives an odd cent where nothing was left over.")
    exactly = sum(shares, Fraction(0))
    if not 0 <= sum(cells) - exactly.numerator // exactly.denominator <= 1:
        raise ReceiptBroken("The odd cents are more than the fractions of a cent they stand for.")
    result = sponsors_result(cells, [total.flow for total in totals])
    tiers = [
        {"kind": total.flow.tier.kind.value, "exact": exact(share), "cents": cell}
        for total, share, cell in zip(totals, shares, cells, strict=True)
    ]
    return Replayed({"tiers": tiers, "cents": cents_line(whole, own, exactly, sum(cells))}, result)


def cents_line(whole: Whole, own: Mapping[str, Any], exactly: Fraction, total: int) -> dict[str, Any]:
    """Say how an exact share became whole cents."""
    floor = exactly.numerator // exactly.denominator
    return {
        "exact": exact(exactly),
        "floor": floor,
        "behind_before": exact(fraction(own["behind_before"], "behind_before")),
        "place_by_how_far_behind": own["place_by_how_far_behind"],
        "cents_left_over": whole.cents_left_over,
        "payees_with_a_fraction": whole.payees_with_a_fraction,
        "leftover_cent": total - floor,
        "total": total,
    }


def _tier_line(flow: Flow, share: Fraction, cell: int, weight: int) -> dict[str, Any]:
    return {
        "kind": flow.tier.kind.value,
        "need": None if flow.need is None else exact(flow.need),
        "investors_take": exact(flow.lp),
        "sponsor_takes": exact(flow.gp),
        "weight": str(weight),
        "weight_of_all": str(sum(flow.weights)),
        "exact": exact(share),
        "cents": cell,
    }


def _share(flow: Flow) -> Fraction:
    pool = sum(flow.weights)
    return flow.lp * flow.weights[0] / pool if pool else Fraction(0)


def _odd_cents(own: Mapping[str, Any], size: int) -> list[int]:
    odd = sequence(own["odd_cents"], "odd_cents")
    if len(odd) != size or any(type(one) is not int or one not in (0, 1) for one in odd):
        raise NotAReceipt("“odd_cents” has a 0 or a 1 for each tier.")
    return odd


def _row(row: object, size: int, name: str) -> list[Any]:
    found = sequence(row, name)
    if len(found) != size:
        raise NotAReceipt(f"Each line of “{name}” has {size} figures.")
    return found


def _short(value: Any) -> str:
    written = "nothing" if value is None else str(value)
    return written if len(written) <= 80 else f"{written[:77]}…"
