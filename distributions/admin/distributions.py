"""Staff pages of distributions: drawn up, worked out, signed under their hash, paid, and followed."""

from decimal import Decimal
from typing import Any

from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Max
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html

from distributions.admin import decisions
from distributions.admin.allocations import write_offs_of
from distributions.admin.forms import AgainForm, CalculateForm, CreateForm, SignForm
from distributions.admin.payees import drawn_up, pays_on, previewed
from distributions.admin.previews import PreviewPages, fund_words
from distributions.admin.reinvestments import reinvested_in, reinvested_of
from distributions.models import CapitalCall, Distribution, DistributionAllocation
from distributions.models.distributions import DistributionStatus
from distributions.operations import distributions, payouts
from distributions.queries import distributions as query
from distributions.queries import fund_deals, payees
from distributions.queries.distributions import Preview, Progress
from realco import clock, permissions
from realco.admin_pages import (
    Table,
    address_of,
    badge_column,
    link_column,
    moment_column,
    money_column,
    shown_money,
    table,
    text_column,
)
from realco.admin_steps import Order, Reason, Step, Task
from realco.business_days import banking_date
from realco.errors import Refusal
from realco.models import User
from realco.money import format_money

Status = Distribution.Status
FAILING = (Status.PARTIALLY_FAILED, Status.FAILED, Status.PROCESSING)


def _create(order: Order) -> Distribution:
    data = order.data
    return distributions.create(
        data["offering"],
        type=data["type"],
        total_amount=data["total_amount"],
        platform_fee_amount=data["platform_fee_amount"],
        as_of_date=data["as_of_date"],
        description=data["description"],
        creator=order.by,
        idempotency_key=data["idempotency_key"],
        at=order.at,
    )


def _calculate(distribution: Distribution, order: Order) -> int:
    """Work it out, and return how many overrides that does away with."""
    number = query.overrides(distribution).count()
    distributions.calculate(distribution, by=order.by, at=order.at)
    return number


def _dropped(number: int) -> str:
    if not number:
        return ""
    return f"{number} override{' was' if number == 1 else 's were'} dropped: those lines are what the waterfall gives."


def _submit(distribution: Distribution, order: Order) -> object:
    return distributions.submit(distribution, by=order.by, at=order.at)


def _approve(distribution: Distribution, order: Order) -> object:
    return distributions.approve(
        distribution, approver=order.by, content_hash=order.data["content_hash"], at=order.at, note=order.reason
    )


def _execute(distribution: Distribution, order: Order) -> object:
    return payouts.hand_over(distribution, executor=order.by, at=order.at)


def _retry(distribution: Distribution, order: Order) -> object:
    return payouts.retry_failed(distribution, by=order.by, at=order.at, bank_accounts=order.data["bank_accounts"])


def _cancel(distribution: Distribution, order: Order) -> object:
    return distributions.cancel(distribution, by=order.by, reason=order.reason, at=order.at)


def _is(*statuses: DistributionStatus) -> Any:
    return lambda distribution: distribution.status in statuses


def _may_not_sign(distribution: Distribution, user: User) -> str:
    if distribution.created_by_id == user.pk:
        return "You created this distribution; somebody else must approve it."
    if query.has_signed(distribution, user):
        return "You have signed these numbers; a second person must sign them too."
    return ""


def _not_calculated(distribution: Distribution, user: User) -> str:
    standing = distribution.allocations.exclude(status=DistributionAllocation.Status.CANCELLED)
    return "" if standing.exists() else "It has not been worked out yet. Calculate it first."


def _nothing_failed(distribution: Distribution, user: User) -> str:
    failed = distribution.allocations.filter(status=DistributionAllocation.Status.FAILED)
    return "" if failed.exists() else "No payment of it has failed."


