"""Staff pages of escrow accounts: balances, the accounting equation, the ledger, and what may be done."""

from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Case, IntegerField, Q, Value, When
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse

from escrow.admin.closings import proposal_tables
from escrow.admin.columns import as_of, event
from escrow.admin.forms import EarlyClosingForm, OpenForm, ReconcileForm
from escrow.admin.holds import PLACE as PLACE_HOLD
from escrow.admin.holds import open_holds
from escrow.models import Closing, EscrowAccount, LedgerAccount, Reconciliation
from escrow.operations import closings, early_closings, escrow_accounts, reconciliations
from escrow.queries import ledger as ledger_query
from realco import clock, permissions
from realco.admin_pages import (
    Table,
    badge_column,
    day_column,
    link,
    link_column,
    moment_column,
    money_column,
    shown_money,
    table,
    text_column,
)
from realco.admin_steps import Order, Reason, Step, SteppedAdmin, Task
from realco.models.offerings import Exemption
from realco.money import format_money

Status = EscrowAccount.Status
Kind = LedgerAccount.Kind
ZERO = Decimal("0.00")
MOVING = (Status.ACTIVE, Status.LIQUIDATING)
_IN_ORDER = Case(
    *(When(kind=kind, then=Value(place)) for place, kind in enumerate(Kind.values)), output_field=IntegerField()
)


def _open(order: Order) -> EscrowAccount:
    bank_account = order.data["bank_account"]
    return escrow_accounts.open_account(
        order.data["offering"],
        bank_account_id=bank_account.pk if bank_account is not None else None,
        external_account_id=order.data["external_account_id"],
        by=order.by,
        at=order.at,
    )


def _freeze(account: EscrowAccount, order: Order) -> object:
    return escrow_accounts.freeze(account, by=order.by, reason=order.reason, at=order.at)


def _unfreeze(account: EscrowAccount, order: Order) -> object:
    return escrow_accounts.unfreeze(account, by=order.by, reason=order.reason, at=order.at)


def _liquidate(account: EscrowAccount, order: Order) -> object:
    return escrow_accounts.liquidate(account, by=order.by, reason=order.reason, at=order.at)


def _close(account: EscrowAccount, order: Order) -> object:
    return escrow_accounts.close(account, by=order.by, reason=order.reason, at=order.at)


def _propose(account: EscrowAccount, order: Order) -> object:
    return closings.propose(account, by=order.by, at=order.at)


def _announce(account: EscrowAccount, order: Order) -> object:
    return early_closings.announce(account, closes_at=order.data["closes_at"], by=order.by, at=order.at)


def _reconcile(account: EscrowAccount, order: Order) -> object:
    return reconciliations.reconcile(account, as_of=order.data["as_of"], by=order.by, at=order.at)


def _may_close_early(account: EscrowAccount) -> bool:
    return bool(account.offering.is_raising and account.offering.exemption == Exemption.REG_CF)


