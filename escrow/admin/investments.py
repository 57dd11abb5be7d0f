"""Staff pages of investments: what was committed, released, returned and earned."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from escrow.models import Commitment, Investment
from escrow.operations import investments
from realco import permissions
from realco.admin_pages import (
    ReadOnlyAdmin,
    Table,
    badge_column,
    link_column,
    moment_column,
    money_column,
    percent_column,
    table,
    text_column,
)
from realco.admin_steps import Order, Step, SteppedAdmin


def _cancel(investment: Investment, order: Order) -> object:
    return investments.cancel(investment, by=order.by, reason=order.reason, at=order.at)


@admin.register(Investment)
class InvestmentAdmin(SteppedAdmin):
    """Who has put how much into what."""

    list_display = (
        link_column("", "investment"), money_column("investment_amount", "committed"),
        money_column("funded_amount", "released"), money_column("returned_capital", "returned"),
        money_column("current_balance", "at work"), badge_column(),
    )  # fmt: skip
    list_display_links = None
    list_filter = ("status", "offering")
    list_select_related = ("investor", "offering")
    search_fields = ("id", "investor__email__startswith", "reference")
    search_help_text = "An id, a reference, or the beginning of the investor's e-mail address."
    fieldsets = (
        (
            None,
            {
                "fields": (
                    link_column("investor"), link_column("offering"), badge_column(), "class_name", "reference", "id",
                )
            },
        ),
        (
            "Capital",
            {
                "fields": (
                    money_column("investment_amount", "committed"), money_column("funded_amount", "released"),
                    money_column("returned_capital"), money_column("current_balance", "not yet returned"),
                    text_column("ownership_percentage", "ownership, percent"), moment_column("funded_at", "funded"),
                    moment_column("completed_at", "completed"),
                )
            },
        ),
        (
            "Return",
            {
                "fields": (
                    percent_column("preferred_return_rate", "preferred return"),
                    money_column("preferred_return_paid", "preferred return paid"), money_column("profits_paid"),
                )
            },
        ),
    )  # fmt: skip
    steps = (
        Step(
            name="cancel",
            label="Withdraw",
            permission=permissions.INITIATE_PAYMENT,
            act=_cancel,
            when=lambda row: row.status == Investment.Status.PENDING,
            explains="The commitment is withdrawn for good. Money that arrived for it stays the investor's.",
            done="The commitment is withdrawn.",
            is_grave=True,
        ),
    )

    def get_queryset(self, request: Any) -> Any:
        return super().get_queryset(request).select_related("investor", "offering")

    def tables_of(self, request: HttpRequest, row: Any) -> list[Table]:
        made = row.commitments.order_by("committed_at", "id")[:50]
        return [table("Commitments", made, moment_column("committed_at", "committed"), money_column("amount"))]


@admin.register(Commitment)
class CommitmentAdmin(ReadOnlyAdmin):
    """Each promise with its moment."""

    list_display = (moment_column("committed_at", "committed"), link_column("investment"), money_column("amount"))
    list_display_links = None
    list_select_related = ("investment__investor", "investment__offering")
    search_fields = ("id",)
    fieldsets = (
        (
            None,
            {
                "fields": (
                    link_column("investment"), money_column("amount"), moment_column("committed_at", "committed"), "id",
                )
            },
        ),
    )  # fmt: skip
