"""Staff pages of journal reversals: asked for on the journal entry's page, decided here by another person."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from escrow.models import JournalEntry, JournalReversal
from escrow.operations import reversals
from escrow.queries import reversals as query
from realco import permissions
from realco.admin_pages import Table, badge_column, link_column, moment_column, money_column, table, text_column
from realco.admin_steps import Order, Reason, Step, SteppedAdmin
from realco.models import User


def _propose(entry: JournalEntry, order: Order) -> object:
    return reversals.propose(entry, by=order.by, reason=order.reason, at=order.at)


def _approve(reversal: JournalReversal, order: Order) -> object:
    return reversals.approve(reversal, approver=order.by, at=order.at)


def _reject(reversal: JournalReversal, order: Order) -> object:
    return reversals.reject(reversal, by=order.by, reason=order.reason, at=order.at)


def _is_proposed(reversal: JournalReversal) -> bool:
    return str(reversal.status) == JournalReversal.Status.PROPOSED


def _why_not(reversal: JournalReversal, user: User) -> str:
    if reversal.proposed_by_id == user.pk:
        return "You proposed this reversal; another person has to approve it."
    return query.later_obstacle(reversal.journal_entry)


def _not_theirs(reversal: JournalReversal, user: User) -> str:
    if reversal.proposed_by_id == user.pk or user.has_perm(permissions.APPROVE_REVERSAL):
        return ""
    return "Somebody else proposed it; they can take it back, or an approver can reject it."


PROPOSE = Step(
    name="reverse",
    label="Propose reversal",
    permission=permissions.PROPOSE_REVERSAL,
    act=_propose,
    problem=lambda entry, user: query.obstacle(entry),
    explains="Another person decides. When they approve, the exact opposite of this entry is posted with its "
    "effective day; the entry itself stays. What was matched with a line of the bank must be undone first.",
    done="The reversal is proposed and waits for another person.",
    is_grave=True,
)


@admin.register(JournalReversal)
class JournalReversalAdmin(SteppedAdmin):
    """Reversals of journal entries, newest first."""

    list_display = (
        moment_column("proposed_at", "proposed"), link_column("journal_entry"), text_column("reason"),
        link_column("proposed_by"), link_column("approved_by"), badge_column(),
    )  # fmt: skip
    list_filter = ("status",)
    list_select_related = ("journal_entry", "proposed_by", "approved_by")
    search_fields = ("id", "journal_entry__reference")
    search_help_text = "An id, or the whole reference of the journal entry."
    version_fields = ("status",)
    fieldsets = (
        (
            None,
            {
                "fields": (
                    badge_column(), link_column("journal_entry"), "reason", link_column("proposed_by"),
                    moment_column("proposed_at", "proposed"), link_column("approved_by"),
                    moment_column("approved_at", "approved"), link_column("rejected_by"),
                    moment_column("rejected_at", "rejected"), "rejected_reason", "id",
                )
            },
        ),
    )  # fmt: skip
    steps = (
        Step(
            name="approve",
            label="Approve and post",
            permission=permissions.APPROVE_REVERSAL,
            act=_approve,
            when=_is_proposed,
            problem=_why_not,
            explains="The exact opposite of the entry below is posted, with its effective day.",
            done="The entry is reversed.",
            reason=Reason.OPTIONAL,
            is_grave=True,
        ),
        Step(
            name="reject",
            label="Reject",
            permission=(permissions.PROPOSE_REVERSAL, permissions.APPROVE_REVERSAL),
            act=_reject,
            when=_is_proposed,
            problem=_not_theirs,
            explains="Nothing is posted; the entry stays as it is. Whoever proposed it takes it back this way.",
            done="The reversal is rejected.",
        ),
    )

    def tables_of(self, request: HttpRequest, row: Any) -> list[Table]:
        lines = row.journal_entry.entries.select_related("ledger_account__owner").order_by("-amount", "id")
        return [
            table(
                "The entry to be reversed", lines, link_column("ledger_account"),
                money_column("amount", "debit or credit"), text_column("description"),
            )
        ]  # fmt: skip

    def preview_of(self, request: HttpRequest, step: Step, row: Any) -> list[Table]:
        return self.tables_of(request, row)
