"""An investor's payments: the list with its filters, one payment with its way, and cancelling it."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe

from finance.operations import transactions as operations
from finance.queries import investor_transactions
from finance.queries.investor_transactions import Cursor
from realco import clock
from realco.errors import Refusal
from realco.models import User
from realco.portal import timelines
from realco.portal.access import signed_in
from realco.portal.forms import FilterForm


@signed_in
@require_safe
def transactions(request: HttpRequest, investor: User) -> HttpResponse:
    """List the person's payments, newest first, a page at a time."""
    form = FilterForm(request.GET)
    before = Cursor.read(request.GET.get("before", ""))
    page = investor_transactions.page(investor, form.criteria(), before=before)
    context = {
        "section": "transactions",
        "form": form,
        "page": page,
        "before": before,
        "is_narrowed": form.is_narrowed(),
        "older_query": _query_without_cursor(request.GET, page.older),
        "newest_query": _query_without_cursor(request.GET, None),
    }
    is_fragment = request.headers.get("HX-Target") == "payments"
    template = "portal/includes/payment_list.html" if is_fragment else "portal/transactions.html"
    return render(request, template, context)


@signed_in
@require_safe
def transaction(request: HttpRequest, investor: User, payment_id: UUID) -> HttpResponse:
    """Show one of the person's payments and how far it has come."""
    payment = get_object_or_404(investor_transactions.of(investor), pk=payment_id)
    context = {
        "section": "transactions",
        "payment": payment,
        "steps": timelines.steps(payment),
        "is_incoming": payment.to_user_id == investor.pk,
        "may_cancel": investor_transactions.may_cancel(payment, investor),
    }
    return render(request, "portal/transaction.html", context)


@signed_in
@require_POST
def cancel(request: HttpRequest, investor: User, payment_id: UUID) -> HttpResponse:
    """Cancel one of the person's payments, if it may still be cancelled."""
    payment = get_object_or_404(investor_transactions.of(investor), pk=payment_id)
    try:
        operations.cancel(payment, by=investor, reason="Cancelled by the investor.", at=clock.now())
    except Refusal as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, "The payment is cancelled. No money will move.")
    return redirect("portal:transaction", payment_id=payment.pk)


def _query_without_cursor(query: QueryDict, cursor: Cursor | None) -> str:
    """Return the page's query with another cursor, or with none."""
    changed = query.copy()
    changed.pop("before", None)
    if cursor is not None:
        changed["before"] = str(cursor)
    return changed.urlencode()
