"""Staff pages of closings: proposed by one person, signed by another over exactly the figures shown."""

from decimal import Decimal
from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from escrow.models import Closing
from escrow.operations import closings
from realco import permissions
from realco.admin_pages import Table, badge_column, link_column, moment_column, money_column, shown_money
from realco.admin_steps import Order, Reason, Step, SteppedAdmin
from realco.models import User

Status = Closing.Status


def _execute(closing: Closing, order: Order) -> object:
    return closings.execute(closing, approver=order.by, at=order.at)


def _cancel(closing: Closing, order: Order) -> object:
    return closings.cancel(closing, by=order.by, reason=order.reason, at=order.at)


def _is_proposed(closing: Closing) -> bool:
    return str(closing.status) == Status.PROPOSED


def _is_own(closing: Closing, user: User) -> str:
    return "You proposed this closing; another person has to approve it." if closing.proposed_by_id == user.pk else ""


@admin.register(Closing)
class ClosingAdmin(SteppedAdmin):
    """Releases of investors' money to their offerings."""

    list_display = (
        moment_column("proposed_at", "proposed"), link_column("escrow_account"), money_column("total_amount", "total"),
        link_column("proposed_by"), link_column("approved_by"), badge_column(),
    )  # fmt: skip
    list_filter = ("status", "escrow_account")
    list_select_related = ("escrow_account", "proposed_by", "approved_by")
    search_fields = ("id", "escrow_account__account_number")
    search_help_text = "An id, or an escrow account's number."
    version_fields = ("status", "content_hash")
    fieldsets = (
        (
            None,
            {
                "fields": (
                    badge_column(), link_column("escrow_account"), money_column("total_amount", "total"),
                    link_column("proposed_by"), moment_column("proposed_at", "proposed"), link_column("approved_by"),
                    moment_column("executed_at", "executed"), moment_column("cancelled_at", "cancelled"),
                    "cancelled_reason", "content_hash", "id",
                )
            },
        ),
    )  # fmt: skip
    steps = (
        Step(
            name="execute",
            label="Sign and release",
            permission=permissions.APPROVE_CLOSING,
            act=_execute,
            when=_is_proposed,
            problem=_is_own,
            explains="You sign the figures below. The money of each investor becomes the offering's, in one batch, "
            "if nothing has changed since they were proposed.",
            done="The closing is executed; the money is released.",
            reason=Reason.OPTIONAL,
            is_grave=True,
        ),
        Step(
            name="cancel",
            label="Cancel closing",
            permission=(permissions.PROPOSE_CLOSING, permissions.APPROVE_CLOSING),
            act=_cancel,
            when=_is_proposed,
            explains="The proposal is cancelled; nothing was released. It can be proposed again.",
            done="The closing is cancelled.",
        ),
    )

    def tables_of(self, request: HttpRequest, row: Any) -> list[Table]:
        people = User.objects.in_bulk(list(row.figures))
        names = {str(key): person for key, person in people.items()}
        rows = [[str(names.get(key, key)), shown_money(Decimal(amount))] for key, amount in row.figures.items()]
        return [Table("What each investor releases", ["Investor", "Amount"], sorted(rows))]

    def preview_of(self, request: HttpRequest, step: Step, row: Any) -> list[Table]:
        return self.tables_of(request, row) if step.name == "execute" else []
