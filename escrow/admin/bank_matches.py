"""Staff pages of matches, which are undone by a reversing match, and of proposals, which a second person signs."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse

from escrow.models import BankMatch, BankProposal, BankStatementLine, EscrowLedgerEntry
from escrow.models.bank_matches import MatchMethod
from escrow.operations import bank_matches, bank_proposals
from realco import permissions
from realco.admin_pages import (
    Table,
    badge_column,
    day_column,
    link_column,
    moment_column,
    money_column,
    table,
    text_column,
)
from realco.admin_steps import Order, Reason, Step, SteppedAdmin
from realco.models import User

_POSTED = (MatchMethod.RECEIPT, MatchMethod.BANK_FEE)


def _undo(match: BankMatch, order: Order) -> object:
    return bank_matches.undo(match, reason=order.reason, by=order.by, at=order.at)


def _approve(proposal: BankProposal, order: Order) -> object:
    return bank_proposals.approve(proposal, approver=order.by, reason=order.reason, at=order.at)


def _reject(proposal: BankProposal, order: Order) -> object:
    return bank_proposals.reject(proposal, by=order.by, reason=order.reason, at=order.at)


def _can_be_undone(match: BankMatch) -> bool:
    return match.method != MatchMethod.REVERSAL and not hasattr(match, "reversed_by")


def _waits(proposal: BankProposal) -> bool:
    return str(proposal.status) == BankProposal.Status.PROPOSED


def _is_own(proposal: BankProposal, user: User) -> str:
    return "You proposed this; another person has to sign it." if proposal.proposed_by_id == user.pk else ""


@admin.register(BankMatch)
class BankMatchAdmin(SteppedAdmin):
    """Which bank lines are which BANK entries, and how that was found."""

    list_display = (
        moment_column("made_at", "made"), link_column("", "match"), link_column("escrow_account"), "confidence",
        "reason", link_column("made_by", "by"), link_column("approved_by", "signed by"),
    )  # fmt: skip
    list_display_links = None
    list_filter = ("method", "escrow_account")
    list_select_related = ("escrow_account", "made_by", "approved_by")
    search_fields = ("id", "escrow_account__account_number")
    search_help_text = "An id, or an escrow account's number."
    version_fields = ("id",)
    fieldsets = (
        (
            None,
            {
                "fields": (
                    badge_column("method"), link_column("escrow_account"), "confidence", "reason",
                    moment_column("made_at", "made"), link_column("made_by", "by"),
                    link_column("approved_by", "signed by"), link_column("reverses", "undoes"), "id",
                )
            },
        ),
    )  # fmt: skip
    steps = (
        Step(
            name="undo",
            label="Undo",
            permission=permissions.RECONCILE,
            act=_undo,
            when=_can_be_undone,
            explains="A reversing match is added, and the lines and entries below are free to be matched again. No "
            "money moves, and nothing is deleted.",
            done="The match is undone; its lines and entries are free again.",
            is_grave=True,
        ),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).select_related("escrow_account", "reversed_by", "reverses")

    def obstacle(self, step: Step, row: Any, user: User) -> str:
        if not step.when(row):
            return "This match was undone already." if row.method != MatchMethod.REVERSAL else "It only undoes another."
        return super().obstacle(step, row, user)

    def pages_of(self, request: HttpRequest, row: Any) -> list[tuple[str, str]]:
        return [("Both sides", reverse("admin:escrow_reconciliation_account", args=[row.escrow_account_id]))]

    def tables_of(self, request: HttpRequest, row: Any) -> list[Table]:
        tables = _parts(
            BankStatementLine.objects.filter(match_lines__match=row),
            EscrowLedgerEntry.objects.filter(match_entries__match=row),
        )
        if hasattr(row, "reversed_by"):
            undone = [row.reversed_by]
            columns = (moment_column("made_at", "undone"), link_column("made_by", "by"), text_column("reason"))
            tables.insert(0, table("It was undone", undone, *columns))
        return tables

    def preview_of(self, request: HttpRequest, step: Step, row: Any) -> list[Table]:
        tables = self.tables_of(request, row)
        if row.method in _POSTED:
            entries = EscrowLedgerEntry.objects.filter(match_entries__match=row).select_related("journal_entry")
            tables.insert(
                0,
                table(
                    "What was posted with it stays posted, until its journal entry is reversed", entries,
                    link_column("journal_entry", "journal entry"), money_column("amount"),
                ),
            )  # fmt: skip
        return tables


@admin.register(BankProposal)
class BankProposalAdmin(SteppedAdmin):
    """Bank fees, claims on unknown receipts and unsure matches, each waiting for a second person."""

    list_display = (
        moment_column("proposed_at", "proposed"), link_column("", "what"), link_column("escrow_account"),
        money_column("amount"), "reason", link_column("proposed_by", "by"), badge_column(),
    )  # fmt: skip
    list_display_links = None
    list_filter = ("status", "kind", "escrow_account")
    list_select_related = ("escrow_account", "proposed_by", "line", "investor")
    search_fields = ("id", "escrow_account__account_number")
    search_help_text = "An id, or an escrow account's number."
    version_fields = ("status",)
    fieldsets = (
        (
            None,
            {
                "fields": (
                    badge_column(), "kind", link_column("escrow_account"), money_column("amount"), link_column("line"),
                    link_column("investor"), "source", "reason", link_column("proposed_by", "proposed by"),
                    moment_column("proposed_at", "proposed"), link_column("decided_by", "decided by"),
                    moment_column("decided_at", "decided"), "decided_reason", link_column("match"),
                    link_column("journal_entry"), "id",
                )
            },
        ),
    )  # fmt: skip
    steps = (
        Step(
            name="approve",
            label="Sign",
            permission=permissions.APPROVE_BANK_PROPOSAL,
            act=_approve,
            when=_waits,
            problem=_is_own,
            explains="You sign what another person proposes, and it is done at once: the match is made, and a fee or a "
            "claim is posted to the ledger.",
            done="Signed and done.",
            reason=Reason.OPTIONAL,
        ),
        Step(
            name="reject",
            label="Turn down",
            permission=(permissions.APPROVE_BANK_PROPOSAL, permissions.RECONCILE),
            act=_reject,
            when=_waits,
            explains="Nothing is done; the lines and entries wait on. It can be proposed again.",
            done="The proposal is turned down.",
            is_grave=True,
        ),
    )

    def pages_of(self, request: HttpRequest, row: Any) -> list[tuple[str, str]]:
        return [("Both sides", reverse("admin:escrow_reconciliation_account", args=[row.escrow_account_id]))]

    def tables_of(self, request: HttpRequest, row: Any) -> list[Table]:
        keys = [row.line_id] if row.line_id else row.line_ids
        return _parts(
            BankStatementLine.objects.filter(pk__in=keys), EscrowLedgerEntry.objects.filter(pk__in=row.entry_ids)
        )

    def preview_of(self, request: HttpRequest, step: Step, row: Any) -> list[Table]:
        return self.tables_of(request, row)


def _parts(lines: QuerySet[BankStatementLine], entries: QuerySet[EscrowLedgerEntry]) -> list[Table]:
    return [
        table(
            "Bank lines", lines.order_by("value_date", "id"), link_column("", "line"), money_column("amount"),
            text_column("customer_reference", "our reference"), text_column("bank_reference"), text_column("text"),
        ),
        table(
            "BANK entries", entries.select_related("journal_entry").order_by("effective_date", "id"),
            day_column("effective_date", "effective"), money_column("amount"), text_column("description"),
            link_column("journal_entry", "event"),
        ),
    ]  # fmt: skip
