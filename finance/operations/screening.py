"""The gate before a payment: asks compliance about its party, with the figures that finance knows."""

from collections.abc import Sequence
from datetime import datetime

from compliance.facts import PaymentFacts, Totals
from compliance.operations import gate
from compliance.operations.gate import Verdict, keep
from finance.models import Transaction
from finance.queries import totals
from realco.models import User

__all__ = ["facts", "keep", "screen", "screen_many"]


def screen(payment: Transaction, *, party: User, at: datetime) -> Verdict:
    """
    Run every rule on a payment that exists, and leave the answers as compliance checks.

    The verdict is also noted on the payment; the caller saves it, and decides what follows.
    """
    verdict = gate.examine(party, payment=facts(payment, at=at), at=at)
    _note(payment, verdict)
    return verdict


def screen_many(payments: Sequence[Transaction], *, at: datetime) -> list[Verdict]:
    """
    Screen many payments that are not saved yet, each with the answers that ``screen`` gives.

    The caller saves them in the same transaction, and then ``keep``s the answers, which name them.
    """
    paid_in = totals.deposited_by([payment.party.id for payment in payments], at=at)
    asked = [
        (
            payment.party,
            facts(payment, at=at, known=paid_in[payment.party.id] if payment.is_outbound else None, is_made=True),
        )
        for payment in payments
    ]
    verdicts = gate.answer_many(asked, at=at)
    for payment, verdict in zip(payments, verdicts, strict=True):
        _note(payment, verdict)
    return verdicts


def _note(payment: Transaction, verdict: Verdict) -> None:
    payment.compliance_check_passed = verdict.is_passed
    payment.compliance_check_data = verdict.data


def facts(payment: Transaction, *, at: datetime, known: Totals | None = None, is_made: bool = False) -> PaymentFacts:
    """
    Return what compliance is told about a payment; also for one that is not saved yet.

    ``known`` are the totals that its party has paid in besides it, if they have been counted. ``is_made``
    if it will be saved in the same transaction, whatever the answer.
    """
    is_saved = is_made or not payment._state.adding
    assert payment.party is not None
    account = payment.from_bank_account or payment.to_bank_account
    return PaymentFacts(
        payment_id=payment.id if is_saved else None,
        type=payment.type,
        direction="IN" if payment.is_inbound else "OUT",
        amount=payment.amount,
        method=payment.payment_method,
        offering_id=payment.offering_id,
        exemption=payment.offering.exemption if payment.offering else "",
        totals=known or totals.deposited(payment.party.id, at=at, excluding=payment.id),
        account_holder=account.holder_name if account else "",
    )
