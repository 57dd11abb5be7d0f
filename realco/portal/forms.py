"""
The portal's forms: they read what a person typed and say in words what is missing.

They check form, not rules: whether a payment may be made is for the operation to say.
"""

import re
from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID

from django import forms
from django.contrib.auth.forms import AuthenticationForm, PasswordChangeForm

from distributions import receipt_files
from finance.models import BankAccount, Transaction
from finance.operations.bank_accounts import is_routing_number
from finance.queries.investor_transactions import Criteria
from realco import money
from realco.errors import Refusal
from realco.models import User


class AmountField(forms.Field):
    """An amount of dollars as people write it, read to whole cents; more than zero."""

    def __init__(self, **options: Any) -> None:
        widget = forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off", "class": "amount"})
        super().__init__(widget=widget, **options)

    def to_python(self, value: Any) -> Any:
        """
        Read the amount.

        :raises ValidationError: with the refusal's own words, if it is none
        """
        written = str(value or "").strip()
        if not written:
            return None
        try:
            return money.positive(money.parse_written(written))
        except Refusal as refusal:
            raise forms.ValidationError(str(refusal), code="amount") from refusal

    def prepare_value(self, value: Any) -> Any:
        """Show a Decimal back as it is written, and text as it was typed."""
        return f"{value:,.2f}" if isinstance(value, Decimal) else value


if TYPE_CHECKING:
    _AccountChoice = forms.ModelChoiceField[BankAccount]
else:
    _AccountChoice = forms.ModelChoiceField


class BankAccountField(_AccountChoice):
    """A choice among bank accounts; whatever is none of them gets the same words."""

    def to_python(self, value: Any) -> Any:
        """
        Find the account.

        :raises ValidationError: if it is none of the choices, or no id at all
        """
        try:
            return super().to_python(value)
        except forms.ValidationError as error:
            raise forms.ValidationError(self.error_messages["invalid_choice"], code="invalid_choice") from error


class SignInForm(AuthenticationForm):
    """Sign-in by e-mail address."""

    error_messages = {
        "invalid_login": "This e-mail address and password do not belong together. Check both; capitals count.",
        "inactive": "This account is closed.",
    }

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **{"label_suffix": "", **options})
        self.fields["username"].label = "E-mail address"
        self.fields["username"].widget = forms.EmailInput(
            attrs={"autocomplete": "username", "autofocus": True, "autocapitalize": "none", "maxlength": 254}
        )
        self.fields["username"].error_messages["required"] = "Enter your e-mail address."
        self.fields["password"].error_messages["required"] = "Enter your password."


class PasswordForm(PasswordChangeForm):
    """A new password, after the present one."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **{"label_suffix": "", **options})
        self.fields["old_password"].label = "Present password"
        self.fields["new_password1"].label = "New password"
        self.fields["new_password2"].label = "New password, once more"
        self.fields["new_password1"].help_text = "At least 12 characters, and not one that many people use."
        self.fields["new_password2"].help_text = ""


class QuoteForm(forms.Form):
    """The amount and method that a fee is asked for."""

    METHODS = (
        (Transaction.Method.ACH, "ACH from your bank account – 3 to 5 business days"),
        (Transaction.Method.WIRE, "Wire – the same or the next business day"),
        (Transaction.Method.CHECK, "Check – 5 to 7 business days"),
    )

    amount = AmountField(
        label="Amount in US dollars",
        help_text="What leaves your account. The fee comes out of it.",
        error_messages={"required": "Enter the amount you want to invest."},
    )
    payment_method = forms.ChoiceField(
        label="How you pay",
        choices=METHODS,
        widget=forms.RadioSelect,
        initial=Transaction.Method.ACH,
        error_messages={"required": "Choose how you pay.", "invalid_choice": "Choose one of these ways to pay."},
    )


class InvestForm(QuoteForm):
    """An investment: how much, how, from which of the person's own verified accounts, and under which key."""

    bank_account = BankAccountField(
        label="From which account",
        queryset=BankAccount.objects.none(),
        widget=forms.RadioSelect,
        required=False,
        blank=True,
        empty_label="None of these – I send a wire or check from another account of mine",
        error_messages={"invalid_choice": "Choose one of your own verified bank accounts."},
    )
    idempotency_key = forms.RegexField(
        regex=r"^[0-9a-f]{32}$",
        widget=forms.HiddenInput,
        error_messages={
            "required": "This form has gone stale; load the page anew.",
            "invalid": "This form has gone stale; load the page anew.",
        },
    )

    def __init__(self, investor: User, *args: Any, **options: Any) -> None:
        super().__init__(*args, **{"label_suffix": "", **options})
        accounts = BankAccount.objects.filter(user=investor, status=BankAccount.Status.VERIFIED)
        field = cast("BankAccountField", self.fields["bank_account"])
        field.queryset = accounts
        field.initial = accounts.first()

    def clean(self) -> dict[str, Any]:
        """Refuse ACH without an account to draw from."""
        cleaned = super().clean() or {}
        by_ach = cleaned.get("payment_method") == Transaction.Method.ACH
        if by_ach and cleaned.get("bank_account") is None and "bank_account" not in self.errors:
            self.add_error("bank_account", "Choose the bank account that ACH draws the money from.")
        return cleaned


