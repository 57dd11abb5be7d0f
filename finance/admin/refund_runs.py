"""Staff pages of refund runs: proposed, signed under their hash, followed to the last refund, and proven."""

from decimal import Decimal
from typing import Any
from uuid import UUID

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html

from escrow.admin.investments import InvestmentAdmin
from escrow.models import Investment
from escrow.queries import closings as raises
from finance.admin.refund_forms import ProposeForm, SignForm
from finance.admin.refund_items import OVERVIEW
from finance.models import RefundRun
from finance.operations import refund_runs
from finance.queries import refund_reports
from finance.queries import refund_runs as queries
from realco import clock, permissions
from realco.admin_pages import (
    Table,
    badge_column,
    link_column,
    moment_column,
    money_column,
    shown_money,
    table,
    text_column,
)
from realco.admin_steps import Order, Reason, Step, SteppedAdmin, Task
from realco.business_days import banking_date
from realco.models import User
from realco.money import format_money

Status = RefundRun.Status
SHOWN = 100
"""How many refunds a run's own page shows; the list of refunds and the table have all."""


def _propose(order: Order) -> RefundRun:
    return refund_runs.propose(order.data["escrow_account"], by=order.by, reason=order.reason, at=order.at)


def _approve(run: RefundRun, order: Order) -> object:
    return refund_runs.approve(
        run, approver=order.by, content_hash=order.data["content_hash"], at=order.at, note=order.reason
    )


def _cancel(run: RefundRun, order: Order) -> object:
    return refund_runs.cancel(run, by=order.by, reason=order.reason, at=order.at)


def _cancel_commitment(investment: Investment, order: Order) -> object:
    return refund_runs.cancel_commitment(investment, by=order.by, reason=order.reason, at=order.at)


def _is_proposed(run: RefundRun) -> bool:
    return str(run.status) == Status.PROPOSED


def _may_not_sign(run: RefundRun, user: User) -> str:
    if run.proposed_by_id == user.pk:
        return "You proposed this refund run; another person has to approve it."
    if run.approvals.filter(approver=user).exists():
        return "You have signed this refund run; a second person must sign it too."
    return ""


STEPS = (
    Step(
        name="approve",
        label="Sign and start",
        permission=permissions.APPROVE_REFUND_RUN,
        act=_approve,
        when=_is_proposed,
        problem=_may_not_sign,
        explains="You sign the figures below. With the last signature the raise has failed for good: commitments end, "
        "nothing more is collected, only refunds leave the escrow account, and everybody is paid back in full, the fee "
        "included, to the account the money came from.",
        done="Signed. When it was the last signature, the refunds are on their way.",
        reason=Reason.OPTIONAL,
        form=SignForm,
        is_grave=True,
    ),
    Step(
        name="cancel",
        label="Cancel refund run",
        permission=(permissions.PROPOSE_REFUND_RUN, permissions.APPROVE_REFUND_RUN),
        act=_cancel,
        when=_is_proposed,
        explains="The proposal is cancelled; nothing was given back. It can be proposed again.",
        done="The refund run is cancelled.",
    ),
)
PROPOSE = Task(
    name="propose",
    label="Propose a refund run",
    permission=permissions.PROPOSE_REFUND_RUN,
    act=_propose,
    explains="Everything that investors paid in is put down to go back to them, for another person to sign. Nothing "
    "moves before that.",
    done="The refund run is proposed and waits for another person.",
    form=ProposeForm,
    reason=Reason.REQUIRED,
)


def progress_bar(run: Any) -> Any:
    """Draw how many of a run's refunds are over."""
    found = queries.progress(run, today=banking_date(clock.now()))
    return format_html(
        '<progress class="progress" max="{}" value="{}"></progress> {} of {}', max(found.total, 1),
        found.over if found.total else int(run.status == Status.COMPLETED), found.over, found.total,
    )  # fmt: skip


progress_bar.short_description = "refunds over"  # type: ignore[attr-defined]


