"""Checks that wait for a person, and what was decided before about the same question."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from django.db.models import QuerySet

from compliance.models import CheckStatus, ComplianceCheck
from compliance.models.compliance_checks import ComplianceCheckType
from realco.models import User


def waiting() -> QuerySet[ComplianceCheck]:
    """Return the checks waiting for review, the longest waiting first."""
    return (
        ComplianceCheck.objects.filter(status=CheckStatus.MANUAL_REVIEW)
        .select_related("subject", "payment", "matched_party")
        .order_by("created_at", "id")
    )


def waiting_for(reviewer: User) -> QuerySet[ComplianceCheck]:
    """Return the checks this person may decide: all that wait, except those about themselves."""
    return waiting().exclude(subject=reviewer)


def same_question(check: ComplianceCheck) -> QuerySet[ComplianceCheck]:
    """Return the checks that asked the same about the same person, newest first; without a question it stands alone."""
    asked = check.details.get("question")
    alike = ComplianceCheck.objects.filter(subject_id=check.subject_id, check_type=check.check_type)
    alike = alike.filter(details__question=asked) if asked else alike.filter(pk=check.pk)
    return alike.order_by("-created_at", "-id")


def decision_on(check: ComplianceCheck) -> ComplianceCheck | None:
    """
    Return the review that answers this check's question, if there is one.

    It no longer does while a newer check of the same question waits: the question was opened again.
    """
    asked = list(same_question(check).exclude(pk=check.pk))
    decided = max((one for one in asked if one.reviewed_at is not None), key=_reviewed_at, default=None)
    if decided is None or any(_is_waiting(one) and one.created_at > _reviewed_at(decided) for one in asked):
        return None
    return decided


def waiting_already(check: ComplianceCheck) -> ComplianceCheck | None:
    """Return the check that waits with the same question for the same payment, if there is one."""
    return same_question(check).filter(status=CheckStatus.MANUAL_REVIEW, payment_id=check.payment_id).first()


def confirmed_matches(subject: User) -> dict[UUID, ComplianceCheck]:
    """
    Return the reviews by which this person is a listed party, by party, while the party is listed.

    They hold whatever the person is called now: a new name does not undo a confirmed match.
    """
    latest = (
        ComplianceCheck.objects.filter(
            subject=subject, check_type=ComplianceCheckType.OFAC, reviewed_at__isnull=False, matched_party__isnull=False
        )
        .select_related("matched_party")
        .order_by("matched_party_id", "-reviewed_at", "-created_at")
        .distinct("matched_party_id")
    )
    return {
        check.matched_party.pk: check
        for check in latest
        if check.status == CheckStatus.FAILED and check.matched_party and check.matched_party.removed_at is None
    }


def with_confirmed_match(subjects: Iterable[UUID]) -> QuerySet[ComplianceCheck, UUID]:
    """Return those of some people who have been reviewed as a listed party; what holds of it is in the reviews."""
    return (
        ComplianceCheck.objects.filter(
            subject_id__among=subjects,
            check_type=ComplianceCheckType.OFAC,
            reviewed_at__isnull=False,
            matched_party__isnull=False,
        )
        .order_by()
        .values_list("subject_id", flat=True)
        .distinct()
    )


def _is_waiting(check: ComplianceCheck) -> bool:
    return check.status == CheckStatus.MANUAL_REVIEW


def _reviewed_at(check: ComplianceCheck) -> datetime:
    assert check.reviewed_at is not None
    return check.reviewed_at
