"""Late-closing premiums on the page of their call: to whom they are owed, what became of each, and paying them on."""

import uuid
from typing import Any

from django import forms

from distributions.models import CapitalCall
from distributions.operations import premiums
from distributions.queries import capital_calls
from distributions.queries import premiums as queries
from distributions.queries.premiums import Payable
from realco import permissions
from realco.admin_pages import Table, link, shown_money
from realco.admin_steps import Order, Reason, Step, StepForm
from realco.models import User
from realco.money import format_money


class PayOnForm(StepForm):
    """A key, so that pressing twice draws up one distribution."""

    idempotency_key = forms.CharField(max_length=100, widget=forms.HiddenInput, initial=lambda: uuid.uuid4().hex)


def label(found: Payable) -> str:
    """Say how many premiums can be paid on, and how much that is."""
    number = len(found.items)
    return f"Pay on {number} premium{'' if number == 1 else 's'} of {format_money(found.total)}"


def tables(call: CapitalCall) -> list[Table]:
    """Lay out what a late closing equalises: to whom each premium is owed, and where it is."""
    shares = capital_calls.equalisation(call)
    if not shares:
        return []
    owners = {owner for some in shares.values() for one in some for owner, _ in one.owed_to}
    names = User.objects.in_bulk(list(owners))
    payers = {item.pk: str(item.investor) for item in call.items.filter(pk__in=shares).select_related("investor")}
    owed = [
        [payers[item_id], str(one.call), shown_money(one.capital), str(names[owner]), shown_money(part)]
        for item_id, some in shares.items()
        for one in some
        for owner, part in one.owed_to
    ]
    titles = ["Owed by", "Earlier call", "Share of it", "Owed to", "Premium"]
    return [
        Table("To whom the premiums are owed, each rounded by itself", titles, owed),
        _progress(call),
    ]


def _progress(call: CapitalCall) -> Table:
    found = queries.payable(call)
    paid_on = queries.paid_on(item for item, _ in found.others)
    lines: list[list[Any]] = [
        [str(item.investor), shown_money(item.premium_amount), "Has arrived, and can be paid on."]
        for item in found.items
    ]
    for item, why in found.others:
        where: Any = why
        if (distribution := paid_on.get(item.pk)) is not None:
            where = link(distribution, f"{distribution}: {str(distribution.get_status_display()).lower()}")
        lines.append([str(item.investor), shown_money(item.premium_amount), where])
    return Table("What became of each premium", ["Owed by", "Premium", "Where it is"], lines, "There is no premium.")


def _pay_on(call: CapitalCall, order: Order) -> object:
    return premiums.draw_up(call, creator=order.by, idempotency_key=order.data["idempotency_key"], at=order.at)


def _is_late_closing(call: CapitalCall) -> bool:
    return call.kind == CapitalCall.Kind.LATE_CLOSING and call.status in capital_calls.COUNTED


def _nothing_to_pay_on(call: CapitalCall, user: User) -> str:
    found = queries.payable(call)
    return "" if found.items else premiums.why_not(call, found)


PAY_ON = Step(
    name="pay-on",
    label="Pay premiums on",
    permission=permissions.CREATE_DISTRIBUTION,
    act=_pay_on,
    when=_is_late_closing,
    problem=_nothing_to_pay_on,
    explains="A distribution of its own, outside of the waterfall, is drawn up for the premiums that have arrived. It "
    "is submitted, signed and paid like any other; nobody is paid before that.",
    done="The distribution is drawn up and worked out. Open it below, look at it, and submit it.",
    reason=Reason.NONE,
    form=PayOnForm,
)
