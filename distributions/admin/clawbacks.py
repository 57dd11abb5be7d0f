"""
The staff page of a fund's clawback: a day and sales in, what each deal paid and what the sponsor would owe out.

Nothing is written. An answer is kept in the cache for some minutes, so that page and exports show the same figures.
"""

import hashlib
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode
from uuid import UUID

from django import forms
from django.core.cache import cache
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_safe

from distributions import exports
from distributions.admin.previews import KEPT, AmountField
from distributions.exports import Cell
from distributions.models import FundArrangement
from distributions.queries import clawbacks
from distributions.queries import fund_arrangements as queries
from distributions.queries.clawbacks import DealLine, InvestorLine, Measure
from realco import clock
from realco.admin_pages import Table, link, shown_money
from realco.business_days import banking_date
from realco.errors import Refusal
from realco.models import Offering, User
from realco.money import ZERO, format_money
from realco.templatetags import figures

if TYPE_CHECKING:
    from realco.admin_steps import SteppedAdmin

SHOWN = 100
_COLUMNS = ("contributed", "unreturned", "distributed", "promote")
_SALES = ("sale", "sale_promote")


class ClawbackForm(forms.Form):
    """As of which day, and what a sale of each deal would bring."""

    on = forms.DateField(
        label="As of", widget=forms.DateInput(attrs={"type": "date"}), help_text="With sales it may lie ahead."
    )

    def __init__(self, *args: Any, offerings: list[Offering], **options: Any) -> None:
        super().__init__(*args, **options)
        self.offerings = offerings
        for offering in offerings:
            self.fields[f"sale_{offering.pk.hex}"] = AmountField(
                label=f"{offering.name} sold for", max_length=40, required=False, help_text="Empty if it is not."
            )

    def clean(self) -> dict[str, Any]:
        """Refuse proceeds below nothing."""
        found: dict[str, Any] = super().clean() or {}
        for name, amount in list(found.items()):
            if name != "on" and amount < 0:
                self.add_error(name, "A sale does not bring less than nothing.")
        return found

    @property
    def sales(self) -> dict[UUID, Decimal]:
        """What each deal that is sold would bring, once the form is valid."""
        asked = {offering.pk: self.cleaned_data[f"sale_{offering.pk.hex}"] for offering in self.offerings}
        return {offering_id: amount for offering_id, amount in asked.items() if amount}


class ClawbackPages:
    """The page and its exports, inside the frame of the admin that has them."""

    def __init__(self, owner: "SteppedAdmin") -> None:
        self.owner = owner
        self.shown = require_safe(self._shown)
        self.exported = require_safe(self._exported)

    def _shown(self, request: HttpRequest, row_id: UUID) -> HttpResponse:
        """Show what the fund's sponsor would have to give back."""
        arrangement, form, measure, refusal = self._asked(request, row_id)
        context: dict[str, Any] = {"refusal": refusal}
        if measure is not None:
            context |= _page_of(form, measure)
        return self.owner.page(
            request,
            "admin/staff/clawback.html",
            title=f"Clawback of {arrangement.name}",
            trail=[
                ("Funds", reverse("admin:distributions_fundarrangement_changelist")),
                (str(arrangement), reverse("admin:distributions_fundarrangement_change", args=[row_id])),
            ],
            form=form,
            **context,
        )

    def _exported(self, request: HttpRequest, row_id: UUID, kind: str) -> HttpResponse:
        """Answer with deals and investors as a file, CSV or XLSX."""
        arrangement, _, measure, refusal = self._asked(request, row_id)
        if measure is None or kind not in ("csv", "xlsx"):
            return HttpResponse(refusal or "Ask for a day first.", status=400, content_type="text/plain")
        titles, rows = export(measure)
        if kind == "csv":
            content, media = exports.as_csv(titles, rows), "text/csv; charset=utf-8"
        else:
            content = exports.as_xlsx(f"Clawback of {arrangement.name}", titles, rows)
            media = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
        name = f"clawback-{arrangement.pk}-{measure.on}.{kind}"
        headers = {"Content-Disposition": f'attachment; filename="{name}"'}
        return HttpResponse(content, content_type=media, headers=headers)

    def _asked(self, request: HttpRequest, row_id: UUID) -> tuple[FundArrangement, ClawbackForm, Measure | None, str]:
        arrangement = self.owner.get_object(request, str(row_id))
        if not self.owner.has_view_permission(request, arrangement):
            raise PermissionDenied
        if arrangement is None:
            raise Http404("There is no such fund.")
        today = banking_date(clock.now())
        data = request.GET if "on" in request.GET else {"on": today.isoformat()}
        form = ClawbackForm(data, offerings=queries.offerings(arrangement))
        if not form.is_valid():
            return arrangement, form, None, ""
        try:
            measure = _measured(arrangement, form.cleaned_data["on"], form.sales, fresh="fresh" in request.GET)
        except Refusal as refusal:
            return arrangement, form, None, str(refusal)
        return arrangement, form, measure, ""


def _measured(arrangement: FundArrangement, on: date, sales: dict[UUID, Decimal], *, fresh: bool) -> Measure:
    """Return the answer worked out some minutes ago, or a new one."""
    asked = f"{arrangement.pk} {on} {sorted(sales.items())}"
    key = f"clawback:{hashlib.sha256(asked.encode()).hexdigest()}"
    found: Measure | None = None if fresh else cache.get(key)
    if found is None:
        found = clawbacks.measure(arrangement, on=on, sales=sales, at=clock.now())
        cache.set(key, found, int(KEPT.total_seconds()))
    return found