STEPS = (
    Step(
        name="reconcile",
        label="Reconcile",
        permission=permissions.RECONCILE,
        act=_reconcile,
        explains="The bank's statements are compared with the books, and what is found is kept. No money moves.",
        done="Reconciled; see what was found below.",
        reason=Reason.NONE,
        form=ReconcileForm,
    ),
    Step(
        name="propose-closing",
        label="Propose closing",
        permission=permissions.PROPOSE_CLOSING,
        act=_propose,
        when=lambda account: account.status == Status.ACTIVE and account.offering.is_raising,
        explains="What investors have cleared and committed is put before two other people, who sign it. "
        "Nothing moves before that.",
        done="The closing is proposed and waits for two other people.",
        reason=Reason.OPTIONAL,
    ),
    Step(
        name="announce-early-closing",
        label="Announce early closing",
        permission=permissions.PROPOSE_CLOSING,
        act=_announce,
        when=_may_close_early,
        explains="Investors are told that the raise closes before its deadline. They may cancel until 48 hours before "
        "the moment given; what is committed by then can be released from it on.",
        done="The early closing is announced.",
        reason=Reason.OPTIONAL,
        form=EarlyClosingForm,
    ),
    PLACE_HOLD,
    Step(
        name="freeze",
        label="Freeze",
        permission=permissions.FREEZE_ESCROW,
        act=_freeze,
        when=lambda account: account.status in MOVING,
        explains="Nothing leaves this account and nothing is reserved until it is unfrozen.",
        done="The account is frozen.",
        is_grave=True,
    ),
    Step(
        name="unfreeze",
        label="Unfreeze",
        permission=permissions.FREEZE_ESCROW,
        act=_unfreeze,
        when=lambda account: account.status == Status.FROZEN,
        explains="Money may leave this account again.",
        done="The account is unfrozen.",
    ),
    Step(
        name="liquidate",
        label="Liquidate",
        permission=permissions.MANAGE_ESCROW,
        act=_liquidate,
        when=lambda account: account.status == Status.ACTIVE,
        explains="From here on only distributions and refunds leave this account.",
        done="The account is being liquidated.",
        is_grave=True,
    ),
    Step(
        name="close",
        label="Close account",
        permission=permissions.MANAGE_ESCROW,
        act=_close,
        when=lambda account: account.status in MOVING,
        problem=lambda account, user: "It still holds money." if account.current_balance else "",
        explains="The account is closed for good. It must be empty.",
        done="The account is closed.",
        is_grave=True,
    ),
)
OPEN = Task(
    name="open",
    label="Open an escrow account",
    permission=permissions.MANAGE_ESCROW,
    act=_open,
    explains="An offering gets its own, segregated escrow account with the year's next number.",
    done="The account is open.",
    form=OpenForm,
)


