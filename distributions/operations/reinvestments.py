"""
Reinvestment of a distribution: planned with the figures that are signed, moved when it is executed.

Submitting a distribution writes down what its investors chose (elections.py). When their allocation is paid, that
part becomes two linked payments (``finance.operations.internal_transfers``) instead of a payout, if the election
still stands and the target takes the deposit; if not, it is paid in cash with the rest, and the row says why.
What follows a movement is in reinvestment_movements.py.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from django.db import transaction

from distributions.models import Distribution, DistributionAllocation, Reinvestment, ReinvestmentElection
from distributions.queries import payees
from distributions.queries import reinvestments as queries
from distributions.queries.entitlements import Figures
from escrow.models import EscrowAccount
from escrow.operations.ledger import EscrowNotOpen
from finance.models import Transaction
from finance.operations import internal_transfers
from finance.operations.orders import Order, require_escrow_open
from realco.errors import Refusal
from realco.models import User

Status = Reinvestment.Status


class NoEscrowAccount(Refusal):
    """The offering has no escrow account to pay into."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What of some allocations is being moved now, in words by allocation, and what of the others is due in cash."""

    moving: Mapping[UUID, str]
    in_cash: Mapping[UUID, Decimal]


def plan(distribution: Distribution, allocations: Sequence[DistributionAllocation | Figures], *, at: datetime) -> None:
    """Write down what is to be reinvested of a draft that is being submitted, in place of what was planned before."""
    cancel_plans(distribution, at=at)
    for one in queries.planned(distribution, allocations):
        one.created_at = at
        one.save(force_insert=True)


def cancel_plans(distribution: Distribution, *, at: datetime) -> None:
    """Give up what was planned for figures that no longer stand."""
    standing = Reinvestment.objects.select_for_update().filter(
        allocation__distribution=distribution, status=Status.PLANNED
    )
    for one in standing.order_by("pk"):
        one.mark_cancelled(at=at)
        one.save()


def begin(
    distribution: Distribution,
    rows: Sequence[DistributionAllocation],
    *,
    approvers: Collection[User],
    at: datetime,
) -> Parts:
    """
    Begin to move what is planned of some allocations that are being paid, in the caller's transaction.

    Whatever stands against a movement leaves nothing of it but the row's reason, and its part is due in cash; but
    the account that distributes is waited for. One query where nobody chose anything.

    :raises EscrowNotOpen: if something is planned and the account that distributes is frozen or closed
    """
    by_id = {row.pk: row for row in rows}
    plans = (
        Reinvestment.objects.select_for_update(of=("self",))
        .select_related("target_offering", "paid_before")
        .filter(allocation_id__among=by_id)
        .exclude(status=Status.CANCELLED)
        .order_by("pk")
    )
    moving: dict[UUID, str] = {}
    in_cash: dict[UUID, Decimal] = {}
    found = list(plans)
    planned = [one for one in found if one.status == Status.PLANNED]
    if planned:
        _require_source_open(distribution)
        _lock(distribution, planned, by_id)
    for one in found:
        allocation = by_id[one.allocation_id]
        if one.status == Status.PLANNED:
            _move(distribution, allocation, one, approvers=approvers, at=at)
        if one.status == Status.MOVING:
            moving[allocation.pk] = (
                f"{payees.BEING_REINVESTED} into {one.target_offering}; anything left is paid afterwards."
            )
        in_cash[allocation.pk] = queries.to_pay_in_cash(allocation, one)
    return Parts(moving, in_cash)


def _require_source_open(distribution: Distribution) -> None:
    """Refuse to give up what only waits until the account that distributes is open again; asked as it is now."""
    account = EscrowAccount.objects.get(pk=distribution.escrow_account_id)
    require_escrow_open(account, Transaction.Type.DISTRIBUTION)


def _lock(
    distribution: Distribution, planned: Sequence[Reinvestment], by_id: Mapping[UUID, DistributionAllocation]
) -> None:
    """Lock the elections, the investors, the account and the targets of all movements before the first is made."""
    elections = ReinvestmentElection.objects.select_for_update(no_key=True).filter(
        pk__in=[one.election_id for one in planned]
    )
    locked = {election.pk: election for election in elections.order_by("pk")}
    for one in planned:
        one.election = locked[one.election_id]
    internal_transfers.lock_parties(
        {by_id[one.allocation_id].investor_id for one in planned},
        source_id=distribution.escrow_account_id,
        offerings={one.target_offering_id for one in planned},
    )


def _move(
    distribution: Distribution,
    allocation: DistributionAllocation,
    planned: Reinvestment,
    *,
    approvers: Collection[User],
    at: datetime,
) -> None:
    """Make the two payments of a planned reinvestment, or note why it is paid in cash."""
    if planned.election.status != ReinvestmentElection.Status.ACTIVE:
        planned.mark_cash(reason=f"{planned.election.ended_reason}.", at=at)
        planned.save()
        return
    try:
        with transaction.atomic():
            movement = internal_transfers.originate(
                *_orders(distribution, allocation, planned),
                key=f"reinvestment:{planned.pk}",
                initiator=distribution.created_by,
                approvers=approvers,
                at=at,
            )
    except Refusal as refusal:
        if isinstance(refusal, EscrowNotOpen):
            _require_source_open(distribution)
        planned.mark_cash(reason=refusal.message, at=at)
    else:
        if movement.leaving.status == Transaction.Status.CANCELLED:
            planned.outbound = movement.leaving
            planned.mark_cash(reason=movement.coming.failure_message, at=at)
        else:
            planned.mark_moving(outbound=movement.leaving)
    planned.save()


def _orders(
    distribution: Distribution, allocation: DistributionAllocation, planned: Reinvestment
) -> tuple[Order, Order]:
    """Return the orders of the half that leaves and of the half that comes."""
    target = EscrowAccount.objects.filter(offering_id=planned.target_offering_id).first()
    if target is None:
        raise NoEscrowAccount(f"{planned.target_offering} has no escrow account.")
    metadata = {"allocation": str(allocation.pk), "reinvestment": str(planned.pk)}
    method = Transaction.Method.INTERNAL_TRANSFER
    leaving = Order(
        type=Transaction.Type.DISTRIBUTION,
        payment_method=method,
        amount=planned.amount,
        escrow_account_id=distribution.escrow_account_id,
        to_user_id=allocation.investor_id,
        description=f"{distribution} of {distribution.offering}, reinvested into {planned.target_offering}"[:300],
        metadata=metadata,
        distribution_id=distribution.pk,
    )
    coming = Order(
        type=Transaction.Type.DEPOSIT,
        payment_method=method,
        amount=planned.amount,
        escrow_account_id=target.pk,
        from_user_id=allocation.investor_id,
        description=f"Reinvested from {distribution} of {distribution.offering}"[:300],
        metadata=metadata,
    )
    return leaving, coming
