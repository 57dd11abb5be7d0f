"""Who gets what of a distribution, laid out for staff: as it was drawn up, and before it is kept, signed or paid."""

from collections.abc import Iterable, Sequence
from typing import Any

from django.contrib import admin
from django.db.models import Sum
from django.urls import reverse
from django.utils.html import format_html

from distributions.models import Distribution, DistributionAllocation
from distributions.queries.distributions import Preview
from distributions.queries.payees import Payee
from realco.admin_pages import Column, Table, badge_column, link, money_column, shown_money, table
from realco.money import ZERO

SHOWN = 100
"""How many payees a distribution's own page shows; its previews show all of them."""
_TIERS = ("return_of_capital", "preferred_return", "sponsor_catch_up", "profit_split")
_PREMIUM = ("premium_amount",)
_DEDUCTIONS = ("fee_amount", "withholding_amount")
_TITLES = {
    "sponsor_catch_up": "catch-up",
    "premium_amount": "late-closing interest",
    "total_amount": "total",
    "fee_amount": "fee",
    "withholding_amount": "withheld",
    "net_amount": "net",
}


def pays_on(row: Distribution) -> bool:
    """Whether it pays premiums on, and has no tiers."""
    return row.nature == Distribution.Nature.PREMIUM


def drawn_up(row: Distribution) -> Table:
    """Lay out the payees of a distribution's own page; of a cancelled one, those it had when it was cancelled."""
    rows = row.allocations.all()
    if row.status == Distribution.Status.CANCELLED:
        title, empty = "What had been calculated when it was cancelled", "It was cancelled before it was calculated."
        rows = rows.filter(status=DistributionAllocation.Status.CANCELLED, updated_at__gte=row.cancelled_at)
    else:
        title, empty = "Payees", "It has not been calculated."
        rows = rows.exclude(status=DistributionAllocation.Status.CANCELLED)
    parts = _parts(row)
    names = (*parts, "total_amount", *_DEDUCTIONS, "net_amount")
    sums = rows.aggregate(**{name: Sum(name, default=ZERO) for name in names})
    amounts = _amounts(parts, sums, always=("net_amount",))
    shown = list(rows.select_related("investor", "transaction").order_by("-total_amount", "id")[: SHOWN + 1])
    everything = f"{reverse('admin:distributions_distributionallocation_changelist')}?q={row.distribution_number}"
    laid_out = table(
        title, shown[:SHOWN], _payee, *map(_column, amounts), badge_column(), _payment, _problem,
        empty=empty, more=everything if len(shown) > SHOWN else "",
    )  # fmt: skip
    if not _is_deducted(sums):
        return laid_out
    together = ["Together", *(shown_money(sums[name]) for name in amounts), "", "", ""]
    return Table(laid_out.title, laid_out.titles, [*laid_out.rows, together], laid_out.empty, laid_out.more)


def previewed(preview: Preview, now: dict[Any, Payee], row: Distribution) -> Table:
    """Lay out all payees before the numbers are kept, frozen, signed or paid, and where each would be paid."""
    parts = _parts(row)
    sums = {
        name: sum((getattr(one, name) for one in preview.allocations), ZERO)
        for name in (*parts, "total_amount", *_DEDUCTIONS, "net_amount")
    }
    names = _amounts(parts, sums, always=("total_amount", "net_amount"))
    columns = [_column(name) for name in names]
    rows = []
    for allocation in preview.allocations:
        payee = now[allocation.pk]
        where = payee.obstacle or link(payee.bank_account)
        marked = _marked(link(allocation.investor), allocation)
        rows.append([marked, *(column(allocation) for column in columns), where])
    title = f"All {len(rows)} payees"
    if _is_deducted(sums):
        rows.append(["Together", *(shown_money(sums[name]) for name in names), ""])
    titles = [str(getattr(column, "short_description", "")).capitalize() for column in columns]
    return Table(title, ["Payee", *titles, "Paid to"], rows, "Nobody gets anything.")


def _parts(row: Distribution) -> tuple[str, ...]:
    return _PREMIUM if pays_on(row) else _TIERS


def _is_deducted(sums: dict[str, Any]) -> bool:
    return any(sums[name] for name in _DEDUCTIONS)


def _amounts(parts: Sequence[str], sums: dict[str, Any], *, always: Iterable[str]) -> list[str]:
    """Return the columns that a line needs to add up: what is taken off, where anything is."""
    if not _is_deducted(sums):
        return [*parts, *always]
    return [*parts, "total_amount", *(name for name in _DEDUCTIONS if sums[name]), "net_amount"]


def _column(name: str) -> Column:
    return money_column(name, _TITLES.get(name, ""))


def _marked(payee: Any, allocation: DistributionAllocation) -> Any:
    """Mark a payee for whom people decided otherwise than the waterfall."""
    return format_html('{} <span class="soft">overridden</span>', payee) if allocation.overridden_by_id else payee


@admin.display(description="payee")
def _payee(allocation: Any) -> Any:
    return _marked(link(allocation, str(allocation.investor)), allocation)


@admin.display(description="payment")
def _payment(allocation: Any) -> Any:
    return link(allocation.transaction, "Payment")


@admin.display(description="waits for, or failed by")
def _problem(allocation: Any) -> str:
    return str(allocation.failure_reason or allocation.waiting_reason or "–")
