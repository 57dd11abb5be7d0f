"""The gate before a payment: asks compliance about its party, with the figures that finance knows."""

from datetime import datetime

from compliance.facts import PaymentFacts
from compliance.operations import gate
from compliance.operations.gate import Verdict
from finance.models import Transaction
from finance.queries import totals
from realco.models import User


def screen(payment: Transaction, *, party: User, at: datetime) -> Verdict:
    """
    Run every rule on a payment that exists, and leave the answers as compliance checks.

    The verdict is also noted on the payment; the caller saves it, and decides what follows.
    """
    verdict = gate.examine(party, payment=facts(payment, at=at), at=at)
    payment.compliance_check_passed = verdict.is_passed
    payment.compliance_check_data = verdict.data
    return verdict


def facts(payment: Transaction, *, at: datetime) -> PaymentFacts:
    """Return what compliance is told about a payment; also for one that is not saved yet."""
    is_saved = not payment._state.adding
    assert payment.party is not None
    account = payment.from_bank_account or payment.to_bank_account
    return PaymentFacts(
        payment_id=payment.pk if is_saved else None,
        type=payment.type,
        direction="IN" if payment.is_inbound else "OUT",
        amount=payment.amount,
        method=payment.payment_method,
        offering_id=payment.offering_id,
        exemption=payment.offering.exemption if payment.offering else "",
        totals=totals.deposited(payment.party.pk, at=at, excluding=payment.pk),
        account_holder=account.holder_name if account else "",
    )
