"""The forms of the distribution pages: creating one, signing its hash, paying failed payees again."""

import uuid
from typing import Any

from django import forms

from distributions.models import Distribution, DistributionAllocation
from distributions.queries import distributions as query
from finance.models import BankAccount
from realco import money
from realco.admin_steps import StepForm
from realco.errors import Refusal
from realco.models import Offering

MAX_CHOICES = 50
"""For how many failed payees a bank account can be chosen at once; others get the one verified last."""


class CreateForm(StepForm):
    """How much an offering sends back, as of which day."""

    offering = forms.ModelChoiceField(
        queryset=Offering.objects.filter(status__in=["FUNDED", "OPERATING", "EXITED"]).order_by("name")
    )
    type = forms.ChoiceField(label="Kind", choices=Distribution.Type.choices, initial=Distribution.Type.PROFIT_SPLIT)
    total_amount = forms.CharField(label="Amount", max_length=40, help_text="US dollars, such as 125000.00.")
    platform_fee_amount = forms.CharField(
        label="Platform fee",
        max_length=40,
        required=False,
        help_text="US dollars off the top, before the tiers; leave it empty if there is none.",
    )
    as_of_date = forms.DateField(
        label="As of", widget=forms.DateInput(attrs={"type": "date"}), help_text="Returns accrue up to this day."
    )
    description = forms.CharField(label="Description", max_length=300, required=False)
    idempotency_key = forms.CharField(max_length=100, widget=forms.HiddenInput, initial=lambda: uuid.uuid4().hex)

    def clean_total_amount(self) -> Any:
        try:
            return money.positive(self.cleaned_data["total_amount"])
        except Refusal as refusal:
            raise forms.ValidationError(str(refusal)) from refusal

    def clean_platform_fee_amount(self) -> Any:
        text = self.cleaned_data["platform_fee_amount"].strip()
        try:
            return money.ZERO if text.strip("0.") == "" else money.positive(text)
        except Refusal as refusal:
            raise forms.ValidationError(str(refusal)) from refusal


class CalculateForm(StepForm):
    """Nothing to fill in; says before what calculating does away with."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        number = query.overrides(self.row).count()
        if number:
            what = "1 line that was" if number == 1 else f"{number} lines that were"
            self.notice = f"{what} overridden will get what the waterfall gives again."


class SignForm(StepForm):
    """The hash of the numbers that the person has in front of them."""

    content_hash = forms.CharField(max_length=64, widget=forms.HiddenInput)

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["content_hash"].initial = self.row.content_hash

    def was_refused(self) -> None:
        """Carry the hash of what is shown now."""
        self.row.refresh_from_db()
        data: Any = self.data
        self.data = {**data.dict(), "content_hash": self.row.content_hash}


class AgainForm(StepForm):
    """For each failed payee, the bank account to pay them at this time."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        failed = list(
            DistributionAllocation.objects.filter(distribution=self.row, status=DistributionAllocation.Status.FAILED)
            .select_related("investor")
            .order_by("pk")[:MAX_CHOICES]
        )
        theirs: dict[Any, list[tuple[str, str]]] = {}
        usable = BankAccount.objects.filter(
            user__in=[allocation.investor_id for allocation in failed], status=BankAccount.Status.VERIFIED
        )
        for account in usable.order_by("-verified_at"):
            theirs.setdefault(account.user_id, []).append((str(account.pk), str(account)))
        for allocation in failed:
            self.fields[f"account_{allocation.pk}"] = forms.ChoiceField(
                label=str(allocation.investor),
                required=False,
                choices=[("", "The one verified last"), *theirs.get(allocation.investor_id, [])],
                help_text=allocation.failure_reason,
            )

    @property
    def chosen(self) -> dict[uuid.UUID, uuid.UUID]:
        """The bank account chosen for each allocation, where one was."""
        return {
            uuid.UUID(name.removeprefix("account_")): uuid.UUID(value)
            for name, value in self.cleaned_data.items()
            if name.startswith("account_") and value
        }

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        return {**data, "bank_accounts": self.chosen}
