"""Commitments that deposits make: what one brings beyond its investor's commitment so far is committed too (ADR 6)."""

from datetime import datetime

from escrow.operations import investments
from escrow.queries.balances import commitment
from finance.models import Transaction
from finance.queries import totals


def commit_the_rest(payment: Transaction, *, at: datetime) -> None:
    """Commit what this deposit brings beyond the investor's commitment so far."""
    assert payment.from_user is not None and payment.offering is not None
    committed = commitment(payment.offering.pk, payment.from_user.pk)
    missing = totals.paid_into(payment.offering.pk, payment.from_user.pk) + payment.amount - committed
    if missing > 0:
        investments.commit(payment.offering, investor=payment.from_user, amount=missing, by=payment.initiated_by, at=at)
