"""An investor's capital: the account in each offering as of a day, what was called, and paying a call."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from distributions.models import CapitalCallItem
from distributions.operations import call_payments
from distributions.queries import capital_accounts, capital_calls, reinvestments
from distributions.queries.capital_accounts import CapitalAccount
from distributions.queries.capital_calls import Due
from finance.models import Transaction
from realco import clock
from realco.business_days import banking_date
from realco.errors import Refusal
from realco.models import Offering, User
from realco.money import format_money
from realco.portal.access import signed_in
from realco.portal.capital_forms import AsOfForm, PayCallForm

UNPROCESSABLE = 422


@dataclass(frozen=True, slots=True)
class Shown:
    """An offering with the person's account in it, or why there is none to show."""

    offering: Offering
    account: CapitalAccount | None
    problem: str = ""
    reinvested: Sequence[tuple[str, Decimal]] = ()


@signed_in
@require_safe
def capital(request: HttpRequest, investor: User) -> HttpResponse:
    """Show the person's capital accounts as of a day, and what was called of them."""
    today = banking_date(clock.now())
    form = AsOfForm(request.GET or {"on": str(today)})
    items = list(capital_calls.of_investor(investor))
    dues = capital_calls.dues(items, on=today)
    context = {
        "section": "capital",
        "form": form,
        "calls": [(item, dues[item.pk]) for item in items],
        "accounts": [],
    }
    if form.is_valid():
        on = form.cleaned_data["on"]
        context |= {
            "on": on,
            "accounts": [_shown(offering, investor, on) for offering in capital_accounts.offerings_of(investor.pk)],
        }
    return render(request, "portal/capital.html", context)


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def pay_call(request: HttpRequest, investor: User, item_id: UUID) -> HttpResponse:
    """Ask from which account a call is paid, and pay it."""
    item = get_object_or_404(capital_calls.of_investor(investor), pk=item_id)
    due = capital_calls.due(item, on=banking_date(clock.now()))
    if request.method != "POST":
        form = PayCallForm(initial={"amount": due.missing, "idempotency_key": uuid.uuid4().hex}, investor=investor)
        return _pay_page(request, item, due, form)
    form = PayCallForm(request.POST, investor=investor)
    if not form.is_valid():
        return _pay_page(request, item, due, form, status=UNPROCESSABLE)
    asked = form.cleaned_data
    try:
        payment = call_payments.pay(
            item,
            method=Transaction.Method.ACH,
            bank_account_id=asked["bank_account"].pk,
            by=investor,
            idempotency_key=asked["idempotency_key"],
            net=asked["amount"],
            at=clock.now(),
        )
    except Refusal as refusal:
        form.add_error(None, str(refusal))
        return _pay_page(request, item, due, form, status=UNPROCESSABLE)
    messages.success(request, f"Your payment of {format_money(payment.amount)} for {item.call} is on its way.")
    return redirect("portal:transaction", payment_id=payment.pk)


def _shown(offering: Offering, investor: User, on: date) -> Shown:
    try:
        found = capital_accounts.accounts(offering, on=on, investor_id=investor.pk)
    except Refusal:
        return Shown(offering, None, "There are no terms for it on that day, so there is no account to show.")
    if not found:
        return Shown(offering, None)
    [account] = found
    moved = reinvestments.reinvested_by([account.investment_id], on=on)
    return Shown(offering, account, reinvested=moved.get(account.investment_id, []))


def _pay_page(
    request: HttpRequest, item: CapitalCallItem, due: Due, form: PayCallForm, *, status: int = 200
) -> HttpResponse:
    context: dict[str, object] = {"section": "capital", "item": item, "due": due, "form": form}
    if due.missing:
        today = banking_date(clock.now())
        for name, method in (("by_wire", Transaction.Method.WIRE), ("by_check", Transaction.Method.CHECK)):
            context[name] = capital_calls.gross_of(due.missing, method=method, on=today)
    return render(request, "portal/pay_call.html", context, status=status)