@admin.register(EscrowAccount)
class EscrowAccountAdmin(SteppedAdmin):
    """One segregated account for each offering."""

    list_display = (
        "account_number", "offering", money_column("current_balance", "current"),
        money_column("available_balance", "available"), money_column("pending_balance", "pending"),
        money_column("held_balance", "held"), moment_column("last_reconciled_at", "last balanced"), badge_column(),
    )  # fmt: skip
    list_filter = ("status",)
    list_select_related = ("offering",)
    search_fields = ("id", "account_number", "external_account_id", "offering__name__startswith")
    search_help_text = "Its number, the bank's number, an id, or the beginning of the offering's name."
    version_fields = ("status", "frozen_at")
    fieldsets = (
        (
            None,
            {
                "fields": (
                    badge_column(), "frozen_reason", link_column("offering"), "external_account_id",
                    link_column("bank_account"), moment_column("created_at", "opened"), moment_column("frozen_at"),
                    moment_column("closed_at"), moment_column("last_reconciled_at", "last balanced"),
                    money_column("last_reconciled_balance", "bank balance then"), "id",
                )
            },
        ),
        (
            "Over its life",
            {
                "fields": (
                    money_column("total_deposits"), money_column("total_withdrawals"),
                    money_column("total_distributions"),
                )
            },
        ),
    )  # fmt: skip
    steps = STEPS
    tasks = (OPEN,)

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related("offering")

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.ledger_view)
        return [path("<uuid:row_id>/ledger/", view, name="escrow_escrowaccount_ledger"), *super().get_urls()]

    def figures_of(self, request: HttpRequest, row: Any) -> list[tuple[str, Any, str]]:
        return [
            ("Current", format_money(row.current_balance), "available + pending + held"),
            ("Available", format_money(row.available_balance), "investors, offering, fees"),
            ("Pending", format_money(row.pending_balance), "uncleared, payouts"),
            ("Held", format_money(row.held_balance), "blocked, suspense"),
        ]

    def pages_of(self, request: HttpRequest, row: Any) -> list[tuple[str, str]]:
        return [
            ("Ledger", reverse("admin:escrow_escrowaccount_ledger", args=[row.pk])),
            ("Reconciliation", reverse("admin:escrow_reconciliation_account", args=[row.pk])),
            ("Payments", f"{reverse('admin:finance_transaction_changelist')}?escrow_account__id__exact={row.pk}"),
        ]

    def tables_of(self, request: HttpRequest, row: Any) -> list[Table]:
        holding = row.ledger_accounts.filter(~Q(balance=0) | Q(owner__isnull=True))
        accounts = list(holding.select_related("owner").order_by(_IN_ORDER, "owner__full_name")[:200])
        page = ledger_query.entries(row, limit=10)
        recent = Closing.objects.filter(escrow_account=row).select_related("proposed_by", "approved_by")[:5]
        proofs = Reconciliation.objects.filter(escrow_account=row)[:5]
        ledger = reverse("admin:escrow_escrowaccount_ledger", args=[row.pk])
        return [
            _equation(row),
            table(
                "Ledger accounts that hold money", accounts, _ledger_account, link_column("owner"),
                money_column("balance"), text_column("entry_count", "entries"), empty="No money has ever moved here.",
                more=f"{reverse('admin:escrow_ledgeraccount_changelist')}?escrow_account__id__exact={row.pk}",
            ),
            table("Latest entries", page.entries, *_LEDGER_COLUMNS, empty="No money has ever moved here.", more=ledger),
            table(
                "Closings", recent, link_column("", "closing"), badge_column(), link_column("proposed_by"),
                link_column("approved_by", "executed by"), empty="Nothing was released yet.",
            ),
            open_holds(row),
            table(
                "Reconciliations", proofs, as_of, badge_column("result"),
                money_column("bank_balance", "bank"), money_column("book_balance", "books"),
                text_column("unmatched_lines", "lines without entry"),
                text_column("unmatched_entries", "entries without line"), empty="It was never reconciled.",
            ),
        ]  # fmt: skip

    def preview_of(self, request: HttpRequest, step: Step, row: Any) -> list[Table]:
        """Show what a closing would release and what stands against it, before it is proposed."""
        return proposal_tables(row, at=clock.now()) if step.name == "propose-closing" else []

    def ledger_view(self, request: HttpRequest, row_id: UUID) -> HttpResponse:
        """Show an account's ledger page by page, newest first, by key and never by offset."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        account = self.get_queryset(request).filter(pk=row_id).first()
        if account is None:
            raise Http404("There is no such escrow account.")
        kind = request.GET.get("kind", "")
        page = ledger_query.entries(
            account, kind=kind if kind in Kind.values else None, after=_position(request.GET.get("after", ""))
        )
        return self.page(
            request,
            "admin/staff/ledger.html",
            title=f"Ledger of {account}",
            account=account,
            tables=[table("Entries, newest first", page.entries, *_LEDGER_COLUMNS, empty="There are none.")],
            older=f"{page.next.created_at.isoformat()}~{page.next.entry_id}" if page.next else "",
            kind=kind,
            kinds=Kind.choices,
        )


@admin.display(description="account")
def _ledger_account(account: Any) -> Any:
    return link(account, account.get_kind_display())


def _equation(account: Any) -> Table:
    """Lay assets and liabilities side by side; their difference must be nothing."""
    held: dict[str, Decimal] = {}
    for kind, balance in account.ledger_accounts.values_list("kind", "balance"):
        held[kind] = held.get(kind, ZERO) + balance
    assets = [(kind, held.get(kind, ZERO)) for kind in LedgerAccount.ASSETS]
    liabilities = [
        (kind, held.get(kind, ZERO)) for kind in (*LedgerAccount.AVAILABLE, *LedgerAccount.PENDING, *LedgerAccount.HELD)
    ]
    owned, owed = sum((amount for _, amount in assets), ZERO), sum((amount for _, amount in liabilities), ZERO)
    rows = [["Asset", Kind(kind).label, shown_money(amount), ""] for kind, amount in assets]
    rows += [["Liability", Kind(kind).label, "", shown_money(amount)] for kind, amount in liabilities]
    proof = "Equal" if owned == owed == account.current_balance else f"DIFFERENCE OF {format_money(owned - owed)}"
    rows.append([proof, "Assets = liabilities", shown_money(owned), shown_money(owed)])
    return Table("The accounting equation", ["Side", "Account", "Assets", "Liabilities"], rows)


def _position(text: str) -> ledger_query.Position | None:
    moment, _, key = text.partition("~")
    try:
        created_at = datetime.fromisoformat(moment)
        return ledger_query.Position(created_at, UUID(key)) if created_at.tzinfo is not None else None
    except ValueError:
        return None


_LEDGER_COLUMNS = (
    moment_column("created_at", "posted"), day_column("effective_date", "effective"),
    event, text_column("ledger_account"), money_column("amount", "debit or credit"),
    money_column("balance_after", "after"), text_column("description"),
)  # fmt: skip
