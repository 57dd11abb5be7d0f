"""What waits for an approver, and whether the money for it is there."""

from collections.abc import Sequence
from decimal import Decimal
from uuid import UUID

from django.db.models import QuerySet

from escrow.models import LedgerAccount
from finance import entries
from finance.models import Transaction
from realco.models import User

ZERO = Decimal("0.00")
Source = tuple[UUID, str, UUID | None]


def queue(approver: User) -> QuerySet[Transaction]:
    """Return the payments waiting for this person: not those they asked for, are party to, or have signed."""
    return (
        Transaction.objects.filter(status=Transaction.Status.PENDING_APPROVAL)
        .exclude(initiated_by=approver)
        .exclude(from_user=approver)
        .exclude(to_user=approver)
        .exclude(approved_by=approver)
        .select_related("from_user", "to_user", "offering", "escrow_account", "initiated_by", "approved_by")
        .order_by("created_at", "id")
    )


def shortfalls(payments: Sequence[Transaction]) -> dict[UUID, Decimal]:
    """
    Return by how much the money for each payment would be missing, if all were approved in this order.

    Only payments that take their money now count: outbound ones for which one signature is left.
    One query.
    """
    taking = [payment for payment in payments if _takes_money(payment)]
    wanted = {payment.escrow_account_id for payment in taking}
    left: dict[Source, Decimal] = {
        account.key: account.balance
        for account in LedgerAccount.objects.filter(
            escrow_account_id__in=wanted, kind__in=["INVESTOR", "OFFERING", "FEES"], balance__gt=0
        )
    }
    missing = {}
    for payment in taking:
        source = entries.source(payment)
        key = (payment.escrow_account_id, str(source.kind), source.owner_id)
        there = left.get(key, ZERO)
        if there < payment.net_amount:
            missing[payment.pk] = payment.net_amount - there
        else:
            left[key] = there - payment.net_amount
    return missing


def _takes_money(payment: Transaction) -> bool:
    signed = (payment.approved_by_id is not None) + (payment.second_approved_by_id is not None)
    is_last = signed + 1 >= payment.approvals_required
    return payment.is_outbound and not payment.is_reserved and is_last
