"""
What-ifs: what an amount on a day would come to for everybody, in columns of whole cents.

Fifty thousand investors are a handful of lists here and no fifty thousand objects, so that an answer is
worked out, kept and sorted in no time. History is told once, for the amount and for what the investment
would be worth afterwards. Pure: no Django, no database.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import accumulate

from distributions import cents, metrics
from distributions.books import Paid
from distributions.metrics import Flow, Performance
from distributions.positions import PastDistribution, Position, Transfer
from distributions.replay import Replay, in_order, replay
from distributions.terms import ClassedTerms, Terms
from distributions.tiers import Tier
from distributions.waterfall import read_amount, work

_OFF_PLACES = 10_000
"""By how much somebody is off pro rata is counted in hundredths of a per cent."""


@dataclass(frozen=True)
class TierTaken:
    """What one tier would take, of a class where there are classes, in cents."""

    investor_class: str
    tier: Tier
    to_investors: int
    to_sponsor: int


@dataclass(frozen=True)
class Outcome:
    """
    What everybody would get and where it would leave them: columns of cents, in the order of the keys.

    `off` says by how many hundredths of a per cent somebody is above or below their share by capital; None
    where there is no share. Of the contributions of all, row `n` has those from `first_flow[n]` on.
    """

    on: date
    keys: list[str]
    classes: list[str]
    capital: list[int]
    preferred: list[int]
    profit: list[int]
    total: list[int]
    last: list[int]
    residual: list[int]
    contributed: list[int]
    unreturned: list[int]
    off: list[int | None]
    first_flow: list[int]
    flow_days: list[int]
    flow_cents: list[int]
    moves: Mapping[str, tuple[Flow, ...]]
    tiers: tuple[TierTaken, ...]
    sponsor: int
    sponsor_residual: int
    performances: Mapping[str, Performance]

    def contributions(self, row: int) -> tuple[Flow, ...]:
        """Return what one investor paid in by the day, US dollars."""
        places = range(self.first_flow[row], self.first_flow[row + 1])
        return tuple(
            (date.fromordinal(self.flow_days[place]), cents.to_decimal(self.flow_cents[place])) for place in places
        )


def outcome(
    terms: Terms | ClassedTerms,
    positions: Sequence[Position],
    history: Sequence[PastDistribution],
    amount: Decimal,
    residual: Decimal,
    on: date,
    *,
    transfers: Sequence[Transfer] = (),
) -> Outcome:
    """
    Work out what an amount on a day would come to, and share what would still be left as if it were paid then too.

    :raises UnworkableFigures: as for calculating
    """
    story = replay(terms, positions, history, on, transfers)
    worked = work(story, read_amount(amount), on)
    paid = worked.paid()
    story.book(paid, on)
    left = work(story, read_amount(residual), on).paid() if residual else None
    contributed, unreturned = _capital(story)
    total = _cash(paid)
    nothing = [0] * len(total)
    first_flow, flow_days, flow_cents = _flows(positions, on)
    past = [(one.on, _cash(story.paid(one))) for one in in_order(history, on)]
    worth = _cash(left) if left else nothing
    told = Outcome(
        on=on,
        keys=list(story.rows),
        classes=_classes(story),
        capital=paid.capital,
        preferred=paid.preferred,
        profit=paid.profit,
        total=total,
        last=_cash(story.paid(history[-1])) if history else nothing,
        residual=worth,
        contributed=contributed,
        unreturned=unreturned,
        off=list(_off(total, contributed)),
        first_flow=first_flow,
        flow_days=flow_days,
        flow_cents=flow_cents,
        moves=metrics.by_party(story.handed),
        tiers=tuple(
            TierTaken(name, tier, sum(column) - column[-1], column[-1]) for name, tier, _, column in worked.each_tier()
        ),
        sponsor=sum(paid.promote),
        sponsor_residual=sum(left.promote) if left else 0,
        performances={},
    )
    return Outcome(**{**vars(told), "performances": _performances(told, [*past, (on, total)])})


def _cash(paid: Paid) -> list[int]:
    """Return all that each investor got."""
    return list(map(sum, zip(paid.capital, paid.preferred, paid.profit, strict=True)))


def _capital(story: Replay) -> tuple[list[int], list[int]]:
    """Return what each investor has put in, and what of it has not been returned."""
    size = len(story.rows)
    contributed, unreturned = [0] * size, [0] * size
    for rows, books in zip(story.books.rows, story.books.classes, strict=True):
        for row, whole, held in zip(rows, books.contributed, books.unreturned, strict=True):
            contributed[row], unreturned[row] = whole, held
    return contributed, unreturned


def _classes(story: Replay) -> list[str]:
    names = [""] * len(story.rows)
    for rows, books in zip(story.books.rows, story.books.classes, strict=True):
        for row in rows:
            names[row] = books.name
    return names


def _flows(positions: Sequence[Position], on: date) -> tuple[list[int], list[int], list[int]]:
    """Return where each investor's contributions begin, and the day and the cents of all of them."""
    numbers: list[int] = []
    days: list[int] = []
    paid: list[int] = []
    for position in sorted(positions, key=lambda one: one.key):
        before = len(days)
        for day, amount in sorted(position.contributions):
            if day <= on:
                days.append(day.toordinal())
                paid.append(cents.from_decimal(amount))
        numbers.append(len(days) - before)
    return [0, *accumulate(numbers)], days, paid


def _off(total: Sequence[int], contributed: Sequence[int]) -> Iterator[int | None]:
    """Say by what part of their share by capital everybody is above or below it, a half to the even."""
    everybody, capital = sum(total), sum(contributed)
    for amount, held in zip(total, contributed, strict=True):
        if not everybody or not held:
            yield None
            continue
        share = everybody * held
        whole, rest = divmod((amount * capital - share) * _OFF_PLACES, share)
        yield whole + (2 * rest > share or (2 * rest == share and whole % 2))


def _performances(told: Outcome, paid: Sequence[tuple[date, list[int]]]) -> dict[str, Performance]:
    """Return what the investment would have brought each class by then, and under no name everybody."""
    by_class: dict[str, list[int]] = defaultdict(list)
    for row, name in enumerate(told.classes):
        by_class[name].append(row)
    everybody = list(range(len(told.keys)))
    return {
        name: _performance(told, rows, paid) for name, rows in sorted({**by_class, "": everybody}.items(), key=_last)
    }


def _last(item: tuple[str, list[int]]) -> tuple[bool, str]:
    return item[0] == "", item[0]


def _performance(told: Outcome, rows: Sequence[int], paid: Sequence[tuple[date, list[int]]]) -> Performance:
    """Return the performance of some investors as if they were one; what changed hands among a class is nothing."""
    contributions: dict[int, int] = defaultdict(int)
    for row in rows:
        for place in range(told.first_flow[row], told.first_flow[row + 1]):
            contributions[told.flow_days[place]] += told.flow_cents[place]
    received: dict[date, int] = defaultdict(int)
    for day, cash in paid:
        received[day] += sum(cash[row] for row in rows)
    return Performance(
        on=told.on,
        contributions=tuple(
            (date.fromordinal(day), cents.to_decimal(amount)) for day, amount in sorted(contributions.items())
        ),
        distributions=tuple((day, cents.to_decimal(amount)) for day, amount in sorted(received.items()) if amount),
        residual=cents.to_decimal(sum(told.residual[row] for row in rows)),
    )
