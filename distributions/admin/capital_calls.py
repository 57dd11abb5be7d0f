"""Staff pages of capital calls: drawn up by one person, noticed by another, and what has been paid of them."""

from dataclasses import replace
from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.urls import URLPattern, path, reverse

from distributions.admin import capital_accounts
from distributions.admin import premiums as premium_tables
from distributions.admin.call_forms import CallForm, LateClosingForm
from distributions.admin.premiums import PAY_ON
from distributions.models import CapitalCall
from distributions.operations import capital_calls
from distributions.operations.capital_calls import Conditions
from distributions.queries import capital_calls as queries
from distributions.queries import premiums
from realco import clock, permissions
from realco.admin_pages import (
    Table,
    badge_column,
    day_column,
    link,
    link_column,
    moment_column,
    money_column,
    percent_column,
    shown_money,
)
from realco.admin_steps import Order, Reason, Step, SteppedAdmin, Task
from realco.business_days import banking_date
from realco.models import User
from realco.money import ZERO

Status = CapitalCall.Status
SHOWN = 500


def _conditions(data: Any) -> Conditions:
    return Conditions(
        notice_date=data["notice_date"],
        due_date=data["due_date"],
        purpose=data["purpose"],
        interest_rate=data["interest_rate"],
        premium_rate=data.get("premium_rate") or ZERO,
        day_count=data["day_count"],
        notice_days=data["notice_days"],
    )


def _draw_up(order: Order) -> CapitalCall:
    return capital_calls.draw_up(
        order.data["offering"],
        total_amount=order.data["total_amount"],
        conditions=_conditions(order.data),
        by=order.by,
        at=order.at,
        idempotency_key=order.data["idempotency_key"],
    )


def _late_closing(order: Order) -> CapitalCall:
    return capital_calls.draw_up_late_closing(
        order.data["offering"],
        conditions=_conditions(order.data),
        by=order.by,
        at=order.at,
        idempotency_key=order.data["idempotency_key"],
    )


def _submit(call: CapitalCall, order: Order) -> object:
    return capital_calls.submit(call, by=order.by, at=order.at)


def _approve(call: CapitalCall, order: Order) -> object:
    return capital_calls.approve(call, approver=order.by, at=order.at)


def _cancel(call: CapitalCall, order: Order) -> object:
    return capital_calls.cancel(call, by=order.by, reason=order.reason, at=order.at)


def _is(*statuses: str) -> Any:
    return lambda row: row.status in statuses


@admin.display(description="day count")
def _day_count(call: CapitalCall) -> str:
    return call.day_count.replace("_", "/")


def _drew_it_up(call: CapitalCall, user: User) -> str:
    return "You drew up this call; somebody else has to approve it." if call.created_by_id == user.pk else ""


