"""Staff pages of closings: proposed by one person, signed by two others over exactly the figures shown."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.contrib import admin
from django.http import HttpRequest

from compliance.queries import standing
from escrow.models import Closing, ClosingApproval, EarlyClosingNotice, EscrowAccount
from escrow.operations import closings, early_closings
from escrow.queries import closings as closings_query
from escrow.queries import release_gate
from escrow.queries.release_gate import Obstacle
from realco import clock, permissions
from realco.admin_pages import (
    ReadOnlyAdmin,
    Table,
    badge_column,
    link_column,
    moment_column,
    money_column,
    shown_money,
    table,
)
from realco.admin_steps import Order, Reason, Step, SteppedAdmin
from realco.models import User

Status = Closing.Status


def _sign(closing: Closing, order: Order) -> object:
    # The form carries the version that was shown: the status and the hash of the figures.
    seen = order.data["version"].rpartition("|")[2]
    return closings.approve(closing, approver=order.by, content_hash=seen, at=order.at)


def _cancel(closing: Closing, order: Order) -> object:
    return closings.cancel(closing, by=order.by, reason=order.reason, at=order.at)


def _withdraw(notice: EarlyClosingNotice, order: Order) -> object:
    return early_closings.withdraw(notice, reason=order.reason, by=order.by, at=order.at)


def _is_proposed(closing: Closing) -> bool:
    return str(closing.status) == Status.PROPOSED


def _may_not_sign(closing: Closing, user: User) -> str:
    if closing.proposed_by_id == user.pk:
        return "You proposed this closing; two other people have to sign it."
    if closing.approvals.filter(approver=user).exists():
        return "You have signed this closing; another person has to sign it too."
    return ""


def proposal_tables(account: EscrowAccount, *, at: datetime) -> list[Table]:
    """Show the raise as it stands, what a closing would release, whom it leaves out, and what stands against it."""
    progress = closings_query.progress(account, at=at)
    release = release_gate.release_of(account, at=at, will_screen=True)
    raised = [
        ["Committed by investors", shown_money(progress.committed)],
        ["Cleared, could be released", shown_money(progress.cleared)],
        ["Released by earlier closings", shown_money(progress.funded)],
        ["Minimum of the raise", shown_money(progress.minimum)],
        ["Maximum of the raise", shown_money(progress.maximum)],
        ["Missing", shown_money(progress.missing)],
    ]
    names = _names([*release.figures, *release.left_out])
    left_out = [[str(names.get(key, key)), " ".join(said)] for key, said in release.left_out.items()]
    return [
        Table("The raise as it stands", ["", "Amount"], raised),
        _obstacles(release.obstacles),
        Table("Left out", ["Investor", "Why"], sorted(left_out), empty="Nobody with cleared money is left out."),
        _figures("What each investor would release", release.figures, names),
    ]


def _obstacles(found: Iterable[Obstacle]) -> Table:
    """List what stands against a closing, but not who has to be screened again: signing does that first."""
    return Table(
        "What stands against it now",
        ["Obstacle"],
        [[one.obstacle] for one in found if one.code != standing.UNSCREENED],
        empty="Nothing stands against it.",
    )


def _figures(title: str, figures: Mapping[UUID, Decimal], names: Mapping[UUID, User]) -> Table:
    rows = [[str(names.get(key, key)), shown_money(amount)] for key, amount in figures.items()]
    return Table(title, ["Investor", "Amount"], sorted(rows), empty="Nobody has cleared, committed money.")


def _names(keys: Iterable[UUID]) -> dict[UUID, User]:
    return dict(User.objects.in_bulk(list(keys)))


@admin.register(Closing)
class ClosingAdmin(SteppedAdmin):
    """Releases of investors' money to their offerings."""

    list_display = (
        moment_column("proposed_at", "proposed"), link_column("escrow_account"), money_column("total_amount", "total"),
        link_column("proposed_by"), link_column("approved_by", "executed by"), badge_column(),
    )  # fmt: skip
    list_filter = ("status", "escrow_account")
    list_select_related = ("escrow_account", "proposed_by", "approved_by")
    search_fields = ("id", "escrow_account__account_number")
    search_help_text = "An id, or an escrow account's number."
    version_fields = ("status", "content_hash")
    fieldsets = (
        (
            None,
            {
                "fields": (
                    badge_column(), link_column("escrow_account"), money_column("total_amount", "total"),
                    link_column("proposed_by"), moment_column("proposed_at", "proposed"),
                    link_column("approved_by", "executed by"),
                    moment_column("executed_at", "executed"), moment_column("cancelled_at", "cancelled"),
                    "cancelled_reason", "content_hash", "id",
                )
            },
        ),
    )  # fmt: skip
    steps = (
        Step(
            name="sign",
            label="Sign figures",
            permission=permissions.APPROVE_CLOSING,
            act=_sign,
            when=_is_proposed,
            problem=_may_not_sign,
            explains="You sign exactly the figures below. With the second person's signature the money of each "
            "investor becomes the offering's, in one batch, if nothing stands against it at that moment.",
            done="Your signature is kept. The second one releases the money.",
            reason=Reason.OPTIONAL,
            is_grave=True,
        ),
        Step(
            name="cancel",
            label="Cancel closing",
            permission=(permissions.PROPOSE_CLOSING, permissions.APPROVE_CLOSING),
            act=_cancel,
            when=_is_proposed,
            explains="The proposal is cancelled; nothing was released. It can be proposed again.",
            done="The closing is cancelled.",
        ),
    )

    def tables_of(self, request: HttpRequest, row: Any) -> list[Table]:
        figures = {UUID(key): Decimal(amount) for key, amount in row.figures.items()}
        signatures = table(
            "Signatures", row.approvals.select_related("approver"), link_column("approver"),
            moment_column("signed_at", "signed"), empty="Nobody has signed it yet; two people have to.",
        )  # fmt: skip
        standing = [_obstacles(release_gate.obstacles(row, at=clock.now()))] if _is_proposed(row) else []
        return [*standing, signatures, _figures("What each investor releases", figures, _names(figures))]

    def preview_of(self, request: HttpRequest, step: Step, row: Any) -> list[Table]:
        return self.tables_of(request, row) if step.name == "sign" else []


