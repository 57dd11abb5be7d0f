"""
Charts as SVG text, drawn on the server, so that pages need no script and no inline style.

Every function is pure. Colours come from classes in ``portal.css``, positions from presentation
attributes, which a strict content security policy allows. Each drawing has a title and a
description; the page that shows it puts the same figures in a table beside it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

_TENTH = Decimal("0.1")
_STEPS = tuple(Decimal(step) for step in ("1", "1.5", "2", "2.5", "5", "7.5", "10"))
_INTERVALS = 4
_SERIES_COLOURS = 4


@dataclass(frozen=True, slots=True)
class Series:
    """A named run of amounts, one for each day of the chart, none of them negative."""

    name: str
    amounts: Sequence[Decimal]


@dataclass(frozen=True, slots=True)
class Part:
    """One named share of a whole; not negative."""

    name: str
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Size:
    """A drawing's own units, which are pixels at its natural width, and how many days it labels."""

    width: int
    height: int
    day_labels: int
    left: int = 56
    right: int = 14
    top: int = 10
    bottom: int = 26


WIDE = Size(width=980, height=260, day_labels=7)
MEDIUM = Size(width=560, height=220, day_labels=5)
NARROW = Size(width=290, height=200, day_labels=3, left=46, right=10)


def stacked_steps(
    days: Sequence[date], series: Sequence[Series], *, size: Size, key: str, title: str, description: str
) -> SafeString:
    """
    Draw amounts over time, stacked, each holding from its day until the next.

    ``days`` ascend and are as many as every series has amounts; ``key`` makes the ids of this
    drawing unique on its page. With fewer than two days there is nothing to draw: the result is empty.
    """
    if len(days) < 2 or any(len(one.amounts) != len(days) for one in series):
        return SafeString("")
    levels = _stacked_levels(series)
    ceiling = ceiling_of(max(levels[-1]))
    xs = [_x_of(day, days[0], days[-1], size) for day in days]
    areas = []
    for number, (lower, upper) in enumerate(pairwise(levels), start=1):
        if any(high > low for low, high in zip(lower, upper, strict=True)):
            below = [_y_of(amount, ceiling, size) for amount in lower]
            above = [_y_of(amount, ceiling, size) for amount in upper]
            areas.append((number, _area_path(xs, below, above)))
    return format_html(
        '<svg class="chart-{key}" viewBox="0 0 {width} {height}" role="img" '
        'aria-labelledby="chart-{key}-title chart-{key}-desc">'
        '<title id="chart-{key}-title">{title}</title><desc id="chart-{key}-desc">{description}</desc>'
        "{grid}{areas}{days}</svg>",
        key=key,
        width=size.width,
        height=size.height,
        title=title,
        description=description,
        grid=_grid(ceiling, size),
        areas=format_html_join("", '<path class="area-{}" d="{}"/>', areas),
        days=_day_axis(days[0], days[-1], size),
    )


def stacked_bar(parts: Sequence[Part], *, key: str, title: str, description: str) -> SafeString:
    """
    Draw one bar split in proportion to its parts, with an empty track when all are zero.

    Every part that is not zero is at least two units wide, so that a small sum is not hidden.
    """
    width, height = 760, 20
    whole = sum((part.amount for part in parts), Decimal(0))
    shown = [(number, part) for number, part in enumerate(parts, start=1) if part.amount > 0]
    gap, least = 2, 2
    room = Decimal(width - gap * max(len(shown) - 1, 0) - least * len(shown))
    rectangles: list[tuple[object, ...]] = []
    left = Decimal(0)
    for number, part in shown:
        share = (room * part.amount / whole + least).quantize(_TENTH)
        rectangles.append((number, left, share, height, part.name))
        left += share + gap
    return format_html(
        '<svg class="chart-bar" viewBox="0 0 {width} {height}" preserveAspectRatio="none" height="{height}" '
        'role="img" aria-labelledby="chart-{key}-title chart-{key}-desc">'
        '<title id="chart-{key}-title">{title}</title><desc id="chart-{key}-desc">{description}</desc>'
        '<rect class="empty-track" x="0" y="0" width="{width}" height="{height}" rx="3"/>{parts}</svg>',
        key=key,
        width=width,
        height=height,
        title=title,
        description=description,
        parts=format_html_join(
            "",
            '<rect class="part-{}" x="{}" y="0" width="{}" height="{}"><title>{}</title></rect>',
            rectangles,
        ),
    )


