"""What a closing would release, and how far an offering has come towards its minimum."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from django.db.models import QuerySet, Sum

from escrow.models import Closing, EscrowAccount, Investment
from escrow.queries import release_gate

ZERO = Decimal("0.00")


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


def funded_total(offering_id: UUID) -> Decimal:
    """Return what closings have released to the offering so far."""
    return _summed(Investment.objects.filter(offering_id=offering_id), "funded_amount")


def progress(account: EscrowAccount, *, at: datetime) -> Progress:
    """Return how far the raise has come at a moment; four queries."""
    living = Investment.objects.filter(offering_id=account.offering_id).exclude(status=Investment.Status.CANCELLED)
    return Progress(
        committed=_summed(living, "investment_amount"),
        cleared=sum(release_gate.releasable(account.pk, at=at).values(), ZERO),
        funded=funded_total(account.offering_id),
        minimum=account.offering.minimum_amount,
        maximum=account.offering.maximum_amount,
    )


def of_account(account: EscrowAccount) -> QuerySet[Closing]:
    """Return the account's closings with who proposed and signed them, newest first."""
    found = Closing.objects.filter(escrow_account=account).select_related("proposed_by", "approved_by")
    return found.prefetch_related("approvals__approver")


def awaiting_approval() -> QuerySet[Closing]:
    """Return the closings that wait for signatures, oldest first."""
    return (
        Closing.objects.filter(status=Closing.Status.PROPOSED)
        .select_related("escrow_account__offering", "proposed_by")
        .order_by("proposed_at")
    )


def _summed(rows: QuerySet[Investment], column: str) -> Decimal:
    total: Decimal | None = rows.aggregate(total=Sum(column))["total"]
    return total or ZERO
