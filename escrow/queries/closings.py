"""What a closing would release, and how far an offering has come towards its minimum."""

from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from django.db.models import QuerySet, Sum

from escrow.models import Closing, EscrowAccount, Investment
from escrow.queries import balances

ZERO = Decimal("0.00")
_TAKES_MONEY = (Investment.Status.PENDING, Investment.Status.ACTIVE)


@dataclass(frozen=True, slots=True)
class Progress:
    """An offering's raise in US dollars: promised, cleared but not released, and released."""

    committed: Decimal
    cleared: Decimal
    funded: Decimal
    minimum: Decimal
    maximum: Decimal

    @property
    def missing(self) -> Decimal:
        """What has yet to clear before the offering can close."""
        return max(self.minimum - self.cleared - self.funded, ZERO)


def releasable(account: EscrowAccount) -> dict[UUID, Decimal]:
    """
    Return what a closing would release now, by investor id in order; two queries.

    That is each investor's cleared money, as far as they committed it: what lies above a commitment
    stays the investor's, and so does the money of whoever committed nothing.
    """
    open_commitments = {
        investor_id: committed - funded
        for investor_id, committed, funded in Investment.objects.filter(
            offering_id=account.offering_id, status__in=_TAKES_MONEY
        ).values_list("investor_id", "investment_amount", "funded_amount")
    }
    found = {
        investor_id: min(cleared, open_commitments.get(investor_id, ZERO))
        for investor_id, cleared in balances.cleared_by_investor(account.pk).items()
    }
    return {investor_id: amount for investor_id, amount in found.items() if amount > ZERO}


def funded_total(offering_id: UUID) -> Decimal:
    """Return what closings have released to the offering so far."""
    return _summed(Investment.objects.filter(offering_id=offering_id), "funded_amount")


def progress(account: EscrowAccount) -> Progress:
    """Return how far the raise has come; five queries."""
    living = Investment.objects.filter(offering_id=account.offering_id).exclude(status=Investment.Status.CANCELLED)
    return Progress(
        committed=_summed(living, "investment_amount"),
        cleared=sum(releasable(account).values(), ZERO),
        funded=funded_total(account.offering_id),
        minimum=account.offering.minimum_amount,
        maximum=account.offering.maximum_amount,
    )


def of_account(account: EscrowAccount) -> QuerySet[Closing]:
    """Return the account's closings with who proposed and approved them, newest first."""
    return Closing.objects.filter(escrow_account=account).select_related("proposed_by", "approved_by")


def awaiting_approval() -> QuerySet[Closing]:
    """Return the closings that wait for a second person, oldest first."""
    return (
        Closing.objects.filter(status=Closing.Status.PROPOSED)
        .select_related("escrow_account__offering", "proposed_by")
        .order_by("proposed_at")
    )


def _summed(rows: QuerySet[Investment], column: str) -> Decimal:
    total: Decimal | None = rows.aggregate(total=Sum(column))["total"]
    return total or ZERO
