"""The forms of an investor's capital: as of which day it is shown, and how a call is paid."""

from typing import Any

from django import forms

from finance.models import BankAccount
from realco.models import User
from realco.portal.forms import AmountField, BankAccountField


class AsOfForm(forms.Form):
    """As of which day."""

    on = forms.DateField(
        label="As of",
        widget=forms.DateInput(attrs={"type": "date"}),
        error_messages={"required": "Choose a day.", "invalid": "Choose a day."},
    )


class PayCallForm(forms.Form):
    """How much of a call is paid, from which of the person's own verified accounts, and under which key."""

    amount = AmountField(label="Amount", error_messages={"required": "Enter how much you pay."})
    bank_account = BankAccountField(
        label="From which account",
        queryset=BankAccount.objects.none(),
        widget=forms.RadioSelect,
        error_messages={
            "required": "Choose the bank account that ACH draws the money from.",
            "invalid_choice": "Choose one of your own verified bank accounts.",
        },
    )
    idempotency_key = forms.RegexField(
        regex=r"^[0-9a-f]{32}$",
        widget=forms.HiddenInput,
        error_messages={
            "required": "This form has gone stale; load the page anew.",
            "invalid": "This form has gone stale; load the page anew.",
        },
    )

    def __init__(self, *args: Any, investor: User, **options: Any) -> None:
        super().__init__(*args, **options)
        usable = BankAccount.objects.filter(user=investor, status=BankAccount.Status.VERIFIED)
        field: Any = self.fields["bank_account"]
        field.queryset = usable.order_by("-verified_at")
        field.initial = usable.order_by("-verified_at").first()
