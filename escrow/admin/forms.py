"""The forms of the escrow pages: opening an account, holding money, reconciling, importing a statement."""

from decimal import Decimal
from typing import Any

from django import forms

from escrow.models import EscrowAccount, LedgerAccount
from realco import money
from realco.admin_steps import Choice, StepForm
from realco.errors import Refusal
from realco.models import Offering, User

MAX_STATEMENT = 20 * 1024 * 1024
"""The largest bank statement that is taken, in bytes."""


def amount_of(written: str) -> Decimal:
    """
    Read an amount from a form.

    :raises ValidationError: in words, if it is none
    """
    try:
        return money.positive(written)
    except Refusal as refusal:
        raise forms.ValidationError(str(refusal)) from refusal


class InvestorChoice(Choice):
    """Investors by name and address."""

    def label_from_instance(self, obj: Any) -> str:
        return f"{obj.full_name} · {obj.email}"


class BankAccountChoice(Choice):
    """Bank accounts by their bank and last four digits."""

    def label_from_instance(self, obj: Any) -> str:
        return f"{obj} · {obj.organization}"


class OpenForm(StepForm):
    """Which offering gets an account, and what the escrow bank calls it."""

    offering = forms.ModelChoiceField(queryset=Offering.objects.none())
    external_account_id = forms.CharField(
        label="Account number at the escrow bank",
        max_length=100,
        help_text="The bank's statements are found by it. It can never be changed.",
    )
    bank_account = BankAccountChoice(
        queryset=Offering.objects.none(), required=False, help_text="The platform's own bank account behind it."
    )

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        offerings = Offering.objects.filter(escrow_account__isnull=True).order_by("name")
        self.fields["offering"].queryset = offerings  # type: ignore[attr-defined]
        # Bank accounts belong to finance, which lies above; only the foreign key knows them here.
        model: Any = EscrowAccount._meta.get_field("bank_account").related_model
        accounts = model.objects.filter(organization__kind="PLATFORM").select_related("organization")
        self.fields["bank_account"].queryset = accounts  # type: ignore[attr-defined]


class AmountForm(StepForm):
    """An investor and an amount of their cleared money in the account."""

    investor = InvestorChoice(queryset=User.objects.none())
    amount = forms.CharField(label="Amount", max_length=40, help_text="US dollars, such as 1234.50.")

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        holders = LedgerAccount.objects.filter(
            escrow_account=self.row, kind=LedgerAccount.Kind.INVESTOR, balance__gt=0, owner__isnull=False
        )
        people = User.objects.filter(pk__in=holders.values("owner_id")).order_by("full_name")
        self.fields["investor"].queryset = people  # type: ignore[attr-defined]

    def clean_amount(self) -> Decimal:
        return amount_of(self.cleaned_data["amount"])


class EarlyClosingForm(StepForm):
    """When the offering closes before its deadline."""

    closes_at = forms.DateTimeField(
        label="Closes at",
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}),
        help_text="UTC. Five business days ahead at least, after 21 days open, before the deadline.",
    )


class ReconcileForm(StepForm):
    """The day up to which the books are compared with the bank."""

    as_of = forms.DateField(
        label="Up to the end of", widget=forms.DateInput(attrs={"type": "date"}), help_text="A day that is over."
    )


class StatementForm(StepForm):
    """A file from the escrow bank."""

    file = forms.FileField(label="BAI2 file", help_text="As the bank sent it. The same file twice adds nothing.")

    def clean_file(self) -> Any:
        file = self.cleaned_data["file"]
        if file.size > MAX_STATEMENT:
            raise forms.ValidationError("The file is larger than 20 MB; a day's statement is not.")
        return file


class ClaimForm(StepForm):
    """Whose an unknown receipt is."""

    investor = forms.CharField(label="Investor", max_length=254, help_text="Their e-mail address.")

    def clean_investor(self) -> User:
        email = str(self.cleaned_data["investor"]).strip().lower()
        investor = User.objects.filter(email=email).first()
        if investor is None:
            raise forms.ValidationError("Nobody has this e-mail address.")
        return investor
