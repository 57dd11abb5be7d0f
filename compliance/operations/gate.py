"""
The gate: before a payment is approved or queued, the rules are asked and their answers kept.

The answers stay as ComplianceChecks whatever becomes of the payment, so the caller must let them
commit even when the payment is refused. What a refusal says to an investor never tells them what
was found: warning the subject of a suspicion is itself an offence.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from django.db import transaction

from compliance.facts import PaymentFacts, Totals
from compliance.models import CheckStatus, ComplianceCheck, InvestorProfile
from compliance.models.compliance_checks import ComplianceCheckType
from compliance.models.transaction_limits import LimitType
from compliance.queries import limits
from compliance.rules import NOT_ASKED, RULES, Question, Rule, look_up
from realco import audit, copying
from realco.business_days import banking_date
from realco.errors import Refusal
from realco.models import User
from realco.money import ZERO, format_money, to_json

__all__ = [
    "AwaitsReview",
    "ComplianceRefused",
    "PaymentFacts",
    "Totals",
    "TransactionLimitExceeded",
    "Verdict",
    "answer_many",
    "examine",
    "examine_many",
    "keep",
    "require_within_limits",
]


_ASKED = [field.attname for field in InvestorProfile._meta.concrete_fields if field.name not in NOT_ASKED]
"""What the rules may look at of a profile."""


class ComplianceRefused(Refusal):
    """A rule of compliance forbids this payment."""

    code = "COMPLIANCE_ERROR"


class AwaitsReview(ComplianceRefused):
    """A person has to look at this payment first."""


class TransactionLimitExceeded(Refusal):
    """The payment is over a limit that holds for this investor."""

    code = "TRANSACTION_LIMIT_EXCEEDED"

    def __init__(self, limit_type: LimitType, *, limit: Decimal, used: Decimal, asked: Decimal) -> None:
        room = max(ZERO, limit - used)
        advice = f"you can pay in up to {format_money(room)}." if room else "nothing more can be paid in for now."
        used_of_it = f", of which {format_money(used)} is used" if used else ""
        super().__init__(
            f"{format_money(asked)} is over your {limit_type.label.lower()} limit of {format_money(limit)}"
            f"{used_of_it}; {advice}",
            limit_type=limit_type.value,
            limit=to_json(limit),
            used=to_json(used),
            asked=to_json(asked),
        )


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the rules answered together: failed if one failed, manual review if one waits, else passed."""

    status: CheckStatus
    checks: tuple[ComplianceCheck, ...]

    @property
    def is_passed(self) -> bool:
        """Whether every rule let the payment pass."""
        return self.status == CheckStatus.PASSED

    @property
    def findings(self) -> str:
        """What stands against the payment, check by check, for compliance only."""
        return " ".join(check.summary for check in self._against()) or "All checks passed."

    @property
    def summary(self) -> str:
        """
        What stands against the payment, as far as its investor may know: half a sentence, without a full stop.

        Whether a name resembles a listed one, or a pattern looks suspicious, they may not.
        """
        against = self._against()
        failed = [check for check in against if check.status == CheckStatus.FAILED]
        if failed:
            over = [check for check in failed if check.check_type == ComplianceCheckType.LIMIT_CHECK]
            return over[0].summary.rstrip(".") if len(over) == len(failed) else "it does not meet our rules"
        if against and all(check.check_type == ComplianceCheckType.KYC for check in against):
            return "the investor's identity has not been verified yet"
        return "our compliance staff has to look at it first" if against else "all checks passed"

    @property
    def data(self) -> dict[str, object]:
        """The answers for the payment's own row: which checks under which rules, and nothing of what was found."""
        return {
            "status": self.status.value,
            "checks": [
                {
                    "id": str(check.id),
                    "check_type": str(check.check_type),
                    "status": str(check.status),
                    "rule_version": check.rule_version,
                }
                for check in self.checks
            ],
        }

    def require_passed(self) -> None:
        """
        Refuse unless every rule let the payment pass.

        :raises TransactionLimitExceeded: if a limit is all that stands against it
        :raises AwaitsReview: if a person has to look at it first
        :raises ComplianceRefused: if a rule forbids it
        """
        failed = [check for check in self._against() if check.status == CheckStatus.FAILED]
        if failed and all(check.check_type == ComplianceCheckType.LIMIT_CHECK for check in failed):
            _refuse_over_limit(failed[0])
        if failed:
            raise ComplianceRefused(f"We cannot make this payment: {self.summary}. Please get in touch with us.")
        if not self.is_passed:
            raise AwaitsReview(f"This payment cannot go on yet: {self.summary}.")

    def _against(self) -> list[ComplianceCheck]:
        return [check for check in self.checks if check.status != CheckStatus.PASSED]


