"""
Paying an approved distribution: one payment for each allocation, nobody twice.

Payments are made in chunks, each chunk in one database transaction with its allocations, so that
a run cut short goes on where it stopped; an allocation that has a payment is not paid again. Any number
of workers make chunks at once: each locks its own allocations and passes over those of the others, and
shares the distribution's row with them, whose status nobody changes meanwhile. Who
cannot be paid now waits, still PENDING, with the reason, and is paid by the sweep when that is mended; only
a payment that was tried and did not arrive is FAILED.
"""

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from functools import partial
from uuid import UUID

from django.db import DatabaseError, transaction
from django.db.models import Exists, OuterRef, QuerySet

from distributions.models import Distribution, DistributionAllocation, Reinvestment
from distributions.operations import allocations as following
from distributions.operations import distributions, locks, reinvestments
from distributions.queries import distributions as queries
from distributions.queries import payees
from distributions.queries.payees import Payee
from finance.models import BankAccount, Transaction
from finance.operations import locks as payment_locks
from finance.operations import payouts as finance_payouts
from finance.operations import transactions
from finance.operations.orders import BankAccountNotUsable, Order, require_escrow_open, require_usable
from realco import audit, copying, garbage, permissions, queue, stopping_points
from realco.errors import IllegalTransition, Refusal
from realco.models import User
from realco.patience import is_rolled_back

Status = Distribution.Status
Allocation = DistributionAllocation.Status
CHUNK = 1000
FIRST = UUID(int=0)
"""Before every id there is."""
MOVED_TOGETHER = 50
"""Of a chunk so many reinvestments: each is much slower than a payment, and locks its target and its investor."""
PAYERS = 4
"""So many workers are called to a distribution of more than a chunk; fewer do as well, one after the other."""
_COLUMNS = (
    "id", "distribution_id", "investor_id", "investment_id", "net_amount", "status", "transaction_id", "failure_reason",
    "waiting_reason", "waiting_since", "processed_at",
)  # fmt: skip
"""What paying looks at and ``allocations.write`` writes."""
logger = logging.getLogger(__name__)


class NotApproved(IllegalTransition):
    """The distribution lacks signatures, or is being paid already."""


class NothingToRetry(IllegalTransition):
    """None of the distribution's payments has failed."""


class UnknownAllocation(Refusal):
    """A bank account was given for somebody who has no failed payment in this distribution."""


def execute(distribution: Distribution, *, executor: User, at: datetime) -> Distribution:
    """
    Pay an approved distribution: reserve its money and queue a payment to every payee.

    Who cannot be paid now waits with the reason, and is paid by the sweep once it is gone. If something else
    stops it half way, such as a frozen escrow account, it stays QUEUED or PROCESSING, says why in its
    metadata, and the sweep goes on with it. Call it outside of other transactions: each chunk commits.

    :raises NotPermitted: if the person may not execute distributions
    :raises NotApproved: if it lacks signatures, or was executed before
    :raises NumbersChanged: if an investment, the terms or another distribution has changed since, or the
        offering no longer holds the money; it went back to draft
    :raises EscrowNotOpen: if the escrow account is frozen or closed
    """
    _queue(distribution, executor=executor, at=at)
    with audit.acting("distribution.execute", by=executor):
        return resume(distribution.pk, at=at)


def hand_over(distribution: Distribution, *, executor: User, at: datetime) -> Distribution:
    """
    Do what ``execute`` does, but leave the payments of more than a chunk to the workers, and do not wait for them.

    It raises what ``execute`` raises. What the workers meet is found in the distribution's metadata.
    """
    _queue(distribution, executor=executor, at=at)
    if following.due(distribution).count() <= CHUNK:
        with audit.acting("distribution.execute", by=executor):
            return resume(distribution.pk, at=at)
    for _ in range(PAYERS):
        queue.enqueue("distributions.pay", distribution_id=distribution.pk)
    return Distribution.objects.get(pk=distribution.pk)


