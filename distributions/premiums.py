"""
Premiums: who is owed what of the interest that those admitted late have paid, to the cent.

Whoever is admitted after a capital call owes a *premium* on their share of it: simple interest from that
call's due date to their own. Each *part* of a premium, the one for one earlier call, is shared by those whom
that call called on, in proportion to what it called of each. Cents follow the rule of every distribution:
shares are rounded down, and what is left goes to those furthest behind over all premiums ever paid on to them.
Pure: no Django, no database.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from math import lcm
from typing import Any

from distributions import cents
from distributions.cents import Column
from distributions.day_counts import DayCount, year_fraction
from distributions.receipts import Noted, exact, money
from distributions.terms_data import plain

COMPARED = 10**9
"""How far somebody is behind is kept in these parts of a cent."""


@dataclass(frozen=True, slots=True)
class Part:
    """
    What a premium comes to for one earlier call, in cents, and what that call called of each payee, by key.

    ``interest`` is what the share came to; ``amount`` what of the premium that arrived is this part's. They differ
    where somebody was excused from the earlier call afterwards.
    """

    earlier_call: str
    share: int
    rate: Decimal
    start: date
    end: date
    day_count: str
    interest: int
    amount: int
    called: Mapping[str, int]

    @property
    def days(self) -> int:
        return (self.end - self.start).days

    @property
    def pool(self) -> int:
        """All that the earlier call called, in cents."""
        return sum(self.called.values())


@dataclass(frozen=True, slots=True)
class Premium:
    """One premium that has arrived, in cents, and its parts: those for which somebody is owed something."""

    late_call: str
    amount: int
    parts: tuple[Part, ...]


def simple_interest(amount: int, rate: Decimal, start: date, end: date, day_count: str) -> int:
    """Return simple interest on cents between two days, to the nearest cent, half up; nothing without a later end."""
    if end <= start or not rate:
        return 0
    exactly = Fraction(amount) * Fraction(rate) * year_fraction(start, end, DayCount(day_count))
    return int(exactly + Fraction(1, 2))


def amounts_of(premium: int, interests: Sequence[int]) -> list[int]:
    """Return what of a premium each of its parts has: its interest, wherever these add up to what arrived."""
    weights = {f"{place:06}": interest for place, interest in enumerate(interests)}
    shared = cents.allocate(cents.to_decimal(premium), weights)
    return [cents.from_decimal(shared[name]) for name in weights]


@dataclass(frozen=True)
class Shared:
    """
    Premiums shared out among the payees, in the order of their keys.

    ``cells`` are whole cents by part and payee, ``columns`` the exact ones; ``behind`` is what each payee was short
    before, in parts of a cent (``COMPARED``).
    """

    premiums: Sequence[Premium]
    keys: Sequence[str]
    columns: Sequence[Column]
    cells: Sequence[Sequence[int]]
    behind: Sequence[int]

    @property
    def parts(self) -> list[Part]:
        return [part for premium in self.premiums for part in premium.parts]

    def totals(self) -> list[int]:
        """Return each payee's cents."""
        return [sum(row) for row in zip(*self.cells, strict=True)]


def share_out(premiums: Sequence[Premium], behind: Mapping[str, int]) -> Shared:
    """Share premiums out to the cent; ``behind`` says by how much each payee is short of what was theirs so far."""
    parts = [part for premium in premiums for part in premium.parts]
    keys = sorted({key for part in parts for key in part.called})
    columns = [Column([part.amount * part.called.get(key, 0) for key in keys], part.pool) for part in parts]
    late = [behind.get(key, 0) for key in keys]
    return Shared(premiums, keys, columns, cents.whole_cents(columns, Column(late, COMPARED)), late)


def shortfalls(premiums: Sequence[Premium], paid: Mapping[str, int]) -> dict[str, int]:
    """Return by how much cents paid to each were less than their exact shares, in parts of a cent (``COMPARED``)."""
    short: dict[str, int] = {key: -got * COMPARED for key, got in paid.items()}
    for premium in premiums:
        for part in premium.parts:
            pool = part.pool
            for key, called in part.called.items():
                short[key] = short.get(key, 0) + (2 * part.amount * called * COMPARED + pool) // (2 * pool)
    return short


# ---- receipts ------------------------------------------------------------------------------------------------


def note(shared: Shared, on: date) -> Noted:
    """Note what everybody's amount follows from: a whole that names nobody, what each payee adds, and the results."""
    exactly = _together(shared.columns)
    rests = [numerator % exactly.denominator for numerator in exactly.numerators]
    totals = shared.totals()
    floors = [numerator // exactly.denominator for numerator in exactly.numerators]
    whole = {
        "on": on.isoformat(),
        "amount": money(sum(totals)),
        "premiums": [_premium(one) for one in shared.premiums],
        "cents_left_over": sum(totals) - sum(floors),
        "payees_with_a_fraction": sum(1 for rest in rests if rest),
    }
    places = _places(rests, exactly.denominator, shared.behind)
    parts, own, results = shared.parts, {}, {}
    for row, key in enumerate(shared.keys):
        cells = [column[row] for column in shared.cells]
        own[key] = {
            "called": [money(part.called.get(key, 0)) for part in parts],
            "odd_cents": [
                cell - column.numerators[row] // column.denominator
                for cell, column in zip(cells, shared.columns, strict=True)
            ],
            "behind_before": exact(Fraction(shared.behind[row], COMPARED)),
            "place_by_how_far_behind": places.get(row),
        }
        results[key] = result_of(cells)
    return Noted(whole, own, results)


def result_of(cells: Sequence[int]) -> dict[str, Any]:
    """Write what a payee gets: cents by part, and together."""
    return {"by_part": [money(one) for one in cells], "premium_amount": money(sum(cells)), "total": money(sum(cells))}


def _premium(premium: Premium) -> dict[str, Any]:
    return {
        "late_call": premium.late_call,
        "amount": money(premium.amount),
        "parts": [
            {
                "earlier_call": part.earlier_call,
                "share": money(part.share),
                "rate": plain(part.rate),
                "from": part.start.isoformat(),
                "to": part.end.isoformat(),
                "day_count": part.day_count,
                "interest": money(part.interest),
                "amount": money(part.amount),
                "called_of_all": money(part.pool),
            }
            for part in premium.parts
        ],
    }


def _together(columns: Sequence[Column]) -> Column:
    denominator = lcm(*(column.denominator for column in columns))
    scaled = [
        [numerator * (denominator // column.denominator) for numerator in column.numerators] for column in columns
    ]
    return Column([sum(row) for row in zip(*scaled, strict=True)], denominator)


def _places(rests: Sequence[int], denominator: int, behind: Sequence[int]) -> dict[int, int]:
    """Return, by row, the place of each payee with a fraction of a cent: 1 for who is furthest behind."""
    late = [rest * COMPARED + before * denominator for rest, before in zip(rests, behind, strict=True)]
    rows = sorted((row for row, rest in enumerate(rests) if rest), key=lambda row: (-late[row], row))
    return {row: place for place, row in enumerate(rows, start=1)}


def lines_of(shared: Shared, key: str) -> Iterator[tuple[Premium, Part, int]]:
    """Give each part of which a payee has something, with its premium and the payee's cents of it."""
    row = list(shared.keys).index(key)
    parts = ((premium, part) for premium in shared.premiums for part in premium.parts)
    for (premium, part), column in zip(parts, shared.cells, strict=True):
        if part.called.get(key):
            yield premium, part, column[row]
