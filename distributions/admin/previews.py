"""
What-if pages: an amount and a day in, the tiers and everybody's part out, and nothing written.

An answer is worked out once and kept in the cache for some minutes, so that its pages, its filter and
its exports show the same figures however many investors there are.
"""

import hashlib
from collections.abc import Iterator, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any, ClassVar
from urllib.parse import urlencode

from django import forms
from django.core.cache import cache
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from distributions import charts, exports
from distributions.charts import Bar
from distributions.exports import Cell
from distributions.metrics import Performance
from distributions.queries import fund_arrangements, previews
from distributions.queries.fund_deals import Effect
from distributions.queries.preview_lines import ANY, NOTHING, OBSTACLE, OFF, Line
from distributions.queries.previews import Answer, Question
from escrow.models import Investment
from realco import clock, money
from realco.admin_pages import Table, link, shown_money
from realco.admin_steps import SteppedAdmin, person_of
from realco.business_days import banking_date
from realco.errors import Refusal
from realco.models import Offering, User
from realco.money import ZERO, format_money
from realco.templatetags import figures

SHOWN = 100
MOST_IRRS = 2_000
"""In an export of more investors the IRR column is left empty: each takes some milliseconds."""
CHUNK = 1_000
KEPT = timedelta(minutes=10)
_ORDERS = (
    ("total", "Highest amount first"),
    ("change", "Greatest change first"),
    ("off", "Furthest off pro rata first"),
    ("key", "In the order of the rows"),
)
_ONLY = (
    ("", "Everybody"),
    (ANY, "All that are marked"),
    (NOTHING, "Get nothing"),
    (OFF, "Off pro rata"),
    (OBSTACLE, "Cannot be paid"),
)


class AmountField(forms.CharField):
    """An amount of dollars, to the cent; nothing where it is left empty."""

    def clean(self, value: Any) -> Any:
        written = super().clean(value)
        if not written:
            return ZERO
        try:
            return money.positive(money.parse_written(written)) if self.required else money.parse_written(written)
        except Refusal as refusal:
            raise forms.ValidationError(str(refusal)) from refusal


class WhatIfForm(forms.Form):
    """An amount and a day, and how to look at the answer."""

    offering = forms.ModelChoiceField(
        queryset=Offering.objects.filter(status__in=["FUNDED", "OPERATING", "EXITED"]).order_by("name")
    )
    amount = AmountField(label="Amount", max_length=40, help_text="Income, or what a sale brings.")
    on = forms.DateField(label="As of", widget=forms.DateInput(attrs={"type": "date"}), help_text="May lie ahead.")
    residual = AmountField(
        label="Value left", max_length=40, required=False, help_text="What would remain; empty after a sale."
    )
    tolerance = forms.DecimalField(
        label="Mark beyond, %", min_value=0, max_value=1000, decimal_places=2, required=False, initial=5,
        help_text="Off pro rata.",
    )  # fmt: skip
    only = forms.ChoiceField(label="Show", choices=_ONLY, required=False)
    order = forms.ChoiceField(label="Order", choices=_ORDERS, required=False)

    def clean(self) -> dict[str, Any]:
        """Refuse a value below nothing."""
        found: dict[str, Any] = super().clean() or {}
        if found.get("residual", ZERO) < 0:
            self.add_error("residual", "A value is not below nothing.")
        return found

    @property
    def question(self) -> Question:
        """What is asked, once the form is valid."""
        data = self.cleaned_data
        tolerance = data["tolerance"] if data["tolerance"] is not None else Decimal(5)
        return Question(data["offering"], data["amount"], data["on"], data["residual"], tolerance / 100)


class PreviewPages(SteppedAdmin):
    """The what-if pages, for the admin of distributions."""

    fieldsets: ClassVar[Any] = None

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("what-if/", view(self.what_if_view), name="distributions_distribution_what_if"),
            path("what-if/<str:kind>/", view(self.export_view), name="distributions_distribution_export"),
            *super().get_urls(),
        ]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        pages = [("What if", reverse("admin:distributions_distribution_what_if"))]
        if person_of(request).has_perm(fund_arrangements.VIEW):
            pages.append(("Funds", reverse("admin:distributions_fundarrangement_changelist")))
        return super().changelist_view(request, {"pages": pages, **(extra_context or {})})

    def what_if_view(self, request: HttpRequest) -> HttpResponse:
        """Show what an amount on a day would pay to whom."""
        form, answer, refusal = self._asked(request)
        context: dict[str, Any] = {"refusal": refusal}
        if answer is not None:
            context |= _shown(form, answer, _number(request.GET.get("page")))
        return self.page(
            request,
            "admin/staff/what_if.html",
            title="What if",
            trail=[("Distributions", reverse("admin:distributions_distribution_changelist"))],
            form=form,
            **context,
        )

    def export_view(self, request: HttpRequest, kind: str) -> HttpResponse:
        """Answer with everybody's part as a file, CSV or XLSX."""
        _, answer, refusal = self._asked(request)
        if answer is None or kind not in ("csv", "xlsx"):
            return HttpResponse(refusal or "Ask for an amount and a day first.", status=400, content_type="text/plain")
        titles, rows = export(answer)
        name = f"what-if-{answer.question.offering.slug}-{answer.question.on}.{kind}"
        if kind == "csv":
            content, media = exports.as_csv(titles, rows), "text/csv; charset=utf-8"
        else:
            content = exports.as_xlsx(f"What if: {answer.question.offering}", titles, rows)
            media = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
        headers = {"Content-Disposition": f'attachment; filename="{name}"'}
        return HttpResponse(content, content_type=media, headers=headers)

    def _asked(self, request: HttpRequest) -> tuple[WhatIfForm, Answer | None, str]:
        if not self.has_view_permission(request):
            raise PermissionDenied
        if "amount" not in request.GET:
            initial = {"on": banking_date(clock.now()), "tolerance": 5, **request.GET.dict()}
            return WhatIfForm(initial=initial), None, ""
        form = WhatIfForm(request.GET)
        if not form.is_valid():
            return form, None, ""
        try:
            return form, _answered(form.question, fresh="fresh" in request.GET), ""
        except Refusal as refusal:
            return form, None, str(refusal)