class BankAccountForm(forms.Form):
    """A bank account of the person's own."""

    holder_name = forms.CharField(
        label="Name on the account", max_length=200, error_messages={"required": "Enter the name on the account."}
    )
    bank_name = forms.CharField(label="Bank", max_length=200, error_messages={"required": "Enter the bank's name."})
    kind = forms.ChoiceField(label="Kind", choices=BankAccount.Kind.choices)
    routing_number = forms.CharField(
        label="Routing number",
        max_length=20,
        help_text="Nine digits, at the lower left of a check.",
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
        error_messages={"required": "Enter the routing number."},
    )
    account_number = forms.CharField(
        label="Account number",
        max_length=34,
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
        error_messages={"required": "Enter the account number."},
    )

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **{"label_suffix": "", **options})

    def clean_routing_number(self) -> str:
        """Refuse what has not nine digits with a right check digit; spaces and hyphens do not count."""
        digits = re.sub(r"[\s-]", "", self.cleaned_data["routing_number"])
        if not re.fullmatch(r"[0-9]{9}", digits):
            raise forms.ValidationError("A routing number has exactly nine digits.")
        if not is_routing_number(digits):
            raise forms.ValidationError("One digit of this routing number is wrong; copy it from a check once more.")
        return digits

    def clean_account_number(self) -> str:
        """Refuse what has not 4 to 17 digits; spaces and hyphens do not count."""
        digits = re.sub(r"[\s-]", "", self.cleaned_data["account_number"])
        if not re.fullmatch(r"[0-9]{4,17}", digits):
            raise forms.ValidationError("An account number has 4 to 17 digits.")
        return digits


class FilterForm(forms.Form):
    """Which payments to list; everything is optional."""

    type = forms.ChoiceField(required=False, label="Kind", choices=[("", "All"), *Transaction.Type.choices])
    status = forms.ChoiceField(required=False, choices=[("", "All"), *Transaction.Status.choices])
    first_day = forms.DateField(
        required=False,
        label="From",
        widget=forms.DateInput(attrs={"type": "date"}),
        error_messages={"invalid": "Write the day as YYYY-MM-DD."},
    )
    last_day = forms.DateField(
        required=False,
        label="To",
        widget=forms.DateInput(attrs={"type": "date"}),
        error_messages={"invalid": "Write the day as YYYY-MM-DD."},
    )

    def clean(self) -> dict[str, Any]:
        """Refuse a period that ends before it begins."""
        cleaned = super().clean() or {}
        first, last = cleaned.get("first_day"), cleaned.get("last_day")
        if first and last and last < first:
            self.add_error("last_day", "This day is before the first one.")
        return cleaned

    def criteria(self) -> Criteria:
        """Return what was asked for; a field that cannot be read does not narrow."""
        self.is_valid()
        found = {name: self.cleaned_data[name] for name in self.fields if self.cleaned_data.get(name)}
        return Criteria(**found)

    def is_narrowed(self) -> bool:
        """Whether any field leaves something out."""
        return any(self.cleaned_data.get(name) for name in self.fields)


class StatementForm(forms.Form):
    """A period, and one of the accounts the person has money in, or all."""

    account_id = forms.ChoiceField(label="Offering", required=False)
    first_day = forms.DateField(label="From", widget=forms.DateInput(attrs={"type": "date"}))
    last_day = forms.DateField(label="To", widget=forms.DateInput(attrs={"type": "date"}))

    def __init__(self, *args: Any, accounts: Sequence[tuple[str, str]], **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["account_id"].choices = [("", "All of them"), *accounts]  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        """Refuse a period that ends before it begins."""
        found: dict[str, Any] = super().clean() or {}
        first, last = found.get("first_day"), found.get("last_day")
        if first and last and last < first:
            self.add_error("last_day", "The last day is before the first.")
        return found

    @property
    def account(self) -> UUID:
        """The chosen account; the nil UUID, which no account has, if all are wanted."""
        chosen = self.cleaned_data["account_id"]
        return UUID(chosen) if chosen else UUID(int=0)

    @property
    def kept(self) -> dict[str, str]:
        """The fields as they go into the address of the next page."""
        return {name: str(value) for name, value in self.cleaned_data.items() if value}


class ReceiptForm(forms.Form):
    """A receipt file to check."""

    file = forms.FileField(
        label="Receipt file",
        help_text="The file you downloaded, ending in .json.",
        widget=forms.ClearableFileInput(attrs={"accept": ".json,application/json"}),
        error_messages={
            "required": "Choose the file first.",
            "empty": "The file is empty.",
            "missing": "Choose the file first.",
        },
    )

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **{"label_suffix": "", **options})

    def clean_file(self) -> Any:
        """Refuse what is larger than any receipt, before it is read."""
        file = self.cleaned_data["file"]
        if file.size > receipt_files.MOST_BYTES:
            raise forms.ValidationError("This file is larger than any receipt.")
        return file
