"""An investor's money in escrow over a period, and the proofs that it is counted."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from escrow import proof_files
from escrow.models import EscrowAccount, LedgerAccount
from escrow.models.journal_entries import JournalEvent
from escrow.queries import history, investor_balances, proofs
from escrow.queries.history import Movement
from escrow.queries.proofs import NotInProof
from realco import clock
from realco.business_days import banking_date
from realco.models import User
from realco.money import ZERO
from realco.portal.access import signed_in
from realco.portal.forms import StatementForm

Kind = LedgerAccount.Kind
PERIOD = timedelta(days=90)
_WORDS = {
    "INBOUND_ACCEPTED": "Deposit on its way",
    "INBOUND_CLEARED": "Deposit cleared, less its fee",
    "INBOUND_FAILED": "Deposit failed",
    "RETURN_BEFORE_CLEARING": "Deposit returned by your bank",
    "RETURN_AFTER_CLEARING": "Deposit returned by your bank after it had cleared",
    "RELEASE": "Released to the offering",
    "RESERVE": "Set aside to be paid to you",
    "UNRESERVE": "Back from a payment that was not made",
    "PAYOUT_RETURNED": "Back from your bank, which did not take it",
    "HOLD": "Put on hold",
    "HOLD_RELEASED": "Released from hold",
    "RECEIPT_CLAIMED": "A receipt found to be yours",
    "FEE_RETURNED": "Fee given back",
    "REVERSAL": "Correction of an earlier entry",
}


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the statement: changes of each part, and what was in escrow after it."""

    day: date
    words: str
    offering: str
    arriving: Decimal | None
    cleared: Decimal | None
    held: Decimal | None
    owed: Decimal | None
    together: Decimal


@signed_in
@require_safe
def statement(request: HttpRequest, investor: User) -> HttpResponse:
    """Show what happened to the signed-in person's money in escrow in a period, oldest first."""
    today = banking_date(clock.now())
    accounts = _accounts(investor)
    given: Mapping[str, Any] = request.GET or {"first_day": str(today - PERIOD), "last_day": str(today)}
    form = StatementForm(given, accounts=[(str(key), str(account.offering)) for key, account in accounts.items()])
    context: dict[str, Any] = {"section": "statement", "form": form}
    if form.is_valid():
        found = history.statement(
            history.accounts_of(investor.pk, account=accounts.get(form.account)),
            first_day=form.cleaned_data["first_day"],
            last_day=form.cleaned_data["last_day"],
            after=request.GET.get("after", ""),
        )
        context |= {
            "first_day": form.cleaned_data["first_day"],
            "last_day": form.cleaned_data["last_day"],
            "opening": _parts(found.opening),
            "closing": _parts(found.closing),
            "rows": [_row(movement, accounts) for movement in found.movements],
            "owes": any(held.get(Kind.RECEIVABLE) for held in (found.opening, found.closing)),
            "next": f"?{urlencode({**form.kept, 'after': found.next})}" if found.next else "",
        }
    return render(request, "portal/statement.html", context)


@signed_in
@require_safe
def proof_list(request: HttpRequest, investor: User) -> HttpResponse:
    """Show the latest proof of each escrow account in which the person has money."""
    snapshots = list(proofs.of_investor(investor))
    context = {"section": "statement", "snapshots": snapshots}
    return render(request, "portal/proofs.html", context)


@signed_in
@require_safe
def proof(request: HttpRequest, investor: User, snapshot_id: UUID) -> HttpResponse:
    """Answer with the person's own proof as a file; of an account they have no money in there is none."""
    snapshot = get_object_or_404(proofs.of_investor(investor), pk=snapshot_id)
    try:
        content = proofs.file_for(snapshot, investor)
    except NotInProof as refusal:
        raise Http404(str(refusal)) from refusal
    return HttpResponse(
        proof_files.text_of(content),
        content_type="application/json",
        headers={"Content-Disposition": f'attachment; filename="{proofs.file_name(snapshot)}"'},
    )


def _accounts(investor: User) -> dict[UUID, EscrowAccount]:
    """Return the escrow accounts in which the person ever had money."""
    theirs = LedgerAccount.objects.filter(owner=investor).values("escrow_account_id")
    found = EscrowAccount.objects.filter(pk__in=theirs).select_related("offering").order_by("offering__name")
    return {account.pk: account for account in found}


def _parts(held: Mapping[str, Decimal]) -> investor_balances.InEscrow:
    return investor_balances.InEscrow(
        arriving=held.get(Kind.UNCLEARED, ZERO),
        cleared=held.get(Kind.INVESTOR, ZERO),
        held=held.get(Kind.HELD, ZERO),
        owed=held.get(Kind.RECEIVABLE, ZERO),
    )


def _row(movement: Movement, accounts: Mapping[UUID, EscrowAccount]) -> Row:
    changes = movement.changes
    account = accounts.get(movement.escrow_account_id)
    return Row(
        day=movement.day,
        words=_WORDS.get(movement.event, JournalEvent(movement.event).label),
        offering=str(account.offering) if account else "",
        arriving=changes.get(Kind.UNCLEARED),
        cleared=changes.get(Kind.INVESTOR),
        held=changes.get(Kind.HELD),
        owed=changes.get(Kind.RECEIVABLE),
        together=_parts(movement.after).together,
    )