def _answered(question: Question, *, fresh: bool) -> Answer:
    """Return the answer worked out some minutes ago, or a new one."""
    asked = f"{question.offering.pk} {question.amount} {question.on} {question.residual} {question.tolerance}"
    key = f"what-if:{hashlib.sha256(asked.encode()).hexdigest()}"
    found: Answer | None = None if fresh else cache.get(key)
    if found is None:
        found = previews.answer(question, at=clock.now())
        cache.set(key, found, int(KEPT.total_seconds()))
    return found


def _shown(form: WhatIfForm, answer: Answer, page: int) -> dict[str, Any]:
    chosen = answer.lines.chosen(form.cleaned_data["only"], form.cleaned_data["order"] or "total")
    pages = max(-(-len(chosen) // SHOWN), 1)
    page = min(page, pages)
    lines = [answer.lines[row] for row in chosen[(page - 1) * SHOWN : page * SHOWN]]
    kept = {name: value for name, value in form.data.items() if value and name not in ("page", "fresh")}
    return {
        "answer": answer,
        "figures": _figures(answer),
        "fund": fund_words(answer.fund),
        "charts": _charts(answer),
        "tables": [_tiers(answer), _classes(answer)],
        "table": _investors(answer, lines, f"{len(chosen):,} investors, page {page} of {pages}"),
        "older": f"?{urlencode({**kept, 'page': page + 1})}" if page < pages else "",
        "newer": f"?{urlencode({**kept, 'page': page - 1})}" if page > 1 else "",
        "fresh": f"?{urlencode({**kept, 'fresh': 1})}",
        "exports": [
            (kind.upper(), f"{reverse('admin:distributions_distribution_export', args=[kind])}?{urlencode(kept)}")
            for kind in ("csv", "xlsx")
        ],
    }


def _figures(answer: Answer) -> list[tuple[str, str, str]]:
    question = answer.question
    short = question.amount - answer.available
    marks = [(NOTHING, "get nothing"), (OFF, "are off pro rata"), (OBSTACLE, "cannot be paid now")]
    return [
        ("Would be distributed", format_money(question.amount), f"as of {figures.day(question.on)}"),
        ("To investors", format_money(answer.investors), f"{len(answer.lines):,} investors"),
        ("To the sponsor", format_money(answer.sponsor), f"{format_money(answer.sponsor_last)} last time"),
        (
            "Can be distributed today",
            format_money(answer.available),
            f"{format_money(short)} short" if short > 0 else "",
        ),
        ("Marked", f"{answer.lines.count():,}", "; ".join(f"{answer.lines.count(m):,} {w}" for m, w in marks)),
    ]


def fund_words(effect: Effect | None) -> tuple[str, str, str, bool] | None:
    """Say of a distribution what it would do to its fund's clawback: fund, its page, words, whether to mark it."""
    if effect is None:
        return None
    page = reverse("admin:distributions_fundarrangement_clawback", args=[effect.fund_id])
    if effect.problem:
        return effect.fund, page, effect.problem, False
    so_far = (
        f"The sponsor's promotes so far would leave a clawback of {format_money(effect.before)} if nothing more came"
    )
    if effect.raised:
        words = f"{so_far}; this one would raise it by {format_money(effect.raised)} to {format_money(effect.after)}."
        return effect.fund, page, words, True
    return effect.fund, page, f"{so_far}; with this distribution it is {format_money(effect.after)}.", False


def _charts(answer: Answer) -> list[Any]:
    rows = [
        Bar(f"{tier.investor_class} {tier.title}".strip(), (tier.to_investors, tier.to_sponsor))
        for tier in answer.tiers
    ]
    natures = ("Capital", "Preferred return", "Profit")
    names = sorted(set(answer.lines.outcome.classes))
    columns = ("return_of_capital", "preferred_return", "profit")
    by_class = [
        Bar(name or "Investors", [answer.lines.sum(one, investor_class=name) for one in columns]) for name in names
    ]
    drawings = (
        (rows, ("Investors", "Sponsor"), "tiers", "What each tier takes"),
        (by_class, natures, "natures", "What investors get, by its nature"),
    )
    return [
        [charts.bars(drawn, series=series, key=key, title=title, size=size) for size in charts.SIZES]
        for drawn, series, key, title in drawings
    ]


def _tiers(answer: Answer) -> Table:
    rows: list[list[Any]] = [
        [
            f"{tier.investor_class}: {tier.title}" if tier.investor_class else tier.title,
            *map(shown_money, (tier.took, tier.to_investors, tier.to_sponsor)),
        ]
        for tier in answer.tiers
    ]
    rows.append(["Together", *map(shown_money, (answer.question.amount, answer.investors, answer.sponsor))])
    return Table(f"Tiers, by {answer.terms}", ["Tier", "Takes", "To investors", "To the sponsor"], rows)


def _classes(answer: Answer) -> Table:
    rows = [
        [name or "All investors", *_performance(one), shown_money(one.contributed), shown_money(one.distributed)]
        for name, one in answer.classes.items()
    ]
    titles = ["Class", "IRR", "Multiple", "DPI", "RVPI", "TVPI", "Put in", "Received"]
    return Table("What the investment would have brought by then", titles, rows)


def _investors(answer: Answer, lines: Sequence[Line], title: str) -> Table:
    people = User.objects.in_bulk([line.investor_id for line in lines])
    held = previews.performances(answer, lines)
    rows: list[list[Any]] = [
        [
            link(Investment(pk=line.key), str(people[line.investor_id])),
            *map(
                shown_money,
                (line.contributed, line.return_of_capital, line.preferred_return, line.profit, line.total, line.change),
            ),
            _off(line.off_pro_rata),
            *_performance(held[line.key]),
            _words(line),
        ]
        for line in lines
    ]
    names = ("contributed", "return_of_capital", "preferred_return", "profit", "total", "change")
    rows.append(["All investors", *(shown_money(answer.total(name)) for name in names), *[""] * 7])
    titles = [
        "Investor", "Put in", "Capital", "Preferred return", "Profit", "Total", "Change", "Off pro rata", "IRR",
        "Multiple", "DPI", "RVPI", "TVPI", "Marked",
    ]  # fmt: skip
    return Table(title, titles, rows, "Nobody.")


def _words(line: Line) -> str:
    words = {NOTHING: "Gets nothing.", OFF: "Off pro rata.", OBSTACLE: line.obstacle}
    return " ".join(words[mark] for mark in line.marks) or "–"


def _performance(one: Performance) -> list[SafeString | str]:
    rate = one.irr.rate
    irr = one.irr.why if rate is None else _aligned(f"{rate:.2%}")
    return [irr, *(_times(value) for value in (one.equity_multiple, one.dpi, one.rvpi, one.tvpi))]


def _off(part: Decimal | None) -> SafeString:
    return _aligned("–" if part is None else f"{part:+.2%}" if part else "0.00%")


def _times(value: Decimal | None) -> SafeString:
    return _aligned("–" if value is None else f"{value:.4f}")


def _aligned(number: str) -> SafeString:
    """Write a number for a column, like an amount."""
    return format_html('<span class="money">{}</span>', number)


def export(answer: Answer) -> tuple[list[str], Iterator[list[Cell]]]:
    """Return everybody's part as titles and rows, the sum last; IRRs where there are not too many investors."""
    titles = [
        "Investor", "E-mail address", "Class", "Put in", "Capital", "Preferred return", "Profit", "Total",
        "Last distribution", "Change", "Value left", "Off pro rata", "IRR", "DPI", "RVPI", "TVPI", "Marked",
    ]  # fmt: skip
    return titles, _exported(answer)


def _exported(answer: Answer) -> Iterator[list[Cell]]:
    with_irr = len(answer.lines) <= MOST_IRRS
    for start in range(0, len(answer.lines), CHUNK):
        lines = answer.lines[start : start + CHUNK]
        people = User.objects.in_bulk([line.investor_id for line in lines])
        held = previews.performances(answer, lines)
        for line in lines:
            person, one = people[line.investor_id], held[line.key]
            yield [
                str(person), person.email, line.investor_class, line.contributed, line.return_of_capital,
                line.preferred_return, line.profit, line.total, line.last, line.change, line.residual,
                _fraction(line.off_pro_rata), _fraction(one.irr.rate) if with_irr else None, _fraction(one.dpi),
                _fraction(one.rvpi), _fraction(one.tvpi), _words(line),
            ]  # fmt: skip
    names = ("contributed", "return_of_capital", "preferred_return", "profit", "total", "last", "change", "residual")
    yield ["Sponsor", "", "", None, None, None, answer.sponsor, answer.sponsor, answer.sponsor_last]
    yield ["All investors", "", "", *(answer.total(name) for name in names)]


def _fraction(value: Decimal | None) -> str | None:
    """Write a fraction as text with all its places: a column of money would round it."""
    return None if value is None else f"{value.normalize():f}"


def _number(written: str | None) -> int:
    """Return the number of a page; 1 for whatever is none."""
    is_number = written and written.isascii() and written.isdigit() and len(written) < 9
    return max(int(written), 1) if written and is_number else 1
