"""What accounts hold: each look-up reads stored balances, one row, never a sum of entries."""

from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from escrow.models import Investment, LedgerAccount
from realco.models import Offering

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


@dataclass(frozen=True, slots=True)
class InvestorBalance:
    """An investor's money in one offering, US dollars: on its way, refundable, blocked, at work, and come back."""

    offering: Offering
    uncleared: Decimal
    cleared: Decimal
    held: Decimal
    invested: Decimal
    returned: Decimal
    preferred_paid: Decimal
    profits_paid: Decimal


def investor_balances(user_id: UUID) -> list[InvestorBalance]:
    """Return an investor's money in every offering they have dealt with, by the offering's name; two queries."""
    by_offering: dict[UUID, dict[str, Decimal]] = {}
    offerings: dict[UUID, Offering] = {}
    accounts = LedgerAccount.objects.filter(
        owner_id=user_id, kind__in=[Kind.UNCLEARED, Kind.INVESTOR, Kind.HELD]
    ).select_related("escrow_account__offering")
    for account in accounts:
        offering = account.escrow_account.offering
        offerings[offering.pk] = offering
        by_offering.setdefault(offering.pk, {})[account.kind] = account.balance
    investments: dict[UUID, Investment] = {}
    for investment in Investment.objects.filter(investor_id=user_id).select_related("offering"):
        if investment.status != Investment.Status.CANCELLED:
            offerings[investment.offering_id] = investment.offering
            investments[investment.offering_id] = investment
    return [
        _balance_of(offering, by_offering.get(offering.pk, {}), investments.get(offering.pk))
        for offering in sorted(offerings.values(), key=lambda offering: offering.name)
    ]


def _balance_of(offering: Offering, kinds: dict[str, Decimal], investment: Investment | None) -> InvestorBalance:
    return InvestorBalance(
        offering=offering,
        uncleared=kinds.get(Kind.UNCLEARED, ZERO),
        cleared=kinds.get(Kind.INVESTOR, ZERO),
        held=kinds.get(Kind.HELD, ZERO),
        invested=investment.current_balance if investment else ZERO,
        returned=investment.returned_capital if investment else ZERO,
        preferred_paid=investment.preferred_return_paid if investment else ZERO,
        profits_paid=investment.profits_paid if investment else ZERO,
    )


def commitment(offering_id: UUID, investor_id: UUID) -> Decimal:
    """Return what an investor has committed to an offering, US dollars; zero if nothing."""
    found = (
        Investment.objects.filter(offering_id=offering_id, investor_id=investor_id)
        .exclude(status=Investment.Status.CANCELLED)
        .values_list("investment_amount", flat=True)
    )
    return found.first() or ZERO