@garbage.uncollected()
def _queue(distribution: Distribution, *, executor: User, at: datetime) -> None:
    permissions.require(executor, permissions.EXECUTE_DISTRIBUTION)
    with audit.acting("distribution.execute", by=executor), transaction.atomic():
        distribution = locks.lock(distribution.pk)
        if distribution.status != Status.APPROVED:
            state = str(distribution.get_status_display()).lower()
            raise NotApproved(f"{distribution} is {state}; only an approved distribution is executed, once.")
        require_escrow_open(distribution.escrow_account, Transaction.Type.DISTRIBUTION)
        changes = distributions.changes_under_lock(distribution, anew=False)
        if changes:
            distributions.void(distribution)
        else:
            distribution.mark_queued(executor=executor, at=at)
            distribution.save()
    distributions.require_unchanged(distribution, changes)
    stopping_points.reach("distribution.queued")


def resume(distribution_id: UUID, *, at: datetime) -> Distribution:
    """Go on paying a distribution that was executed, until nobody is left; harmless at any time."""
    go_on(distribution_id, at=at)
    return Distribution.objects.get(pk=distribution_id)


def go_on(distribution_id: UUID, *, at: datetime) -> int:
    """
    Do the same, and return how many allocations were dealt with.

    What a lock in the way keeps from being done is left to the sweep.
    """
    done, last = 0, FIRST
    try:
        with garbage.uncollected():
            while True:
                paid, reached = pay_some(distribution_id, after=last, at=at)
                if not paid and last == FIRST:
                    break
                # Who was passed over, because another worker had them and then let go of them, is found from the start.
                done, last = done + paid, reached if paid else FIRST
                stopping_points.reach("distribution.between_chunks")
        end(distribution_id, at=at)
    except Refusal as refusal:
        logger.warning("distribution %s is stopped: %s", distribution_id, refusal)
        _note(distribution_id, str(refusal))
    except DatabaseError as error:
        if not is_rolled_back(error):
            raise
        # Whoever was in the way may be done soon; until then nobody waits for this worker, and the sweep goes on.
        logger.warning("distribution %s is left to the next sweep: %s", distribution_id, error)
    return done


def _begin(distribution_id: UUID) -> None:
    """
    Make a queued distribution PROCESSING, unless somebody has.

    :raises EscrowNotOpen: if the escrow account is frozen or closed
    """
    if not Distribution.objects.filter(pk=distribution_id, status=Status.QUEUED).exists():
        return
    with audit.acting("distribution.pay"), transaction.atomic():
        distribution = locks.lock(distribution_id)
        if distribution.status == Status.QUEUED:
            require_escrow_open(distribution.escrow_account, Transaction.Type.DISTRIBUTION)
            distribution.mark_processing()
            distribution.save()


def end(distribution_id: UUID, *, at: datetime) -> bool:
    """Give a distribution that is PROCESSING the status its allocations add up to; return whether it is another."""
    with audit.acting("distribution.finish"), transaction.atomic():
        distribution = locks.lock(distribution_id)
        return distribution.status == Status.PROCESSING and following.finish(distribution, at=at)


def pay_some(distribution_id: UUID, *, after: UUID = FIRST, at: datetime) -> tuple[int, UUID]:
    """
    Pay the next allocations of an executed distribution; return how many were dealt with, and the last of them.

    ``after`` is the last one of the chunk before: the next are found past all who were paid already.

    :raises Refusal: whatever making the payments refuses; then none of this chunk was made
    """
    _begin(distribution_id)
    with audit.acting("distribution.pay"), transaction.atomic():
        distribution = locks.lock_shared(distribution_id)
        if distribution.status != Status.PROCESSING:
            return 0, after
        due = following.due(distribution).filter(pk__gt=after)
        rows = _chunk(due.select_for_update(no_key=True, skip_locked=True))
        # A worker acts for whoever executed it.
        with audit.acting(by=distribution.executed_by):
            if rows:
                _pay(distribution, rows, payees.of(distribution, rows, at=at), at=at)
                stopping_points.reach("distribution.before_chunk_commits")
    return len(rows), rows[-1].pk if rows else after


