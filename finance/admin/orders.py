"""The form by which staff ask for a payment on somebody's behalf: a draw, a refund, a sponsor's income."""

import uuid
from typing import Any

from django import forms

from escrow.models import EscrowAccount
from finance.models import BankAccount, Transaction
from finance.models.transactions import INBOUND, OUTBOUND, PaymentMethod, TransactionType
from finance.operations import orders, transactions
from realco import money, permissions
from realco.admin_steps import Choice, Order, Reason, StepForm, Task
from realco.errors import Refusal
from realco.models import User


class EscrowChoice(Choice):
    """Escrow accounts by number and offering."""

    def label_from_instance(self, obj: Any) -> str:
        return f"{obj.account_number} · {obj.offering}"


class PaymentForm(StepForm):
    """
    What a payment needs. The other party is named by e-mail address, their account by its last four digits.

    The idempotency key is made when the form is opened, so that sending it twice pays once.
    """

    type = forms.ChoiceField(
        label="Kind of payment",
        choices=[(t, TransactionType(t).label) for t in [*OUTBOUND, *INBOUND] if t != TransactionType.CAPITAL_CALL],
        help_text="What pays a capital call is entered on the page of what the investor owes of it.",
    )
    escrow_account = EscrowChoice(
        label="Escrow account", queryset=EscrowAccount.objects.select_related("offering").order_by("account_number")
    )
    party = forms.CharField(
        label="Payer or payee",
        max_length=254,
        help_text="The e-mail address of whoever pays into escrow, or is paid out of it.",
    )
    payment_method = forms.ChoiceField(label="Method", choices=PaymentMethod.choices)
    last_four = forms.CharField(
        label="Their bank account",
        max_length=4,
        required=False,
        help_text="Its last four digits. ACH needs one, and so does paying out by wire.",
    )
    amount = forms.CharField(label="Amount", max_length=40, help_text="US dollars, such as 1234.50.")
    currency = forms.ChoiceField(label="Currency", choices=[(money.CURRENCY, money.CURRENCY)])
    description = forms.CharField(label="Description", max_length=300, required=False)
    internal_memo = forms.CharField(
        label="Internal memo", max_length=2000, required=False, widget=forms.Textarea(attrs={"rows": 2})
    )
    idempotency_key = forms.CharField(max_length=100, widget=forms.HiddenInput, initial=lambda: uuid.uuid4().hex)

    def clean_amount(self) -> Any:
        try:
            return money.positive(self.cleaned_data["amount"])
        except Refusal as refusal:
            raise forms.ValidationError(str(refusal)) from refusal

    def clean_party(self) -> User:
        email = str(self.cleaned_data["party"]).strip().lower()
        party = User.objects.filter(email=email).first()
        if party is None:
            raise forms.ValidationError("Nobody has this e-mail address.")
        return party

    def clean(self) -> dict[str, Any]:
        """Find the party's bank account by its last four digits."""
        data = super().clean() or {}
        party, digits = data.get("party"), data.get("last_four")
        data["bank_account"] = None
        if party is not None and digits:
            data["bank_account"] = self._account_of(party, digits)
        return data

    def was_refused(self) -> None:
        """Take a new key: the order will be another one when it comes again."""
        self.data = {**self.data.dict(), "idempotency_key": uuid.uuid4().hex}  # type: ignore[attr-defined]

    def _account_of(self, party: User, digits: str) -> BankAccount | None:
        theirs = BankAccount.objects.filter(last_four=digits)
        theirs = (theirs.filter(user=party) | theirs.filter(organization__owner=party)).exclude(
            status=BankAccount.Status.CLOSED
        )
        found = list(theirs[:2])
        if len(found) == 1:
            return found[0]
        wrong = "has no bank account ending in" if not found else "has more than one bank account ending in"
        self.add_error("last_four", f"{party} {wrong} {digits}.")
        return None


def _initiate(order: Order) -> Transaction:
    data = order.data
    party_id = data["party"].pk
    account_id = data["bank_account"].pk if data["bank_account"] else None
    is_inbound = data["type"] in INBOUND
    return transactions.initiate(
        orders.Order(
            type=data["type"],
            payment_method=data["payment_method"],
            amount=data["amount"],
            escrow_account_id=data["escrow_account"].pk,
            from_user_id=party_id if is_inbound else None,
            to_user_id=None if is_inbound else party_id,
            from_bank_account_id=account_id if is_inbound else None,
            to_bank_account_id=None if is_inbound else account_id,
            currency=data["currency"],
            description=data["description"],
            internal_memo=data["internal_memo"],
        ),
        initiator=order.by,
        idempotency_key=data["idempotency_key"],
        at=order.at,
    )


ASK = Task(
    name="new",
    label="New payment",
    permission=permissions.INITIATE_PAYMENT,
    act=_initiate,
    explains="The payment is priced, screened, and queued or put before an approver. You cannot approve it yourself.",
    done="The payment has been asked for.",
    form=PaymentForm,
    reason=Reason.NONE,
)
