"""
Write-offs: ending an allocation whose payee cannot be paid for good, such as somebody who is gone.

One person proposes it with a reason, another approves it; until then it is paid if its obstacle goes away. Then
it is CANCELLED and can never be paid: its money is the offering's, promised to nobody. To the waterfall it was
not paid, so capital and preferred return of it are owed as before, and profit is shared anew.
"""

from datetime import datetime

from django.db import IntegrityError, transaction

from distributions.models import AllocationWriteOff, Distribution, DistributionAllocation
from distributions.operations import allocations as following
from distributions.operations import locks
from distributions.operations.distributions import ReasonMissing
from distributions.queries import deductions, payees
from distributions.queries import distributions as queries
from escrow.operations import ledger
from finance.models import Transaction
from finance.operations import transactions
from realco import audit, permissions
from realco.errors import IllegalTransition, NotPermitted
from realco.models import User

Status = AllocationWriteOff.Status
Allocation = DistributionAllocation.Status
Payment = Transaction.Status
ENDED = (Payment.CANCELLED, Payment.REVERSED)
ARRIVED = (Payment.SETTLED, Payment.COMPLETED)


class NotWaiting(IllegalTransition):
    """The allocation was paid, is being paid, or is over; only one that waits or has failed is written off."""


class PartlyPaid(IllegalTransition):
    """Part of the allocation has arrived; written off, that part would be paid once more."""


class RemittanceUnderWay(IllegalTransition):
    """Whether what was taken off stays taken off is not decided before its payment has arrived or is over."""


class CanBePaid(IllegalTransition):
    """Nothing keeps the payee from being paid any more."""


class WriteOffProposed(IllegalTransition):
    """A write-off of this allocation waits for a second person."""


class WriteOffNotProposed(IllegalTransition):
    """The write-off was approved or withdrawn before."""


class ApproverIsProposer(NotPermitted):
    """Whoever proposed a write-off cannot approve it."""


class PayeeDecides(NotPermitted):
    """Nobody decides about money that is theirs."""


def propose(allocation: DistributionAllocation, *, reason: str, by: User, at: datetime) -> AllocationWriteOff:
    """
    Propose that an allocation ends unpaid. Nothing changes before a second person approves it.

    :raises NotPermitted: if the person may not create distributions
    :raises ReasonMissing: without a reason
    :raises PayeeDecides: if it pays them
    :raises NotWaiting: if it neither waits nor has failed
    :raises PartlyPaid: if part of it has arrived
    :raises CanBePaid: if it waits for something that is mended
    :raises WriteOffProposed: if one was proposed already
    """
    permissions.require(by, permissions.CREATE_DISTRIBUTION)
    if not reason.strip():
        raise ReasonMissing("Say why; the payee is shown it, and it is kept.")
    with audit.acting("allocation.propose_write_off", by=by, reason=reason), transaction.atomic():
        distribution = locks.lock(allocation.distribution_id)
        row = _lock(distribution, allocation)
        _require_endable(distribution, row, by, at=at)
        try:
            with transaction.atomic():
                return AllocationWriteOff.objects.create(
                    allocation=row, amount=row.net_amount, reason=reason.strip()[:300], proposed_by=by, created_at=at
                )
        except IntegrityError as error:
            raise WriteOffProposed("A write-off of this allocation waits for a second person.") from error


def approve(write_off: AllocationWriteOff, *, approver: User, at: datetime) -> AllocationWriteOff:
    """
    Approve a write-off, which ends the allocation for good, and its distribution if that was the last of it.

    A failed payment of it is cancelled. Taken under the lock that paying takes: it is paid or written off, never both.

    :raises NotPermitted: if the person may not approve distributions
    :raises WriteOffNotProposed: if it was approved or withdrawn before
    :raises ApproverIsProposer: if they proposed it
    :raises RemittanceUnderWay: while a payment of what was taken off it is neither done nor over
    :raises Refusal: what ``propose`` refuses, as things stand now
    """
    permissions.require(approver, permissions.APPROVE_DISTRIBUTION)
    with audit.acting("allocation.write_off", by=approver, reason=write_off.reason), transaction.atomic():
        distribution = locks.lock(write_off.allocation.distribution_id)
        following.catch_up(distribution, at=at)
        write_off = _lock_proposed(write_off)
        if write_off.proposed_by_id == approver.pk:
            raise ApproverIsProposer("You proposed this write-off; somebody else has to approve it.")
        row = _lock(distribution, write_off.allocation)
        _require_endable(distribution, row, approver, at=at)
        failed = row.transaction
        if failed is not None and failed.status not in ENDED:
            transactions.cancel(failed, by=approver, reason=f"Written off: {write_off.reason}"[:300], at=at)
        with ledger.refusing():
            write_off.mark_executed(approver=approver, keeps_deductions=_was_remitted(distribution, row), at=at)
            write_off.save()
            row.mark_written_off(at=at)
            row.save(update_fields=["status", "written_off_at", "updated_at"])
        if row.investment_id and row.processed_at:
            following.tell_again(distribution, [row.investment_id], at=at)
        following.finish(distribution, at=at)
    return write_off


