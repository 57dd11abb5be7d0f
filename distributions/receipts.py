"""
Receipts: what the amount of each payee follows from, noted when a distribution is worked out.

A receipt has two parts. The *whole* is the same for everybody: the terms, the amount, and for each
tier what it took and the weight of all; it names nobody. *Own* is what one payee adds: its
contributions, what it was paid before, what changed hands, and which tiers gave it an odd cent. From the
two the engine works out the rest, alone (`distributions.receipt_replays`). Pure: no Django, no database.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from math import lcm
from typing import Any

from distributions import cents
from distributions.class_books import ClassBooks
from distributions.derivations import SPONSOR
from distributions.handovers import Handover
from distributions.positions import LineTable, PastDistribution, Position, Transfer
from distributions.replay import in_order, replay
from distributions.results import Worked
from distributions.runs import Flow
from distributions.terms import CatchUp, ClassedTerms, MultipleHurdle, ProfitBasis, Terms, classes_of
from distributions.terms_data import as_data, plain
from distributions.waterfall import read_amount, work

Movement = tuple[bool, bool]


@dataclass(frozen=True)
class Noted:
    """The whole of a run, what each payee adds to it, and what it gets, by key; the sponsor's under ``SPONSOR``."""

    whole: dict[str, Any]
    own: dict[str, dict[str, Any]]
    results: dict[str, dict[str, Any]]


def note(
    terms: Terms | ClassedTerms,
    positions: Sequence[Position],
    history: Sequence[PastDistribution],
    amount: Decimal,
    on: date,
    transfers: Sequence[Transfer] = (),
) -> Noted:
    """
    Work a distribution out and note what everybody's amount follows from.

    Of what changed hands, a seller's receipt has the part and the day; a buyer's what was taken over,
    as it stood on that day, and nothing else of whom it came from.

    :raises UnworkableFigures: as for calculating
    """
    story = replay(terms, positions, history, on, transfers)
    worked = work(story, read_amount(amount), on)
    past = in_order(history, on)
    return _Notes(worked, terms, positions, past, amount, story.handed).noted()


