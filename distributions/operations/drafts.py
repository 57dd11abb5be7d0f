"""
Drafts: what drawing up a distribution of any nature asks for: a key, an offering that distributes, its money, a number.

Callers hold the transaction.
"""

from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from django.db import connection

from distributions.models import Distribution
from distributions.queries.distributions import available
from escrow.models import EscrowAccount
from escrow.operations.ledger import InsufficientFunds
from finance.operations.orders import require_escrow_open
from realco.business_days import banking_date
from realco.errors import Duplicate, Refusal
from realco.models import Offering
from realco.money import format_money, to_json

DISTRIBUTING = (Offering.Status.FUNDED, Offering.Status.OPERATING, Offering.Status.EXITED)


class IdempotencyKeyMissing(Refusal):
    """A distribution is created under a key, so that asking twice creates one."""


class IdempotencyKeyReused(Duplicate):
    """The key was used for another distribution."""


class NoEscrowAccount(Refusal):
    """The offering has no escrow account to pay from."""


class OfferingNotDistributing(Refusal):
    """The offering has not closed its raise, or has failed."""

    code = "INVALID_STATE_TRANSITION"


class DayInFuture(Refusal):
    """Nobody knows yet what the figures of that day will be."""


def require_key(idempotency_key: str) -> None:
    """
    Refuse a distribution that is asked for without a key.

    :raises IdempotencyKeyMissing: if there is none, or it is too long
    """
    if not 1 <= len(idempotency_key.strip()) <= 200:
        raise IdempotencyKeyMissing("Give an idempotency key of 1 to 200 characters, a new one for each distribution.")


def require_distributing(offering: Offering, as_of_date: date, *, at: datetime) -> EscrowAccount:
    """
    Return the escrow account that an offering distributes from.

    :raises NoEscrowAccount: if it has none
    :raises OfferingNotDistributing: if it is not funded, operating or exited
    :raises DayInFuture: if the day has not come
    :raises EscrowNotOpen: if the account is frozen or closed
    """
    account = EscrowAccount.objects.select_related("offering").filter(offering_id=offering.pk).first()
    if account is None:
        raise NoEscrowAccount(f"{offering} has no escrow account. Open one first.")
    if account.offering.status not in DISTRIBUTING:
        status = account.offering.get_status_display().lower()
        raise OfferingNotDistributing(f"{offering} is {status}; it distributes only after it has closed its raise.")
    if as_of_date > banking_date(at):
        raise DayInFuture(f"{as_of_date} has not come yet. Choose today or an earlier day.")
    require_escrow_open(account, "DISTRIBUTION")
    return account


def require_available(account_id: UUID, amount: Decimal, *, excluding: UUID | None = None) -> None:
    """
    Refuse an amount above what an offering holds and has not promised.

    :raises InsufficientFunds: with what it can distribute
    """
    left = available(account_id, excluding=excluding)
    if amount > left:
        raise InsufficientFunds(
            f"The offering can distribute {format_money(left)}, not {format_money(amount)}."
            " What is approved but not yet paid, and premiums owed to investors, have been taken off.",
            available=to_json(left),
            asked=to_json(amount),
        )


def find_earlier(key: str, request_hash: str) -> Distribution | None:
    """Return the distribution of this key, after waiting for anybody who is creating it right now."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [key])
    earlier = Distribution.objects.filter(idempotency_key=key).first()
    if earlier is not None and earlier.request_hash != request_hash:
        raise IdempotencyKeyReused(
            "This idempotency key was used for another distribution. Use a new key for a new one.",
            distribution_id=str(earlier.pk),
        )
    return earlier


def next_number(year: int) -> str:
    """Return the next number of a distribution of a year."""
    with connection.cursor() as cursor:
        return str(cursor.execute("SELECT realco_next_number('DIST', %s)", [year]).fetchone()[0])
