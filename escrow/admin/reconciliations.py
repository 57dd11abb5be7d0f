"""Staff pages of bank statements and reconciliations, and the screen where both sides stand beside each other."""

from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Exists, OuterRef, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse

from escrow.admin import matching_screen
from escrow.admin.columns import LIVING, as_of, explained, living_match, undone
from escrow.admin.forms import ClaimForm, FeeForm, StatementForm
from escrow.models import (
    BankMatch,
    BankMatchLine,
    BankProposal,
    BankStatement,
    BankStatementLine,
    EscrowAccount,
    Reconciliation,
)
from escrow.models.bank_matches import MatchMethod
from escrow.operations import bank_proposals, receipts, statements
from escrow.queries import reconciliations as query
from escrow.queries import statements as statements_query
from realco import audit, clock, permissions
from realco.admin_pages import (
    Table,
    badge_column,
    link_column,
    moment_column,
    money_column,
    table,
    text_column,
)
from realco.admin_steps import Order, Reason, Step, SteppedAdmin, Task, may, person_of
from realco.errors import Refusal
from realco.models import User


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
    return receipts.record_unknown_receipt(line, by=order.by, at=order.at)


def _claim(line: BankStatementLine, order: Order) -> object:
    return bank_proposals.propose_claim(
        line,
        investor=order.data["investor"],
        amount=order.data["amount"],
        reason=order.reason,
        by=order.by,
        at=order.at,
    )


def _propose_fee(line: BankStatementLine, order: Order) -> object:
    return bank_proposals.propose_fee(
        line, source=order.data["source"], reason=order.reason, by=order.by, at=order.at
    )  # fmt: skip


