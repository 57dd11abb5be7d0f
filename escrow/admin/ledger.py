"""Staff pages of the journal, its entries and the ledger accounts: for reading, as everything in the ledger."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from escrow.models import EscrowLedgerEntry, JournalEntry, LedgerAccount
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


@admin.register(LedgerAccount)
class LedgerAccountAdmin(ReadOnlyAdmin):
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
    fieldsets = (
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
class JournalEntryAdmin(ReadOnlyAdmin):
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

    def tables_of(self, request: HttpRequest, row: Any) -> list[Table]:
        lines = row.entries.select_related("ledger_account__owner").order_by("-amount", "id")
        return [
            table(
                "Entries, which sum to zero", lines, link_column("ledger_account"),
                money_column("amount", "debit or credit"), money_column("balance_before", "before"),
                money_column("balance_after", "after"), text_column("sequence", "no."),
            )
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