def _chunk(rows: QuerySet[DistributionAllocation]) -> Sequence[DistributionAllocation]:
    """Return the next allocations to deal with in one transaction: fewer where many are to be reinvested."""
    planned = Reinvestment.objects.filter(allocation=OuterRef("pk"), status=Reinvestment.Status.PLANNED)
    found = copying.read(rows.order_by("pk"), _COLUMNS, limit=CHUNK, has_plan=Exists(planned))
    with_plans = [place for place, row in enumerate(found) if row.__dict__["has_plan"]]
    return found[: with_plans[MOVED_TOGETHER]] if len(with_plans) > MOVED_TOGETHER else found


def pay_waiting(distribution_id: UUID, *, at: datetime) -> int:
    """
    Pay those who waited and whose obstacle is gone, and note what keeps the others now; return how many moved.

    A chunk is one transaction; where one is refused (a frozen account), everybody goes on waiting.
    """
    moved, after = 0, FIRST
    while True:
        with audit.acting("distribution.pay_waiting"), transaction.atomic():
            distribution = locks.lock(distribution_id)
            if distribution.status not in queries.PAYING:
                return moved
            waiting = distribution.allocations.filter(status=Allocation.PENDING, waiting_since__isnull=False)
            waiting = waiting.exclude(reinvestments__status="MOVING")
            rows = _chunk(waiting.filter(pk__gt=after))
            if not rows:
                return moved
            after = rows[-1].pk
            found = payees.of(distribution, rows, at=at)
            changed = [row for row in rows if row.waiting_reason != found[row.pk].obstacle]
            if changed:
                _pay(distribution, changed, found, at=at)
                following.finish(distribution, at=at)
            moved += sum(not found[row.pk].obstacle for row in changed)


def retry_failed(
    distribution: Distribution, *, by: User, at: datetime, bank_accounts: Mapping[UUID, UUID] | None = None
) -> Distribution:
    """
    Pay once more those whose payment failed, and only those.

    ``bank_accounts`` maps allocation ids to the bank account to use; others get the one they
    verified last. Each new payment replaces the failed one, which can then not be retried itself.
    Who still cannot be paid stays FAILED with the reason.

    :raises NotPermitted: if the person may not execute distributions
    :raises NothingToRetry: if no payment has failed
    :raises UnknownAllocation: if a bank account is given for an allocation that has not failed
    :raises BankAccountNotUsable: if it is not the payee's own and verified
    :raises InsufficientFunds: if the offering no longer holds the money
    """
    permissions.require(by, permissions.EXECUTE_DISTRIBUTION)
    with audit.acting("distribution.retry", by=by), transaction.atomic():
        distribution = locks.lock(distribution.pk)
        following.catch_up(distribution, at=at)
        failed = list(
            distribution.allocations.filter(status=Allocation.FAILED).select_related("transaction").order_by("pk")
        )
        if not failed:
            raise NothingToRetry(f"No payment of {distribution} has failed.")
        require_escrow_open(distribution.escrow_account, Transaction.Type.DISTRIBUTION)
        found = payees.of(distribution, failed, at=at)
        found.update(_chosen(distribution, failed, found, bank_accounts or {}))
        payment_locks.payments(Transaction.objects.filter(pk__among=[row.transaction_id for row in failed]))
        for allocation in failed:
            old = allocation.transaction
            if old is not None and old.status == Transaction.Status.FAILED and not found[allocation.pk].obstacle:
                transactions.cancel(old, by=by, reason="Paid by a new payment instead", at=at)
        _pay(distribution, failed, found, at=at)
        following.finish(distribution, at=at)
    return distribution