STEPS = (
    Step(
        name="calculate",
        label="Calculate",
        permission=permissions.CREATE_DISTRIBUTION,
        act=_calculate,
        when=_is(Status.DRAFT),
        explains="Below is what the ledger's history gives now. It is kept with the draft and can be calculated again "
        "until it is submitted.",
        done="Calculated.",
        tells=_dropped,
        reason=Reason.NONE,
        form=CalculateForm,
    ),
    decisions.OVERRIDE,
    decisions.CONFIRM,
    decisions.WITHDRAW,
    Step(
        name="submit",
        label="Submit",
        permission=permissions.CREATE_DISTRIBUTION,
        act=_submit,
        when=_is(Status.DRAFT),
        problem=_not_calculated,
        explains="The numbers are frozen under their hash and put before approvers, who sign that hash.",
        done="Submitted for approval.",
        reason=Reason.OPTIONAL,
    ),
    Step(
        name="approve",
        label="Approve",
        permission=permissions.APPROVE_DISTRIBUTION,
        act=_approve,
        when=_is(Status.PENDING_APPROVAL),
        problem=_may_not_sign,
        explains="You sign the hash of the numbers below. If anything they rest on has changed, no signature counts.",
        done="Signed.",
        reason=Reason.OPTIONAL,
        form=SignForm,
    ),
    Step(
        name="execute",
        label="Execute",
        permission=permissions.EXECUTE_DISTRIBUTION,
        act=_execute,
        when=_is(Status.APPROVED),
        explains="Every payee is paid: the money is reserved and one payment each goes to the bank.",
        done="The payments are on their way.",
        reason=Reason.OPTIONAL,
        is_grave=True,
    ),
    Step(
        name="retry",
        label="Pay failed ones again",
        permission=permissions.EXECUTE_DISTRIBUTION,
        act=_retry,
        when=_is(*FAILING),
        problem=_nothing_failed,
        explains="Those whose payment failed, and only those, get a new payment.",
        done="The failed payments are made anew.",
        form=AgainForm,
    ),
    decisions.REMIT,
    Step(
        name="cancel",
        label="Cancel distribution",
        permission=(permissions.CREATE_DISTRIBUTION, permissions.APPROVE_DISTRIBUTION),
        act=_cancel,
        when=_is(Status.DRAFT, Status.PENDING_APPROVAL, Status.APPROVED),
        explains="The distribution is cancelled for good; nobody was paid. An approver rejects one like this.",
        done="Cancelled.",
        is_grave=True,
    ),
)
CREATE = Task(
    name="new",
    label="New distribution",
    permission=permissions.CREATE_DISTRIBUTION,
    act=_create,
    explains="A draft for an amount as of a day. What it pays to whom is worked out in the next step.",
    done="The draft is made. Calculate it next.",
    form=CreateForm,
)


