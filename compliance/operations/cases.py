"""Compliance cases: something happened that a person must look at before more money moves."""

from datetime import datetime
from uuid import UUID

from django.db import transaction

from compliance.models import CheckStatus, ComplianceCheck
from realco import audit
from realco.models import User

RULE_VERSION = "bank-return/2026.1"


def open_case(
    subject: User, *, payment_id: UUID | None, summary: str, details: dict[str, str], at: datetime
) -> ComplianceCheck:
    """
    Open a case about a person: an AML check that waits for manual review.

    The same payment and summary open one case, however often this is called.
    """
    with audit.acting("compliance_check.open_case", reason=summary), transaction.atomic():
        User.objects.select_for_update(no_key=True).get(pk=subject.pk)
        found = ComplianceCheck.objects.filter(
            subject=subject, payment_id=payment_id, summary=summary, rule_version=RULE_VERSION
        ).first()
        return found or ComplianceCheck.objects.create(
            subject=subject,
            payment_id=payment_id,
            check_type=ComplianceCheck.CheckType.AML,
            status=CheckStatus.MANUAL_REVIEW,
            rule_version=RULE_VERSION,
            summary=summary,
            details=details,
            created_at=at,
        )
