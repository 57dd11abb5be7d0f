"""Steps on distributions that people decide: a line otherwise than the waterfall, and remitting what was taken off."""

from decimal import Decimal
from typing import Any

from django import forms
from django.contrib import admin

from distributions.models import AllocationLine, Distribution, DistributionAllocation
from distributions.operations import overrides, withholdings
from distributions.operations.overrides import Decision
from distributions.queries import deductions
from distributions.queries import distributions as query
from distributions.queries.entitlements import PARTS
from distributions.queries.histories import COUNTED
from finance.models import BankAccount
from realco import money, permissions
from realco.admin_pages import Table, link, link_column, money_column, shown_money, table, text_column
from realco.admin_steps import Order, Reason, Step, StepForm
from realco.errors import Refusal
from realco.models import User
from realco.money import format_money

Status, Nature = Distribution.Status, Distribution.Nature
SHOWN = 200


class OverrideForm(StepForm):
    """Which part of whose line becomes how much, and who makes up for it."""

    line = forms.ModelChoiceField(queryset=DistributionAllocation.objects.none(), label="Payee")
    part = forms.ChoiceField(choices=[(name, name.replace("_", " ").capitalize()) for name in PARTS])
    amount = forms.CharField(max_length=40, label="New amount of this part", help_text="US dollars, such as 510.00.")
    against = forms.ModelChoiceField(
        queryset=DistributionAllocation.objects.none(),
        label="Made up for by",
        help_text="This payee gets so much less of the same part, or more: the total stays.",
    )

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        standing = self.row.allocations.exclude(status=DistributionAllocation.Status.CANCELLED)
        for name in ("line", "against"):
            field: Any = self.fields[name]
            field.queryset = standing.select_related("investor").order_by("investor__full_name", "pk")
            field.label_from_instance = _in_words
        self.fields["reason"].help_text = "The payee is shown it, and it is kept."

    def clean_amount(self) -> Any:
        try:
            text = self.cleaned_data["amount"]
            return money.ZERO if text.strip("0.") == "" else money.positive(text)
        except Refusal as refusal:
            raise forms.ValidationError(str(refusal)) from refusal


class RemitForm(StepForm):
    """What is remitted, and to which bank account."""

    kind = forms.ChoiceField(choices=AllocationLine.Kind.choices, label="What was taken off")
    bank_account = forms.ModelChoiceField(queryset=BankAccount.objects.none(), label="Paid to")

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        kind: Any = self.fields["kind"]
        kind.choices = [
            (one.kind, f"{AllocationLine.Kind(one.kind).label}: {format_money(one.due_amount)} left to remit")
            for one in deductions.summary(self.row)
        ]
        field: Any = self.fields["bank_account"]
        sponsor = self.row.offering.organization
        field.queryset = BankAccount.objects.filter(organization=sponsor, status=BankAccount.Status.VERIFIED)
        if not field.queryset.exists():
            field.empty_label = "No verified bank account"
            field.help_text = f"{sponsor} has no verified bank account. Have one entered and verified, then come back."


_PARTS = (
    money_column("return_of_capital"), money_column("preferred_return"), money_column("sponsor_catch_up", "catch-up"),
    money_column("profit_split"), money_column("total_amount", "total"),
)  # fmt: skip


def lines(distribution: Distribution) -> Table:
    """Lay out a draft's lines as they are now, for whoever is about to change one."""
    standing = distribution.allocations.exclude(status=DistributionAllocation.Status.CANCELLED)
    rows = standing.select_related("investor").order_by("investor__full_name", "pk")[:SHOWN]
    return table("Lines as they are now", rows, link_column("investor", "payee"), *_PARTS)


def overridden(distribution: Distribution) -> Table:
    """Lay out what people decided otherwise than the waterfall gave."""
    return table(
        "Overrides", query.overrides(distribution), _payee, _waterfall, money_column("total_amount", "decided"),
        text_column("override_reason", "reason"), link_column("overridden_by", "by"),
        link_column("override_confirmed_by", "confirmed by"), empty="Everybody gets what the waterfall gives.",
    )  # fmt: skip


