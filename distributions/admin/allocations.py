"""Staff pages of allocations: what each payee gets, how it was worked out, and how its payment fared."""

from decimal import Decimal
from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse

from distributions.admin import write_offs
from distributions.admin.statements import StatementPages
from distributions.models import DistributionAllocation, DistributionApproval, PersonalReading
from distributions.operations import personal_readings
from distributions.queries import investor_distributions
from realco import clock
from realco.admin_pages import (
    ReadOnlyAdmin,
    Table,
    badge_column,
    link_column,
    moment_column,
    money_column,
    shown_money,
    table,
    text_column,
)
from realco.admin_steps import person_of
from realco.money import format_money

Kind = PersonalReading.Kind
OK = 200

AMOUNTS = (
    money_column("return_of_capital"),
    money_column("preferred_return"),
    money_column("sponsor_catch_up"),
    money_column("profit_split"),
    money_column("premium_amount", "late-closing interest"),
    money_column("total_amount", "total"),
)


def write_offs_of(rows: Any) -> list[Table]:
    """Lay out the write-offs of an allocation, or of a distribution, if there are any."""
    found = list(rows)
    if not found:
        return []
    return [
        table(
            "Write-offs", found, link_column("", "write-off"), badge_column(), money_column("amount", "not paid"),
            text_column("reason"), link_column("proposed_by"), link_column("approved_by"),
            moment_column("executed_at", "written off"),
        )
    ]  # fmt: skip


def calculated(allocation: Any) -> str:
    """Say what the waterfall gave where people decided otherwise."""
    parts = (allocation.calculated or {}).items()
    given = [f"{name.replace('_', ' ')} {format_money(Decimal(amount))}" for name, amount in parts if Decimal(amount)]
    return ", ".join(given) or "–"


def tiers_of(allocation: Any) -> Table:
    """Lay out how the amount came about, as it was explained when the numbers were signed."""
    rows: list[list[Any]] = [
        [tier.title, *map(shown_money, (tier.took, tier.to_investors, tier.to_sponsor, tier.yours)), tier.words]
        for tier in investor_distributions.tiers(allocation)
    ]
    titles = ["Tier", "Took", "To investors", "To the sponsor", "To this payee", "In words, as the payee reads it"]
    return Table("How it came about", titles, rows, "Its receipt has every step.")


@admin.register(DistributionAllocation)
class DistributionAllocationAdmin(StatementPages):
    """What each payee gets of each distribution."""

    when_empty = "They appear when a distribution has been worked out."
    list_display = (
        link_column("investor", "payee"), link_column("distribution"), *AMOUNTS, money_column("net_amount", "net"),
        badge_column(),
    )  # fmt: skip
    list_display_links = None
    list_filter = ("status", "distribution__offering")
    list_select_related = ("investor", "distribution")
    ordering = ("-created_at", "-id")
    search_fields = ("id", "investor__email__startswith", "distribution__distribution_number", "transaction__id")
    search_help_text = "An id, a distribution's number, or the beginning of the payee's e-mail address."
    fieldsets = (
        (
            None,
            {
                "fields": (
                    link_column("distribution"), link_column("investor", "payee"), link_column("investment"),
                    badge_column(), "failure_reason", "waiting_reason", moment_column("waiting_since", "waiting since"),
                    link_column("transaction", "payment"),
                    moment_column("processed_at", "paid"), moment_column("written_off_at", "written off"), "id",
                )
            },
        ),
        (
            "Amounts",
            {
                "fields": (
                    *AMOUNTS, money_column("fee_amount", "fee"), money_column("withholding_amount", "withheld"),
                    money_column("net_amount", "net"),
                )
            },
        ),
        (
            "Override",
            {
                "fields": (
                    "override_reason", link_column("overridden_by"), link_column("override_confirmed_by"),
                    moment_column("override_confirmed_at", "confirmed"), calculated,
                )
            },
        ),
    )  # fmt: skip

    steps = (write_offs.PROPOSE,)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show one, and write down who is shown why somebody was not paid."""
        response: HttpResponse = super().change_view(request, object_id, form_url, extra_context)
        row = self.get_object(request, object_id) if response.status_code == OK else None
        if row is not None and (row.waiting_since is not None or row.failure_reason):
            personal_readings.note(
                Kind.WAITING, subject=row.investor, by=person_of(request), at=clock.now(), detail=str(row.pk)
            )
        return response

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related("investor", "distribution")

    def tables_of(self, request: HttpRequest, row: Any) -> list[Table]:
        ends = row.write_offs.select_related("allocation__investor", "proposed_by", "approved_by")
        return [
            tiers_of(row),
            *write_offs_of(ends.order_by("-created_at")),
            table(
                "Taken off", row.lines.all(), text_column("kind"), money_column("amount"),
                money_column("base_amount", "of"), text_column("reason"), empty="Nothing is taken off.",
            )
        ]  # fmt: skip


@admin.register(DistributionApproval)
class DistributionApprovalAdmin(ReadOnlyAdmin):
    """Signatures under distributions' numbers; those under other numbers than the present are void."""

    list_display = (
        moment_column("approved_at", "signed"), link_column("distribution"), link_column("approver"), "content_hash",
        "note",
    )  # fmt: skip
    list_select_related = ("distribution", "approver")
    ordering = ("-approved_at", "-id")
    search_fields = ("id", "distribution__distribution_number", "approver__email__startswith")
    fieldsets = (
        (
            None,
            {
                "fields": (
                    link_column("distribution"), link_column("approver"), moment_column("approved_at", "signed"),
                    "content_hash", "note", "id",
                )
            },
        ),
    )  # fmt: skip
