"""Withholding: rates are entered with a reason; what was taken off is remitted by its own payment."""

from datetime import date, datetime
from decimal import Decimal

from django.db import transaction

from distributions.models import AllocationLine, Distribution, WithholdingRate
from distributions.operations.distributions import ReasonMissing
from distributions.queries import deductions
from finance.models import BankAccount, Transaction
from finance.operations import transactions
from finance.operations.orders import Order
from realco import audit, permissions
from realco.errors import NotPermitted, Refusal
from realco.models import User

Kind = AllocationLine.Kind
_FINEST = Decimal("0.000001")


class NotARate(Refusal):
    """A rate is a fraction from nothing to below one."""


class OwnRate(NotPermitted):
    """Nobody says what is withheld from themselves."""


class NothingToRemit(Refusal):
    """All of it was remitted, or nothing was taken off."""


def set_rate(
    investor: User, *, rate: Decimal, reason: str, effective_from: date, by: User, at: datetime
) -> WithholdingRate:
    """
    Say which part of an investor's income is withheld from a day on; 0 ends it.

    Distributions that were submitted before and go by this day have to be worked out again.

    :raises NotPermitted: if the person may not create distributions
    :raises OwnRate: if it is their own
    :raises NotARate: if it is not a fraction with six decimals at most
    :raises ReasonMissing: without a reason
    """
    permissions.require(by, permissions.CREATE_DISTRIBUTION)
    if investor.pk == by.pk:
        raise OwnRate("Somebody else must say what is withheld from you.")
    if not rate.is_finite() or not 0 <= rate < 1 or rate != rate.quantize(_FINEST):
        raise NotARate("Write a rate as a fraction with six decimals at most: 24% is 0.24.")
    if not reason.strip():
        raise ReasonMissing("Say why, such as the form that asks for it; the investor is shown it.")
    with audit.acting("withholding.set_rate", by=by, reason=reason), transaction.atomic():
        return WithholdingRate.objects.create(
            investor=investor,
            rate=rate,
            reason=reason.strip()[:300],
            effective_from=effective_from,
            entered_by=by,
            created_at=at,
        )


def due(distribution: Distribution, kind: str) -> Decimal:
    """Return what was taken off for a kind of deduction and has not been remitted, nor is about to be, US dollars."""
    return deductions.deducted(distribution, kind).due_amount


def remit(distribution: Distribution, *, kind: str, bank_account: BankAccount, by: User, at: datetime) -> Transaction:
    """
    Ask for the payment that takes what was withheld, or the platform's fee, out of escrow.

    It leaves the offering's ledger account as an escrow withdrawal, with the approvals that one needs.

    :raises NothingToRemit: if there is none left
    :raises Refusal: whatever ``transactions.initiate`` refuses
    """
    if kind not in Kind.values:
        raise NothingToRemit(f"“{kind}” is never taken off; it is one of {', '.join(Kind.values)}.")
    with audit.acting("distribution.remit", by=by), transaction.atomic():
        distribution = Distribution.objects.select_for_update(no_key=True).get(pk=distribution.pk)
        amount = due(distribution, kind)
        if amount <= 0:
            raise NothingToRemit(f"Nothing of {distribution} is left to remit.")
        number = Transaction.objects.filter(distribution=distribution, metadata__remits=kind).count()
        order = Order(
            type=Transaction.Type.ESCROW_WITHDRAWAL,
            payment_method=Transaction.Method.ACH,
            amount=amount,
            escrow_account_id=distribution.escrow_account_id,
            to_user_id=bank_account.owner_id,
            to_bank_account_id=bank_account.pk,
            description=f"{Kind(kind).label} of {distribution}",
            metadata={"remits": kind},
            distribution_id=distribution.pk,
        )
        return transactions.initiate(
            order, initiator=by, idempotency_key=f"remit:{distribution.pk}:{kind}:{number}", at=at
        )
