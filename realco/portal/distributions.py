"""An investor's distributions, and how each was computed, tier by tier."""

from typing import Any
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_http_methods, require_safe

from distributions import receipt_files, statement_files
from distributions.models import DistributionAllocation
from distributions.queries import (
    investor_distributions,
    payees,
    receipt_words,
    receipts,
    reinvestments,
    statements,
)
from distributions.queries.receipts import NoReceipt
from distributions.queries.statements import NoSuchQuarter, Quarter, Statement, WrittenOff
from distributions.statement_files import CannotMakePdf
from realco import clock
from realco.business_days import banking_date
from realco.models import User
from realco.money import ZERO
from realco.portal.access import signed_in
from realco.portal.forms import ReceiptForm


@signed_in
@require_safe
def distributions(request: HttpRequest, investor: User) -> HttpResponse:
    """List what distributions have brought the person, newest first."""
    allocations = list(investor_distributions.of(investor))
    context = {
        "section": "distributions",
        "allocations": allocations,
        "quarters": statements.quarters(allocations),
        "has_premiums": any(allocation.premium_amount for allocation in allocations),
    }
    return render(request, "portal/distributions.html", context)


@signed_in
@require_safe
def distribution(request: HttpRequest, investor: User, allocation_id: UUID) -> HttpResponse:
    """Show one of the person's allocations with the tiers that led to it; with ``?check`` its receipt is checked."""
    allocation = _own(investor, allocation_id)
    tiers = investor_distributions.tiers(allocation)
    yours = investor_distributions.worked_out(allocation)
    context: dict[str, Any] = {
        "section": "distributions",
        "allocation": allocation,
        "tiers": tiers,
        "took_total": sum((tier.took for tier in tiers), ZERO),
        "yours_total": yours,
        "decided": allocation.total_amount - yours,
        "sponsor_total": sum((tier.to_sponsor for tier in tiers), ZERO),
        "investors_total": sum((tier.to_investors for tier in tiers), ZERO),
        "standing": investor_distributions.standing(allocation),
        "told": receipt_words.told(allocation),
        "waits_because": payees.shown_to_payee(allocation.waiting_reason) if allocation.waiting_since else "",
        "written_off_because": investor_distributions.written_off_because(allocation),
        "reinvested": reinvestments.of_allocation(allocation),
    }
    context["in_cash"] = reinvestments.to_pay_in_cash(allocation, context["reinvested"])
    if "check" in request.GET and context["told"] is not None:
        context["check"] = receipts.check(allocation)
    return render(request, "portal/distribution.html", context)


@signed_in
@require_safe
def receipt(request: HttpRequest, investor: User, allocation_id: UUID) -> HttpResponse:
    """Answer with the receipt of one of the person's allocations, as a file."""
    allocation = _own(investor, allocation_id)
    try:
        content = receipts.file_for(allocation)
    except NoReceipt as refusal:
        raise Http404(str(refusal)) from refusal
    headers = {"Content-Disposition": f'attachment; filename="{receipts.file_name(allocation)}"'}
    return HttpResponse(receipt_files.text_of(content), content_type="application/json", headers=headers)


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def check_receipt(request: HttpRequest, investor: User) -> HttpResponse:
    """Check a receipt file that the person brings; nothing is kept of it."""
    form = ReceiptForm(request.POST, request.FILES) if request.method == "POST" else ReceiptForm()
    context: dict[str, Any] = {"section": "distributions", "form": form}
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data["file"].read(receipt_files.MOST_BYTES + 1)
        context["check"] = receipts.check_file(data, theirs=investor_distributions.of(investor))
    return render(request, "portal/check_receipt.html", context)


@signed_in
@require_safe
def distribution_statement(request: HttpRequest, investor: User, allocation_id: UUID) -> HttpResponse:
    """Answer with the statement of one of the person's allocations, as PDF."""
    try:
        statement = statements.of_allocation(_own(investor, allocation_id))
    except WrittenOff as refusal:
        raise Http404(str(refusal)) from refusal
    return _pdf(request, statement)


@signed_in
@require_safe
def quarter_statement(request: HttpRequest, investor: User, year: int, number: int) -> HttpResponse:
    """Answer with the statement of a quarter over all offerings, as PDF."""
    try:
        quarter = Quarter(year, number)
        quarter.require_begun(on=banking_date(clock.now()))
    except NoSuchQuarter as refusal:
        raise Http404(str(refusal)) from refusal
    return _pdf(request, statements.of_quarter(investor, quarter))


def _own(investor: User, allocation_id: UUID) -> DistributionAllocation:
    return get_object_or_404(investor_distributions.of(investor), pk=allocation_id)


def _pdf(request: HttpRequest, statement: Statement) -> HttpResponse:
    try:
        content = statement_files.pdf_of(statement, at=clock.now())
    except CannotMakePdf as refusal:
        return render(request, "portal/no_pdf.html", {"words": str(refusal)}, status=503)
    headers = {"Content-Disposition": f'attachment; filename="{statement_files.file_name(statement)}"'}
    return HttpResponse(content, content_type="application/pdf", headers=headers)