class _Notes:
    """A run being noted."""

    def __init__(
        self,
        worked: Worked,
        terms: Terms | ClassedTerms,
        positions: Sequence[Position],
        past: Sequence[PastDistribution],
        amount: Decimal,
        handed: Sequence[tuple[Transfer, Handover]],
    ) -> None:
        self.worked = worked
        self.books = worked.books
        self.terms = terms
        self.positions = sorted(positions, key=lambda position: position.key)
        self.past = past
        self.amount = amount
        self.handed = handed
        exact = worked.exact()
        self.totals = [sum(row) for row in zip(*(column for tiers in worked.cells for column in tiers), strict=True)]
        self.floors = [numerator // exact.denominator for numerator in exact.numerators]
        self.places = _places(exact, worked.behind)
        # By class and tier: weights, numerator and denominator of a share, once.
        self.shares = [[flow.divided() for flow in tiers] for tiers in worked.flows]

    def noted(self) -> Noted:
        own: dict[str, dict[str, Any]] = {}
        lines, moves = self._lines(), self._moves()
        for index, (rows, books) in enumerate(zip(self.books.rows, self.books.classes, strict=True)):
            for place, row in enumerate(rows):
                position = self.positions[row]
                own[position.key] = {
                    "class": books.name,
                    "ownership": self._ownership(position),
                    "contributions": [
                        [day.isoformat(), money(cents.from_decimal(paid))]
                        for day, paid in sorted(position.contributions)
                        if day <= self.worked.on
                    ],
                    "paid_before": lines.get(position.key, []),
                    "odd_cents": [self._odd_cent(index, tier, place, row) for tier in range(len(books.terms.tiers))],
                    **self._rounding(row),
                    # Receipts of everybody else are what they were before anything changed hands.
                    **({"changed_hands": moves[position.key]} if position.key in moves else {}),
                }
        own[SPONSOR] = {
            "odd_cents": [
                cells[-1] - flow.gp.numerator // flow.gp.denominator for _, _, flow, cells in self.worked.each_tier()
            ],
            **self._rounding(-1),
        }
        return Noted(self._whole(), own, self._results())

    def _results(self) -> dict[str, dict[str, Any]]:
        """Return the whole cents of everybody."""
        paid, results = self.worked.paid(), {}
        for rows, cells in zip(self.books.rows, self.worked.cells, strict=True):
            for row in rows:
                natures = (paid.capital[row], paid.preferred[row], paid.profit[row])
                results[self.books.keys[row]] = investors_result([column[row] for column in cells], natures)
        promote = [cells[-1] for _, _, _, cells in self.worked.each_tier()]
        results[SPONSOR] = sponsors_result(promote, [flow for _, _, flow, _ in self.worked.each_tier()])
        return results

    def _whole(self) -> dict[str, Any]:
        first = [day for position in self.positions for day, _ in position.contributions]
        return {
            "terms": as_data(self.terms),
            "on": self.worked.on.isoformat(),
            "amount": money(read_amount(self.amount)),
            "investors": len(self.positions),
            "first_contribution": min(first).isoformat(),
            "cents_left_over": sum(self.totals) - sum(self.floors),
            "payees_with_a_fraction": len(self.places),
            "classes": [self._class(index) for index in range(len(self.books.classes))],
        }

    def _class(self, index: int) -> dict[str, Any]:
        books = self.books.classes[index]
        moved = self._moved(index)
        tiers = []
        for flow, cells in zip(self.worked.flows[index], self.worked.cells[index], strict=True):
            tier = {
                "kind": flow.tier.kind.value,
                "need": None if flow.need is None else exact(flow.need),
                "investors_take": exact(flow.lp),
                "sponsor_takes": exact(flow.gp),
                "weight_of_all": str(sum(flow.weights)),
                "sponsor_cents": cells[-1],
            }
            if isinstance(flow.tier, CatchUp) and flow.taken:
                tier |= {"investors_profit": exact(flow.profits[0]), "sponsor_profit": exact(flow.profits[1])}
            if flow.fractions is not None:
                tier["part_of_fractions"] = exact(flow.fractions)
            tiers.append(tier)
        return {
            "name": books.name,
            "ownership_unit": str(self._ownership_unit()) if self._by_ownership else None,
            "history": [[past.on.isoformat(), *flags] for past, flags in zip(self.past, moved, strict=True)],
            **self._clocks_set(books),
            "tiers": tiers,
        }

    def _clocks_set(self, books: ClassBooks) -> dict[str, list[str]]:
        """Return the days of transfers, when what compounds was rounded to the grain for all of the class."""
        compounds = any(accrual.tier.periods for accrual in books.accruals.values())
        keys = set(books.keys) if compounds else set()
        days = sorted({transfer.on.isoformat() for transfer, _ in self.handed if transfer.seller in keys})
        return {"clocks_set": days} if days else {}

    @property
    def _by_ownership(self) -> bool:
        return classes_of(self.terms).classes[0].terms.profits_by is ProfitBasis.OWNERSHIP

    def _ownership(self, position: Position) -> str | None:
        return plain(position.ownership) if self._by_ownership and position.ownership is not None else None

    def _ownership_unit(self) -> int:
        return lcm(*(Fraction(position.ownership or 0).denominator for position in self.positions))

    def _odd_cent(self, index: int, tier: int, place: int, row: int) -> int:
        weights, numerator, denominator = self.shares[index][tier]
        whole = weights[place] * numerator // denominator if weights else 0
        return self.worked.cells[index][tier][row] - whole

    def _rounding(self, row: int) -> dict[str, Any]:
        return {
            "behind_before": exact(Fraction(self.worked.behind.numerators[row], self.worked.behind.denominator)),
            "place_by_how_far_behind": self.places.get(row if row >= 0 else len(self.positions)),
        }

    def _lines(self) -> dict[str, list[list[Any]]]:
        """Return what each investor was paid before: the number of the distribution in history, its day, amounts."""
        lines: dict[str, list[list[Any]]] = {}
        for number, past in enumerate(self.past, start=1):
            day = past.on.isoformat()
            for key, *amounts in _amounts(past):
                if any(amounts):
                    lines.setdefault(key, []).append([number, day, *map(money, amounts)])
        return lines

    def _moves(self) -> dict[str, list[dict[str, Any]]]:
        """Return what each party to a transfer handed over and took over, in the order in which it happened."""
        parties = {transfer.buyer for transfer, _ in self.handed}
        terms = {key: books.terms for books in self.books.classes for key in books.keys if key in parties}
        moves: dict[str, list[dict[str, Any]]] = {}
        for transfer, handed in self.handed:
            day = transfer.on.isoformat()
            moves.setdefault(transfer.seller, []).append({"on": day, "handed_over": plain(transfer.part)})
            taken = taken_over(terms[transfer.buyer], handed)
            moves.setdefault(transfer.buyer, []).append({"on": day, "taken_over": taken})
        return moves

    def _moved(self, index: int) -> list[Movement]:
        """Say of each past distribution whether it returned capital to the class, and whether it paid return."""
        keys = None if len(self.books.classes) == 1 else set(self.books.classes[index].keys)
        moved = []
        for past in self.past:
            rows = [row for row in _amounts(past) if keys is None or row[0] in keys]
            moved.append((any(row[1] for row in rows), any(row[2] for row in rows)))
        return moved


def _amounts(past: PastDistribution) -> Iterator[tuple[str, int, int, int]]:
    """Return key and cents of capital, preferred return and profit of each line."""
    lines = past.lines
    if isinstance(lines, LineTable):
        yield from zip(lines.keys, lines.capital, lines.preferred, lines.profit, strict=True)
        return
    read = cents.from_decimal
    for line in lines:
        yield line.key, read(line.return_of_capital), read(line.preferred_return), read(line.profit_split)


def _places(shares: cents.Column, behind: cents.Column) -> dict[int, int]:
    """Return, by row, the place of each payee with a fraction of a cent: 1 for who is furthest behind."""
    both = lcm(shares.denominator, behind.denominator)
    here, before = both // shares.denominator, both // behind.denominator
    rests = [numerator % shares.denominator for numerator in shares.numerators]
    late = [rest * here + one * before for rest, one in zip(rests, behind.numerators, strict=True)]
    rows = sorted((row for row, rest in enumerate(rests) if rest), key=lambda row: (-late[row], row))
    return {row: place for place, row in enumerate(rows, start=1)}


def taken_over(terms: Terms, handed: Handover) -> dict[str, Any]:
    """Write what was taken over as it stood: cash that was received on it only where a tier asks for that."""
    by_cash = any(isinstance(tier, MultipleHurdle) for tier in terms.tiers)
    return {
        "contributed": money(handed.contributed),
        "unreturned": money(handed.unreturned),
        **({"cash": money(handed.cash)} if by_cash else {}),
        "lots": [
            [place, [[lot.clock.isoformat(), money(lot.capital), str(lot.unpaid), str(lot.accrued)] for lot in lots]]
            for place, lots in handed.lots.items()
        ],
        "lacking_at_first": [[place, str(present)] for place, present in handed.present.items()],
    }


def investors_result(cells: Sequence[int], natures: Sequence[int]) -> dict[str, Any]:
    """Write what an investor gets: cents by tier, and by nature (capital, preferred return, profit)."""
    capital, preferred, profit = map(money, natures)
    return {
        "by_tier": [money(one) for one in cells],
        "return_of_capital": capital,
        "preferred_return": preferred,
        "profit_split": profit,
        "total": money(sum(cells)),
    }


def sponsors_result(cells: Sequence[int], flows: Sequence[Flow]) -> dict[str, Any]:
    """Write what the sponsor gets: cents by tier, and those of catch-ups."""
    catch_up = sum(cell for flow, cell in zip(flows, cells, strict=True) if flow.is_catch_up)
    return {
        "by_tier": [money(one) for one in cells],
        "sponsor_catch_up": money(catch_up),
        "profit_split": money(sum(cells) - catch_up),
        "total": money(sum(cells)),
    }


def money(amount: int) -> str:
    """Write cents as dollars with two places."""
    return str(cents.to_decimal(amount))


def exact(fraction: Fraction) -> str:
    """Write a fraction as numerator and denominator."""
    return f"{fraction.numerator}/{fraction.denominator}"
