"""Staff pages of holds: what is blocked of whose money, why and until when, and its release."""

import uuid
from typing import Any

from django import forms
from django.contrib import admin

from escrow.admin.forms import AmountForm, amount_of
from escrow.models import EscrowAccount, Hold
from escrow.operations import holds
from realco import permissions
from realco.admin_pages import Table, badge_column, link_column, moment_column, money_column, table, text_column
from realco.admin_steps import Order, Step, StepForm, SteppedAdmin


class HoldForm(AmountForm):
    """An investor, an amount of their cleared money, and when the hold ends by itself."""

    expires_at = forms.DateTimeField(
        label="Ends by itself at",
        required=False,
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}),
        help_text="UTC. Leave it empty to hold until somebody releases it.",
    )
    reference = forms.CharField(max_length=100, widget=forms.HiddenInput, initial=lambda: uuid.uuid4().hex)


class ReleaseForm(StepForm):
    """How much of a hold is released."""

    amount = forms.CharField(
        label="Amount", max_length=40, required=False, help_text="US dollars. Leave it empty to release all of it."
    )

    def clean_amount(self) -> Any:
        written = self.cleaned_data["amount"].strip()
        return amount_of(written) if written else None


def _place(account: EscrowAccount, order: Order) -> object:
    data = order.data
    return holds.place(
        account, investor=data["investor"], amount=data["amount"], reason=order.reason, by=order.by, at=order.at,
        reference=f"staff:{data['reference']}", expires_at=data["expires_at"],
    )  # fmt: skip


def _release(hold: Hold, order: Order) -> object:
    return holds.release(hold, by=order.by, reason=order.reason, at=order.at, amount=order.data["amount"])


PLACE = Step(
    name="hold",
    label="Hold money",
    permission=permissions.HOLD_PAYMENT,
    act=_place,
    when=lambda account: account.status != EscrowAccount.Status.CLOSED,
    explains="Part of an investor's cleared money is blocked until somebody releases it, or its time is over.",
    done="The money is held.",
    form=HoldForm,
)


def open_holds(account: EscrowAccount) -> Table:
    """Lay out what is blocked in an account; each hold's own page releases it."""
    rows = account.holds.filter(status=Hold.Status.OPEN).select_related("investor", "placed_by")[:50]
    return table(
        "Open holds", rows, link_column("", "hold"), text_column("reason"), money_column("left", "still held"),
        link_column("placed_by"), moment_column("placed_at", "placed"), moment_column("expires_at", "ends"),
        empty="Nothing is held.",
    )  # fmt: skip


@admin.register(Hold)
class HoldAdmin(SteppedAdmin):
    """Investors' money that is blocked, and what became of it."""

    list_display = (
        link_column("", "hold"), link_column("escrow_account"), money_column("amount"),
        money_column("left", "still held"), moment_column("placed_at", "placed"), moment_column("expires_at", "ends"),
        badge_column(),
    )  # fmt: skip
    list_display_links = None
    list_filter = ("status", "escrow_account")
    list_select_related = ("escrow_account", "investor")
    search_fields = ("id", "reference", "escrow_account__account_number", "investor__email__startswith")
    search_help_text = "An id, a reference, an escrow account's number, or the beginning of the investor's address."
    version_fields = ("status", "released_amount")
    fieldsets = (
        (
            None,
            {
                "fields": (
                    badge_column(), link_column("escrow_account"), link_column("investor"), money_column("amount"),
                    money_column("released_amount", "released"), money_column("left", "still held"), "reason",
                    link_column("placed_by"), moment_column("placed_at", "placed"),
                    moment_column("expires_at", "ends by itself"), moment_column("ended_at", "ended"), "reference",
                    "id",
                )
            },
        ),
    )  # fmt: skip
    steps = (
        Step(
            name="release",
            label="Release money",
            permission=permissions.HOLD_PAYMENT,
            act=_release,
            when=lambda hold: str(hold.status) == Hold.Status.OPEN,
            explains="What is released becomes its investor's again, who may withdraw it; the rest stays blocked.",
            done="The money is released.",
            form=ReleaseForm,
        ),
    )