@admin.register(Distribution)
class DistributionAdmin(PreviewPages):
    """Money that offerings send back."""

    when_empty = "“New distribution” draws the first one up; “What if” shows what it would pay, and writes nothing."
    list_display = (
        "distribution_number", "offering", "type", money_column("total_amount", "total"), "as_of_date",
        link_column("created_by", "by"), badge_column(),
    )  # fmt: skip
    list_filter = ("status", "type", "nature", "offering")
    list_select_related = ("offering", "created_by")
    search_fields = ("id", "distribution_number", "offering__name__startswith")
    search_help_text = "Its number, an id, or the beginning of the offering's name."
    version_fields = ("status", "content_hash", "updated_at")
    fieldsets = (
        (
            None,
            {
                "fields": (
                    badge_column(), link_column("offering"), link_column("escrow_account"), "type", "nature",
                    "as_of_date", "description", link_column("terms"), link_column("created_by", "drawn up by"),
                    moment_column("created_at", "drawn up"), moment_column("submitted_at", "submitted"),
                    moment_column("approved_at", "approved"), link_column("executed_by"),
                    moment_column("executed_at", "executed"), moment_column("completed_at", "completed"),
                    link_column("cancelled_by"), moment_column("cancelled_at", "cancelled"), "cancelled_reason",
                    "content_hash", "id",
                )
            },
        ),
        (
            "By tier",
            {
                "fields": (
                    money_column("return_of_capital_total", "return of capital"),
                    money_column("preferred_return_total", "preferred return"),
                    money_column("sponsor_catch_up_total", "sponsor catch-up"),
                    money_column("profit_split_total", "profit split"),
                    money_column("premium_total", "late-closing interest"),
                )
            },
        ),
    )  # fmt: skip
    change_form_template = "admin/staff/distribution.html"
    steps = STEPS
    tasks = (CREATE,)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.stages_view)
        return [path("<uuid:row_id>/stages/", view, name="distributions_distribution_stages"), *super().get_urls()]

    def stages_view(self, request: HttpRequest, row_id: object) -> HttpResponse:
        """Answer with the bars alone, for the page that shows them."""
        row = self.get_object(request, str(row_id))
        if row is None or not self.has_view_permission(request, row):
            raise PermissionDenied
        return TemplateResponse(request, "admin/staff/includes/stages.html", _stages(row))

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        row = self.get_object(request, unquote(object_id))
        bars = _stages(row) if row is not None and row.status in query.PAYING else {}
        return super().change_view(request, object_id, form_url, {**bars, **(extra_context or {})})

    def version_of(self, row: Any) -> str:
        """Count what people decided for its lines: nobody confirms or drops an override that they have not seen."""
        decided = query.overrides(row).order_by()
        seen = decided.aggregate(number=Count("pk"), confirmed=Count("override_confirmed_by"), last=Max("created_at"))
        return "|".join([super().version_of(row), *map(str, seen.values())])

    def get_queryset(self, request: HttpRequest) -> Any:
        related = ("offering__organization", "escrow_account", "created_by", "terms__offering")
        return super().get_queryset(request).select_related(*related)

    def figures_of(self, request: HttpRequest, row: Any) -> list[tuple[str, Any, str]]:
        signed, needed = len(query.signers(row)), query.signatures_needed(row.total_amount)
        progress = query.progress(row)
        counts = (
            (progress.failed, "failed"),
            (progress.waiting, "waiting"),
            (progress.written_off, "written off"),
        )
        failed = ", ".join(f"{number} {what}" for number, what in counts if number)
        return [
            ("Total", format_money(row.total_amount), "US dollars"),
            ("To be paid on" if pays_on(row) else "For the tiers", format_money(row.net_amount), _fee_in_words(row)),
            ("Signatures", f"{signed} of {needed}", "under the present hash"),
            _paid(row, progress, failed),
            ("Amount paid", format_money(progress.amount_paid), "done" if progress.is_done and progress.paid else ""),
        ]

    def pages_of(self, request: HttpRequest, row: Any) -> list[tuple[str, str]]:
        payments = reverse("admin:finance_transaction_changelist")
        late = [(str(call), address_of(call)) for call in _late_closings(row)] if pays_on(row) else []
        return [("Payments", f"{payments}?q={row.distribution_number}"), *late]

    def tables_of(self, request: HttpRequest, row: Any) -> list[Table]:
        has_no_overrides = pays_on(row) or row.status == Status.CANCELLED
        return [
            drawn_up(row),
            *([] if has_no_overrides else [decisions.overridden(row)]),
            *reinvested_of(row),
            table(
                "Signatures", row.approvals.select_related("approver").order_by("approved_at"), link_column("approver"),
                moment_column("approved_at", "signed"), text_column("content_hash", "hash"), text_column("note"),
                empty="Nobody has signed.",
            ),
            *write_offs_of(query.write_offs(row)),
        ]  # fmt: skip

    def preview_of(self, request: HttpRequest, step: Step, row: Any) -> list[Table]:
        """Show the numbers in full before they are kept, frozen, signed or paid."""
        if step.name in ("confirm-overrides", "withdraw-overrides"):
            return [decisions.overridden(row)]
        if step.name == "override":
            return [decisions.lines(row)]
        if step.name == "remit":
            return [decisions.taken_off(row)]
        if step.name not in ("calculate", "submit", "approve", "execute"):
            return []
        try:
            preview = query.preview(row)
        except Refusal as refusal:
            return [Table("The waterfall cannot be run", ["Why"], [], str(refusal))]
        now = payees.of(row, preview.allocations, at=clock.now())
        fund = [] if step.name == "execute" or pays_on(row) else _fund(preview, row)
        decided = [] if pays_on(row) else [decisions.overridden(row)]
        return [*_numbers(preview, row), *decided, *fund, *reinvested_in(preview), previewed(preview, now, row)]


