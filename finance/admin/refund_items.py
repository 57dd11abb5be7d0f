"""Staff pages of refunds: each with its clock and its proof, and what people do about a blocked one."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from finance import refund_clock
from finance.admin.refund_forms import RedirectForm
from finance.models import RefundItem, RefundRunApproval
from finance.operations import refund_items
from finance.queries import refund_runs as queries
from realco import clock, permissions
from realco.admin_pages import (
    ReadOnlyAdmin,
    Table,
    badge_column,
    day_column,
    link,
    link_column,
    moment_column,
    money_column,
    table,
    text_column,
)
from realco.admin_steps import Order, Reason, Step, SteppedAdmin
from realco.business_days import banking_date
from realco.models import User

Status = RefundItem.Status


def _refund(item: Any) -> Any:
    return link(item, str(item.investor))


def _payment(item: Any) -> Any:
    return link(item.payment, item.payment.get_status_display()) if item.payment else "–"


def _time(item: Any) -> str:
    """Say how the time stands for an item that is not over."""
    if item.is_over or item.promised_by is None:
        return "–"
    if item.payment is not None and item.payment.processed_at is not None and item.status == Status.PAYING:
        return "sent"
    at = clock.now()
    return refund_clock.reading(banking_date(at), item.promised_by, at=at).words


def _named(item: Any) -> Any:
    """Say where the refund is to go instead, once another person has agreed."""
    if item.redirected_by_id is None:
        return "–"
    return link(item.redirected_to) if item.redirected_to else "Check to the investor"


def _goes_to(item: Any) -> Any:
    return link(item.bank_account) if item.bank_account else "Check to the investor"


_refund.short_description = "investor"  # type: ignore[attr-defined]
_payment.short_description = "payment"  # type: ignore[attr-defined]
_time.short_description = "clock"  # type: ignore[attr-defined]
_named.short_description = "named"  # type: ignore[attr-defined]
_goes_to.short_description = "paid to"  # type: ignore[attr-defined]
OVERVIEW = (
    _refund, money_column("amount"), badge_column(), text_column("note", "why"), _time, _goes_to, _payment,
    day_column("paid_at", "arrived"),
)  # fmt: skip


def _redirect(item: RefundItem, order: Order) -> object:
    return refund_items.redirect(
        item, bank_account=order.data["bank_account"], by=order.by, reason=order.reason, at=order.at
    )


def _agree(item: RefundItem, order: Order) -> object:
    return refund_items.approve_redirection(item, approver=order.by, at=order.at)


def _retry(item: RefundItem, order: Order) -> object:
    return refund_items.retry(item, by=order.by, reason=order.reason, at=order.at)


def _is_blocked(item: RefundItem) -> bool:
    return str(item.status) == Status.BLOCKED


def _waits_for_agreement(item: RefundItem) -> bool:
    return _is_blocked(item) and item.redirected_by_id is not None and item.redirect_approved_by_id is None


def _is_own(item: RefundItem, user: User) -> str:
    return "This is your own refund; somebody else decides about it." if item.investor_id == user.pk else ""


def _may_not_agree(item: RefundItem, user: User) -> str:
    named = "You named this account; another person has to agree to it." if item.redirected_by_id == user.pk else ""
    return named or _is_own(item, user)


@admin.register(RefundItem)
class RefundItemAdmin(SteppedAdmin):
    """What each deposit gives back."""

    list_display = OVERVIEW
    list_display_links = None
    list_filter = ("status", "obstacle", "run__offering")
    list_select_related = ("investor", "payment", "bank_account", "run")
    ordering = ("-created_at", "-id")
    search_fields = ("id", "investor__email__startswith", "deposit__id", "payment__id")
    search_help_text = "An id of the refund, its deposit or its payment, or the beginning of the investor's e-mail."
    fieldsets = (
        (
            None,
            {
                "fields": (
                    badge_column(), "note", link_column("run", "refund run"), link_column("investor"),
                    link_column("deposit"), money_column("amount"), money_column("fee_amount", "fee given back"),
                    money_column("kept_amount", "not there"), "promised_by", _time, "method", _goes_to,
                    link_column("payment"), moment_column("paid_at", "arrived"), "id",
                )
            },
        ),
        (
            "Another account",
            {
                "fields": (
                    _named, link_column("redirected_by", "by"), "redirect_reason",
                    link_column("redirect_approved_by", "agreed by"),
                )
            },
        ),
    )  # fmt: skip
    steps = (
        Step(
            name="redirect",
            label="Pay to another account",
            permission=permissions.PROPOSE_REFUND_RUN,
            act=_redirect,
            when=_is_blocked,
            problem=_is_own,
            explains="You name another verified account of this investor, or a check. It is paid when another person "
            "has agreed.",
            done="Named. Another person has to agree now.",
            form=RedirectForm,
        ),
        Step(
            name="agree",
            label="Agree to the account",
            permission=permissions.APPROVE_REFUND_RUN,
            act=_agree,
            when=_waits_for_agreement,
            problem=_may_not_agree,
            explains="The refund goes where somebody else has named, with its next payment.",
            done="The refund is due again and is paid there.",
            reason=Reason.OPTIONAL,
            is_grave=True,
        ),
        Step(
            name="retry",
            label="Try again",
            permission=permissions.RETRY_PAYMENT,
            act=_retry,
            when=_is_blocked,
            problem=_is_own,
            explains="What blocked it is settled: a new payment goes where the last one was to go.",
            done="The refund is due again.",
        ),
    )

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related("investor", "payment", "bank_account", "run__offering")

    def preview_of(self, request: HttpRequest, step: Step, row: Any) -> list[Table]:
        """Show where somebody else wants to send the refund, before it is agreed to."""
        if step.name != "agree":
            return []
        facts = [
            ["From", _goes_to(row)],
            ["To", _named(row)],
            ["Named by", link(row.redirected_by)],
            ["Because", row.redirect_reason],
        ]
        return [Table("Where it is to go instead", ["", ""], facts)]

    def tables_of(self, request: HttpRequest, row: Any) -> list[Table]:
        [proof] = queries.proofs([row])
        entry = proof.journal_entry
        facts = [
            ["Bank's reference", proof.bank_reference or "–"],
            ["Settled on", str(proof.settled_on or "–")],
            ["Journal entry", link(entry, entry.reference) if entry else "–"],
        ]
        return [
            Table("Proof of the last payment", ["", ""], facts),
            table(
                "Payments", row.payments.order_by("-created_at", "-id"), moment_column("created_at", "made"),
                link_column("", "payment"), money_column("amount"), badge_column(),
                text_column("failure_message", "problem"), empty="None was made yet.",
            ),
        ]  # fmt: skip


@admin.register(RefundRunApproval)
class RefundRunApprovalAdmin(ReadOnlyAdmin):
    """Signatures under the figures of refund runs."""

    list_display = (
        moment_column("approved_at", "signed"), link_column("run", "refund run"), link_column("approver"),
        "content_hash", "note",
    )  # fmt: skip
    list_select_related = ("run__offering", "approver")
    ordering = ("-approved_at", "-id")
    search_fields = ("id", "approver__email__startswith")
    fieldsets = (
        (
            None,
            {
                "fields": (
                    link_column("run", "refund run"), link_column("approver"), moment_column("approved_at", "signed"),
                    "content_hash", "note", "id",
                )
            },
        ),
    )  # fmt: skip
