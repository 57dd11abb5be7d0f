"""Staff pages of bank statements and reconciliations, and the screen where both sides stand beside each other."""

from typing import Any
from uuid import UUID

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse

from escrow import books
from escrow.admin.columns import as_of
from escrow.admin.forms import ClaimForm, StatementForm
from escrow.models import BankStatement, BankStatementLine, EscrowAccount, Reconciliation
from escrow.operations import statements
from escrow.queries import reconciliations as query
from escrow.queries import statements as statements_query
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
from realco.admin_steps import Order, Reason, Step, SteppedAdmin, Task, may, person_of

SIDE = 100
"""How many unmatched rows each side of the reconciliation page shows."""


def _import(order: Order) -> object:
    file = order.data["file"]
    account: EscrowAccount | None = order.data["account"]
    added = statements.import_file(
        file.read(),
        file_name=file.name,
        by=order.by,
        at=order.at,
        file_format=order.data["file_format"] or None,
        layout=order.data["layout"],
        account_number=account.account_number if account is not None else "",
        closing_balance=order.data["closing_balance"],
    )
    return added[0] if added else None


def _was_imported(first: BankStatement | None) -> str:
    """Say what a file brought, by its first statement; a file that was imported before brought none."""
    if first is None:
        return "This file was imported before. It added nothing."
    brought = list(statements_query.of_file(first.content_hash))
    stated, added = sum(row.line_count for row in brought), sum(row.added for row in brought)  # type: ignore[attr-defined]
    accounts = {row.escrow_account_id for row in brought}
    known = f" {stated - added:,} were known before." if stated > added else ""
    return (
        f"Imported as {first.get_file_format_display()}: {added:,} of {stated:,} lines added, {len(brought):,} days of "
        f"{len(accounts):,} account{'s' if len(accounts) > 1 else ''}.{known}"
    )


def _record_unknown(line: BankStatementLine, order: Order) -> object:
    return statements.record_unknown_receipt(line, by=order.by, at=order.at)


def _claim(line: BankStatementLine, order: Order) -> object:
    return statements.claim_receipt(line, investor=order.data["investor"], by=order.by, at=order.at)


IMPORT = Task(
    name="import",
    label="Import a statement",
    permission=permissions.RECONCILE,
    act=_import,
    explains="The bank's lines are stored beside the books. No money moves; reconcile afterwards.",
    done=_was_imported,
    form=StatementForm,
)