def withdraw(write_off: AllocationWriteOff, *, by: User, reason: str, at: datetime) -> AllocationWriteOff:
    """
    Take a proposed write-off back, or refuse it; the allocation goes on as if it had not been proposed.

    :raises NotPermitted: unless the person may create or approve distributions
    :raises ReasonMissing: without a reason
    :raises WriteOffNotProposed: if it was approved or withdrawn before
    """
    if not (by.is_active and by.has_perm(permissions.APPROVE_DISTRIBUTION)):
        permissions.require(by, permissions.CREATE_DISTRIBUTION)
    if not reason.strip():
        raise ReasonMissing("Say why; the reason is kept in the audit trail.")
    with audit.acting("allocation.withdraw_write_off", by=by, reason=reason), transaction.atomic():
        write_off = _lock_proposed(write_off)
        write_off.mark_withdrawn(by=by, reason=reason.strip()[:300], at=at)
        write_off.save()
    return write_off


def _lock(distribution: Distribution, allocation: DistributionAllocation) -> DistributionAllocation:
    rows = distribution.allocations.select_for_update(of=("self",), no_key=True)
    return rows.select_related("investor", "transaction").get(pk=allocation.pk)


def _lock_proposed(write_off: AllocationWriteOff) -> AllocationWriteOff:
    rows = AllocationWriteOff.objects.select_for_update(of=("self",), no_key=True)
    write_off = rows.select_related("allocation").get(pk=write_off.pk)
    if write_off.status != Status.PROPOSED:
        state = str(write_off.get_status_display()).lower()
        raise WriteOffNotProposed(f"This write-off is {state}.", status=write_off.status)
    return write_off


def _require_endable(distribution: Distribution, row: DistributionAllocation, by: User, *, at: datetime) -> None:
    if by.pk == row.investor_id:
        raise PayeeDecides("This money is yours; somebody else has to decide about it.")
    is_waiting = row.status == Allocation.PENDING and row.waiting_since is not None
    if distribution.status not in queries.PAYING or not (is_waiting or row.status == Allocation.FAILED):
        state = str(row.get_status_display()).lower()
        raise NotWaiting(f"This allocation is {state}; only one that waits, or has failed, is written off.")
    if row.reinvestments.filter(status__in=["MOVING", "DONE"]).exists():
        raise NotWaiting("Part of this allocation is reinvested, or just being moved; reverse that first.")
    if _has_arrived(distribution, row):
        raise PartlyPaid("Part of this allocation was paid before. Only what nothing was paid of is written off.")
    if is_waiting and not payees.of(distribution, [row], at=at)[row.pk].obstacle:
        raise CanBePaid(f"Nothing keeps {row.investor} from being paid any more; that happens within a minute.")


def _has_arrived(distribution: Distribution, row: DistributionAllocation) -> bool:
    """Whether some payment of an allocation has arrived, such as the part that another one left to be paid in cash."""
    payments = Transaction.objects.filter(to_user=row.investor_id, distribution=distribution)
    return payments.filter(metadata__allocation=str(row.pk), status__in=ARRIVED).exists()


def _was_remitted(distribution: Distribution, row: DistributionAllocation) -> bool:
    """
    Whether what was taken off an allocation has left escrow, so that it cannot come back.

    :raises RemittanceUnderWay: if a payment that was only asked for decides that
    """
    is_under_way = False
    for line in row.lines.all():
        taken = deductions.deducted(distribution, line.kind).taken_amount
        if taken - deductions.left_escrow(distribution, line.kind) < line.amount:
            return True
        is_under_way |= taken - deductions.may_leave_escrow(distribution, line.kind) < line.amount
    if is_under_way:
        raise RemittanceUnderWay(
            "What was taken off this allocation is just being remitted. Approve this when that payment has arrived,"
            " or was cancelled."
        )
    return False