def progress_bar(raised: Decimal, *, minimum: Decimal, maximum: Decimal, key: str, title: str) -> SafeString:
    """Draw how far a raise has come towards its maximum, with a mark where its minimum lies."""
    width, height = 760, 20
    filled = (width * min(raised, maximum) / maximum).quantize(_TENTH)
    mark = min((width * minimum / maximum).quantize(_TENTH), Decimal(width - 2))
    return format_html(
        '<svg class="chart-bar" viewBox="0 0 {width} {height}" preserveAspectRatio="none" height="12" '
        'role="img" aria-labelledby="chart-{key}-title"><title id="chart-{key}-title">{title}</title>'
        '<rect class="empty-track" x="0" y="0" width="{width}" height="{height}" rx="3"/>'
        '<rect class="part-1" x="0" y="0" width="{filled}" height="{height}" rx="3"/>'
        '<rect class="minimum-mark" x="{mark}" y="0" width="3" height="{height}"/></svg>',
        key=key,
        width=width,
        height=height,
        title=title,
        filled=filled,
        mark=mark,
    )


def ceiling_of(amount: Decimal) -> Decimal:
    """Return the lowest round figure not below the amount that splits into four round intervals."""
    if amount <= 0:
        return Decimal(100)
    least = amount / _INTERVALS
    unit = Decimal(10) ** least.adjusted()
    step = next(step for step in _STEPS if unit * step >= least)
    return unit * step * _INTERVALS


def short_money(amount: Decimal) -> str:
    """Write an amount for an axis: "$950", "$12.5k", "$3M"."""
    for unit, letter in ((Decimal(1_000_000), "M"), (Decimal(1_000), "k")):
        if amount >= unit:
            return f"${_plain(amount / unit)}{letter}"
    return f"${_plain(amount)}"


def _stacked_levels(series: Sequence[Series]) -> list[list[Decimal]]:
    """Return the running totals: zero, the first series, the first and second, and so on."""
    levels = [[Decimal(0)] * len(series[0].amounts)]
    for one in series[:_SERIES_COLOURS]:
        levels.append([below + amount for below, amount in zip(levels[-1], one.amounts, strict=True)])
    return levels


def _area_path(xs: Sequence[Decimal], below: Sequence[Decimal], above: Sequence[Decimal]) -> str:
    """Return a path that runs forward along the upper edge in steps, and back along the lower."""
    forward = [f"M{xs[0]} {below[0]}V{above[0]}"]
    forward += [f"H{x}V{y}" for x, y in zip(xs[1:], above[1:], strict=True)]
    back = [f"V{y}H{x}" for x, y in zip(reversed(xs[:-1]), reversed(below[:-1]), strict=True)]
    return "".join([*forward, *back, "Z"])


def _x_of(day: date, first: date, last: date, size: Size) -> Decimal:
    span = max((last - first).days, 1)
    room = size.width - size.left - size.right
    return (size.left + Decimal(room * (day - first).days) / span).quantize(_TENTH)


def _y_of(amount: Decimal, ceiling: Decimal, size: Size) -> Decimal:
    room = size.height - size.top - size.bottom
    return (size.height - size.bottom - room * amount / ceiling).quantize(_TENTH)


def _grid(ceiling: Decimal, size: Size) -> SafeString:
    """Return the horizontal lines with their amounts, the lowest drawn as the axis."""
    rows = []
    for interval in range(_INTERVALS + 1):
        amount = ceiling * interval / _INTERVALS
        y = _y_of(amount, ceiling, size)
        name = "grid" if interval else "axis"
        rows.append((name, size.left, size.width - size.right, y, y, size.left - 6, y + 4, short_money(amount)))
    return format_html_join(
        "",
        '<line class="{}" x1="{}" x2="{}" y1="{}" y2="{}"/><text x="{}" y="{}" text-anchor="end">{}</text>',
        rows,
    )


def _day_axis(first: date, last: date, size: Size) -> SafeString:
    """Return evenly spaced days along the bottom, by month when the chart spans many."""
    span = (last - first).days
    count = max(min(size.day_labels, span + 1), 2)
    rows = []
    for place in range(count):
        day = first + timedelta(days=span * place // (count - 1))
        anchor = "start" if place == 0 else "end" if place == count - 1 else "middle"
        words = f"{day:%b %Y}" if span > 150 else f"{day:%b} {day.day}"
        rows.append((_x_of(day, first, last, size), size.height - 7, anchor, words))
    return format_html_join("", '<text x="{}" y="{}" text-anchor="{}">{}</text>', rows)


def _plain(number: Decimal) -> str:
    """Write a number without needless zeros and never in powers of ten."""
    return f"{number.normalize():,f}"
