"""
Movements: the two payments, the halves, of money moved between two of our own escrow accounts.

Both are locked, read and saved together, and the escrow accounts of both are locked in the order of their ids.
"""

from dataclasses import dataclass
from uuid import UUID

from finance.models import Transaction, TransactionAttempt
from finance.operations import locks, transactions


@dataclass(frozen=True, slots=True)
class Movement:
    """The two halves, as locked or just made."""

    leaving: Transaction
    coming: Transaction

    @property
    def halves(self) -> tuple[Transaction, Transaction]:
        """Both of them."""
        return self.leaving, self.coming


def is_half(payment_id: UUID) -> bool:
    """Whether a payment is one half of a movement."""
    return Transaction.objects.filter(pk=payment_id, counterpart__isnull=False).exists()


def lock(payment_id: UUID) -> Movement:
    """Return both halves as they are now, locked in the order of their ids."""
    rows = Transaction.objects.select_for_update(of=("self",), no_key=True)
    return _found(rows, payment_id)


def read(payment_id: UUID) -> Movement:
    """Return both halves as they are, unlocked."""
    return _found(Transaction.objects.all(), payment_id)


def _found(rows: transactions.Rows, payment_id: UUID) -> Movement:
    other_id = Transaction.objects.values_list("counterpart_id", flat=True).get(pk=payment_id)
    related = ("offering", "escrow_account__offering", "from_user", "to_user", "initiated_by")
    found = rows.select_related(*related).filter(pk__in=[payment_id, other_id]).order_by("pk")
    first, second = found
    return Movement(first, second) if first.is_outbound else Movement(second, first)


def attempts(movement: Movement) -> list[TransactionAttempt]:
    """Return the attempts of the leaving and of the coming half."""
    found = {one.payment_id: one for one in TransactionAttempt.objects.filter(payment__in=movement.halves)}
    return [found[half.pk] for half in movement.halves]


def lock_accounts(movement: Movement) -> None:
    """Lock the escrow accounts of both halves."""
    locks.accounts(half.escrow_account_id for half in movement.halves)


def save(movement: Movement) -> None:
    """Save both halves."""
    for half in movement.halves:
        half.save()
