"""
Locks of a distribution: taken before those of its allocations, its payments and its escrow account.

Whoever changes it holds it alone; workers that make its payments share it.
"""

from uuid import UUID

from django.db import connection

from distributions.models import Distribution
from escrow.models import EscrowAccount

_ROWS = Distribution.objects.select_related("offering__organization", "escrow_account", "created_by", "executed_by")


def lock(distribution_id: UUID) -> Distribution:
    """Return a distribution with its row locked; always before its payments and its escrow account."""
    _queue_up("pg_advisory_xact_lock", distribution_id)
    return _ROWS.select_for_update(of=("self",), no_key=True).get(pk=distribution_id)


def lock_shared(distribution_id: UUID) -> Distribution:
    """Return a distribution that nobody changes meanwhile, though others may share it; whoever waits comes first."""
    _queue_up("pg_advisory_xact_lock_shared", distribution_id)
    with connection.cursor() as cursor:
        cursor.execute("SELECT FROM distributions WHERE id = %s FOR SHARE", [distribution_id])
    return _ROWS.get(pk=distribution_id)


def _queue_up(lock: str, distribution_id: UUID) -> None:
    """Wait in turn: those who share a row's lock pass by whoever waits for it alone, but not in this queue."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {lock}(hashtextextended(%s, 0))", [f"distribution {distribution_id}"])


def lock_account(distribution: Distribution) -> None:
    """Lock the escrow account, so that nothing is released from or paid out of it meanwhile."""
    EscrowAccount.objects.select_for_update(no_key=True).get(pk=distribution.escrow_account_id)
