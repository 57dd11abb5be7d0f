"""The gate before a payment: asks compliance about its party, with the figures that finance knows."""

from datetime import datetime

from compliance.models import CheckStatus
from compliance.operations import gate
from compliance.operations.gate import PaymentFacts, Verdict
from finance.models import Transaction
from finance.queries import totals
from realco.errors import Refusal
from realco.models import User


class ComplianceRefused(Refusal):
    """Compliance refuses the payment."""

    code = "COMPLIANCE_ERROR"


class ReviewPending(Refusal):
    """A person must first decide a possible match or another open question about the party."""

    code = "COMPLIANCE_ERROR"


def screen(payment: Transaction, *, party: User, at: datetime) -> Verdict:
    """
    Run every rule on a payment that exists, and leave the answers as compliance checks.

    The verdict is also noted on the payment; the caller saves it, and decides what follows.
    """
    verdict = gate.examine(party, payment=facts(payment, at=at), at=at)
    payment.compliance_check_passed = verdict.status == CheckStatus.PASSED
    payment.compliance_check_data = {
        "status": str(verdict.status),
        "summary": verdict.summary,
        "checks": [str(check.pk) for check in verdict.checks],
        "at": at.isoformat(),
    }
    return verdict


def facts(payment: Transaction, *, at: datetime) -> PaymentFacts:
    """Return what compliance is told about a payment; also for one that is not saved yet."""
    is_saved = not payment._state.adding
    assert payment.party is not None
    return PaymentFacts(
        payment_id=payment.pk if is_saved else None,
        type=payment.type,
        direction="IN" if payment.is_inbound else "OUT",
        amount=payment.amount,
        method=payment.payment_method,
        offering_id=payment.offering_id,
        exemption=payment.offering.exemption if payment.offering else "",
        totals=totals.deposited(payment.party.pk, at=at, excluding=payment.pk),
    )


def require_passed(verdict: Verdict) -> None:
    """
    Raise what the verdict means for the person who asked.

    :raises ComplianceRefused: if a check failed
    :raises ReviewPending: if a check waits for a person
    """
    if verdict.status == CheckStatus.FAILED:
        raise ComplianceRefused(
            f"Compliance refuses this payment: {verdict.summary}. Contact support if this is wrong."
        )
    if verdict.status != CheckStatus.PASSED:
        raise ReviewPending(f"Compliance must first review this: {verdict.summary}.")
