"""Offerings: the list, one of them, and investing in it after the fee has been shown."""

import uuid
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.safestring import SafeString
from django.views.decorators.http import require_http_methods, require_safe

from distributions.queries import terms as terms_queries
from distributions.queries import terms_in_words
from escrow.models import Investment
from escrow.queries import investor_offerings
from finance.models import Transaction
from finance.operations import transactions as operations
from finance.operations.orders import Order
from finance.operations.transactions import IdempotencyKeyReused
from finance.queries import fees
from realco import clock
from realco.business_days import banking_date
from realco.errors import Refusal
from realco.middleware import address_of
from realco.models import Offering, User
from realco.money import format_money
from realco.portal import charts, refunds
from realco.portal.access import signed_in
from realco.portal.forms import InvestForm, QuoteForm

UNPROCESSABLE = 422


@dataclass(frozen=True, slots=True)
class Shown:
    """An offering with what its pages show besides its columns."""

    row: Offering
    is_open: bool
    progress: SafeString


@signed_in
@require_safe
def offerings(request: HttpRequest, investor: User) -> HttpResponse:
    """List the offerings that may be looked at."""
    now = clock.now()
    shown = [_shown(offering, now) for offering in investor_offerings.visible_to(investor)]
    return render(request, "portal/offerings.html", {"section": "offerings", "offerings": shown})


@signed_in
@require_safe
def offering(request: HttpRequest, investor: User, slug: str) -> HttpResponse:
    """Show one offering, its terms, and the person's own stake in it."""
    row = get_object_or_404(investor_offerings.visible_to(investor), slug=slug)
    now, stake = clock.now(), investor_offerings.stake(investor, row)
    context = {
        "section": "offerings",
        "offering": _shown(row, now),
        "stake": stake,
        "early_closings": investor_offerings.early_closings(row, now),
        "cancellable_until": investor_offerings.cancellable_until(stake, row) if stake else None,
        "way_out": refunds.way_out(stake, row, at=now),
        "refunds": refunds.of(investor, row),
        **_waterfall(row, now, stake),
        "now": now,
    }
    return render(request, "portal/offering.html", context)


@signed_in
@require_safe
def quote(request: HttpRequest, investor: User, slug: str) -> HttpResponse:
    """Say what a payment would cost, as a piece of the invest page; an unreadable amount gets no quote."""
    get_object_or_404(investor_offerings.visible_to(investor), slug=slug)
    form = QuoteForm(request.GET)
    context = {"quote": _quote(form), "form": form, "is_fragment": True}
    return render(request, "portal/includes/quote.html", context)


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def invest(request: HttpRequest, investor: User, slug: str) -> HttpResponse:
    """
    Ask for amount, method and bank account, show the fee, then make the payment.

    The form carries the payment's idempotency key from its first page on, so that sending it
    twice pays once.
    """
    row = get_object_or_404(investor_offerings.visible_to(investor), slug=slug)
    if not investor_offerings.is_open_at(row, clock.now()) or not hasattr(row, "escrow_account"):
        messages.error(request, f"{row.name} takes no investments now.")
        return redirect("portal:offering", slug=row.slug)
    if request.method != "POST":
        return _invest_page(request, row, InvestForm(investor, initial={"idempotency_key": _new_key()}))
    form = InvestForm(investor, request.POST)
    if not form.is_valid():
        return _invest_page(request, row, form, status=UNPROCESSABLE)
    if request.POST.get("step") == "confirm":
        return _pay(request, investor, row, form)
    if request.POST.get("step") == "edit":
        return _invest_page(request, row, form)
    quoted = _quote(form)
    if quoted is None:
        return _invest_page(request, row, form, status=UNPROCESSABLE)
    method = Transaction.Method(form.cleaned_data["payment_method"]).label
    context = {"section": "offerings", "offering": _shown(row, clock.now()), "form": form}
    return render(request, "portal/invest_review.html", {**context, "quote": quoted, "method": method})


def _pay(request: HttpRequest, investor: User, row: Offering, form: InvestForm) -> HttpResponse:
    """Make the payment that was reviewed; a refusal brings the form back with its words."""
    asked, account = form.cleaned_data, form.cleaned_data["bank_account"]
    try:
        payment = operations.initiate(
            Order(
                type=Transaction.Type.DEPOSIT,
                payment_method=asked["payment_method"],
                amount=asked["amount"],
                escrow_account_id=row.escrow_account.pk,
                from_user_id=investor.pk,
                from_bank_account_id=account.pk if account else None,
            ),
            initiator=investor,
            idempotency_key=asked["idempotency_key"],
            at=clock.now(),
            ip_address=address_of(request) or None,
            user_agent=request.headers.get("User-Agent", ""),
        )
    except IdempotencyKeyReused:
        form.add_error(
            None, "You have paid with this form already, a different payment. Load the page anew to pay again."
        )
        return _invest_page(request, row, form, status=UNPROCESSABLE)
    except Refusal as refusal:
        form.add_error(None, str(refusal))
        return _invest_page(request, row, form, status=UNPROCESSABLE)
    messages.success(request, f"Your payment of {format_money(payment.amount)} is on its way into escrow.")
    return redirect("portal:transaction", payment_id=payment.pk)


def _invest_page(request: HttpRequest, row: Offering, form: InvestForm, *, status: int = 200) -> HttpResponse:
    if "idempotency_key" in form.errors:
        form.data = {**dict(form.data.items()), "idempotency_key": _new_key()}
    context = {
        "section": "offerings",
        "offering": _shown(row, clock.now()),
        "form": form,
        "quote": None,
    }
    return render(request, "portal/invest.html", context, status=status)


def _new_key() -> str:
    """Return the key of one payment to be, however often its form is sent."""
    return uuid.uuid4().hex


def _quote(form: QuoteForm) -> fees.Fees | None:
    """Return what the payment asked for costs today, or None, with words at the field, if there is no answer."""
    if not form.is_valid():
        return None
    amount, method = form.cleaned_data["amount"], form.cleaned_data["payment_method"]
    quoted = fees.quote(Transaction.Type.DEPOSIT, method, amount, on=banking_date(clock.now()))
    if quoted.net_amount <= 0:
        form.add_error("amount", f"The fee of {format_money(quoted.fee_amount)} would take all of it. Pay more.")
        return None
    return quoted


def _shown(row: Offering, now: datetime) -> Shown:
    committed: Decimal = row.committed_total  # type: ignore[attr-defined]
    words = f"{format_money(committed)} of at most {format_money(row.maximum_amount)} is committed"
    progress = charts.progress_bar(
        committed, minimum=row.minimum_amount, maximum=row.maximum_amount, key=row.slug, title=words
    )
    return Shown(row, investor_offerings.is_open_at(row, now), progress)


def _waterfall(row: Offering, now: datetime, stake: Investment | None) -> dict[str, Any]:
    """Return the offering's terms in words: those in force, or that come into force first."""
    day = banking_date(now)
    terms = terms_queries.shown_to_investors(row, day)
    if terms is None:
        return {"tiers": []}
    tiers = terms_in_words.tiers(terms)
    return {
        "terms": terms,
        "tiers": tiers,
        "has_classes": any(tier.class_name for tier in tiers),
        "between_classes": terms_in_words.BETWEEN[terms.between_classes],
        "own_class": stake.class_name if stake else "",
        "are_coming": terms.effective_from > day,
    }
