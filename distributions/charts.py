"""
Charts of a preview as SVG text, drawn on the server: no script, no inline style.

Every function is pure. Colours come from classes in ``staff.css``; each drawing has a title and a
description, and the page has the same figures in a table beside it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from realco.money import ZERO, format_money

_ROW, _BAR, _TOP = 46, 18, 20
_TENTH = Decimal("0.1")


@dataclass(frozen=True, slots=True)
class Size:
    """
    A drawing's width in its own units, how far apart the names of its series stand, how long names are.

    ``staff.css`` shows one of the sizes; a name that is cut short is whole in the description.
    """

    name: str
    width: int
    legend: int
    letters: int


SIZES = (Size("wide", 560, 150, 60), Size("narrow", 290, 98, 24))


@dataclass(frozen=True, slots=True)
class Bar:
    """A named bar of parts that stand one after the other; amounts in US dollars, none below zero."""

    name: str
    parts: Sequence[Decimal]

    @property
    def total(self) -> Decimal:
        """The length of the bar."""
        return sum(self.parts, ZERO)


def bars(rows: Sequence[Bar], *, series: Sequence[str], key: str, title: str, size: Size = SIZES[0]) -> SafeString:
    """
    Draw bars under each other on one scale, each part in the colour of its series.

    ``key`` makes the ids of this drawing unique on its page. Without any amount there is nothing to draw.
    """
    longest = max((row.total for row in rows), default=ZERO)
    if not longest:
        return SafeString("")
    height = _TOP + _ROW * len(rows)
    key = f"{key}-{size.name}"
    described = "; ".join(
        f"{row.name}: "
        + ", ".join(f"{name} {format_money(part)}" for name, part in zip(series, row.parts, strict=True) if part)
        for row in rows
        if row.total
    )
    drawn = [_row(row, series, longest, _TOP + _ROW * place, size) for place, row in enumerate(rows)]
    return format_html(
        '<svg class="preview-chart {}" viewBox="0 0 {} {}" role="img" aria-labelledby="chart-{}-title chart-{}-desc">'
        '<title id="chart-{}-title">{}</title><desc id="chart-{}-desc">{}</desc>{}{}</svg>',
        size.name, size.width, height, key, key, key, title, key, described, _legend(series, size.legend),
        format_html_join("", "{}", ((one,) for one in drawn)),
    )  # fmt: skip


def _legend(series: Sequence[str], apart: int) -> SafeString:
    marks = [(place * apart, place + 1, place * apart + 16, name) for place, name in enumerate(series)]
    return format_html_join(
        "", '<rect x="{}" y="0" width="11" height="11" rx="2" class="part-{}"/><text x="{}" y="10">{}</text>', marks
    )


def _row(row: Bar, series: Sequence[str], longest: Decimal, top: int, size: Size) -> SafeString:
    left, parts, width = ZERO, [], size.width
    name_shown = row.name if len(row.name) <= size.letters else f"{row.name[: size.letters - 1]}…"
    for number, (name, part) in enumerate(zip(series, row.parts, strict=True), start=1):
        if part:
            long = max((width * part / longest).quantize(_TENTH), Decimal(2))
            parts.append(
                (number, left, top + 20, min(long, Decimal(width)), _BAR, f"{row.name}, {name}: {format_money(part)}")
            )
            left += long
    return format_html(
        '<text x="0" y="{}">{}</text><text x="{}" y="{}" text-anchor="end">{}</text>'
        '<rect class="empty-track" x="0" y="{}" width="{}" height="{}" rx="3"/>{}',
        top + 14, name_shown, width, top + 14, format_money(row.total), top + 20, width, _BAR,
        format_html_join(
            "", '<rect class="part-{}" x="{}" y="{}" width="{}" height="{}"><title>{}</title></rect>', parts
        ),
    )  # fmt: skip
