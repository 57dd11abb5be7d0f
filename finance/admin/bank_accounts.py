"""Staff pages of bank accounts: verified, suspended and closed here; their numbers are never shown."""

from typing import Any

from django.contrib import admin

from finance.models import BankAccount, Transaction
from finance.models.bank_accounts import BankAccountStatus
from finance.operations import bank_accounts
from realco import permissions
from realco.admin_bulk import BulkAdmin
from realco.admin_pages import Table, badge_column, link, link_column, moment_column, money_column, table
from realco.admin_steps import Order, Reason, Step
from realco.models import User

Status = BankAccount.Status


def owner(account: Any) -> Any:
    """Name whose account it is: a person's, or a company's."""
    return link(account.user or account.organization)


def number(account: Any) -> str:
    """Show the last four digits."""
    return str(account.masked)


def _verify(account: BankAccount, order: Order) -> object:
    return bank_accounts.verify(account, by=order.by, at=order.at, reason=order.reason)


def _suspend(account: BankAccount, order: Order) -> object:
    return bank_accounts.suspend(account, by=order.by, reason=order.reason, at=order.at)


def _close(account: BankAccount, order: Order) -> object:
    return bank_accounts.close(account, by=order.by, reason=order.reason, at=order.at)


def _may_become(target: BankAccountStatus) -> Any:
    return lambda account: target in BankAccount.TRANSITIONS[Status(account.status)]


def _is_own(account: BankAccount, user: User) -> str:
    if account.added_by_id == user.pk:
        return "You added this bank account; another person has to verify it."
    return "Nobody verifies their own bank account." if account.owner_id == user.pk else ""


@admin.register(BankAccount)
class BankAccountAdmin(BulkAdmin):
    """Where money comes from and goes to."""

    list_display = (
        number, "bank_name", owner, "holder_name", "kind", badge_column(), moment_column("verified_at", "verified"),
        moment_column("created_at", "added"),
    )  # fmt: skip
    list_filter = ("status", "kind")
    list_select_related = ("user", "organization")
    search_fields = ("id", "last_four", "user__email__startswith", "organization__name__startswith")
    search_help_text = "The last four digits, an id, or the beginning of the owner's e-mail address or name."
    fieldsets = (
        (None, {"fields": (number, "bank_name", "kind", "holder_name", owner)}),
        (
            "Standing",
            {
                "fields": (
                    badge_column(), "status_reason", link_column("added_by"), link_column("verified_by"),
                    moment_column("verified_at", "verified"),
                    moment_column("authorization_revoked_at", "authorisation revoked"),
                    moment_column("created_at", "added"), "id",
                )
            },
        ),
    )  # fmt: skip
    steps = (
        Step(
            name="verify",
            label="Verify",
            permission=permissions.VERIFY_BANK_ACCOUNT,
            act=_verify,
            when=_may_become(Status.VERIFIED),
            problem=_is_own,
            explains="Money may be drawn from this account and sent to it from now on.",
            done="The bank account is verified.",
            in_bulk=True,
        ),
        Step(
            name="suspend",
            label="Suspend",
            permission=permissions.VERIFY_BANK_ACCOUNT,
            act=_suspend,
            when=_may_become(Status.SUSPENDED),
            explains="No payment uses this account until it is verified again.",
            done="The bank account is suspended.",
            is_grave=True,
        ),
        Step(
            name="close",
            label="Close",
            permission=permissions.VERIFY_BANK_ACCOUNT,
            act=_close,
            when=_may_become(Status.CLOSED),
            explains="The account is closed for good; its owner can add it anew.",
            done="The bank account is closed.",
            reason=Reason.REQUIRED,
            is_grave=True,
        ),
    )

    def tables_of(self, request: Any, row: Any) -> list[Table]:
        both = Transaction.objects.filter(from_bank_account=row).union(
            Transaction.objects.filter(to_bank_account=row), all=True
        )
        latest = both.order_by("-created_at")[:20]
        return [
            table(
                "Latest payments",
                latest,
                moment_column("created_at", "asked"),
                link_column("", "payment"),
                money_column("amount"),
                badge_column(),
            )
        ]
