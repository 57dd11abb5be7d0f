"""Staff pages of the journal, its entries and the ledger accounts: for reading, as everything in the ledger."""

from typing import Any, ClassVar

from django.contrib import admin
from django.http import HttpRequest
from django.urls import URLPattern, path, reverse

from escrow.admin.history import HistoryPages
from escrow.admin.reversals import PROPOSE
from escrow.models import EscrowLedgerEntry, JournalEntry, LedgerAccount
from escrow.queries import reversals as reversals_query
from realco.admin_pages import (
    ReadOnlyAdmin,
    Table,
    badge_column,
    day_column,
    link_column,
    moment_column,
    money_column,
    table,
    text_column,
)
from realco.admin_steps import SteppedAdmin


@admin.register(LedgerAccount)
class LedgerAccountAdmin(HistoryPages):
    """Who owns which part of an escrow account."""

    list_display = (
        link_column("", "ledger account"), link_column("escrow_account"), "kind", link_column("owner"),
        money_column("balance"), "entry_count",
    )  # fmt: skip
    list_display_links = None
    list_filter = ("kind", "escrow_account")
    list_select_related = ("escrow_account", "owner")
    ordering = ("-created_at", "-id")
    search_fields = ("id", "escrow_account__account_number", "owner__email__startswith")
    search_help_text = "An id, an escrow account's number, or the beginning of the owner's e-mail address."
    fieldsets: ClassVar[Any] = (
        (
            None,
            {
                "fields": (
                    link_column("escrow_account"), "kind", link_column("owner"), money_column("balance"), "entry_count",
                    moment_column("created_at", "opened"), "id",
                )
            },
        ),
    )  # fmt: skip

    def get_urls(self) -> list[URLPattern]:
        guarded = self.admin_site.admin_view
        return [
            path("as-of/<uuid:account_id>/", guarded(self.as_of_view), name="escrow_ledgeraccount_as_of"),
            path("<uuid:row_id>/statement/", guarded(self.statement_view), name="escrow_ledgeraccount_statement"),
            path("investor/<uuid:user_id>/", guarded(self.investor_view), name="escrow_ledgeraccount_investor"),
            *super().get_urls(),
        ]

    def pages_of(self, request: HttpRequest, row: Any) -> list[tuple[str, str]]:
        return [
            ("Statement", reverse("admin:escrow_ledgeraccount_statement", args=[row.pk])),
            ("As of…", reverse("admin:escrow_ledgeraccount_as_of", args=[row.escrow_account_id])),
        ]

    def tables_of(self, request: HttpRequest, row: Any) -> list[Table]:
        latest = row.entries.select_related("journal_entry").order_by("-sequence")[:50]
        return [
            table(
                "Latest entries", latest, text_column("sequence", "no."), link_column("journal_entry", "event"),
                day_column("effective_date", "effective"), money_column("amount", "debit or credit"),
                money_column("balance_before", "before"), money_column("balance_after", "after"),
                empty="It was never used.",
            )
        ]  # fmt: skip


@admin.register(JournalEntry)
class JournalEntryAdmin(SteppedAdmin):
    """Events that moved money, newest first."""

    list_display = (
        moment_column("created_at", "posted"), badge_column("event"), link_column("escrow_account"), "description",
        "effective_date", "reference",
    )  # fmt: skip
    list_filter = ("event", "entry_type", "escrow_account")
    list_select_related = ("escrow_account",)
    search_fields = ("id", "reference", "transaction__id", "escrow_account__account_number")
    search_help_text = "An id, the whole reference, a payment's id, or an escrow account's number."
    fieldsets = (
        (
            None,
            {
                "fields": (
                    badge_column("event"), "entry_type", link_column("escrow_account"), "description", "reference",
                    "effective_date", moment_column("created_at", "posted"), link_column("created_by", "by"),
                    link_column("transaction", "payment"), link_column("distribution"), link_column("reverses"), "id",
                )
            },
        ),
    )  # fmt: skip

    steps = (PROPOSE,)
    version_fields = ("id",)

    def tables_of(self, request: HttpRequest, row: Any) -> list[Table]:
        lines = row.entries.select_related("ledger_account__owner").order_by("-amount", "id")
        asked_for = list(reversals_query.of_entry(row))
        return [
            table(
                "Entries, which sum to zero", lines, link_column("ledger_account"),
                money_column("amount", "debit or credit"), money_column("balance_before", "before"),
                money_column("balance_after", "after"), text_column("sequence", "no."),
            ),
            table(
                "Reversal", asked_for, link_column("", "reversal"), badge_column(), text_column("reason"),
                link_column("proposed_by"), link_column("approved_by"), link_column("rejected_by"),
                empty=reversals_query.obstacle(row) or "None was asked for. It may be reversed with a second person.",
            ),
        ]  # fmt: skip


@admin.register(EscrowLedgerEntry)
class EscrowLedgerEntryAdmin(ReadOnlyAdmin):
    """Each line of each journal entry."""

    list_display = (
        moment_column("created_at", "posted"), link_column("escrow_account"), link_column("ledger_account"),
        money_column("amount", "debit or credit"), money_column("balance_after", "after"), "description",
    )  # fmt: skip
    list_filter = ("entry_type", "escrow_account")
    list_select_related = ("escrow_account", "ledger_account__owner")
    search_fields = ("id", "journal_entry__reference", "escrow_account__account_number", "transaction__id")
    search_help_text = "An id, the whole reference, a payment's id, or an escrow account's number."
    fieldsets = (
        (
            None,
            {
                "fields": (
                    link_column("journal_entry"), link_column("ledger_account"), link_column("escrow_account"),
                    "entry_type", "sequence", money_column("amount", "debit or credit"), money_column("balance_before"),
                    money_column("balance_after"), "description", "reference", "effective_date",
                    moment_column("created_at", "posted"), link_column("created_by", "by"), "id",
                )
            },
        ),
    )  # fmt: skip