def taken_off(distribution: Distribution) -> Table:
    """Lay out what was taken off for each purpose, and what of it is left to remit."""
    rows = [
        [AllocationLine.Kind(one.kind).label, *map(shown_money, (one.taken_amount, one.asked_amount, one.due_amount))]
        for one in deductions.summary(distribution)
    ]
    titles = ["What was taken off", "Taken off", "Remitted, or asked for", "Left to remit"]
    return Table("What is left to remit", titles, rows)


def _in_words(allocation: DistributionAllocation) -> str:
    return f"{format_money(allocation.total_amount)} to {allocation.investor}"


@admin.display(description="payee")
def _payee(allocation: Any) -> Any:
    return link(allocation, str(allocation.investor))


@admin.display(description="the waterfall gave")
def _waterfall(allocation: Any) -> Any:
    return shown_money(sum((Decimal(amount) for amount in allocation.calculated.values()), Decimal(0)))


def _override(distribution: Distribution, order: Order) -> object:
    data = order.data
    decision = Decision(data["line"].pk, data["part"], data["amount"], data["against"].pk)
    return overrides.override(distribution, decision=decision, reason=order.reason, by=order.by, at=order.at)


def _confirm(distribution: Distribution, order: Order) -> object:
    return overrides.confirm(distribution, by=order.by, at=order.at)


def _withdraw(distribution: Distribution, order: Order) -> object:
    return overrides.withdraw(distribution, reason=order.reason, by=order.by, at=order.at)


def _remit(distribution: Distribution, order: Order) -> object:
    data = order.data
    return withholdings.remit(
        distribution, kind=data["kind"], bank_account=data["bank_account"], by=order.by, at=order.at
    )


def _not_calculated(distribution: Distribution, user: User) -> str:
    return "" if distribution.metadata.get("basis") else "It has not been worked out yet."


def _may_not_confirm(distribution: Distribution, user: User) -> str:
    deciders = set(query.unconfirmed(distribution).values_list("overridden_by_id", flat=True))
    if not deciders:
        return "No override waits for a second person."
    return "You decided this yourself; somebody else must confirm it." if user.pk in deciders else ""


def _none_waits(distribution: Distribution, user: User) -> str:
    return "" if query.unconfirmed(distribution).exists() else "No override waits for a second person."


def _nothing_due(distribution: Distribution, user: User) -> str:
    kinds = AllocationLine.Kind.values
    return "" if any(withholdings.due(distribution, kind) > 0 for kind in kinds) else "Nothing is left to remit."


OVERRIDE = Step(
    name="override",
    label="Override a line",
    permission=permissions.CREATE_DISTRIBUTION,
    act=_override,
    when=lambda distribution: distribution.status == Status.DRAFT and distribution.nature == Nature.WATERFALL,
    problem=_not_calculated,
    explains="A payee gets more or less of a part than the waterfall gives, and another, named payee less or more of "
    "it. A second person confirms it before the distribution can be submitted, and both payees are shown why.",
    done="The line is overridden. A second person must confirm it.",
    form=OverrideForm,
    is_grave=True,
)
CONFIRM = Step(
    name="confirm-overrides",
    label="Confirm overrides",
    permission=(permissions.CREATE_DISTRIBUTION, permissions.APPROVE_DISTRIBUTION),
    act=_confirm,
    when=lambda distribution: distribution.status == Status.DRAFT,
    problem=_may_not_confirm,
    explains="You confirm, as the second person, what was decided otherwise than the waterfall gives.",
    done="The overrides are confirmed.",
    reason=Reason.OPTIONAL,
)
WITHDRAW = Step(
    name="withdraw-overrides",
    label="Withdraw overrides",
    permission=(permissions.CREATE_DISTRIBUTION, permissions.APPROVE_DISTRIBUTION),
    act=_withdraw,
    when=lambda distribution: distribution.status == Status.DRAFT,
    problem=_none_waits,
    explains="Every override that waits for a second person is taken back by whoever decided it, or refused by "
    "anybody else. Those payees get again what stood before.",
    done="The overrides are withdrawn.",
)
REMIT = Step(
    name="remit",
    label="Remit deductions",
    permission=permissions.INITIATE_PAYMENT,
    act=_remit,
    when=lambda distribution: distribution.status in COUNTED,
    problem=_nothing_due,
    explains="What was withheld, or the platform's fee, leaves escrow by a payment of its own, which needs approval.",
    done="The payment waits for its approval.",
    reason=Reason.OPTIONAL,
    form=RemitForm,
    is_quiet=True,
)
