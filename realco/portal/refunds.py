"""Getting one's money back: cancelling a commitment after a look at what goes back, and what is on its way."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods

from escrow.models import Investment
from escrow.queries import investor_offerings
from finance.models import RefundItem
from finance.operations import refund_runs as operations
from finance.queries import refund_figures, refund_runs
from finance.refund_clock import PROMPT_BUSINESS_DAYS
from realco import clock
from realco.errors import Refusal
from realco.models import Offering, User
from realco.money import format_money
from realco.portal.access import signed_in

REASON = "Cancelled by the investor."


@dataclass(frozen=True, slots=True)
class Way:
    """Whether a stake can still be cancelled, and until when, if a rule says when."""

    is_open: bool
    until: datetime | None


def way_out(stake: Investment | None, offering: Offering, *, at: datetime) -> Way | None:
    """Return how a stake can be cancelled; None if there is none, or its money has been released."""
    if stake is None or stake.status != Investment.Status.PENDING:
        return None
    until = investor_offerings.cancellable_until(stake, offering)
    return Way(until is None or at < until, until)


def of(investor: User, offering: Offering | None = None) -> QuerySet[RefundItem]:
    """Return what goes back or went back to an investor, of one offering or of all."""
    items = refund_runs.of_investor(investor)
    return items if offering is None else items.filter(run__offering=offering)


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def cancel_commitment(request: HttpRequest, investor: User, slug: str) -> HttpResponse:
    """Show what goes back and when, then cancel the person's own commitment."""
    row = get_object_or_404(investor_offerings.visible_to(investor), slug=slug)
    stake = investor_offerings.stake(investor, row)
    way = way_out(stake, row, at=clock.now())
    if stake is None or way is None:
        messages.error(request, f"You have nothing in {row.name} that could be cancelled.")
        return redirect("portal:offering", slug=row.slug)
    if request.method == "POST":
        return _cancel(request, investor, row, stake)
    refunds = refund_figures.owed(row.escrow_account, investor_id=investor.pk) if hasattr(row, "escrow_account") else []
    context = {
        "section": "offerings",
        "offering": row,
        "stake": stake,
        "way": way,
        "cleared": sum((refund.amount for refund in refunds if refund.is_cleared), Decimal("0.00")),
        "waiting": sum((refund.amount for refund in refunds if not refund.is_cleared), Decimal("0.00")),
        "days": PROMPT_BUSINESS_DAYS,
    }
    return render(request, "portal/cancel_commitment.html", context)


def _cancel(request: HttpRequest, investor: User, row: Offering, stake: Investment) -> HttpResponse:
    try:
        run = operations.cancel_commitment(stake, by=investor, reason=REASON, at=clock.now())
    except Refusal as refusal:
        messages.error(request, str(refusal))
    else:
        back = f" {format_money(run.total_amount)} goes back to you." if run is not None else ""
        messages.success(request, f"Your investment in {row.name} is cancelled.{back}")
    return redirect("portal:offering", slug=row.slug)
