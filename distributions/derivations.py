"""
Derivations: how an investor's amount comes about, figure by figure, fit for a receipt.

A derivation holds what the amount follows from (terms, contributions, transfers, what was
paid before) and every step on the way: accrual by day span, the weight in each tier and the
weight of all, the exact share, the cents. It is made on request, since two million spans are
nobody's to read, and is canonical JSON: the same figures always give the same text.

Exact figures are fractions of a cent written "numerator/denominator"; accruals are grains
of a cent as whole numbers (see `distributions.grains`).
"""

from collections.abc import Collection, Iterable, Sequence
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

from distributions import cents
from distributions.accruals import Accrual, Span
from distributions.class_books import ClassBooks
from distributions.grains import GRAIN
from distributions.handovers import Handover
from distributions.hurdles import HurdleAccount
from distributions.positions import LineTable, PastDistribution, PastLine, Position, Transfer, UnworkableFigures
from distributions.replay import in_order, replay
from distributions.results import Worked
from distributions.runs import Flow
from distributions.terms import ClassedTerms, Terms
from distributions.terms_data import as_data, plain
from distributions.waterfall import read_amount, work

FORMAT = "waterfall-derivation/1"
SPONSOR = "sponsor"


def derive(
    terms: Terms | ClassedTerms,
    positions: Sequence[Position],
    history: Sequence[PastDistribution],
    amount: Decimal,
    on: date,
    *,
    keys: Collection[str] | None = None,
    transfers: Sequence[Transfer] = (),
) -> dict[str, dict[str, Any]]:
    """
    Return the derivation of each investor's share, by key, and the sponsor's under ``SPONSOR``.

    `keys` names the investors wanted; without it all of them are.

    :raises UnworkableFigures: as for calculating, or if an investor wanted has no position
    """
    wanted = set(keys) if keys is not None else {position.key for position in positions}
    held = {position.key: position for position in positions if position.key in wanted}
    if wanted - held.keys():
        raise UnworkableFigures(f"{min(wanted - held.keys())} has no position.")
    story = replay(terms, positions, history, on, transfers, traced=wanted)
    for books in story.books.classes:
        for accrual in books.accruals.values():
            accrual.settle(on)
    worked = work(story, read_amount(amount), on)
    told = _Told(worked, as_data(terms), amount, history, story.handed, wanted)
    derivations = {key: told.of_investor(story.rows[key], position) for key, position in sorted(held.items())}
    derivations[SPONSOR] = told.of_sponsor()
    return derivations


class _Told:
    """What all derivations of one run have in common, worked out once."""

    def __init__(
        self,
        worked: Worked,
        terms: dict[str, Any],
        amount: Decimal,
        history: Sequence[PastDistribution],
        handed: Sequence[tuple[Transfer, Handover]],
        wanted: Collection[str],
    ) -> None:
        self.worked = worked
        self.books = worked.books
        self.heading = {
            "format": FORMAT,
            "on": worked.on.isoformat(),
            "amount": _money(read_amount(amount)),
            "terms": terms,
        }
        self.exact = worked.exact()
        self.paid = worked.paid()
        self.handed = handed
        self.lines: dict[str, list[tuple[date, PastLine]]] = {key: [] for key in wanted}
        for past in in_order(history, worked.on):
            for line in _lines_of(past, wanted):
                self.lines[line.key].append((past.on, line))
        self.places = {
            row: (books, own, place)
            for books, rows, place in zip(self.books.classes, self.books.rows, range(len(self.books.rows)), strict=True)
            for own, row in enumerate(rows)
        }
        self.pools = [[sum(flow.weights) for flow in tiers] for tiers in worked.flows]
        self.spans: dict[tuple[int, int, int], list[Span]] = {}
        for place, books in enumerate(self.books.classes):
            for tier, accrual in books.accruals.items():
                for span in accrual.spans:
                    self.spans.setdefault((place, tier, span.row), []).append(span)

    def of_investor(self, row: int, position: Position) -> dict[str, Any]:
        books, own, place = self.places[row]
        key = position.key
        natures = (self.paid.capital[row], self.paid.preferred[row], self.paid.profit[row])
        capital, preferred, profit = map(_money, natures)
        return {
            **self.heading,
            "key": key,
            "class": books.name,
            "contributions": [
                [day.isoformat(), _money(cents.from_decimal(paid))] for day, paid in sorted(position.contributions)
            ],
            "transfers": [_transfer(one) for one, _ in self.handed if key in (one.seller, one.buyer)],
            "paid_before": [_line(day, line) for day, line in self.lines[key]],
            "contributed": _money(books.contributed[own]),
            "unreturned_before": _money(books.unreturned[own]),
            "accruals": [self._accrual(books, place, tier, own) for tier in books.accruals],
            "hurdles": [self._hurdle(books, tier, own, position) for tier in books.accounts],
            "tiers": [
                self._tier(flow, pool, cells[row], own)
                for flow, pool, cells in zip(
                    self.worked.flows[place], self.pools[place], self.worked.cells[place], strict=True
                )
            ],
            "cents": self._cents(row, sum(natures)),
            "return_of_capital": capital,
            "preferred_return": preferred,
            "profit_split": profit,
            "total": _money(sum(natures)),
        }

    def of_sponsor(self) -> dict[str, Any]:
        total = sum(self.paid.promote)
        tiers = [
            {"class": name, "kind": tier.kind.value, "exact": _exact(flow.gp), "cents": cells[-1]}
            for name, tier, flow, cells in self.worked.each_tier()
        ]
        return {
            **self.heading,
            "key": SPONSOR,
            "tiers": tiers,
            "cents": self._cents(len(self.books.keys), total),
            "total": _money(total),
        }

    def _tier(self, flow: Flow, pool: int, cells: int, own: int) -> dict[str, Any]:
        weight = flow.weights[own] if flow.weights else 0
        share = flow.lp * weight / pool if pool else Fraction(0)
        return {
            "kind": flow.tier.kind.value,
            "need": None if flow.need is None else _exact(flow.need),
            "investors_take": _exact(flow.lp),
            "sponsor_takes": _exact(flow.gp),
            "weight": str(weight),
            "weight_of_all": str(pool),
            "exact": _exact(share),
            "cents": cells,
        }

    def _cents(self, row: int, total: int) -> dict[str, Any]:
        """Say how the exact share became whole cents."""
        exact = Fraction(self.exact.numerators[row], self.exact.denominator)
        floor = exact.numerator // exact.denominator
        behind = Fraction(self.worked.behind.numerators[row], self.worked.behind.denominator)
        return {
            "exact": _exact(exact),
            "floor": floor,
            "behind_before": _exact(behind),
            "leftover_cent": total - floor,
            "total": total,
        }

    def _accrual(self, books: ClassBooks, place: int, tier: int, own: int) -> dict[str, Any]:
        spans = self.spans.get((place, tier, own), [])
        return accrual_lines(books.accruals[tier], tier, own, self.worked.on, spans)

    def _hurdle(self, books: ClassBooks, tier: int, own: int, position: Position) -> dict[str, Any]:
        account, on = books.accounts[tier], self.worked.on
        flows = [(day, cents.from_decimal(amount)) for day, amount in position.contributions if day <= on]
        for day, line in self.lines[position.key]:
            cash = line.return_of_capital + line.preferred_return + line.profit_split
            flows.append((day, -cents.from_decimal(cash)))
        return hurdle_lines(account, tier, own, on, flows, self._moves(position.key, tier))

    def _moves(self, key: str, tier: int) -> list[tuple[date, int]]:
        """Return what an investor took over of an IRR account, and below nothing what it handed over."""
        return [
            (transfer.on, handed.present[tier] if transfer.buyer == key else -handed.present[tier])
            for transfer, handed in self.handed
            if key in (transfer.seller, transfer.buyer)
        ]


