"""Screening people again, apart from any payment: before their money is released, and when a list has changed."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from django.db import transaction

from compliance import rules
from compliance.facts import DEPOSIT, PaymentFacts
from compliance.models import CheckStatus, ComplianceCheck, InvestorProfile
from compliance.models.compliance_checks import ComplianceCheckType
from compliance.queries import standing
from realco import audit
from realco.business_days import banking_date
from realco.identifiers import new_id
from realco.models import User
from realco.money import ZERO

_FACTS = PaymentFacts(payment_id=None, type=DEPOSIT, direction="IN", amount=ZERO, method="")
"""No payment is asked about: people are compared with the lists as somebody who pays in."""


def screen_again(people: Collection[UUID], *, at: datetime) -> list[ComplianceCheck]:
    """
    Compare people with the sanctions lists whose last answer is too old, and keep the answers.

    The answers stay whatever becomes of what they were asked for, so the caller must let them commit.
    A possible match waits for a person, as it does before a payment.
    """
    with audit.acting("compliance.screen_again"), transaction.atomic():
        stale = standing.unscreened(people, at=at)
        users = User.objects.filter(pk__in=stale).order_by("pk")
        profiles = {profile.user_id: profile for profile in InvestorProfile.objects.filter(user__in=stale)}
        asked = [(user, profiles.get(user.pk), _FACTS) for user in users]
        known = rules.look_up(asked)
        answers = [check for user, profile, _ in asked for check in _answers(user, profile, known=known, at=at)]
        return ComplianceCheck.objects.bulk_create(answers, batch_size=500)


def _answers(user: User, profile: InvestorProfile | None, *, known: rules.Known, at: datetime) -> list[ComplianceCheck]:
    """Return the new answers about a person; that old reviews clear every match is one of them."""
    question = rules.Question(subject=user, profile=profile, payment=_FACTS, at=at, on=banking_date(at), known=known)
    answers = rules.sanctions_lists(question)
    new = [check for check in answers if check._state.adding]
    if new or any(check.status != CheckStatus.PASSED for check in answers):
        return new
    return [
        ComplianceCheck(
            id=new_id(),
            check_type=ComplianceCheckType.OFAC,
            status=CheckStatus.PASSED,
            subject=user,
            rule_version=rules.SANCTIONS_VERSION,
            summary="Every possible match was cleared by a review before.",
            details={"question": f"ofac:again:{new_id()}", "reviewed_in": [str(check.pk) for check in answers]},
            created_at=at,
        )
    ]