_SHARED = ("took", "to_investors", "to_sponsor")


def _late_closings(row: Distribution) -> Any:
    return CapitalCall.objects.filter(items__paid_on__distribution=row).distinct().order_by("call_number")


def _stages(row: Distribution) -> dict[str, Any]:
    """Return what the bars show, and where they are asked for again."""
    found = query.stages(row)
    bars = (("Made", found.made), ("Sent", found.sent), ("Arrived", found.arrived), ("Paid", found.paid))
    return {
        "stages": {
            "total": found.total,
            "bars": [{"label": label, "number": number} for label, number in bars],
            "failed": found.failed,
            "waiting": found.waiting,
            "written_off": found.written_off,
            "is_running": found.is_running,
        },
        "stages_address": reverse("admin:distributions_distribution_stages", args=[row.pk]),
    }


def _paid(row: Distribution, progress: Progress, others: str) -> tuple[str, str, str]:
    if row.status == Status.CANCELLED:
        return "Paid", "Nobody", "it was cancelled"
    return "Paid", f"{progress.paid} of {progress.total}", others


def _fee_in_words(row: Distribution) -> str:
    fee = row.platform_fee_amount
    if pays_on(row):
        return "late-closing interest, outside of the waterfall"
    return f"after a platform fee of {format_money(fee)}" if fee else "no platform fee"


def _numbers(preview: Preview, row: Distribution) -> list[Table]:
    """Say what is signed, by whom so far, and what has changed since."""
    signers = ", ".join(str(person) for person in preview.signers) or "nobody yet"
    facts = [
        ["Total", format_money(row.total_amount)],
        ["Platform fee, off the top", format_money(row.platform_fee_amount) if row.platform_fee_amount else "none"],
        ["To be paid on" if pays_on(row) else "Left for the tiers", format_money(row.net_amount)],
        ["Hash of the numbers", preview.content_hash or "made when it is submitted"],
        ["Signed by", f"{signers}; {preview.signatures_needed} needed"],
        ["The offering can distribute", format_money(preview.available)],
        ["Terms", "none: it is outside of the waterfall" if pays_on(row) else str(preview.terms or "none in force")],
    ]
    shared = _SHARED[:1] if pays_on(row) else _SHARED
    tiers = [[tier.get("title", ""), *(_amount(tier.get(key)) for key in shared)] for tier in preview.tiers]
    titles = ["Paid on", "Interest"] if pays_on(row) else ["Tier", "Takes", "To investors", "To the sponsor"]
    if tiers:
        sums = [sum((Decimal(tier.get(key) or 0) for tier in preview.tiers), Decimal(0)) for key in shared]
        tiers.append(["Together", *map(shown_money, sums)])
    if row.platform_fee_amount:
        tiers.insert(0, ["Platform fee, before the tiers", *map(shown_money, (row.platform_fee_amount, None, None))])
    named = "Late-closing interest that is paid on" if pays_on(row) else "Tiers"
    tables = [Table("What is signed", ["", ""], facts), Table(named, titles, tiers, "None.")]
    if preview.changes:
        tables.insert(0, Table("Changed since: no signature counts", ["Change"], [[text] for text in preview.changes]))
    return tables


def _fund(preview: Preview, row: Distribution) -> list[Table]:
    """Hold the promote against the clawback of the offering's fund, where it is in one."""
    said = fund_words(fund_deals.effect_of(row, preview.allocations, on=banking_date(clock.now())))
    if said is None:
        return []
    fund, page, words, is_marked = said
    title = "This promote would raise the fund's clawback" if is_marked else "The fund's clawback"
    return [Table(title, ["Fund", ""], [[format_html('<a href="{}">{}</a>', page, fund), words]])]


def _amount(text: str | None) -> Any:
    return shown_money(Decimal(text)) if text else "–"