def _pay(
    distribution: Distribution,
    rows: Sequence[DistributionAllocation],
    found: Mapping[UUID, Payee],
    *,
    at: datetime,
) -> None:
    """Make the payments of some allocations and mark these, in the caller's transaction."""
    approvers = queries.signers(distribution)[:2]
    free = [row for row in rows if found[row.id].obstacle in ("", payees.NO_ACCOUNT)]
    parts = reinvestments.begin(distribution, free, approvers=approvers, at=at)
    payable = []
    for allocation in rows:
        obstacle = parts.moving.get(allocation.id) or found[allocation.id].obstacle
        if not obstacle:
            payable.append(allocation)
        elif allocation.status == Allocation.FAILED:
            allocation.failure_reason = obstacle
        else:
            allocation.wait(reason=obstacle, at=at)
    finance_payouts.originate(
        [_order(distribution, row, found[row.id], parts.in_cash.get(row.id, row.net_amount)) for row in payable],
        keys=[_key(allocation) for allocation in payable],
        initiator=distribution.created_by,
        approvers=approvers,
        at=at,
        bank_accounts={account.id: account for payee in found.values() if (account := payee.bank_account)},
        before_reserving=partial(_mark, rows, payable, at=at),
    )


def _mark(
    rows: Sequence[DistributionAllocation],
    payable: Sequence[DistributionAllocation],
    payments: Sequence[Transaction],
    *,
    at: datetime,
) -> None:
    """Write what became of some allocations, of which those that are payable have their payments."""
    for allocation, payment in zip(payable, payments, strict=True):
        allocation.mark_processing(payment_id=payment.id)
        if payment.status == Transaction.Status.CANCELLED:
            allocation.mark_failed(reason=payment.cancelled_reason)
    following.write(rows, at=at)


def _order(distribution: Distribution, allocation: DistributionAllocation, payee: Payee, amount: Decimal) -> Order:
    """Return the order of an allocation's payment: of all that is due, but for what is reinvested."""
    assert payee.bank_account is not None
    return Order(
        type=Transaction.Type.DISTRIBUTION,
        payment_method=Transaction.Method.ACH,
        amount=amount,
        escrow_account_id=distribution.escrow_account_id,
        to_user_id=allocation.investor_id,
        to_bank_account_id=payee.bank_account.id,
        description=f"{distribution} of {distribution.offering}"[:300],
        metadata={"allocation": str(allocation.id)},
        distribution_id=distribution.pk,
        replaces_id=allocation.transaction_id,
    )


def _key(allocation: DistributionAllocation) -> str:
    """Return the idempotency key of an allocation's next payment: one for each payment it replaces."""
    return f"allocation:{allocation.id}:{allocation.transaction_id or 'first'}"


def _chosen(
    distribution: Distribution,
    failed: Sequence[DistributionAllocation],
    found: Mapping[UUID, Payee],
    bank_accounts: Mapping[UUID, UUID],
) -> dict[UUID, Payee]:
    """Return the payees whose bank account was chosen by a person, checked to be their own and verified."""
    rows = {allocation.pk: allocation for allocation in failed}
    if unknown := bank_accounts.keys() - rows.keys():
        raise UnknownAllocation(f"{len(unknown)} of these allocations have no failed payment in {distribution}.")
    accounts = BankAccount.objects.select_related("organization").in_bulk(list(bank_accounts.values()))
    chosen = {}
    for allocation_id, account_id in bank_accounts.items():
        account = accounts.get(account_id)
        owner_id = None
        if account is not None:
            owner_id = account.user_id if account.organization is None else account.organization.owner_id
        if account is None or owner_id != rows[allocation_id].investor_id:
            raise BankAccountNotUsable(f"There is no such bank account of {rows[allocation_id].investor}.")
        require_usable(account, to_debit=False)
        # Whatever else keeps this person from being paid still does; only the account is another.
        obstacle = found[allocation_id].obstacle
        chosen[allocation_id] = Payee(account, "" if obstacle == payees.NO_ACCOUNT else obstacle)
    return chosen


def _note(distribution_id: UUID, reason: str) -> None:
    """Keep why paying stopped where staff see it."""
    with audit.acting("distribution.stop", reason=reason), transaction.atomic():
        distribution = locks.lock(distribution_id)
        if distribution.metadata.get("stopped") != reason:
            distribution.metadata = {**distribution.metadata, "stopped": reason}
            distribution.save()
