"""
Commitments that deposits make: what one brings beyond its investor's commitment so far is committed too (ADR 6).

What a reinvestment committed ends with it (ADR 42).
"""

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
        investments.commit(
            payment.offering,
            investor=payment.from_user,
            amount=missing,
            reference=_reference(payment) if payment.is_half else None,
            by=payment.initiated_by,
            at=at,
        )


def end_with(payment: Transaction, *, at: datetime) -> None:
    """
    End what a reinvested deposit committed, because it was given up or moved back; in its caller's transaction.

    Nobody else promised that: the investor chose to reinvest, not to pay. What other deposits of theirs need stays
    committed. Of every other payment this does nothing: who asks for a deposit means the commitment too.
    """
    if payment.is_half and payment.is_inbound:
        assert payment.from_user is not None and payment.offering is not None
        investments.end_commitment(
            payment.offering,
            investor=payment.from_user,
            reference=_reference(payment),
            paid_in=totals.paid_into(payment.offering.pk, payment.from_user.pk),
            at=at,
        )


def _reference(payment: Transaction) -> str:
    """Return what the commitment of a reinvested deposit is known by."""
    return f"reinvested:{payment.pk}"
