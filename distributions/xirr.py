"""
XIRR: the yearly rate at which dated flows of money are worth nothing together.

The rate is found by a bracket that halves until it is narrower than the answer's last
digit, in decimal arithmetic with fifty digits, so that neither the size of the flows nor
their number makes it fail. Where there is no rate, or more than one, it says so.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Context, Decimal, localcontext
from enum import StrEnum
from itertools import pairwise

_CONTEXT = Context(prec=50, Emin=-(10**8), Emax=10**8)
_PLACES, _DIGITS = Decimal("1e-12"), Context(prec=20)
# Where several rates may fit, 1 + rate is looked at in steps, finer where rates usually are.
_LOOKED_AT = (
    *(Decimal(10) ** -power for power in range(9, 0, -1)),
    *(Decimal(step) / 400 for step in range(60, 1200)),
    *(Decimal(3 * 2**power) for power in range(40)),
)


class Finding(StrEnum):
    ONE = "ONE"
    NONE = "NONE"
    SEVERAL = "SEVERAL"


@dataclass(frozen=True)
class Xirr:
    """
    What was found: the rate where there is one (0.12 is 12 %), to twelve places, and why not otherwise.

    `is_proven` says that there cannot be another: the flows change their sign once only.
    """

    finding: Finding
    rates: tuple[Decimal, ...] = ()
    why: str = ""
    is_proven: bool = False

    @property
    def rate(self) -> Decimal | None:
        return self.rates[0] if self.finding is Finding.ONE else None


def xirr(flows: Iterable[tuple[date, Decimal]]) -> Xirr:
    """
    Return the rate at which flows (paid in below nothing, received above) are worth nothing together.

    Days are counted as ACT/365 from the first flow. With one change of sign there is exactly one
    rate, and it is found however great or small. With more there may be several: all are returned
    that steps of a quarter per cent (of 1 + rate, between -85 % and 200 %; wider outside) tell apart.
    """
    by_day: dict[date, Decimal] = defaultdict(Decimal)
    with localcontext(_CONTEXT):
        for day, amount in flows:
            by_day[day] += amount
    dated = sorted((day, amount) for day, amount in by_day.items() if amount)
    changes = sum((one > 0) != (other > 0) for (_, one), (_, other) in pairwise(dated))
    if not changes:
        return Xirr(Finding.NONE, why=_no_change(dated), is_proven=True)
    with localcontext(_CONTEXT):
        worth = _present_worth(dated)
        rates = _one_rate(worth) if changes == 1 else _all_rates(worth)
    if not rates:
        return Xirr(Finding.NONE, why="No rate was found at which these flows are worth nothing.")
    if len(rates) == 1:
        return Xirr(Finding.ONE, rates, is_proven=changes == 1)
    why = f"{len(rates)} rates make these flows worth nothing: money goes in again after it came out."
    return Xirr(Finding.SEVERAL, rates, why=why)


def _no_change(dated: Sequence[tuple[date, Decimal]]) -> str:
    if not dated:
        return "There are no flows."
    kind = "received" if dated[0][1] > 0 else "paid in"
    return f"Money was only {kind}, so that no rate makes it worth nothing."


def _present_worth(dated: Sequence[tuple[date, Decimal]]) -> Callable[[Decimal], Decimal]:
    """Return what the flows are worth at 1 + rate, on their first day if it is above one, else on their last."""
    days = [(day - dated[0][0]).days for day, _ in dated]
    amounts = [amount for _, amount in dated]
    gaps = [later - earlier for earlier, later in pairwise(days)]

    def worth(growth: Decimal) -> Decimal:
        # Flows are carried to the end at which they shrink, so that nothing overflows.
        forward = growth < 1
        daily = growth ** (Decimal(1 if forward else -1) / 365)
        factors = {gap: daily**gap for gap in set(gaps)}
        rows = zip(amounts[1:], gaps, strict=True) if forward else zip(amounts[-2::-1], gaps[::-1], strict=True)
        value = amounts[0] if forward else amounts[-1]
        for amount, gap in rows:
            value = value * factors[gap] + amount
        return value

    return worth


def _one_rate(worth: Callable[[Decimal], Decimal]) -> tuple[Decimal, ...]:
    """Find the only rate there is; the bracket is made wide first."""
    low, high = Decimal("0.5"), Decimal(2)
    while _same_sign(worth(low), worth(high)):
        low, high = low * low, high * high
    return (_halve(worth, low, high),)


def _all_rates(worth: Callable[[Decimal], Decimal]) -> tuple[Decimal, ...]:
    rates = []
    low, before = _LOOKED_AT[0], worth(_LOOKED_AT[0])
    for high in _LOOKED_AT[1:]:
        after = worth(high)
        if not after or (before and not _same_sign(before, after)):
            rates.append(_halve(worth, low, high))
        low, before = high, after
    return tuple(rates)


def _halve(worth: Callable[[Decimal], Decimal], low: Decimal, high: Decimal) -> Decimal:
    """Narrow a bracket around a change of sign; regula falsi (Illinois) while it helps, halving else."""
    at_low, at_high = worth(low), worth(high)
    side = 0
    for turn in range(1000):
        if not at_low or not at_high or high - low < _PLACES / 100 * max(low, Decimal(1)):
            break
        middle = (low + high) / 2 if turn % 3 == 2 else (low * at_high - high * at_low) / (at_high - at_low)
        if not low < middle < high:
            middle = (low + high) / 2
        at_middle = worth(middle)
        if _same_sign(at_middle, at_high):
            high, at_high = middle, at_middle
            at_low = at_low / 2 if side == 1 else at_low
            side = 1
        else:
            low, at_low = middle, at_middle
            at_high = at_high / 2 if side == -1 else at_high
            side = -1
    best = high if not at_high else low if not at_low else (low + high) / 2
    return (best - 1).quantize(_PLACES) if best < 10**9 else _DIGITS.plus(best - 1)


def _same_sign(one: Decimal, other: Decimal) -> bool:
    return (one > 0) == (other > 0) and bool(one) == bool(other)
