"""Staff pages of write-offs: an allocation that cannot be paid for good is ended by two people."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse

from distributions.models import AllocationWriteOff, DistributionAllocation, PersonalReading
from distributions.operations import personal_readings, write_offs
from realco import clock, permissions
from realco.admin_pages import badge_column, link_column, moment_column, money_column
from realco.admin_steps import Order, Reason, Step, SteppedAdmin, person_of
from realco.models import User

Status = AllocationWriteOff.Status
Kind = PersonalReading.Kind
OK = 200
Allocation = DistributionAllocation.Status


def _propose(allocation: DistributionAllocation, order: Order) -> object:
    return write_offs.propose(allocation, reason=order.reason, by=order.by, at=order.at)


def _approve(write_off: AllocationWriteOff, order: Order) -> object:
    return write_offs.approve(write_off, approver=order.by, at=order.at)


def _withdraw(write_off: AllocationWriteOff, order: Order) -> object:
    return write_offs.withdraw(write_off, by=order.by, reason=order.reason, at=order.at)


def _can_end(allocation: DistributionAllocation) -> bool:
    is_waiting = allocation.status == Allocation.PENDING and allocation.waiting_since is not None
    return is_waiting or str(allocation.status) == Allocation.FAILED


def _is_decided(allocation: DistributionAllocation, user: User) -> str:
    if allocation.investor_id == user.pk:
        return "This money is yours; somebody else has to decide about it."
    proposed = allocation.write_offs.filter(status=Status.PROPOSED).exists()
    return "A write-off of it waits for a second person." if proposed else ""


def _is_proposed(write_off: AllocationWriteOff) -> bool:
    return str(write_off.status) == Status.PROPOSED


def _may_not_approve(write_off: AllocationWriteOff, user: User) -> str:
    if write_off.proposed_by_id == user.pk:
        return "You proposed this write-off; somebody else has to approve it."
    if write_off.allocation.investor_id == user.pk:
        return "This money is yours; somebody else has to decide about it."
    return ""


PROPOSE = Step(
    name="write-off",
    label="Write off",
    permission=permissions.CREATE_DISTRIBUTION,
    act=_propose,
    when=_can_end,
    problem=_is_decided,
    explains="For somebody who cannot be paid for good. Once a second person has approved it, this is never paid: the "
    "money stays in the offering and can be distributed again. Until then it is paid if what it waits for is mended. "
    "The payee is shown that it was written off, and the reason.",
    done="The write-off is proposed. A second person must approve it.",
    is_grave=True,
)


@admin.register(AllocationWriteOff)
class AllocationWriteOffAdmin(SteppedAdmin):
    """Allocations that were ended unpaid, or are proposed to be."""

    when_empty = "One is proposed on the page of an allocation that waits or has failed."
    list_display = (
        moment_column("created_at", "proposed"), link_column("allocation"), link_column("allocation.distribution"),
        money_column("amount"), "reason", link_column("proposed_by"), badge_column(),
    )  # fmt: skip
    list_filter = ("status",)
    list_select_related = ("allocation__investor", "allocation__distribution", "proposed_by")
    search_fields = ("id", "allocation__id", "allocation__investor__email__startswith")
    fieldsets = (
        (
            None,
            {
                "fields": (
                    badge_column(), link_column("allocation"), link_column("allocation.distribution", "distribution"),
                    link_column("allocation.investor", "payee"), money_column("amount", "not paid"), "reason",
                    "keeps_deductions", link_column("proposed_by"), moment_column("created_at", "proposed"),
                    link_column("approved_by"), moment_column("executed_at", "written off"),
                    link_column("withdrawn_by"), moment_column("withdrawn_at", "withdrawn"), "withdrawn_reason", "id",
                )
            },
        ),
    )  # fmt: skip
    steps = (
        Step(
            name="approve",
            label="Approve write-off",
            permission=permissions.APPROVE_DISTRIBUTION,
            act=_approve,
            when=_is_proposed,
            problem=_may_not_approve,
            explains="This is never paid then. The money stays in the offering and is promised to nobody; to the "
            "waterfall it was not paid. A failed payment of it is cancelled. It cannot be undone.",
            done="It is written off.",
            reason=Reason.NONE,
            is_grave=True,
        ),
        Step(
            name="withdraw",
            label="Withdraw write-off",
            permission=(permissions.CREATE_DISTRIBUTION, permissions.APPROVE_DISTRIBUTION),
            act=_withdraw,
            when=_is_proposed,
            explains="The write-off is taken back, or refused. The allocation goes on waiting.",
            done="The write-off is withdrawn.",
        ),
    )

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show one, and write down who is shown why somebody cannot be paid."""
        response: HttpResponse = super().change_view(request, object_id, form_url, extra_context)
        row = self.get_object(request, object_id) if response.status_code == OK else None
        if row is not None:
            subject = row.allocation.investor
            personal_readings.note(
                Kind.WRITE_OFF, subject=subject, by=person_of(request), at=clock.now(), detail=str(row.pk)
            )
        return response

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """List them, and write down who is shown the list."""
        response: HttpResponse = super().changelist_view(request, extra_context)
        if response.status_code == OK:
            personal_readings.note(Kind.WRITE_OFFS, subject=None, by=person_of(request), at=clock.now())
        return response

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related("allocation__investor", "allocation__distribution")
