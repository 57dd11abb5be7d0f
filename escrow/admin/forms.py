"""The forms of the escrow pages: opening an account, holding money, reconciling, importing a statement."""

import uuid
from typing import Any

from django import forms

from escrow.models import EscrowAccount, LedgerAccount
from escrow.operations import receipts
from realco import money
from realco.admin_steps import Choice, StepForm
from realco.errors import Refusal
from realco.models import Offering, User

MAX_STATEMENT = 20 * 1024 * 1024
"""The largest bank statement that is taken, in bytes."""


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
    """An investor and an amount of their money in the account."""

    kind = LedgerAccount.Kind.INVESTOR
    investor = InvestorChoice(queryset=User.objects.none())
    amount = forms.CharField(label="Amount", max_length=40, help_text="US dollars, such as 1234.50.")
    reference = forms.CharField(max_length=100, widget=forms.HiddenInput, initial=lambda: uuid.uuid4().hex)

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        holders = LedgerAccount.objects.filter(
            escrow_account=self.row, kind=self.kind, balance__gt=0, owner__isnull=False
        )
        people = User.objects.filter(pk__in=holders.values("owner_id")).order_by("full_name")
        self.fields["investor"].queryset = people  # type: ignore[attr-defined]

    def clean_amount(self) -> Any:
        try:
            return money.positive(self.cleaned_data["amount"])
        except Refusal as refusal:
            raise forms.ValidationError(str(refusal)) from refusal


class ReleaseForm(AmountForm):
    """An investor and an amount of what is held of theirs."""

    kind = LedgerAccount.Kind.HELD


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


class FeeForm(StepForm):
    """Who bears what the bank took; never the investors."""

    source = forms.ChoiceField(
        label="Borne by",
        choices=[(LedgerAccount.Kind.FEES, "The platform (fees)"), (LedgerAccount.Kind.OFFERING, "The offering")],
    )


class ClaimForm(StepForm):
    """Whose an unknown receipt is, or how much of it is theirs."""

    investor = forms.CharField(label="Investor", max_length=254, help_text="Their e-mail address.")
    amount = forms.CharField(
        label="Amount", max_length=40, help_text="US dollars: all that waits of the receipt, or this investor's part."
    )

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        if self.row is not None and not self.is_bound:
            self.initial.setdefault("amount", money.to_json(receipts.unclaimed(self.row)))

    def clean_amount(self) -> Any:
        try:
            return money.positive(self.cleaned_data["amount"])
        except Refusal as refusal:
            raise forms.ValidationError(str(refusal)) from refusal

    def clean_investor(self) -> User:
        email = str(self.cleaned_data["investor"]).strip().lower()
        investor = User.objects.filter(email=email).first()
        if investor is None:
            raise forms.ValidationError("Nobody has this e-mail address.")
        return investor
