"""What an investor chooses to be done with future distributions: paid to their bank, or put into another offering."""

from decimal import Decimal
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from distributions.models import ReinvestmentElection
from distributions.models.reinvestments import ElectionBasis
from distributions.operations import elections
from distributions.queries import reinvestments as queries
from escrow.models import Investment
from realco import clock
from realco.errors import Refusal
from realco.models import Offering, User
from realco.portal.access import signed_in
from realco.portal.forms import AmountField

UNPROCESSABLE = 422


class ReinvestForm(forms.Form):
    """Into which offering, and how much of each distribution."""

    target = forms.ModelChoiceField(
        label="Into which offering",
        queryset=Offering.objects.none(),
        empty_label=None,
        error_messages={"required": "Choose an offering.", "invalid_choice": "Choose one of the offerings listed."},
    )
    basis = forms.ChoiceField(
        label="How much of each distribution",
        choices=ElectionBasis.choices,
        widget=forms.RadioSelect,
        initial=ElectionBasis.ALL,
        error_messages={"required": "Choose how much."},
    )
    percent = forms.DecimalField(
        label="Percentage",
        help_text="With “A percentage”: of what is due, such as 50 or 12.5.",
        required=False,
        min_value=Decimal("0.0001"),
        max_value=100,
        decimal_places=4,
        widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off", "class": "amount"}),
        error_messages={"invalid": "Write a number such as 50 or 12.5."},
    )
    amount = AmountField(
        label="Dollars of each distribution",
        required=False,
        help_text="With “A fixed amount”: where less is due, all of it.",
    )

    def __init__(self, *args: Any, targets: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        field: Any = self.fields["target"]
        field.queryset = targets

    def clean(self) -> dict[str, Any]:
        """Ask for the figure that the choice needs."""
        found: dict[str, Any] = super().clean() or {}
        needed = {ElectionBasis.PERCENTAGE: "percent", ElectionBasis.AMOUNT: "amount"}.get(found.get("basis", ""))
        if needed and needed not in self.errors and not found.get(needed):
            self.add_error(needed, "Enter how much.")
        return found


@signed_in
@require_safe
def reinvestments(request: HttpRequest, investor: User) -> HttpResponse:
    """Show what is chosen for each of the person's investments, and what was chosen before."""
    context = {
        "section": "distributions",
        "choices": queries.choices(investor, at=clock.now()),
        "earlier": queries.elections_of(investor).exclude(status="ACTIVE")[:20],
    }
    return render(request, "portal/reinvestments.html", context)


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def reinvest(request: HttpRequest, investor: User, investment_id: UUID) -> HttpResponse:
    """Ask what is to be done with the distributions of one of the person's investments."""
    investment = get_object_or_404(
        Investment.objects.select_related("offering").filter(investor=investor), pk=investment_id
    )
    targets = queries.targets(besides=investment.offering_id, at=clock.now())
    if request.method != "POST":
        return _page(request, investment, ReinvestForm(targets=targets))
    form = ReinvestForm(request.POST, targets=targets)
    if not form.is_valid():
        return _page(request, investment, form, status=UNPROCESSABLE)
    asked = form.cleaned_data
    try:
        election = elections.elect(
            investment,
            target=asked["target"],
            basis=asked["basis"],
            rate=asked["percent"] / 100 if asked["percent"] else None,
            amount=asked["amount"],
            by=investor,
            at=clock.now(),
        )
    except Refusal as refusal:
        form.add_error(None, str(refusal))
        return _page(request, investment, form, status=UNPROCESSABLE)
    messages.success(
        request, f"From now on, {election.words} of what {investment.offering} distributes goes into {asked['target']}."
    )
    return redirect("portal:reinvestments")


@signed_in
@require_POST
def withdraw_reinvestment(request: HttpRequest, investor: User, election_id: UUID) -> HttpResponse:
    """Withdraw one of the person's choices; what was not moved yet is paid to their bank."""
    election = get_object_or_404(ReinvestmentElection, pk=election_id, investor=investor)
    try:
        elections.withdraw(election, by=investor, at=clock.now())
    except Refusal as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, "Withdrawn. Distributions that have not been moved yet are paid to your bank.")
    return redirect("portal:reinvestments")


def _page(request: HttpRequest, investment: Investment, form: ReinvestForm, *, status: int = 200) -> HttpResponse:
    has_targets = form.fields["target"].queryset.exists()  # type: ignore[attr-defined]
    context = {"section": "distributions", "investment": investment, "form": form, "has_targets": has_targets}
    return render(request, "portal/reinvest.html", context, status=status)
