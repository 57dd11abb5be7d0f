"""
Locks of payments, and the one order in which everybody takes locks, so that no two wait for one another.

    a refund run, or a distribution, its allocations, its reinvestments and their elections
      → payments together with their counterparts, by id
      → people, by id
      → escrow accounts, by id
      → offerings, by id → investments, by id
      → holds, closings and what else hangs on an account → ledger accounts

Whoever needs only some of these leaves the others out, but nobody goes back. Two halves of a movement are always
locked together, whichever was named: the one that comes is the younger, so that whoever took it first and then the
one that leaves would meet a worker that takes both by id. Two kinds of locks are older than this order and stand
before all of it: the advisory ones of an idempotency key, and of an account that is kept from being closed.
"""

from collections.abc import Iterable
from uuid import UUID

from django.db.models import Q, QuerySet

from escrow.models import EscrowAccount
from finance.models import Transaction

Status = Transaction.Status
UNSENT = Q(
    status__in=[Status.INITIATED, Status.PENDING_APPROVAL, Status.APPROVED, Status.QUEUED, Status.PENDING_RETRY]
) | Q(status=Status.ON_HOLD) & ~Q(held_from=Status.PROCESSING)
"""Payments of which a bank has nothing, so that they can be cancelled."""
_RELATED = ("offering", "escrow_account__offering", "from_user", "to_user", "initiated_by")


def payment(payment_id: UUID) -> Transaction:
    """
    Return a payment as it is now, locked until the transaction ends together with its counterpart, if it has one.

    :raises Transaction.DoesNotExist: if there is no such payment
    """
    rows = Transaction.objects.select_for_update(of=("self",), no_key=True).select_related(*_RELATED)
    for one in rows.filter(Q(pk=payment_id) | Q(counterpart=payment_id)).order_by("pk"):
        if str(one.pk) == str(payment_id):
            found = one
            break
    else:
        raise Transaction.DoesNotExist(f"There is no payment {payment_id}.")
    return found


def payments(wanted: QuerySet[Transaction], *, nowait: bool = False) -> list[UUID]:
    """
    Lock payments together with their counterparts, in the order of their ids, and return the ids of all of them.

    ``nowait`` is for whoever holds an escrow account: payments come before it, so that only those which nobody else
    holds may be added. What was wanted may have changed while others held it; look again.

    :raises OperationalError: with ``nowait``, if somebody else holds one of them; the caller is told to try again
    """
    pairs = wanted.order_by().values_list("pk", "counterpart_id")
    ids = {one for pair in pairs for one in pair if one is not None}
    rows = Transaction.objects.select_for_update(of=("self",), no_key=True, nowait=nowait).filter(pk__among=ids)
    return list(rows.order_by("pk").values_list("pk", flat=True))


def accounts(account_ids: Iterable[UUID], *, nowait: bool = False) -> None:
    """Lock escrow accounts in the order of their ids; ``nowait`` is for whoever holds one or an offering already."""
    rows = EscrowAccount.objects.select_for_update(no_key=True, nowait=nowait).filter(pk__in=set(account_ids))
    list(rows.order_by("pk").values_list("pk"))


def unsent(wanted: QuerySet[Transaction], *, nowait: bool = False) -> None:
    """
    Lock one escrow account's unsent payments, then the accounts that cancelling them posts to.

    Other halves of reinvestments are among them, and so are the accounts that their money would leave. Called by
    whoever cancels unsent payments before the account itself is locked.
    """
    halves = payments(wanted.filter(UNSENT), nowait=nowait)
    affected = Transaction.objects.filter(UNSENT, pk__among=halves).order_by()
    accounts(affected.values_list("escrow_account_id", flat=True), nowait=nowait)
