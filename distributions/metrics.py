"""
Metrics: what an investment has brought so far: IRR, equity multiple, DPI, RVPI, TVPI.

They are told from dated flows and a residual value, per investor, per class or for all. A
transferred investment counts with whom the cash was paid by or to; its price is not known here.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_EVEN, Decimal
from functools import cached_property

from distributions.positions import PastDistribution, Position, UnworkableFigures
from distributions.xirr import Xirr, xirr

Flow = tuple[date, Decimal]
_NOTHING = Decimal("0.00")
_PLACES = Decimal("0.000001")


@dataclass(frozen=True)
class Performance:
    """
    Money paid in and received, and what is left of it in value on a day.

    Ratios have six places; they are None where nothing was paid in.
    """

    on: date
    contributions: tuple[Flow, ...]
    distributions: tuple[Flow, ...]
    residual: Decimal = _NOTHING

    @property
    def contributed(self) -> Decimal:
        return sum((amount for _, amount in self.contributions), _NOTHING)

    @property
    def distributed(self) -> Decimal:
        return sum((amount for _, amount in self.distributions), _NOTHING)

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
        paid_in = [(day, -amount) for day, amount in self.contributions]
        left = [(self.on, self.residual)] if self.residual else []
        return xirr([*paid_in, *self.distributions, *left])


def by_investor(
    positions: Sequence[Position],
    distributions: Sequence[PastDistribution],
    on: date,
    residuals: Mapping[str, Decimal] | None = None,
) -> dict[str, Performance]:
    """
    Return each investor's performance up to a day, by key.

    `residuals` says what an investment is worth on that day; nothing where it does not say.

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
    return {
        position.key: Performance(
            on=on,
            contributions=tuple(flow for flow in position.contributions if flow[0] <= on),
            distributions=tuple(received[position.key]),
            residual=worth.get(position.key, _NOTHING),
        )
        for position in positions
    }


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
    return Performance(
        on=performances[0].on,
        contributions=_by_day(flow for one in performances for flow in one.contributions),
        distributions=_by_day(flow for one in performances for flow in one.distributions),
        residual=sum((one.residual for one in performances), _NOTHING),
    )


def _by_day(flows: Iterable[Flow]) -> tuple[Flow, ...]:
    days: dict[date, Decimal] = defaultdict(lambda: _NOTHING)
    for day, amount in flows:
        days[day] += amount
    return tuple(sorted(days.items()))


def _ratio(part: Decimal, whole: Decimal) -> Decimal | None:
    return (part / whole).quantize(_PLACES, ROUND_HALF_EVEN) if whole else None
