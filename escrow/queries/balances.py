"""What accounts hold: each look-up reads stored balances, one row, never a sum of entries."""

from decimal import Decimal
from uuid import UUID

from escrow.models import Investment, LedgerAccount

ZERO = Decimal("0.00")
Kind = LedgerAccount.Kind


def balance(escrow_account_id: UUID, kind: str, owner_id: UUID | None = None) -> Decimal:
    """Return a ledger account's balance, in its normal sign; zero if it was never used."""
    found = LedgerAccount.objects.filter(escrow_account_id=escrow_account_id, kind=kind, owner_id=owner_id).values_list(
        "balance", flat=True
    )
    return found.first() or ZERO


def cleared_by_investor(escrow_account_id: UUID) -> dict[UUID, Decimal]:
    """Return each investor's cleared, refundable money, where it is above zero, in the order of their ids."""
    rows = LedgerAccount.objects.filter(
        escrow_account_id=escrow_account_id, kind=Kind.INVESTOR, balance__gt=0
    ).order_by("owner_id")
    return {row.owner_id: row.balance for row in rows if row.owner_id is not None}


def commitment(offering_id: UUID, investor_id: UUID) -> Decimal:
    """Return what an investor has committed to an offering, US dollars; zero if nothing."""
    found = (
        Investment.objects.filter(offering_id=offering_id, investor_id=investor_id)
        .exclude(status=Investment.Status.CANCELLED)
        .values_list("investment_amount", flat=True)
    )
    return found.first() or ZERO
