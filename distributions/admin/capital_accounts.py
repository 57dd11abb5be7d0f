"""The staff page of capital accounts: every investor of an offering as of a day, and a year's figures for taxes."""

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from distributions.admin.call_forms import AccountsForm, TaxYearForm
from distributions.operations import tax_exports
from distributions.queries import capital_accounts as queries
from realco import clock, permissions
from realco.admin_pages import Table, shown_money
from realco.admin_steps import person_of
from realco.business_days import banking_date
from realco.errors import Refusal

if TYPE_CHECKING:
    from realco.admin_steps import SteppedAdmin

_SUMMED = (
    "committed", "called", "uncalled", "contributed", "returned", "preferred_accrued", "preferred_paid",
    "preferred_owed", "profit", "net", "premium",
)  # fmt: skip
_TITLES = (
    "Investor", "Committed", "Called", "Uncalled", "Contributed", "Returned", "Preferred accrued", "Preferred paid",
    "Preferred owed", "Profit", "Net", "Late-closing interest",
)  # fmt: skip
VIEW = "distributions.view_capitalcall"


class CapitalAccountPages:
    """The pages, inside the frame of the admin that has them."""

    def __init__(self, owner: "SteppedAdmin") -> None:
        self.owner = owner
        self.accounts = require_safe(self._accounts)
        self.tax_data = require_POST(self._tax_data)

    def _accounts(self, request: HttpRequest) -> HttpResponse:
        """Show the accounts of the offering and day asked for."""
        user = person_of(request)
        if not user.has_perm(VIEW):
            raise PermissionDenied
        today = banking_date(clock.now())
        asked = request.GET.copy()
        if asked.get("offering") and not asked.get("on"):
            asked["on"] = today.isoformat()
        form = AccountsForm(asked) if asked else AccountsForm(initial={"on": today})
        context: dict[str, Any] = {"form": form, "title": "Capital accounts", "tables": [], "problem": ""}
        if form.is_bound and form.is_valid():
            try:
                context["tables"] = _tables(queries.accounts(form.cleaned_data["offering"], on=form.cleaned_data["on"]))
            except Refusal as refusal:
                context["problem"] = str(refusal)
            if user.has_perm(permissions.EXPORT_TAX_DATA):
                offering = form.cleaned_data["offering"]
                initial = {"offering": offering, "year": today.year - 1}
                context["tax_form"] = TaxYearForm(initial=initial, auto_id="id_tax_%s")
        return self.owner.page(request, "admin/staff/capital_accounts.html", **context)

    def _tax_data(self, request: HttpRequest) -> HttpResponse:
        """Answer with a year's figures as a file, and keep who took it."""
        form = TaxYearForm(request.POST)
        back = HttpResponseRedirect(reverse("admin:distributions_capitalcall_accounts"))
        if not form.is_valid():
            messages.error(request, "Choose an offering and a year.")
            return back
        data = form.cleaned_data
        try:
            _, content = tax_exports.export(data["offering"], year=data["year"], by=person_of(request), at=clock.now())
        except Refusal as refusal:
            messages.error(request, str(refusal))
            return back
        name = f"tax-data-{data['offering'].slug}-{data['year']}.csv"
        return HttpResponse(
            content,
            content_type="text/csv; charset=utf-8",
            headers={"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"},
        )


def _tables(found: list[queries.CapitalAccount]) -> list[Table]:
    rows: list[list[Any]] = [[one.investor, *(shown_money(getattr(one, name)) for name in _SUMMED)] for one in found]
    if rows:
        totals = (sum((getattr(one, name) for one in found), Decimal("0.00")) for name in _SUMMED)
        rows.append(["Together", *map(shown_money, totals)])
    drifts = [[one.investor, words] for one in found for words in one.drifts]
    return [
        Table("Capital accounts", _TITLES, rows, empty="Nobody has an investment in it on that day."),
        Table(
            "Where stored totals differ from the history",
            ["Investor", "What differs"],
            drifts,
            empty="Nowhere: what is stored is what the ledger and the distributions say.",
        ),
    ]
