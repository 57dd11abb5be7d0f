"""
What changed hands, as receipts tell it: a part handed over, or what was taken over as it stood.

What a seller hands over follows from its own figures and the part. What a buyer took over is an input:
capital, the lots on their clocks, and what was lacking of an IRR, in the grains of the engine. Neither
says anything else of the other. Pure: no Django, no database.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from distributions.accruals import Accrual
from distributions.class_books import ClassBooks
from distributions.grains import GRAIN
from distributions.handovers import Handover, Lot
from distributions.receipt_files import NotAReceipt, amount, day, mapping, sequence, text, whole_number
from distributions.receipt_wholes import ReceiptBroken
from distributions.receipts import money
from distributions.terms import CapitalBase, MultipleHurdle
from distributions.terms_data import plain

_PART = re.compile(r"(0\.\d{1,10}|1)", re.ASCII)


@dataclass(frozen=True)
class Move:
    """A part of what a payee held that it handed over on a day, or, without a part, what it took over then."""

    on: date
    part: Decimal | None = None
    taken: Handover | None = None


@dataclass(frozen=True)
class Moved:
    """A move that was booked, and all that it came to."""

    move: Move
    handed: Handover

    @property
    def sign(self) -> int:
        """1 for what was taken over, -1 for what was handed over."""
        return 1 if self.move.part is None else -1


def moves_of(own: Mapping[str, Any], books: ClassBooks, origin: date) -> list[Move]:
    """
    Read what a payee handed over and took over; nothing where its receipt has nothing of the kind.

    :raises NotAReceipt: if a field is missing or of the wrong form
    :raises ReceiptBroken: if what was taken over contradicts itself or the terms
    """
    moves = [_move(row, books, origin) for row in sequence(own.get("changed_hands", []), "changed_hands")]
    days = [move.on for move in moves]
    if days != sorted(days):
        raise ReceiptBroken("What changed hands is not in the order of its days.")
    return moves


def _move(row: object, books: ClassBooks, origin: date) -> Move:
    told = mapping(row, "changed_hands")
    on = day(told["on"], "changed_hands")
    if set(told) == {"on", "handed_over"}:
        part = text(told["handed_over"], "handed_over")
        if not _PART.fullmatch(part) or not Decimal(part):
            raise NotAReceipt("“handed_over” is no part such as 0.25, or 1.")
        return Move(on, part=Decimal(part))
    if set(told) != {"on", "taken_over"}:
        raise NotAReceipt("What changed hands was either handed over or taken over.")
    taken = _taken(mapping(told["taken_over"], "taken_over"), books)
    _check(taken, books, origin, on)
    return Move(on, taken=taken)


def _taken(told: Mapping[str, Any], books: ClassBooks) -> Handover:
    by_cash = any(isinstance(tier, MultipleHurdle) for tier in books.terms.tiers)
    return Handover(
        contributed=amount(told["contributed"], "contributed"),
        unreturned=amount(told["unreturned"], "unreturned"),
        cash=amount(told["cash"], "cash") if by_cash else 0,
        lots={place: tuple(map(_lot, sequence(rows, "lots"))) for place, rows in _by_tier(told["lots"], "lots")},
        present={
            place: whole_number(present, "lacking_at_first")
            for place, present in _by_tier(told["lacking_at_first"], "lacking_at_first")
        },
    )


def _by_tier(rows: object, name: str) -> list[tuple[int, Any]]:
    found = []
    for row in sequence(rows, name):
        pair = sequence(row, name)
        if len(pair) != 2 or type(pair[0]) is not int:
            raise NotAReceipt(f"Each line of “{name}” has the place of its tier and what is told of it.")
        found.append((pair[0], pair[1]))
    return found


def _lot(row: object) -> Lot:
    lot = sequence(row, "lots")
    if len(lot) != 4:
        raise NotAReceipt("Each lot has its day, its capital, and what is unpaid and accrued.")
    return Lot(day(lot[0], "lots"), amount(lot[1], "lots"), whole_number(lot[2], "lots"), whole_number(lot[3], "lots"))


def _check(taken: Handover, books: ClassBooks, origin: date, on: date) -> None:
    """Hold what was taken over against itself and the terms."""
    if on < origin or not 0 <= taken.unreturned <= taken.contributed or taken.cash < 0:
        raise ReceiptBroken("What was taken over is not what anybody could have held.")
    if taken.lots.keys() != books.accruals.keys() or taken.present.keys() != books.accounts.keys():
        raise ReceiptBroken("What was taken over is not told for each preferred return and IRR of the terms.")
    for place, lots in taken.lots.items():
        _check_lots(lots, books.accruals[place], taken, origin, on)


def _check_lots(lots: Sequence[Lot], accrual: Accrual, taken: Handover, origin: date, on: date) -> None:
    capital = taken.contributed if accrual.tier.base is CapitalBase.ORIGINAL else taken.unreturned
    if sum(lot.capital for lot in lots) != capital or min((lot.capital for lot in lots), default=0) < 0:
        raise ReceiptBroken("The lots that were taken over are not the capital that was.")
    start = accrual.tier.accrues_from
    if any(lot.clock != start if start else not origin <= lot.clock <= on for lot in lots):
        raise ReceiptBroken("A lot that was taken over accrues from a day on which nothing was paid in.")


def book(move: Move, books: ClassBooks) -> Moved:
    """Book a move of the first row of these books."""
    if move.taken is None:
        assert move.part is not None
        return Moved(move, books.hand_over(0, move.part, move.on))
    books.take_over(0, move.taken, move.on)
    return Moved(move, move.taken)


def lines(moved: Sequence[Moved]) -> list[dict[str, Any]]:
    """Tell what changed hands, and what it came to on its day."""
    return [
        {
            "on": one.move.on.isoformat(),
            "way": "taken over" if one.move.part is None else "handed over",
            "part": None if one.move.part is None else plain(one.move.part),
            "contributed": money(one.handed.contributed),
            "unreturned": money(one.handed.unreturned),
            "owed": [
                [place, str(sum(lot.unpaid + lot.accrued for lot in lots))] for place, lots in one.handed.lots.items()
            ],
            "grains_in_a_cent": str(GRAIN),
        }
        for one in moved
    ]