@admin.register(CapitalCall)
class CapitalCallAdmin(SteppedAdmin):
    """Calls of committed capital."""

    when_empty = "A call is begun here once an offering has closed with commitments that are not all paid in."
    list_display = (
        "call_number", link_column("offering"), "kind", badge_column(), money_column("total_amount", "called"),
        day_column("notice_date", "notice"), day_column("due_date", "due"),
    )  # fmt: skip
    list_filter = ("status", "kind")
    list_select_related = ("offering",)
    search_fields = ("id", "call_number")
    search_help_text = "An id, or a call's number."
    fieldsets = (
        (
            None,
            {
                "fields": (
                    badge_column(), "kind", link_column("offering"), money_column("total_amount", "called"),
                    day_column("notice_date", "notice"), day_column("due_date", "due"), "notice_days", "purpose",
                    percent_column("interest_rate", "interest when late"), percent_column("premium_rate", "premium"),
                    _day_count, link_column("created_by", "drawn up by"), link_column("approved_by"),
                    moment_column("approved_at", "approved"), moment_column("completed_at", "completed"),
                    moment_column("cancelled_at", "cancelled"), "cancelled_reason", "id",
                )
            },
        ),
    )  # fmt: skip
    tasks = (
        Task(
            name="draw-up",
            label="Call capital",
            permission=permissions.CREATE_CAPITAL_CALL,
            act=_draw_up,
            explains="Everybody who has committed more than was called is called on, in proportion to what is "
            "uncalled. Nothing is owed before another person has approved it.",
            done="The call is drawn up. Look at what everybody owes, then submit it.",
            form=CallForm,
        ),
        Task(
            name="late-closing",
            label="Late closing",
            permission=permissions.CREATE_CAPITAL_CALL,
            act=_late_closing,
            explains="Those admitted after earlier calls are called on for their share of each, with a premium. The "
            "capital stays in the offering; the premium arrives as its income, and to whom it is owed is shown. "
            "Once it has arrived, “Pay premiums on” draws up the distribution that pays it to them.",
            done="The late closing is drawn up.",
            form=LateClosingForm,
        ),
    )
    steps = (
        Step(
            name="submit",
            label="Submit",
            permission=permissions.CREATE_CAPITAL_CALL,
            act=_submit,
            when=_is(Status.DRAFT),
            explains="The call is put before another person.",
            done="Submitted for approval.",
            reason=Reason.OPTIONAL,
        ),
        Step(
            name="approve",
            label="Approve and give notice",
            permission=permissions.APPROVE_CAPITAL_CALL,
            act=_approve,
            when=_is(Status.PENDING_APPROVAL),
            problem=_drew_it_up,
            explains="From now on everybody below owes their part by the due date, and sees it on their pages.",
            done="The notice is given.",
            reason=Reason.OPTIONAL,
            is_grave=True,
        ),
        Step(
            name="cancel",
            label="Cancel call",
            permission=(permissions.CREATE_CAPITAL_CALL, permissions.APPROVE_CAPITAL_CALL),
            act=_cancel,
            when=_is(Status.DRAFT, Status.PENDING_APPROVAL, Status.NOTICED),
            explains="Nobody owes any of it any more. It is refused once something is paid.",
            done="The call is cancelled.",
            is_grave=True,
        ),
        PAY_ON,
    )

    def offered(self, request: HttpRequest, row: Any) -> list[tuple[Step, str]]:
        found = super().offered(request, row)
        if not any(step.name == PAY_ON.name for step, _ in found):
            return found
        label = premium_tables.label(premiums.payable(row))
        return [(replace(step, label=label) if step.name == PAY_ON.name else step, where) for step, where in found]

    def get_urls(self) -> list[URLPattern]:
        pages = capital_accounts.CapitalAccountPages(self)
        wrap = self.admin_site.admin_view
        return [
            path("accounts/", wrap(pages.accounts), name="distributions_capitalcall_accounts"),
            path("accounts/tax-data/", wrap(pages.tax_data), name="distributions_capitalcall_tax_data"),
            *super().get_urls(),
        ]

    def pages_of(self, request: HttpRequest, row: Any) -> list[tuple[str, str]]:
        address = reverse("admin:distributions_capitalcall_accounts")
        return [("Capital accounts", f"{address}?offering={row.offering_id}")]

    def tables_of(self, request: HttpRequest, row: Any) -> list[Table]:
        items = list(row.items.select_related("investor", "call").order_by("investor__full_name", "pk")[:SHOWN])
        dues = queries.dues(items, on=banking_date(clock.now()))
        lines = []
        for item in items:
            due = dues[item.pk]
            lines.append(
                [link(item, str(item.investor)), item.get_status_display(), shown_money(item.commitment_amount),
                 *map(shown_money, (due.capital, due.premium, due.interest, due.total, due.received, due.missing))]
            )  # fmt: skip
        titles = [
            "Investor",
            "State",
            "Committed",
            "Called",
            "Premium",
            "Interest today",
            "Comes to",
            "Cleared",
            "Missing",
        ]
        return [Table("What everybody owes", titles, lines), *premium_tables.tables(row)]

    def preview_of(self, request: HttpRequest, step: Step, row: Any) -> list[Table]:
        if step.name == PAY_ON.name:
            return premium_tables.tables(row)
        return self.tables_of(request, row) if step.name in ("submit", "approve") else []