@admin.register(ClosingApproval)
class ClosingApprovalAdmin(ReadOnlyAdmin):
    """Who signed which figures."""

    list_display = (
        moment_column("signed_at", "signed"), link_column("approver"), link_column("closing"),
    )  # fmt: skip
    list_select_related = ("approver", "closing__escrow_account")
    list_display_links = None
    search_fields = ("id", "approver__email__startswith")
    fieldsets = (
        (
            None,
            {
                "fields": (
                    link_column("closing"), link_column("approver"), moment_column("signed_at", "signed"),
                    "content_hash", "id",
                )
            },
        ),
    )  # fmt: skip


@admin.register(EarlyClosingNotice)
class EarlyClosingNoticeAdmin(SteppedAdmin):
    """Early closings that were announced, and those that were taken back."""

    list_display = (
        link_column("escrow_account"), moment_column("notice_at", "announced"), moment_column("closes_at", "closes"),
        link_column("given_by"), moment_column("withdrawn_at", "withdrawn"),
    )  # fmt: skip
    list_select_related = ("escrow_account", "given_by")
    version_fields = ("withdrawn_at",)
    search_fields = ("id", "escrow_account__account_number")
    fieldsets = (
        (
            None,
            {
                "fields": (
                    link_column("escrow_account"), moment_column("notice_at", "announced"),
                    moment_column("closes_at", "closes"), link_column("given_by"),
                    moment_column("withdrawn_at", "withdrawn"), link_column("withdrawn_by"), "withdrawn_reason", "id",
                )
            },
        ),
    )  # fmt: skip
    steps = (
        Step(
            name="withdraw",
            label="Withdraw notice",
            permission=permissions.PROPOSE_CLOSING,
            act=_withdraw,
            when=lambda notice: not notice.is_withdrawn and clock.now() < notice.closes_at,
            explains="The raise does not close early by this notice, and investors may cancel as if it had never been "
            "given. They are told. An early closing can be announced again, five business days ahead.",
            done="The notice is withdrawn.",
            is_grave=True,
        ),
    )