LINE_STEPS = (
    Step(
        name="unknown",
        label="Book as unknown receipt",
        permission=permissions.RECONCILE,
        act=_record_unknown,
        when=lambda line: living_match(line) is None and line.amount > 0,
        explains="The money is booked as received and waits in suspense until its owner is found.",
        done="The receipt waits in suspense.",
        reason=Reason.REQUIRED,
    ),
    Step(
        name="claim",
        label="Give to an investor",
        permission=permissions.RECONCILE,
        act=_claim,
        when=lambda line: getattr(living_match(line), "method", "") == MatchMethod.RECEIPT,
        explains="You propose that the unknown receipt, or a part of it, becomes the investor's cleared money; what "
        "they owe is settled first. A second person signs it. Several investors are given their parts one by one.",
        done="Proposed; it is the investor's when a second person has signed it.",
        form=ClaimForm,
    ),
    Step(
        name="fee",
        label="Write off as bank fee",
        permission=permissions.RECONCILE,
        act=_propose_fee,
        when=lambda line: living_match(line) is None and line.amount < 0,
        explains="You propose that the bank took this as its fee. A second person signs it; then it is posted.",
        done="Proposed; it is posted when a second person has signed it.",
        form=FeeForm,
    ),
)
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
        """Show bank lines and BANK entries without a partner side by side (GET), or match those chosen (POST)."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        account = EscrowAccount.objects.select_related("offering").filter(pk=account_id).first()
        if account is None:
            raise Http404("There is no such escrow account.")
        here = reverse("admin:escrow_reconciliation_account", args=[account.pk])
        chosen: dict[str, Any] = {"picked": ()}
        if request.method == "POST":
            problem = self._match(request, account)
            if not problem:
                return HttpResponseRedirect(self.next_of(request) or here)
            picked = [*request.POST.getlist("line"), *request.POST.getlist("entry")]
            chosen = {"picked": picked, "problem": problem, "reason": request.POST.get("reason", "")}
        asked = request.GET.dict()
        at = clock.now()
        return self.page(
            request,
            "admin/staff/matching.html",
            title=f"Reconciliation of {account}",
            account=account,
            here=here,
            back=request.get_full_path(),
            proofs=_proofs_table(query.of_account(account)[:10]),
            imported=_statements_table(statements_query.of_account(account)[:10]),
            may_reconcile=may(person_of(request), permissions.RECONCILE),
            **matching_screen.shown(
                account, matching_screen.read_filter(asked), asked=asked, picked=chosen["picked"], at=at
            ),
            **chosen,
        )

    def _match(self, request: HttpRequest, account: EscrowAccount) -> str:
        """Match what was chosen, and return what stands against it; nothing if it is done."""
        reason = request.POST.get("reason", "")
        try:
            with audit.acting(by=person_of(request)):
                made = bank_proposals.match_or_propose(
                    account,
                    line_ids=matching_screen.keys(request.POST.getlist("line")),
                    entry_ids=matching_screen.keys(request.POST.getlist("entry")),
                    reason=reason,
                    by=person_of(request),
                    at=clock.now(),
                )
        except Refusal as refusal:
            return str(refusal)
        if isinstance(made, BankProposal):
            messages.success(request, "Proposed; it is matched when a second person has signed it.")
        else:
            messages.success(request, f"Matched. {made.reason}")
        return ""


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
        link_column("imported_by", "by"), empty="No statement was imported yet. Import the bank's file to begin.",
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
        lines = row.lines.prefetch_related(LIVING).order_by("value_date", "id")[:200]
        return [
            table(
                "Lines it added", lines, link_column("", "line"), money_column("amount"),
                text_column("bank_reference", "bank reference"), explained,
                empty="All its lines were known.",
            )
        ]  # fmt: skip


class _Explained(admin.SimpleListFilter):
    """Whether a bank line is explained by an entry of the books."""

    title = "matched"
    parameter_name = "matched"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", "Matched"), ("no", "Not matched")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        living = Exists(BankMatchLine.objects.filter(line=OuterRef("pk"), is_living=True))
        return {"yes": queryset.filter(living), "no": queryset.filter(~living)}.get(self.value() or "", queryset)


@admin.register(BankStatementLine)
class BankStatementLineAdmin(SteppedAdmin):
    """Each movement the bank stated."""

    list_display = (
        "value_date", link_column("escrow_account"), money_column("amount"), "bank_reference", "customer_reference",
        "text", explained,
    )  # fmt: skip
    list_filter = (_Explained, "escrow_account")
    list_select_related = ("escrow_account",)
    ordering = ("-value_date", "-id")
    search_fields = ("id", "bank_reference", "customer_reference", "escrow_account__account_number")
    search_help_text = "An id, a whole reference, or an escrow account's number."
    fieldsets = (
        (
            None,
            {
                "fields": (
                    link_column("escrow_account"), link_column("statement"), "value_date", money_column("amount"),
                    "type_code", "bank_reference", "customer_reference", "text", explained, "id",
                )
            },
        ),
    )  # fmt: skip
    steps = LINE_STEPS

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).prefetch_related(LIVING)

    def version_of(self, row: Any) -> str:
        living = living_match(row)
        return str(living.pk) if living is not None else "free"

    def obstacle(self, step: Step, row: Any, user: User) -> str:
        if may(user, step.permission) and not step.when(row):
            return (
                f"{step.label} is not possible: {'it is matched' if living_match(row) else 'the amount does not fit'}."
            )
        return super().obstacle(step, row, user)

    def pages_of(self, request: HttpRequest, row: Any) -> list[tuple[str, str]]:
        return [("Both sides", reverse("admin:escrow_reconciliation_account", args=[row.escrow_account_id]))]

    def tables_of(self, request: HttpRequest, row: Any) -> list[Table]:
        matches = BankMatch.objects.filter(match_lines__line=row).select_related(
            "made_by", "approved_by", "reversed_by"
        )
        proposals = row.proposals.select_related("proposed_by", "investor", "decided_by")
        return [
            table(
                "Matches, undone ones included", matches, link_column("", "match"), text_column("reason"),
                moment_column("made_at", "made"), link_column("made_by", "by"), link_column("approved_by", "signed by"),
                undone, empty="No entry of the books explains it yet.",
            ),
            table(
                "Proposals", proposals, link_column("", "what"), money_column("amount"), link_column("investor"),
                text_column("reason"), link_column("proposed_by", "by"), badge_column(),
                empty="Nothing was proposed about it.",
            ),
        ]  # fmt: skip
