"""Staff pages of payments: the list, a payment with all that became of it, and what can be done to it."""

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from compliance.models import ComplianceCheck
from escrow.models import EscrowLedgerEntry
from finance import return_codes
from finance.admin.approvals import APPROVE, REJECT, ApprovalsAdmin, signatures
from finance.admin.orders import ASK
from finance.models import Transaction
from finance.models.transactions import TRANSITIONS
from finance.operations import retries, transactions
from realco import permissions
from realco.admin_pages import (
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
from realco.admin_steps import Order, Reason, Step, StepForm
from realco.money import format_money

Status = Transaction.Status
BEFORE_THE_BANK = (Status.INITIATED, Status.PENDING_APPROVAL, Status.APPROVED, Status.QUEUED)


def party(payment: Any) -> str:
    """Name the payer of inbound money, the payee of outbound."""
    return str(payment.party or "–")


def method(payment: Any) -> str:
    """Name how it is paid."""
    return str(payment.get_payment_method_display())


def failure(payment: Any) -> str:
    """Say what went wrong, and what the bank's code means."""
    if not payment.failure_code:
        return "–"
    known = payment.failure_code in return_codes.MEANINGS
    meaning = f" ({return_codes.meaning(payment.failure_code)})" if known else ""
    return f"{payment.failure_code}{meaning} {payment.failure_message}".strip()


@admin.display(description="event")
def _event(entry: Any) -> Any:
    return link(entry.journal_entry, entry.journal_entry.get_event_display())


def _is_at_the_bank(payment: Transaction) -> bool:
    return payment.status == Status.ON_HOLD and payment.held_from == Status.PROCESSING


def _hold(payment: Transaction, order: Order) -> object:
    return transactions.hold(payment, by=order.by, reason=order.reason, at=order.at)


def _release(payment: Transaction, order: Order) -> object:
    return transactions.release(payment, by=order.by, at=order.at, reason=order.reason)


def _retry(payment: Transaction, order: Order) -> object:
    return retries.retry(payment, by=order.by, at=order.at)


def _cancel(payment: Transaction, order: Order) -> object:
    return transactions.cancel(payment, by=order.by, reason=order.reason, at=order.at)


def _describe(payment: Transaction, order: Order) -> object:
    return transactions.describe(
        payment, by=order.by, description=order.data["description"], internal_memo=order.data["internal_memo"]
    )


class WordsForm(StepForm):
    """The words on a payment, which are all of it that ever changes."""

    description = forms.CharField(label="Description", max_length=300, required=False)
    internal_memo = forms.CharField(
        label="Internal memo", max_length=2000, required=False, widget=forms.Textarea(attrs={"rows": 4})
    )

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["description"].initial = self.row.description
        self.fields["internal_memo"].initial = self.row.internal_memo


STEPS = (
    APPROVE,
    REJECT,
    Step(
        name="hold",
        label="Hold",
        permission=permissions.HOLD_PAYMENT,
        act=_hold,
        when=lambda payment: payment.status in BEFORE_THE_BANK,
        explains="The payment stops where it is until somebody releases it.",
        done="On hold.",
        in_bulk=True,
    ),
    Step(
        name="release",
        label="Release",
        permission=permissions.HOLD_PAYMENT,
        act=_release,
        when=lambda payment: payment.status == Status.ON_HOLD and not _is_at_the_bank(payment),
        explains="The payment goes on from the state it was held in.",
        done="Released.",
        in_bulk=True,
    ),
    Step(
        name="retry",
        label="Retry now",
        permission=permissions.RETRY_PAYMENT,
        act=_retry,
        when=lambda payment: payment.status in (Status.FAILED, Status.PENDING_RETRY),
        explains="The payment is presented to the bank again, at once, under a new key, if the bank's rules allow it.",
        done="It is tried again now.",
        in_bulk=True,
    ),
    Step(
        name="cancel",
        label="Cancel payment",
        permission=(permissions.INITIATE_PAYMENT, permissions.APPROVE_PAYMENT),
        act=_cancel,
        when=lambda payment: Status.CANCELLED in TRANSITIONS[Status(payment.status)] and not _is_at_the_bank(payment),
        explains="The payment is cancelled for good; reserved money goes back to where it came from.",
        done="Cancelled.",
        is_grave=True,
        in_bulk=True,
    ),
    Step(
        name="describe",
        label="Edit words",
        permission=permissions.INITIATE_PAYMENT,
        act=_describe,
        explains="Description and memo are all of a payment that can be changed.",
        done="The words are changed.",
        reason=Reason.NONE,
        form=WordsForm,
    ),
)


@admin.register(Transaction)
class TransactionAdmin(ApprovalsAdmin):
    """Payments between escrow and somebody's bank."""

    list_display = (
        moment_column("created_at", "asked"), badge_column(), "type", party, money_column("amount"),
        money_column("fee_amount", "fee"), method, "offering",
    )  # fmt: skip
    list_filter = ("status", "type", "payment_method", "escrow_account")
    list_select_related = (
        "from_user", "to_user", "offering", "escrow_account", "initiated_by", "approved_by", "second_approved_by",
    )  # fmt: skip
    search_fields = (
        "id", "from_user__email__startswith", "to_user__email__startswith", "from_bank_account__last_four",
        "to_bank_account__last_four", "attempts__provider_reference", "escrow_account__account_number",
        "distribution__distribution_number", "idempotency_key",
    )  # fmt: skip
    search_help_text = (
        "An id, a bank reference, the last four digits of a bank account, an escrow or distribution number, "
        "or the beginning of an e-mail address."
    )
    fieldsets = (
        (
            None,
            {
                "fields": (
                    badge_column(), "type", "payment_method", link_column("from_user", "from"),
                    link_column("from_bank_account", "from account"), link_column("to_user", "to"),
                    link_column("to_bank_account", "to account"), link_column("offering"),
                    link_column("escrow_account"), link_column("distribution"),
                    link_column("replaces", "replaces payment"), link_column("counterpart", "moved together with"),
                    "description", "internal_memo",
                )
            },
        ),
        (
            "Approval",
            {
                "fields": (
                    link_column("initiated_by", "asked by"), signatures,
                    moment_column("approved_at", "first signature"),
                    moment_column("second_approved_at", "second signature"), "compliance_check_passed", "hold_reason",
                    "cancelled_reason", failure,
                )
            },
        ),
        (
            "Course",
            {
                "fields": (
                    moment_column("created_at", "asked"), moment_column("processed_at", "sent to the bank"),
                    moment_column("settled_at", "settled"), "clears_on", moment_column("completed_at", "completed"),
                    moment_column("failed_at", "failed"), moment_column("next_retry_at", "next attempt"),
                    moment_column("cancelled_at", "cancelled"), moment_column("reversed_at", "reversed"),
                )
            },
        ),
        ("Keys", {"fields": ("id", "idempotency_key", "ip_address", "user_agent")}),
    )  # fmt: skip
    steps = STEPS
    tasks = (ASK,)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        pages = [("Approval queue", reverse("admin:finance_transaction_approvals"))]
        return super().changelist_view(request, {"pages": pages, **(extra_context or {})})

    def figures_of(self, request: HttpRequest, row: Any) -> list[tuple[str, Any, str]]:
        parts = ", ".join(f"{name} {amount}" for name, amount in row.metadata.get("fees", []))
        return [
            ("Amount", format_money(row.amount), "into escrow" if row.is_inbound else "out of escrow"),
            ("Fee", format_money(row.fee_amount), parts),
            ("Net", format_money(row.net_amount), "reserved" if row.is_reserved else ""),
        ]

    def tables_of(self, request: HttpRequest, row: Any) -> list[Table]:
        checks = ComplianceCheck.objects.filter(payment=row).order_by("-created_at")[:20]
        entries = (
            EscrowLedgerEntry.objects.filter(transaction=row)
            .select_related("ledger_account__owner", "journal_entry")
            .order_by("created_at", "journal_entry_id", "-amount")[:40]
        )
        return [
            table(
                "Attempts", row.attempts.order_by("number"), link_column("", "key"), text_column("provider"),
                text_column("provider_reference", "bank reference"), badge_column("outcome"), text_column("code"),
                moment_column("sent_at", "sent"), empty="It has not been given to a bank.",
            ),
            table(
                "Compliance checks", checks, text_column("get_check_type_display", "check"), badge_column(),
                text_column("rule_version", "rule"), moment_column("created_at", "asked"), empty="Nothing was asked.",
            ),
            table(
                "Ledger", entries, _event,
                text_column("ledger_account"), money_column("amount", "debit or credit"),
                money_column("balance_after", "balance after"), day_column("effective_date", "effective"),
                empty="It has moved no money yet.",
            ),
        ]  # fmt: skip
