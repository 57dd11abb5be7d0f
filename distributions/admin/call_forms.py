"""The forms of capital calls, transfers and capital accounts."""

import uuid
from datetime import date
from decimal import Decimal
from typing import Any

from django import forms

from distributions.day_counts import DayCount
from escrow.models import Investment
from finance.models import BankAccount
from finance.models.transactions import PaymentMethod
from realco import money
from realco.admin_steps import StepForm
from realco.errors import Refusal
from realco.models import Offering, User

HELD = ["FUNDED", "OPERATING", "EXITED"]
PAID_BY = (PaymentMethod.WIRE, PaymentMethod.CHECK, PaymentMethod.ACH)
_PICK = forms.DateInput(attrs={"type": "date"})
_OUTSIDE = ("invalid", "min_value", "max_value", "max_digits", "max_decimal_places", "max_whole_digits")
"""What the fields of Django find wrong with a percentage."""


def _percent(label: str, words: str, *, initial: str) -> forms.DecimalField:
    return forms.DecimalField(
        label=label,
        min_value=Decimal(0),
        max_value=Decimal("99.9999"),
        max_digits=6,
        decimal_places=4,
        initial=initial,
        help_text=words,
    )


class _Terms(StepForm):
    """What every call says, besides what it comes to."""

    offering = forms.ModelChoiceField(queryset=Offering.objects.filter(status__in=HELD[:2]).order_by("name"))
    notice_date = forms.DateField(label="Notice", widget=_PICK, help_text="It has to be approved by this day.")
    due_date = forms.DateField(label="Due", widget=_PICK)
    notice_days = forms.IntegerField(label="Business days of notice", min_value=1, max_value=250, initial=10)
    purpose = forms.CharField(label="Purpose", max_length=300, help_text="The investors read it.")
    interest_rate = _percent("Interest when late, % a year", "Simple, from the due date.", initial="0")
    day_count = forms.ChoiceField(choices=[(one.value, one.value.replace("_", "/")) for one in DayCount])
    idempotency_key = forms.CharField(max_length=100, widget=forms.HiddenInput, initial=lambda: uuid.uuid4().hex)

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        for name in ("interest_rate", "premium_rate"):
            if data.get(name) is not None:
                data[name] = data[name] / 100
        return data


class LateClosingForm(_Terms):
    """What a call says that lets later investors in, who pay their shares of earlier ones."""

    premium_rate = _percent("Premium, % a year", "On shares of earlier calls, from their due dates.", initial="0")
    field_order = (
        "offering", "notice_date", "due_date", "notice_days", "purpose", "interest_rate", "premium_rate", "day_count",
    )  # fmt: skip


class CallForm(_Terms):
    """How much is called, and what the call says."""

    total_amount = forms.CharField(label="Amount", max_length=40, help_text="US dollars, such as 125000.00.")
    field_order = ("offering", "total_amount")

    def clean_total_amount(self) -> Any:
        try:
            return money.positive(self.cleaned_data["total_amount"])
        except Refusal as refusal:
            raise forms.ValidationError(str(refusal)) from refusal


class PayItemForm(StepForm):
    """How an item is paid, and by how much: a wire or a check that has come, or an ACH debit."""

    payment_method = forms.ChoiceField(
        label="Method", choices=[(one, PaymentMethod(one).label) for one in PAID_BY], initial=PaymentMethod.WIRE
    )
    amount = forms.CharField(
        label="Amount of the payment",
        max_length=40,
        help_text="US dollars, as it comes in. Its fee is taken off; the table says what pays all of it.",
    )
    bank_account = forms.ModelChoiceField(
        label="Their bank account",
        queryset=BankAccount.objects.none(),
        required=False,
        help_text="ACH needs one. Of a wire or check it may be left out.",
    )
    idempotency_key = forms.CharField(max_length=100, widget=forms.HiddenInput, initial=lambda: uuid.uuid4().hex)

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        field: Any = self.fields["bank_account"]
        usable = BankAccount.objects.filter(user=self.row.investor_id, status=BankAccount.Status.VERIFIED)
        field.queryset = usable.order_by("-verified_at")
        field.empty_label = "Not known"

    def clean_amount(self) -> Any:
        try:
            return money.positive(money.parse_written(self.cleaned_data["amount"]))
        except Refusal as refusal:
            raise forms.ValidationError(str(refusal)) from refusal

    def was_refused(self) -> None:
        """Take a new key: the payment will be another one when it is asked for again."""
        data: Any = self.data
        self.data = {**data.dict(), "idempotency_key": uuid.uuid4().hex}


class TransferForm(StepForm):
    """Whose investment goes to whom, how much of it, and from when."""

    investment = forms.UUIDField(
        label="Investment",
        help_text="The id on the investment's page.",
        error_messages={"invalid": "This is not the id of an investment. Copy the id from the investment's page."},
    )
    buyer = forms.EmailField(label="Buyer", help_text="The address they sign in with.")
    percent = forms.DecimalField(
        label="Part, %",
        min_value=Decimal("0.00000001"),
        max_value=Decimal(100),
        max_digits=11,
        decimal_places=8,
        initial="100",
        error_messages=dict.fromkeys(
            _OUTSIDE, "Write a part above 0 and up to 100 percent, with eight decimals at most."
        ),
    )
    effective_date = forms.DateField(label="Effective", widget=_PICK)
    document_reference = forms.CharField(label="Documents", max_length=200, help_text="Where the signed papers are.")

    def clean_investment(self) -> Investment:
        found = Investment.objects.filter(pk=self.cleaned_data["investment"]).first()
        if found is None:
            raise forms.ValidationError("There is no such investment.")
        return found

    def clean_buyer(self) -> User:
        found = User.objects.filter(email__iexact=self.cleaned_data["buyer"]).first()
        if found is None:
            raise forms.ValidationError("Nobody signs in with this address.")
        return found


class AccountsForm(forms.Form):
    """Of which offering, as of which day."""

    offering = forms.ModelChoiceField(queryset=Offering.objects.filter(status__in=HELD).order_by("name"))
    on = forms.DateField(label="As of", widget=_PICK)


class TaxYearForm(forms.Form):
    """Of which offering and calendar year."""

    offering = forms.ModelChoiceField(queryset=Offering.objects.filter(status__in=HELD).order_by("name"))
    year = forms.IntegerField(min_value=2000, max_value=date.max.year)