@admin.register(RefundRun)
class RefundRunAdmin(SteppedAdmin):
    """Money that goes back to investors."""

    list_display = (
        moment_column("proposed_at", "proposed"), link_column("", "refund run"), link_column("escrow_account"),
        money_column("total_amount", "total"), "promised_by", badge_column(),
    )  # fmt: skip
    list_display_links = None
    list_filter = ("status", "cause", "offering")
    list_select_related = ("escrow_account", "offering", "proposed_by")
    search_fields = ("id", "escrow_account__account_number", "offering__name__startswith")
    search_help_text = "An id, an escrow account's number, or the beginning of the offering's name."
    version_fields = ("status", "content_hash")
    fieldsets = (
        (
            None,
            {
                "fields": (
                    badge_column(), progress_bar, "cause", "reason", link_column("offering"),
                    link_column("escrow_account"), "stopped_reason", link_column("proposed_by"),
                    moment_column("proposed_at", "proposed"), moment_column("started_at", "started"),
                    moment_column("completed_at", "completed"), moment_column("cancelled_at", "cancelled"),
                    "cancelled_reason", "promised_by", "content_hash", "id",
                )
            },
        ),
    )  # fmt: skip
    steps = STEPS
    tasks = (PROPOSE,)

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related("offering", "escrow_account", "proposed_by")

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.csv_view)
        return [path("<uuid:row_id>/refunds.csv", view, name="finance_refundrun_csv"), *super().get_urls()]

    def figures_of(self, request: HttpRequest, row: Any) -> list[tuple[str, Any, str]]:
        at = clock.now()
        found, time = queries.progress(row, today=banking_date(at)), queries.clock(row, at=at)
        numbers = found.numbers
        waiting = numbers.get("WAITING_TO_CLEAR", 0)
        promise = f"promised by {row.promised_by:%b} {row.promised_by.day}"
        if row.status in (Status.COMPLETED, Status.CANCELLED):
            clock_shown, note = f"{time.elapsed} business days", "from the end of the raise"
        else:
            clock_shown, note = time.words, f"{promise}, {time.elapsed} business days gone (Rule 10b-9)"
        return [
            ("To be given back", format_money(row.total_amount), "fees included"),
            ("Paid back", format_money(found.paid), f"{numbers.get('PAID', 0)} of {found.total} refunds"),
            ("Under way", str(numbers.get("PAYING", 0) + numbers.get("DUE", 0)), f"{waiting} wait to clear"),
            ("Blocked", str(numbers.get("BLOCKED", 0)), f"{found.overdue} overdue" if found.overdue else ""),
            ("Clock", clock_shown, note),
        ]

    def pages_of(self, request: HttpRequest, row: Any) -> list[tuple[str, str]]:
        refunds = reverse("admin:finance_refunditem_changelist")
        return [
            ("All refunds", f"{refunds}?run__id__exact={row.pk}"),
            ("As a table (CSV)", reverse("admin:finance_refundrun_csv", args=[row.pk])),
        ]

    def tables_of(self, request: HttpRequest, row: Any) -> list[Table]:
        items = row.items.select_related("investor", "payment", "bank_account", "run")
        blocked = items.filter(status="BLOCKED").order_by("promised_by", "pk")[:SHOWN]
        every = list(items.order_by("status", "pk")[: SHOWN + 1])
        more = f"{reverse('admin:finance_refunditem_changelist')}?run__id__exact={row.pk}"
        tables = [
            table("Blocked, waiting for a person or a release", blocked, *OVERVIEW[:5], empty="None."),
            table(
                "Refunds", every[:SHOWN], *OVERVIEW, empty="They are written down when the run starts.",
                more=more if len(every) > SHOWN else "",
            ),
            table(
                "Signatures", row.approvals.select_related("approver"), link_column("approver"),
                moment_column("approved_at", "signed"), text_column("content_hash", "hash"), text_column("note"),
                empty=f"Nobody has signed; {row.signatures_needed} needed.",
            ),
        ]  # fmt: skip
        if row.report:
            facts = [[key.replace("_", " ").capitalize(), _said(value)] for key, value in row.report.items()]
            tables.insert(0, Table("Final report", ["", ""], facts))
        if row.status == Status.PROPOSED:
            tables = [*_signed(row), *tables[2:]]
        return tables

    def preview_of(self, request: HttpRequest, step: Step, row: Any) -> list[Table]:
        return _signed(row) if step.name == "approve" else []

    def csv_view(self, request: HttpRequest, row_id: UUID) -> HttpResponse | StreamingHttpResponse:
        """Send the whole run as a table, with the proof of each refund."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        run = self.get_queryset(request).filter(pk=row_id).first()
        if run is None:
            raise Http404("There is no such refund run.")
        name = f"refunds-{run.escrow_account.account_number}-{run.proposed_at:%Y%m%d}.csv"
        return StreamingHttpResponse(
            refund_reports.lines(run),
            content_type="text/csv; charset=utf-8",
            headers={"Content-Disposition": f'attachment; filename="{name}"'},
        )


def _signed(run: RefundRun) -> list[Table]:
    """Say what is signed: the raise as it stands, and what everybody gets back."""
    progress = raises.progress(run.escrow_account, at=run.proposed_at)
    reached = progress.cleared + progress.funded >= progress.minimum
    facts = [
        ["Hash of the figures", run.content_hash],
        ["Signatures needed", str(run.signatures_needed)],
        ["Cleared of investors' commitments", format_money(progress.cleared)],
        ["Minimum of the raise", format_money(progress.minimum)],
    ]
    if reached and run.cause == RefundRun.Cause.FAILED_RAISE:
        facts.append(["Look twice", "The minimum had cleared. Nothing can be released after the deadline any more."])
    people = User.objects.in_bulk({investor for _, investor, _ in run.figures})
    names = {str(key): str(person) for key, person in people.items()}
    rows = sorted(
        [
            names.get(investor, investor),
            "Deposit" if deposit else "Money without a deposit",
            shown_money(Decimal(amount)),
        ]
        for deposit, investor, amount in run.figures
    )
    return [
        Table("What is signed", ["", ""], facts),
        Table(f"{len(rows)} refunds", ["Investor", "Of", "Amount"], rows, "Nobody has paid anything in."),
    ]


def _said(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key.replace('_', ' ').lower()}: {number}" for key, number in value.items()) or "none"
    return "–" if value is None else str(value)


admin.site.unregister(Investment)


@admin.register(Investment)
class RefundedInvestmentAdmin(InvestmentAdmin):
    """Investments whose withdrawal gives back what was paid in for them."""

    steps = (
        Step(
            name="cancel",
            label="Withdraw",
            permission=permissions.INITIATE_PAYMENT,
            act=_cancel_commitment,
            when=lambda row: row.status == Investment.Status.PENDING,
            explains="The commitment is withdrawn for good, and what was paid in for it goes back to the account it "
            "came from, the fee included.",
            done="The commitment is withdrawn; its money goes back.",
            is_grave=True,
        ),
    )

    def tables_of(self, request: HttpRequest, row: Any) -> list[Table]:
        refunds = queries.of_investor(row.investor).filter(run__offering=row.offering)
        return [table("Refunds", refunds, *OVERVIEW, link_column("run", "refund run"), empty="None.")]
