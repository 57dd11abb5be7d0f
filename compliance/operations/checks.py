"""Checks that need a person: opened, decided once with a reason, and opened again when somebody doubts."""

from datetime import datetime
from uuid import UUID

from django.db import transaction

from compliance.models import CheckStatus, ComplianceCheck
from compliance.models.compliance_checks import ComplianceCheckType
from compliance.queries import checks as queries
from realco import audit, permissions
from realco.errors import IllegalTransition, Refusal
from realco.identifiers import new_id
from realco.models import User

DECISIONS = (CheckStatus.PASSED, CheckStatus.FAILED)


class NotWaitingForReview(IllegalTransition):
    """The check has its answer."""


class ReviewerIsSubject(Refusal):
    """Nobody reviews a check about themselves."""

    code = "INSUFFICIENT_PERMISSIONS"


class NoteMissing(Refusal):
    """A review says why."""


class UnknownDecision(Refusal):
    """A review passes or fails a check; there is nothing between."""


class DecidedOnProfile(IllegalTransition):
    """Identity is recorded once on the investor's profile, not payment by payment."""


def decide(check: ComplianceCheck, *, reviewer: User, decision: str, note: str, at: datetime) -> ComplianceCheck:
    """
    Decide a check that waits, and with it every waiting check that asks the same about the person.

    :raises NotPermitted: if the reviewer may not review checks
    :raises UnknownDecision: if the decision is neither PASSED nor FAILED
    :raises NoteMissing: if the note does not say why
    :raises ReviewerIsSubject: if the check is about the reviewer
    :raises DecidedOnProfile: if it is about identity, which ``profiles.record_kyc`` answers
    :raises NotWaitingForReview: if it does not wait, or no longer
    """
    with audit.acting("compliance_check.decide", by=reviewer, reason=note.strip()), transaction.atomic():
        permissions.require(reviewer, permissions.REVIEW_CHECK)
        decided = _known_decision(decision)
        if not note.strip():
            raise NoteMissing("Say why: the note is what an examiner will read.")
        check = ComplianceCheck.objects.select_for_update().get(pk=check.pk)
        require_other_person(reviewer, check.subject_id)
        if check.check_type == ComplianceCheckType.KYC:
            raise DecidedOnProfile("Record the identity check on the investor's profile; its payments follow it.")
        if check.status != CheckStatus.MANUAL_REVIEW:
            raise NotWaitingForReview("This check does not wait for a review; it may have been decided just now.")
        sign(same_and_waiting(check), status=decided, reviewer=reviewer, note=note.strip(), at=at)
        check.refresh_from_db()
        return check


def reconsider(check: ComplianceCheck, *, by: User, note: str, at: datetime) -> ComplianceCheck:
    """
    Open the question of a decided check again: a new check that waits, beside the old one.

    Until it is decided a cleared match waits again; a confirmed match goes on refusing.

    :raises NotPermitted: if the person may not review checks
    :raises NoteMissing: if the note does not say why
    :raises ReviewerIsSubject: if the check is about them
    :raises NotWaitingForReview: if no person has decided it
    """
    with audit.acting("compliance_check.reconsider", by=by, reason=note.strip()), transaction.atomic():
        permissions.require(by, permissions.REVIEW_CHECK)
        if not note.strip():
            raise NoteMissing("Say why the decision is in doubt.")
        check = ComplianceCheck.objects.select_for_update().get(pk=check.pk)
        require_other_person(by, check.subject_id)
        if check.reviewed_at is None or check.check_type == ComplianceCheckType.KYC:
            raise NotWaitingForReview("Only what a person has decided can be reconsidered; identity on the profile.")
        again = ComplianceCheck(
            id=new_id(),
            check_type=check.check_type,
            status=CheckStatus.MANUAL_REVIEW,
            subject_id=check.subject_id,
            payment_id=check.payment_id,
            rule_version=check.rule_version,
            summary=f"Reconsidered: {note.strip()}"[:300],
            details={**check.details, "reconsiders": str(check.pk)},
            score=check.score,
            matched_party_id=check.matched_party_id,
            created_at=at,
        )
        waiting = queries.waiting_already(again)
        if waiting is not None:
            return waiting
        again.save(force_insert=True)
        return again


def open_case(
    subject: User, *, check_type: str, rule_version: str, summary: str, payment_id: UUID | None, at: datetime
) -> ComplianceCheck:
    """
    Open a case for a person to look at, such as a return that says a payment was not authorised.

    One rule opens one case about a payment, decided since or not. It asks for no permission: other
    operations call it, and whoever they act for need not review checks.
    """
    with audit.acting("compliance_check.open_case", reason=summary), transaction.atomic():
        case = ComplianceCheck(
            id=new_id(),
            check_type=ComplianceCheckType(check_type),
            status=CheckStatus.MANUAL_REVIEW,
            subject=subject,
            payment_id=payment_id,
            rule_version=rule_version,
            summary=summary[:300],
            details={"question": f"case:{rule_version}:{payment_id or new_id()}"},
            created_at=at,
        )
        opened = queries.same_question(case).first()
        if opened is not None:
            return opened
        case.save(force_insert=True)
        return case


def require_other_person(reviewer: User, subject_id: UUID) -> None:
    """
    Refuse a reviewer who is the person reviewed.

    :raises ReviewerIsSubject: if it is the same person
    """
    if reviewer.pk == subject_id:
        raise ReviewerIsSubject("This is about yourself; somebody else has to decide it.")


def same_and_waiting(check: ComplianceCheck) -> list[ComplianceCheck]:
    """Lock and return this check and those that wait with the same question."""
    waiting = queries.same_question(check).filter(status=CheckStatus.MANUAL_REVIEW)
    return list(waiting.order_by("pk").select_for_update())


def sign(
    waiting: list[ComplianceCheck], *, status: CheckStatus, reviewer: User, note: str, at: datetime
) -> list[ComplianceCheck]:
    """Write a decision and who made it on checks that are locked and wait."""
    for one in waiting:
        one.status = status
        one.reviewed_by = reviewer
        one.reviewed_at = at
        one.review_note = note
    ComplianceCheck.objects.bulk_update(waiting, ["status", "reviewed_by", "reviewed_at", "review_note"])
    return waiting


def _known_decision(decision: str) -> CheckStatus:
    if decision not in DECISIONS:
        raise UnknownDecision("A review passes or fails a check.")
    return CheckStatus(decision)