def _page_of(form: ClawbackForm, measure: Measure) -> dict[str, Any]:
    kept = {name: value for name, value in form.data.items() if value and name != "fresh"}
    name, fund_id = "admin:distributions_fundarrangement_clawback_export", measure.arrangement.pk
    exported = [(kind.upper(), reverse(name, args=[fund_id, kind])) for kind in ("csv", "xlsx")]
    return {
        "measure": measure,
        "figures": _figures(measure),
        "tables": [_deals(measure), _result(measure)],
        "table": _investors(measure),
        "fresh": f"?{urlencode({**kept, 'fresh': 1})}",
        "exports": [(words, f"{address}?{urlencode(kept)}") for words, address in exported],
    }


def _figures(measure: Measure) -> list[tuple[str, str, str]]:
    now, then = measure.standing, measure.result
    capped = f"after tax; {format_money(now.excess)} before" if now.due < now.excess else ""
    shown = [
        ("Promote so far", format_money(now.received), "of all deals, owed or paid"),
        ("The whole fund would give", format_money(now.entitled), f"by {measure.arrangement.terms}"),
        ("Clawback as things are", format_money(now.due), capped),
    ]
    if measure.has_sales:
        shown += [
            ("Clawback after the sales", format_money(then.due), f"{format_money(then.excess)} before tax"),
            (
                "Promote on the sales",
                format_money(measure.total("sale_promote")),
                f"{format_money(measure.sales_by_fund or ZERO)} if the fund's terms shared them out",
            ),
        ]
    return shown


def _deals(measure: Measure) -> Table:
    names = (*_COLUMNS, *(_SALES if measure.has_sales else ()))
    rows: list[list[Any]] = [
        [link(Offering(pk=deal.offering_id), deal.name), *(shown_money(getattr(deal, name)) for name in names)]
        for deal in measure.deals
    ]
    rows.append(["Together", *(shown_money(measure.total(name)) for name in names)])
    titles = ["Deal", "Put in", "Not returned", "Distributed", "Promote of it"]
    titles += ["A sale brings", "Promote on the sale"] if measure.has_sales else []
    return Table(f"Deals, up to {figures.day(measure.on)}", titles, rows)


def _result(measure: Measure) -> Table:
    tax = figures.percent(measure.arrangement.tax_rate)
    lines = (
        ("Promote received, deal by deal", "received"),
        ("Promote that the whole fund would have given", "entitled"),
        ("Received beyond that", "excess"),
        (f"Promote less {tax} tax, the most that is given back", "after_tax"),
        ("Clawback", "due"),
    )
    columns = [("As things are", measure.standing)]
    if measure.has_sales:
        columns.append(("After the sales", measure.result))
    rows = [[words, *(shown_money(getattr(one, name)) for _, one in columns)] for words, name in lines]
    return Table("How the clawback comes about", ["", *(title for title, _ in columns)], rows)


def _most_first(line: InvestorLine) -> tuple[Decimal, Decimal, UUID]:
    return -line.restored, -line.contributed, line.investor_id


def _investors(measure: Measure) -> Table:
    lines = sorted(measure.investors, key=_most_first)[:SHOWN]
    people = User.objects.in_bulk([line.investor_id for line in lines])
    names = ("contributed", "received", "entitled", "lacking", "restored")
    rows: list[list[Any]] = [
        [link(people[line.investor_id]), *(shown_money(getattr(line, name)) for name in names)] for line in lines
    ]
    everybody = len(measure.investors)
    title = f"Investors, over all deals ({everybody:,})"
    if everybody > SHOWN:
        title = f"The first {SHOWN} of {everybody:,} investors; exports have all"
    titles = ["Investor", "Put in", "Received", "The whole fund would give", "Lacks", "A clawback restores"]
    return Table(title, titles, rows, "Nobody has put anything in by then.")


def export(measure: Measure) -> tuple[list[str], Iterator[list[Cell]]]:
    """Return deals, the clawback and all investors as titles and rows; the first column says which a row is."""
    titles = [
        "Row", "Name", "E-mail address", "Put in", "Not returned", "Received", "Promote", "Sale", "Promote on sale",
        "Whole fund would give", "Beyond that", "Most after tax", "Clawback", "Restored",
    ]  # fmt: skip
    return titles, _rows(measure)


def _rows(measure: Measure) -> Iterator[list[Cell]]:
    for deal in measure.deals:
        yield ["Deal", deal.name, "", *_of_deal(deal)]
    sponsor = str(measure.arrangement.organization)
    found = [("as things are", measure.standing), ("after the sales", measure.result)]
    for name, one in found if measure.has_sales else found[:1]:
        yield [
            "Sponsor", f"{sponsor}, {name}", "", None, None, None, one.received, None, None,
            one.entitled, one.excess, one.after_tax, one.due,
        ]  # fmt: skip
    people = User.objects.in_bulk([line.investor_id for line in measure.investors])
    for line in sorted(measure.investors, key=_most_first):
        person = people[line.investor_id]
        yield [
            "Investor", str(person), person.email, line.contributed, None, line.received, None, None, None,
            line.entitled, None, None, None, line.restored,
        ]  # fmt: skip


def _of_deal(deal: DealLine) -> list[Cell]:
    return [deal.contributed, deal.unreturned, deal.distributed, deal.promote, deal.sale, deal.sale_promote]
