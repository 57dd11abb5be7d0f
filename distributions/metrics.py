"""
Metrics: what an investment has brought so far: IRR, equity multiple, DPI, RVPI, TVPI.

They are told from dated flows and a residual value, per investor, per class or for all. Cash counts
with whom it was paid by or to. What a buyer pays a seller is between the two and not known here, so an
investment that changes hands counts as if it did so for the capital on it that was not returned yet: its
buyer begins on that day with having paid that in, and its seller had that much. Together it is nothing.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_EVEN, Decimal
from functools import cached_property

from distributions import cents
from distributions.handovers import Handover
from distributions.positions import PastDistribution, Position, Transfer, UnworkableFigures
from distributions.xirr import Xirr, xirr

Flow = tuple[date, Decimal]
_NOTHING = Decimal("0.00")
_PLACES = Decimal("0.000001")


@dataclass(frozen=True)
class Performance:
    """
    Money paid in and received, and what is left of it in value on a day.

    What was taken over counts as paid in, what was handed over as received: capital not returned by then.
    Ratios have six places; they are None where nothing was paid in.
    """

    on: date
    contributions: tuple[Flow, ...]
    distributions: tuple[Flow, ...]
    residual: Decimal = _NOTHING
    taken_over: tuple[Flow, ...] = ()
    handed_over: tuple[Flow, ...] = ()

    @property
    def contributed(self) -> Decimal:
        """All that was paid in, and what was taken over."""
        return _sum(self.contributions) + _sum(self.taken_over)

    @property
    def distributed(self) -> Decimal:
        """All that was received, and what was handed over."""
        return _sum(self.distributions) + _sum(self.handed_over)

    @property
    def dpi(self) -> Decimal | None:
        """Distributions to paid-in capital."""
        return _ratio(self.distributed, self.contributed)

    @property
    def rvpi(self) -> Decimal | None:
        """Residual value to paid-in capital."""
        return _ratio(self.residual, self.contributed)

    @property
    def tvpi(self) -> Decimal | None:
        """Total value, received and residual, to paid-in capital."""
        return _ratio(self.distributed + self.residual, self.contributed)

    @property
    def equity_multiple(self) -> Decimal | None:
        """Total value for each dollar paid in: another name of TVPI."""
        return self.tvpi

    @cached_property
    def irr(self) -> Xirr:
        """The yearly rate of return, the residual value counted as received on the day."""
        paid_in = [(day, -amount) for day, amount in (*self.contributions, *self.taken_over)]
        left = [(self.on, self.residual)] if self.residual else []
        return xirr([*paid_in, *self.distributions, *self.handed_over, *left])


def by_investor(
    positions: Sequence[Position],
    distributions: Sequence[PastDistribution],
    on: date,
    residuals: Mapping[str, Decimal] | None = None,
    handed: Sequence[tuple[Transfer, Handover]] = (),
) -> dict[str, Performance]:
    """
    Return each investor's performance up to a day, by key.

    `residuals` says what an investment is worth on that day; nothing where it does not say. `handed` is
    what changed hands, as the replay of the same history had it.

    :raises UnworkableFigures: if a distribution paid somebody who has no position
    """
    received: dict[str, list[Flow]] = {position.key: [] for position in positions}
    for past in distributions:
        if past.on > on:
            continue
        for line in past.lines:
            if line.key not in received:
                raise UnworkableFigures(f"The distribution of {past.on} paid {line.key}, who has no position.")
            amount = line.return_of_capital + line.preferred_return + line.profit_split
            if amount:
                received[line.key].append((past.on, amount))
    worth = residuals or {}
    moves = by_party(handed)
    return {
        position.key: Performance(
            on=on,
            contributions=tuple(flow for flow in position.contributions if flow[0] <= on),
            distributions=tuple(received[position.key]),
            residual=worth.get(position.key, _NOTHING),
            taken_over=taken_over(moves.get(position.key, ())),
            handed_over=handed_over(moves.get(position.key, ())),
        )
        for position in positions
    }


def by_party(handed: Iterable[tuple[Transfer, Handover]]) -> dict[str, tuple[Flow, ...]]:
    """Return the capital that each party to a transfer took over, and below nothing what it handed over."""
    moves: dict[str, tuple[Flow, ...]] = defaultdict(tuple)
    for transfer, one in handed:
        if not one.unreturned:
            continue
        capital = cents.to_decimal(one.unreturned)
        moves[transfer.seller] += ((transfer.on, -capital),)
        moves[transfer.buyer] += ((transfer.on, capital),)
    return dict(moves)


def taken_over(moves: Iterable[Flow]) -> tuple[Flow, ...]:
    """Return those of some moves that took something over."""
    return tuple((day, amount) for day, amount in moves if amount > 0)


def handed_over(moves: Iterable[Flow]) -> tuple[Flow, ...]:
    """Return those of some moves that handed something over, as amounts received."""
    return tuple((day, -amount) for day, amount in moves if amount < 0)


def by_class(positions: Sequence[Position], performances: Mapping[str, Performance]) -> dict[str, Performance]:
    """Return the performance of each class, by its name; that of everybody where there are no classes."""
    members: dict[str, list[Performance]] = defaultdict(list)
    for position in positions:
        members[position.investor_class].append(performances[position.key])
    return {name: together(ones) for name, ones in sorted(members.items())}


def together(performances: Sequence[Performance]) -> Performance:
    """
    Return the performance of several investors as if they were one.

    :raises UnworkableFigures: if there are none, or they are told as of different days
    """
    if len({one.on for one in performances}) != 1:
        raise UnworkableFigures("Performances can be added up as of one day only.")
    moves = [flow for one in performances for flow in one.taken_over]
    moves += [(day, -amount) for one in performances for day, amount in one.handed_over]
    # What changed hands among them is nothing to them together.
    between = _by_day(moves)
    return Performance(
        on=performances[0].on,
        contributions=_by_day(flow for one in performances for flow in one.contributions),
        distributions=_by_day(flow for one in performances for flow in one.distributions),
        residual=sum((one.residual for one in performances), _NOTHING),
        taken_over=taken_over(between),
        handed_over=handed_over(between),
    )


def _by_day(flows: Iterable[Flow]) -> tuple[Flow, ...]:
    days: dict[date, Decimal] = defaultdict(lambda: _NOTHING)
    for day, amount in flows:
        days[day] += amount
    return tuple(sorted(days.items()))


def _sum(flows: Iterable[Flow]) -> Decimal:
    return sum((amount for _, amount in flows), _NOTHING)


def _ratio(part: Decimal, whole: Decimal) -> Decimal | None:
    return (part / whole).quantize(_PLACES, ROUND_HALF_EVEN) if whole else None