@admin.register(Reconciliation)
class ReconciliationAdmin(SteppedAdmin):
    """Proofs of the books against the bank, as they were found."""

    list_display = (
        moment_column("created_at", "when"), link_column("escrow_account"), "as_of_date", badge_column("result"),
        money_column("bank_balance", "bank"), money_column("book_balance", "books"), "unmatched_lines",
        "unmatched_entries",
    )  # fmt: skip
    list_filter = ("result", "escrow_account")
    list_select_related = ("escrow_account",)
    search_fields = ("id", "escrow_account__account_number")
    search_help_text = "An id, or an escrow account's number."
    fieldsets = (
        (
            None,
            {
                "fields": (
                    badge_column("result"), link_column("escrow_account"), "as_of_date",
                    moment_column("created_at", "when"), link_column("run_by", "run by"),
                    money_column("bank_balance", "bank says"), money_column("book_balance", "BANK account"),
                    money_column("assets"), money_column("liabilities"), "matched_lines", "unmatched_lines",
                    "unmatched_entries", "id",
                )
            },
        ),
    )  # fmt: skip

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.account_view)
        return [path("account/<uuid:account_id>/", view, name="escrow_reconciliation_account"), *super().get_urls()]

    def pages_of(self, request: HttpRequest, row: Any) -> list[tuple[str, str]]:
        return [("Both sides", reverse("admin:escrow_reconciliation_account", args=[row.escrow_account_id]))]

    def tables_of(self, request: HttpRequest, row: Any) -> list[Table]:
        return [Table("What was found", ["Finding"], [[finding] for finding in row.findings], "Everything agrees.")]

    def account_view(self, request: HttpRequest, account_id: UUID) -> HttpResponse:
        """Show bank lines and book entries without a partner side by side; changing nothing."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        account = EscrowAccount.objects.select_related("offering").filter(pk=account_id).first()
        if account is None:
            raise Http404("There is no such escrow account.")
        here = reverse("admin:escrow_reconciliation_account", args=[account.pk])
        lines = list(statements_query.unmatched_lines(account)[: SIDE + 1])
        entries = list(query.bank_entries_without_line(account).select_related("journal_entry")[: SIDE + 1])
        [figures] = books.figures([account.pk])
        may_reconcile = may(person_of(request), permissions.RECONCILE)
        return self.page(
            request,
            "admin/staff/reconciliation.html",
            title=f"Reconciliation of {account}",
            account=account,
            here=here,
            figures=figures,
            latest=query.latest(account),
            lines=_lines_table(lines[:SIDE]),
            entries=_entries_table(entries[:SIDE]),
            has_more=len(lines) > SIDE or len(entries) > SIDE,
            proofs=_proofs_table(query.of_account(account)[:10]),
            imported=_statements_table(statements_query.of_account(account)[:10]),
            may_reconcile=may_reconcile,
        )


def _lines_table(lines: list[BankStatementLine]) -> Table:
    return table(
        "The bank says, the books do not", lines, link_column("", "line"), money_column("amount"),
        text_column("bank_reference", "bank reference"), text_column("customer_reference", "our reference"),
        text_column("text"), empty="Every bank line has its entry.",
    )  # fmt: skip


def _entries_table(entries: list[Any]) -> Table:
    return table(
        "The books say, the bank does not", entries, day_column("effective_date", "effective"),
        money_column("amount"), text_column("description"), link_column("journal_entry", "event"),
        empty="Every BANK entry has its line.",
    )  # fmt: skip


def _proofs_table(proofs: Any) -> Table:
    return table(
        "Reconciliations", proofs, as_of, badge_column("result"), moment_column("created_at", "run"),
        link_column("run_by", "by"), money_column("bank_balance", "bank"), money_column("book_balance", "books"),
        empty="It was never reconciled.",
    )  # fmt: skip


def _statements_table(imported: Any) -> Table:
    return table(
        "Statements", imported, link_column("", "statement"), text_column("file_name", "file"),
        money_column("closing_balance", "closing"), text_column("added", "lines added"),
        link_column("imported_by", "by"), empty="No statement was imported yet.",
    )  # fmt: skip


@admin.register(BankStatement)
class BankStatementAdmin(SteppedAdmin):
    """What the escrow bank sent, one row for each account and day."""

    list_display = (
        "as_of_date", link_column("escrow_account"), "file_name", "file_format",
        money_column("opening_balance", "opening"),
        money_column("closing_balance", "closing"), "line_count", moment_column("created_at", "imported"),
    )  # fmt: skip
    list_filter = ("file_format", "escrow_account")
    list_select_related = ("escrow_account",)
    search_fields = ("id", "escrow_account__account_number", "file_name")
    fieldsets = (
        (
            None,
            {
                "fields": (
                    link_column("escrow_account"), "as_of_date", "file_name", "file_format",
                    link_column("layout"), money_column("opening_balance"),
                    money_column("closing_balance"), "line_count", link_column("imported_by"),
                    moment_column("created_at", "imported"), "content_hash", "id",
                )
            },
        ),
    )  # fmt: skip
    tasks = (IMPORT,)

    def pages_of(self, request: HttpRequest, row: Any) -> list[tuple[str, str]]:
        return [("Both sides", reverse("admin:escrow_reconciliation_account", args=[row.escrow_account_id]))]

    def tables_of(self, request: HttpRequest, row: Any) -> list[Table]:
        lines = row.lines.order_by("value_date", "id")[:200]
        return [
            table(
                "Lines it added", lines, link_column("", "line"), money_column("amount"),
                text_column("bank_reference", "bank reference"), text_column("match_reason", "matched"),
                empty="All its lines were known.",
            )
        ]  # fmt: skip


@admin.register(BankStatementLine)
class BankStatementLineAdmin(SteppedAdmin):
    """Each movement the bank stated."""

    list_display = (
        "value_date", link_column("escrow_account"), money_column("amount"), "bank_reference", "customer_reference",
        "text", "match_reason",
    )  # fmt: skip
    list_filter = (("ledger_entry", admin.EmptyFieldListFilter), "escrow_account")
    list_select_related = ("escrow_account",)
    ordering = ("-value_date", "-id")
    search_fields = ("id", "bank_reference", "customer_reference", "escrow_account__account_number")
    search_help_text = "An id, a whole reference, or an escrow account's number."
    version_fields = ("ledger_entry_id",)
    fieldsets = (
        (
            None,
            {
                "fields": (
                    link_column("escrow_account"), link_column("statement"), "value_date", money_column("amount"),
                    "type_code", "bank_reference", "customer_reference", "text", link_column("ledger_entry"),
                    "match_reason", moment_column("matched_at"), "id",
                )
            },
        ),
    )  # fmt: skip
    steps = (
        Step(
            name="unknown",
            label="Book as unknown receipt",
            permission=permissions.RECONCILE,
            act=_record_unknown,
            when=lambda line: line.ledger_entry_id is None and line.amount > 0,
            explains="The money is booked as received and waits in suspense until its owner is found.",
            done="The receipt waits in suspense.",
            reason=Reason.REQUIRED,
        ),
        Step(
            name="claim",
            label="Give to an investor",
            permission=permissions.RECONCILE,
            act=_claim,
            when=lambda line: line.match_reason == "recorded as unknown receipt",
            explains="The unknown receipt becomes the investor's cleared money.",
            done="The receipt is the investor's.",
            form=ClaimForm,
        ),
    )
