"""Staff pages of reinvestment: what investors chose, and what became of it in each distribution."""

from typing import Any

from django.contrib import admin

from distributions.models import Distribution, Reinvestment, ReinvestmentElection
from distributions.operations import elections, reinvestment_movements
from distributions.queries import reinvestments as queries
from distributions.queries.distributions import Preview
from realco import permissions
from realco.admin_pages import (
    Table,
    badge_column,
    link,
    link_column,
    moment_column,
    money_column,
    shown_money,
    table,
    text_column,
)
from realco.admin_steps import Order, Step, SteppedAdmin

_SHOWN = 100


def _withdraw(election: ReinvestmentElection, order: Order) -> object:
    return elections.withdraw(election, by=order.by, reason=order.reason, at=order.at)


def _reverse(reinvestment: Reinvestment, order: Order) -> object:
    return reinvestment_movements.reverse(reinvestment, by=order.by, reason=order.reason, at=order.at)


def _is_active(election: ReinvestmentElection) -> bool:
    return str(election.status) == ReinvestmentElection.Status.ACTIVE


def _is_done(reinvestment: Reinvestment) -> bool:
    return str(reinvestment.status) == Reinvestment.Status.DONE


@admin.display(description="how much")
def _how_much(election: Any) -> str:
    return str(election.words)


@admin.register(ReinvestmentElection)
class ReinvestmentElectionAdmin(SteppedAdmin):
    """What investors chose to be done with future distributions."""

    when_empty = "Investors choose on their own pages to reinvest what they are paid."
    list_display = (
        moment_column("elected_at", "chosen"), link_column("investor"), link_column("investment"), _how_much,
        link_column("target_offering", "into"), badge_column(),
    )  # fmt: skip
    list_filter = ("status", "target_offering")
    list_select_related = ("investor", "investment__offering", "investment__investor", "target_offering")
    search_fields = ("id", "investor__email__startswith")
    search_help_text = "An id, or the beginning of the investor's e-mail address."
    version_fields = ("status",)
    fieldsets = (
        (
            None,
            {
                "fields": (
                    badge_column(), link_column("investor"), link_column("investment"), _how_much,
                    link_column("target_offering", "into"), link_column("elected_by", "chosen by"),
                    moment_column("elected_at", "chosen"), link_column("ended_by", "ended by"),
                    moment_column("ended_at", "ended"), "ended_reason", "id",
                )
            },
        ),
    )  # fmt: skip
    steps = (
        Step(
            name="withdraw",
            label="Withdraw election",
            permission=permissions.CREATE_DISTRIBUTION,
            act=_withdraw,
            when=_is_active,
            explains="What was not moved yet is paid in cash. The investor reads your reason.",
            done="The election is withdrawn.",
        ),
    )


@admin.register(Reinvestment)
class ReinvestmentAdmin(SteppedAdmin):
    """What was to be reinvested of each distribution, and what became of it."""

    list_display = (
        moment_column("created_at", "planned"), link_column("allocation"), money_column("amount"),
        link_column("target_offering", "into"), badge_column(), "reason",
    )  # fmt: skip
    list_filter = ("status", "target_offering")
    list_select_related = ("allocation__investor", "target_offering")
    search_fields = ("id", "allocation__distribution__distribution_number", "allocation__investor__email__startswith")
    search_help_text = "An id, a distribution's number, or the beginning of the investor's e-mail address."
    version_fields = ("status", "reversal_asked_at")
    fieldsets = (
        (
            None,
            {
                "fields": (
                    badge_column(), link_column("allocation"), money_column("amount"),
                    link_column("target_offering", "into"), link_column("election"),
                    link_column("outbound", "payment that leaves"), "reason",
                    moment_column("finished_at", "finished"), moment_column("reversal_asked_at", "reversal asked"),
                    link_column("reversal_asked_by"), "reversal_reason", "id",
                )
            },
        ),
    )  # fmt: skip
    steps = (
        Step(
            name="reverse",
            label="Reverse reinvestment",
            permission=permissions.EXECUTE_DISTRIBUTION,
            act=_reverse,
            when=_is_done,
            explains="The bank moves the money back, and both payments are reversed. It is refused once the money was "
            "released to the other offering. The investor's allocation then counts as failed; pay failed ones again "
            "on the distribution's page.",
            done="The money is moved back.",
            is_grave=True,
        ),
    )


def reinvested_of(row: Distribution) -> list[Table]:
    """Return what of a distribution is reinvested, if anything is."""
    found = list(queries.of(row)[:_SHOWN])
    if not found:
        return []
    return [
        table(
            "Reinvested into other offerings", found, _investor, money_column("amount"),
            link_column("target_offering", "into"), badge_column(), link_column("outbound", "payment"),
            text_column("reason", "why not"), _reinvestment,
        )
    ]  # fmt: skip


@admin.display(description="investor")
def _investor(reinvestment: Any) -> Any:
    return link(reinvestment.allocation, str(reinvestment.allocation.investor))


@admin.display(description="reinvestment")
def _reinvestment(reinvestment: Any) -> Any:
    return link(reinvestment, "Reinvestment")


def reinvested_in(preview: Preview) -> list[Table]:
    """Say what goes into other offerings instead of to its payee's bank."""
    rows = [
        [link(one.allocation.investor), shown_money(one.amount), link(one.target_offering), str(one.election.words)]
        for one in preview.reinvestments
    ]
    titles = ["Investor", "Reinvested", "Into", "Chosen"]
    return [Table("Reinvested into other offerings", titles, rows)] if rows else []
