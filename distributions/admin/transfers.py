"""Staff pages of transfers: proposed by one person with its documents, approved by another."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from distributions.admin.call_forms import TransferForm
from distributions.models import InvestmentTransfer
from distributions.operations import transfers
from realco import permissions
from realco.admin_pages import (
    Column,
    Table,
    badge_column,
    day_column,
    link_column,
    moment_column,
    percent_column,
    shown_money,
)
from realco.admin_steps import Order, Reason, Step, SteppedAdmin, Task
from realco.models import User

Status = InvestmentTransfer.Status


def _propose(order: Order) -> InvestmentTransfer:
    data = order.data
    return transfers.propose(
        data["investment"],
        buyer=data["buyer"],
        part=data["percent"] / 100,
        effective_date=data["effective_date"],
        document_reference=data["document_reference"],
        by=order.by,
        at=order.at,
    )


def _approve(transfer: InvestmentTransfer, order: Order) -> object:
    return transfers.approve(transfer, approver=order.by, at=order.at)


def _cancel(transfer: InvestmentTransfer, order: Order) -> object:
    return transfers.cancel(transfer, by=order.by, reason=order.reason, at=order.at)


def _is_proposed(transfer: InvestmentTransfer) -> bool:
    return str(transfer.status) == Status.PROPOSED


def _proposed_it(transfer: InvestmentTransfer, user: User) -> str:
    return "You proposed it; somebody else has to approve it." if transfer.proposed_by_id == user.pk else ""


def _moved(field: str, title: str) -> Column:
    """Make a column of amounts that a transfer has only once it has taken effect."""

    @admin.display(description=title)
    def column(transfer: Any) -> Any:
        return shown_money(getattr(transfer, field) if transfer.status == Status.EXECUTED else None)

    column.__name__ = field
    return column


_CAPITAL = _moved("funded_amount", "capital moved")


@admin.register(InvestmentTransfer)
class InvestmentTransferAdmin(SteppedAdmin):
    """Investments that changed hands."""

    when_empty = "A transfer is proposed by one person and approved by another."
    list_display = (
        day_column("effective_date", "effective"), link_column("offering"), link_column("seller_investment", "seller"),
        link_column("buyer"), percent_column("part"), badge_column(), _CAPITAL,
    )  # fmt: skip
    list_filter = ("status",)
    list_select_related = ("offering", "seller_investment__investor", "seller_investment__offering", "buyer")
    search_fields = ("id", "buyer__email__startswith")
    version_fields = ("status",)
    fieldsets = (
        (
            None,
            {
                "fields": (
                    badge_column(), link_column("offering"), link_column("seller_investment", "seller"),
                    link_column("buyer"), link_column("buyer_investment"), percent_column("part"),
                    day_column("effective_date", "effective"), "document_reference",
                    _moved("committed_amount", "commitment moved"), _CAPITAL,
                    _moved("returned_amount", "of it returned before"), link_column("proposed_by"),
                    moment_column("proposed_at", "proposed"), link_column("approved_by"),
                    moment_column("executed_at", "executed"), moment_column("cancelled_at", "cancelled"),
                    "cancelled_reason", "id",
                )
            },
        ),
    )  # fmt: skip
    tasks = (
        Task(
            name="propose",
            label="Propose transfer",
            permission=permissions.PROPOSE_TRANSFER,
            act=_propose,
            explains="Both investors' checks have to be current. Nothing moves before another person has approved it.",
            done="The transfer is proposed.",
            form=TransferForm,
        ),
    )
    steps = (
        Step(
            name="approve",
            label="Approve transfer",
            permission=permissions.APPROVE_TRANSFER,
            act=_approve,
            when=_is_proposed,
            problem=_proposed_it,
            explains="The part below becomes the buyer's. Earlier distributions stay where they were paid; what was "
            "earned and not paid yet goes with the capital. It cannot be undone.",
            done="The investment has changed hands.",
            reason=Reason.OPTIONAL,
            is_grave=True,
        ),
        Step(
            name="cancel",
            label="Cancel transfer",
            permission=(permissions.PROPOSE_TRANSFER, permissions.APPROVE_TRANSFER),
            act=_cancel,
            when=_is_proposed,
            explains="Nothing moves. It can be proposed again.",
            done="The transfer is cancelled.",
        ),
    )

    def preview_of(self, request: HttpRequest, step: Step, row: Any) -> list[Table]:
        if step.name != "approve":
            return []
        moved = transfers.what_moves(row.seller_investment, row.part)
        lines = [
            ["Commitment", shown_money(moved.committed)],
            ["Capital paid in", shown_money(moved.funded)],
            ["Of it returned before", shown_money(moved.returned)],
        ]
        return [Table("What moves", ["Of the investment", "Amount"], lines)]
