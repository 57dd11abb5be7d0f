"""Staff pages of what each investor owes of a capital call: paying it by wire or check, and letting somebody off."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from distributions.admin.call_forms import PAID_BY, PayItemForm
from distributions.models import CapitalCall, CapitalCallItem
from distributions.operations import call_payments, capital_calls
from distributions.queries import capital_calls as queries
from realco import clock, permissions
from realco.admin_pages import (
    Table,
    badge_column,
    day_column,
    link_column,
    moment_column,
    money_column,
    shown_money,
    table,
    text_column,
)
from realco.admin_steps import Order, Reason, Step, SteppedAdmin
from realco.business_days import banking_date
from realco.models import User
from realco.money import ZERO, format_money
from realco.templatetags import figures

Status = CapitalCallItem.Status


def _pay(item: CapitalCallItem, order: Order) -> object:
    account = order.data["bank_account"]
    return call_payments.pay(
        item,
        method=order.data["payment_method"],
        bank_account_id=account.pk if account else None,
        gross=order.data["amount"],
        by=order.by,
        idempotency_key=order.data["idempotency_key"],
        at=order.at,
    )


def _excuse(item: CapitalCallItem, order: Order) -> object:
    return capital_calls.excuse(item, by=order.by, reason=order.reason, at=order.at)


def _is_open(item: CapitalCallItem) -> bool:
    return str(item.status) == Status.OPEN


def _nothing_missing(item: CapitalCallItem, user: User) -> str:
    if item.call.status != CapitalCall.Status.NOTICED:
        return "Its call has not been noticed; nothing is owed of it yet."
    due = queries.due(item, on=banking_date(clock.now()))
    return "" if due.missing else "Nothing is missing of it: the rest is paid or on its way."


@admin.display(description="state")
def _state(made: Any) -> Any:
    return figures.badge(made.transaction)


@admin.register(CapitalCallItem)
class CapitalCallItemAdmin(SteppedAdmin):
    """What each investor owes of a call."""

    list_display = (
        link_column("call"), link_column("investor"), badge_column(), money_column("amount", "called"),
        money_column("paid_amount", "paid"), day_column("paid_date", "paid on"),
    )  # fmt: skip
    list_display_links = None
    list_filter = ("status",)
    list_select_related = ("call", "investor")
    search_fields = ("id", "call__call_number", "investor__email__startswith")
    fieldsets = (
        (
            None,
            {
                "fields": (
                    badge_column(), link_column("call"), link_column("investor"), link_column("investment"),
                    money_column("commitment_amount", "committed"), money_column("amount", "called"),
                    money_column("premium_amount", "premium"), money_column("interest_amount", "interest"),
                    money_column("paid_amount", "paid"), day_column("paid_date", "paid on"), "id",
                )
            },
        ),
    )  # fmt: skip
    steps = (
        Step(
            name="pay",
            label="Enter a payment",
            permission=permissions.INITIATE_PAYMENT,
            act=_pay,
            when=_is_open,
            problem=_nothing_missing,
            explains="A wire or a check with which the investor pays the call, once it has come or is announced; or an "
            "ACH debit of their account. When all that is missing has cleared, it becomes the offering's by itself.",
            done="The payment has been asked for. It is listed below with its state.",
            reason=Reason.NONE,
            form=PayItemForm,
        ),
        Step(
            name="excuse",
            label="Excuse",
            permission=permissions.APPROVE_CAPITAL_CALL,
            act=_excuse,
            when=_is_open,
            explains="This investor owes nothing of the call any more; the amount is uncalled again. What they paid "
            "for it is their own, refundable money.",
            done="Excused.",
            is_grave=True,
        ),
    )

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related("call", "investor")

    def figures_of(self, request: HttpRequest, row: Any) -> list[tuple[str, Any, str]]:
        due = queries.due(row, on=banking_date(clock.now()))
        interest = f"with {format_money(due.interest)} of interest" if due.interest else ""
        missing = due.missing if row.status == Status.OPEN else ZERO
        return [
            ("Comes to", format_money(due.total), interest),
            ("Cleared", format_money(due.received), ""),
            ("On its way", format_money(due.under_way), ""),
            ("Missing today", format_money(missing), ""),
        ]

    def tables_of(self, request: HttpRequest, row: Any) -> list[Table]:
        made = row.payments.select_related("transaction").order_by("-created_at", "-id")
        return [
            table(
                "Payments for it", made, moment_column("created_at", "asked"), link_column("transaction", "payment"),
                text_column("transaction.get_payment_method_display", "method"), money_column("transaction.amount"),
                money_column("transaction.net_amount", "arrives"), _state,
                empty="Nothing was asked for yet.",
            )
        ]  # fmt: skip

    def preview_of(self, request: HttpRequest, step: Step, row: Any) -> list[Table]:
        if step.name != "pay":
            return []
        today = banking_date(clock.now())
        missing = queries.due(row, on=today).missing
        lines = []
        for method in PAID_BY:
            gross = queries.gross_of(missing, method=method, on=today)
            lines.append([method.label, shown_money(gross), shown_money(gross - missing)])
        title = f"What pays all of the {format_money(missing)} that is missing today"
        return [Table(title, ["By", "Payment", "Fee in it"], lines)]
