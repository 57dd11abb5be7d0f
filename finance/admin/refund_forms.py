"""The forms of the refund pages: proposing a run, signing its hash, sending a refund elsewhere."""

from typing import Any

from django import forms

from escrow.models import EscrowAccount
from finance.admin.orders import EscrowChoice
from finance.models import BankAccount, RefundItem
from realco import clock
from realco.admin_steps import Choice, StepForm
from realco.models import Offering

BY_CHECK = "check"


class ProposeForm(StepForm):
    """Whose money goes back."""

    escrow_account = EscrowChoice(label="Escrow account", queryset=EscrowAccount.objects.none())

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        over = EscrowAccount.objects.filter(
            offering__status__in=[Offering.Status.OPEN, Offering.Status.FAILED], offering__deadline_at__lte=clock.now()
        ) | EscrowAccount.objects.filter(offering__status=Offering.Status.CANCELLED)
        field: Any = self.fields["escrow_account"]
        field.queryset = (
            over.exclude(status=EscrowAccount.Status.CLOSED).select_related("offering").order_by("account_number")
        )
        field.help_text = "Of offerings whose deadline has passed without a closing, or that were called off."


class SignForm(StepForm):
    """The hash of the figures that the person has in front of them."""

    content_hash = forms.CharField(max_length=64, widget=forms.HiddenInput)

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["content_hash"].initial = self.row.content_hash


class AccountChoice(Choice):
    """An investor's bank accounts by bank and last four digits."""

    def label_from_instance(self, obj: Any) -> str:
        return f"{obj} · {obj.holder_name} · verified {obj.verified_at:%Y-%m-%d}" if obj.verified_at else str(obj)


class RedirectForm(StepForm):
    """To which of the investor's verified accounts a blocked refund goes; none is a check."""

    bank_account = AccountChoice(
        label="Pay to", queryset=BankAccount.objects.none(), required=False, empty_label="By check to the investor",
        help_text="The investor's own verified accounts. Another person has to agree before it is paid.",
    )  # fmt: skip

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        item: RefundItem = self.row
        field: Any = self.fields["bank_account"]
        field.queryset = BankAccount.objects.filter(user=item.investor_id, status=BankAccount.Status.VERIFIED)