def require_within_limits(facts: PaymentFacts, profile: InvestorProfile | None, *, on: date) -> None:
    """
    Refuse a payment that is over a limit, before there is a row for it.

    :raises TransactionLimitExceeded: naming the first limit it is over
    """
    for measure in limits.measures(facts, profile, on=on):
        if measure.limit is not None and measure.is_exceeded_by(facts.amount):
            raise TransactionLimitExceeded(
                measure.limit_type, limit=measure.limit, used=measure.used, asked=facts.amount
            )


def examine(subject: User, *, payment: PaymentFacts, at: datetime, rules: Sequence[Rule] = RULES) -> Verdict:
    """
    Ask every rule about a payment and keep the answers.

    Asking twice about the same payment does not fill the review queue: a check that waits already
    is answered with, and one a person has decided is not asked again. ``subject`` is the investor
    or payee, not whoever clicks.
    """
    [verdict] = examine_many([(subject, payment)], at=at, rules=rules)
    return verdict


def examine_many(
    asked: Sequence[tuple[User, PaymentFacts]], *, at: datetime, rules: Sequence[Rule] = RULES
) -> list[Verdict]:
    """
    Ask every rule about each of many payments, and keep the answers with one statement.

    The answers are those that ``examine`` gives one by one.
    """
    with transaction.atomic():
        verdicts = answer_many(asked, at=at, rules=rules)
        keep(verdicts)
    return verdicts


def answer_many(
    asked: Sequence[tuple[User, PaymentFacts]], *, at: datetime, rules: Sequence[Rule] = RULES
) -> list[Verdict]:
    """Ask every rule about each of many payments that are not saved yet; once they are, ``keep`` the answers."""
    subjects = {subject.id for subject, _ in asked}
    known_people = copying.read(InvestorProfile.objects.filter(user_id__among=subjects), _ASKED)
    profiles = {profile.user_id: profile for profile in known_people}
    known = look_up([(subject, profiles.get(subject.id), payment) for subject, payment in asked])
    on = banking_date(at)
    verdicts = []
    for subject, payment in asked:
        profile = profiles.get(subject.id)
        question = Question(subject=subject, profile=profile, payment=payment, at=at, on=on, known=known)
        answers = tuple(check for rule in rules for check in rule(question))
        verdicts.append(Verdict(_worst(answers), answers))
    return verdicts


def keep(verdicts: Sequence[Verdict]) -> None:
    """Keep the answers of verdicts, with one statement; the payments they are about are there."""
    new = {check.id: check for verdict in verdicts for check in verdict.checks if check._state.adding}
    with audit.acting("compliance_check.examine"):
        copying.insert(ComplianceCheck, list(new.values()))


def _worst(answers: Sequence[ComplianceCheck]) -> CheckStatus:
    statuses = {check.status for check in answers}
    if CheckStatus.FAILED in statuses:
        return CheckStatus.FAILED
    return CheckStatus.PASSED if statuses <= {CheckStatus.PASSED} else CheckStatus.MANUAL_REVIEW


def _refuse_over_limit(check: ComplianceCheck) -> None:
    """Refuse with the figures that a failed check of limits has kept."""
    asked = Decimal(check.details["asked"])
    for kept in check.details["limits"]:
        limit, used = Decimal(kept["limit"] or "0"), Decimal(kept["used"])
        if kept["limit"] is not None and used + asked > limit:
            raise TransactionLimitExceeded(LimitType(kept["limit_type"]), limit=limit, used=used, asked=asked)