def accrual_lines(accrual: Accrual, tier: int, row: int, on: date, spans: Iterable[Span]) -> dict[str, Any]:
    """Tell what an investor is owed of a preferred return, and how it accrued by span of days."""
    return {
        "tier": tier,
        "owed": str(accrual.owed(on)[row]),
        "grains_in_a_cent": str(GRAIN),
        # By clock too, for whose lots come from whom is nobody's matter.
        "spans": [_span(span, accrual.tier.rate) for span in sorted(spans, key=lambda one: (one.end, one.clock))],
    }


def hurdle_lines(
    account: HurdleAccount,
    tier: int,
    row: int,
    on: date,
    flows: Iterable[tuple[date, int]],
    moves: Sequence[tuple[date, int]] = (),
) -> dict[str, Any]:
    """
    Tell what an investor lacks of an IRR, and what each flow of cents counts for on the day.

    `moves` are days and present values of what it took over; below nothing what it handed over.
    """
    return {
        "tier": tier,
        "rate": plain(account.rate),
        "flows": [
            {
                "on": day.isoformat(),
                "amount": _money(flow),
                "days": (on - day).days,
                "grown": str(account.value_of(flow, day, on)),
            }
            for day, flow in sorted(flows)
        ],
        **({"changed_hands": [[day.isoformat(), str(account.grown(one, on))] for day, one in moves]} if moves else {}),
        "lacking": str(account.balances(on)[row]),
        "grains_in_a_cent": str(GRAIN),
    }


def _lines_of(past: PastDistribution, keys: Collection[str]) -> Iterable[PastLine]:
    """Return the lines of these investors, without unpacking those of all others."""
    lines = past.lines
    if isinstance(lines, LineTable):
        return (lines[place] for place, key in enumerate(lines.keys) if key in keys)
    return (line for line in lines if line.key in keys)


def _span(span: Span, rate: Decimal) -> dict[str, Any]:
    return {
        "clock": span.clock.isoformat(),
        "from": span.start.isoformat(),
        "to": span.end.isoformat(),
        "days": (span.end - span.start).days,
        "years": _exact(span.years),
        "base": _money(span.capital),
        "rate": plain(rate),
        "unpaid_before": str(span.unpaid_before),
        "accrued_before": str(span.accrued_before),
        "unpaid_after": str(span.unpaid_after),
        "accrued_after": str(span.accrued_after),
        "amount": str(span.unpaid_after + span.accrued_after - span.unpaid_before - span.accrued_before),
    }


def _line(day: date, line: PastLine) -> list[str]:
    amounts = (line.return_of_capital, line.preferred_return, line.profit_split)
    return [day.isoformat(), *(_money(cents.from_decimal(amount)) for amount in amounts)]


def _transfer(transfer: Transfer) -> dict[str, str]:
    return {
        "on": transfer.on.isoformat(),
        "seller": transfer.seller,
        "buyer": transfer.buyer,
        "part": plain(transfer.part),
    }


def _money(amount: int) -> str:
    return str(cents.to_decimal(amount))


def _exact(fraction: Fraction) -> str:
    return f"{fraction.numerator}/{fraction.denominator}"
