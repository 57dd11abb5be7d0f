"""
The portal's forms: they read what a person typed and say in words what is missing.

They check form, not rules: whether a payment may be made is for the operation to say.
"""

from decimal import Decimal
from typing import Any

from django import forms
from django.contrib.auth.forms import AuthenticationForm, PasswordChangeForm

from finance.models import Transaction
from finance.queries.investor_transactions import Criteria
from realco import money
from realco.errors import Refusal


class AmountField(forms.CharField):
    """An amount of dollars as people write it, read to whole cents; more than zero."""

    def __init__(self, **options: Any) -> None:
        widget = forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off", "class": "amount"})
        super().__init__(max_length=40, widget=widget, **options)

    def to_python(self, value: Any) -> Any:
        """
        Read the amount.

        :raises ValidationError: with the refusal's own words, if it is none
        """
        written = super().to_python(value)
        if written in self.empty_values:
            return None
        try:
            return money.positive(money.parse_written(written))
        except Refusal as refusal:
            raise forms.ValidationError(str(refusal), code="amount") from refusal

    def prepare_value(self, value: Any) -> Any:
        """Show a Decimal back as it is written, and text as it was typed."""
        return f"{value:,.2f}" if isinstance(value, Decimal) else value


class SignInForm(AuthenticationForm):
    """Sign-in by e-mail address."""

    error_messages = {
        "invalid_login": "We do not know this e-mail address with this password. Check both; capitals count in the password.",
        "inactive": "This account is closed.",
    }

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, label_suffix="", **options)
        self.fields["username"].label = "E-mail address"
        self.fields["username"].widget = forms.EmailInput(
            attrs={"autocomplete": "username", "autofocus": True, "autocapitalize": "none", "maxlength": 254}
        )
        self.fields["username"].error_messages["required"] = "Enter your e-mail address."
        self.fields["password"].error_messages["required"] = "Enter your password."


class PasswordForm(PasswordChangeForm):
    """A new password, after the present one."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, label_suffix="", **options)
        self.fields["old_password"].label = "Present password"
        self.fields["new_password1"].label = "New password"
        self.fields["new_password2"].label = "New password, once more"
        self.fields["new_password1"].help_text = "At least 12 characters, and not one that many people use."
        self.fields["new_password2"].help_text = ""


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
