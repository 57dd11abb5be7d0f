"""Checks that wait are decided once, by somebody else, with a reason."""

import threading
from datetime import datetime, timedelta
from uuid import UUID

import pytest
from django.db import connection

from compliance.models import ComplianceCheck, SanctionsImport
from compliance.operations import checks, gate
from compliance.operations.checks import (
    DecidedOnProfile,
    NoteMissing,
    NotWaitingForReview,
    ReviewerIsSubject,
    UnknownDecision,
)
from compliance.queries import checks as queries
from escrow.models import EscrowAccount
from realco.errors import NotPermitted, Refusal
from realco.models import AuditEvent, User
from tests import factories
from tests.compliance.conftest import a_deposit
from tests.conftest import close_connections
from tests.stages import staged


@staged
def match(ivan: User, at: datetime) -> ComplianceCheck:
    """A possible match that waits."""
    gate.examine(ivan, payment=a_deposit(), at=at)
    return ComplianceCheck.objects.get(subject=ivan, check_type="OFAC")


def a_case(subject: User, at: datetime, payment_id: UUID | None = None) -> ComplianceCheck:
    return checks.open_case(
        subject, check_type="AML", rule_version="returns/2026.1", summary="R10", payment_id=payment_id, at=at
    )


class TestOpenCase:
    def test_opens_one_case_about_a_payment(
        self, investor: User, escrow: EscrowAccount, compliance_officer: User, at: datetime
    ) -> None:
        payment = factories.deposit(escrow, investor, "1000.00", at=at)
        case = a_case(investor, at, payment.pk)
        assert case.status == "MANUAL_REVIEW"
        assert a_case(investor, at, payment.pk) == case
        checks.decide(case, reviewer=compliance_officer, decision="FAILED", note="Fraud", at=at)
        assert a_case(investor, at, payment.pk) == case


class TestDecide:
    def test_signs_the_check_and_says_why_in_the_audit_trail(
        self, match: ComplianceCheck, compliance_officer: User, at: datetime
    ) -> None:
        decided = checks.decide(match, reviewer=compliance_officer, decision="PASSED", note=" Born 1999 ", at=at)
        assert (decided.status, decided.reviewed_by, decided.reviewed_at, decided.review_note) == (
            "PASSED",
            compliance_officer,
            at,
            "Born 1999",
        )
        event = AuditEvent.objects.filter(entity_type="compliance_checks", operation="UPDATE").latest("sequence")
        assert (event.user, event.action, event.reason) == (
            compliance_officer,
            "compliance_check.decide",
            "Born 1999",
        )

    def test_decides_what_asks_the_same_and_nothing_else(
        self, match: ComplianceCheck, ivan: User, compliance_officer: User, at: datetime
    ) -> None:
        gate.examine(ivan, payment=a_deposit(), at=at)
        other_payment = ComplianceCheck.objects.create(
            subject=ivan,
            check_type="OFAC",
            status="MANUAL_REVIEW",
            rule_version=match.rule_version,
            summary="Another party",
            details={"question": "ofac:other"},
            created_at=at,
        )
        checks.decide(match, reviewer=compliance_officer, decision="PASSED", note="Other person", at=at)
        assert list(queries.waiting()) == [other_payment]

    def test_decides_a_case_by_itself(self, person: User, compliance_officer: User, at: datetime) -> None:
        first, second = a_case(person, at), a_case(person, at)
        checks.decide(first, reviewer=compliance_officer, decision="FAILED", note="Confirmed fraud", at=at)
        assert list(queries.waiting()) == [second]

    def test_refuses_who_may_not_review(self, match: ComplianceCheck, approver: User, at: datetime) -> None:
        with pytest.raises(NotPermitted):
            checks.decide(match, reviewer=approver, decision="PASSED", note="Fine", at=at)

    @pytest.mark.parametrize("note", ["", "   "])
    def test_refuses_to_go_without_a_reason(
        self, match: ComplianceCheck, compliance_officer: User, at: datetime, note: str
    ) -> None:
        with pytest.raises(NoteMissing):
            checks.decide(match, reviewer=compliance_officer, decision="PASSED", note=note, at=at)

    @pytest.mark.parametrize("decision", ["", "PENDING", "MANUAL_REVIEW", "passed"])
    def test_refuses_what_is_no_decision(
        self, match: ComplianceCheck, compliance_officer: User, at: datetime, decision: str
    ) -> None:
        with pytest.raises(UnknownDecision):
            checks.decide(match, reviewer=compliance_officer, decision=decision, note="Fine", at=at)

    def test_refuses_the_person_it_is_about(self, compliance_officer: User, at: datetime) -> None:
        case = a_case(compliance_officer, at)
        with pytest.raises(ReviewerIsSubject):
            checks.decide(case, reviewer=compliance_officer, decision="PASSED", note="It is me", at=at)
        assert list(queries.waiting_for(compliance_officer)) == []

    def test_refuses_to_decide_twice(self, match: ComplianceCheck, compliance_officer: User, at: datetime) -> None:
        checks.decide(match, reviewer=compliance_officer, decision="PASSED", note="Other person", at=at)
        with pytest.raises(NotWaitingForReview):
            checks.decide(match, reviewer=compliance_officer, decision="FAILED", note="Changed my mind", at=at)

    def test_leaves_identity_to_the_profile(self, seeded: None, compliance_officer: User, at: datetime) -> None:
        stranger = factories.make_user("Stan Stranger")
        gate.examine(stranger, payment=a_deposit(), at=at)
        check = ComplianceCheck.objects.get(subject=stranger, check_type="KYC")
        with pytest.raises(DecidedOnProfile):
            checks.decide(check, reviewer=compliance_officer, decision="PASSED", note="I know him", at=at)


class TestReconsider:
    def test_opens_the_question_again_beside_the_decision(
        self, match: ComplianceCheck, compliance_officer: User, at: datetime
    ) -> None:
        checks.decide(match, reviewer=compliance_officer, decision="PASSED", note="Other person", at=at)
        later = at + timedelta(days=1)
        again = checks.reconsider(match, by=compliance_officer, note="New passport", at=later)
        assert again.pk != match.pk
        assert list(queries.waiting()) == [again]
        assert checks.reconsider(match, by=compliance_officer, note="Once more", at=later) == again

    def test_refuses_what_nobody_has_decided(
        self, match: ComplianceCheck, compliance_officer: User, at: datetime
    ) -> None:
        with pytest.raises(NotWaitingForReview):
            checks.reconsider(match, by=compliance_officer, note="Hm", at=at)


@pytest.mark.django_db(transaction=True)
class TestRace:
    def test_of_many_reviewers_one_decides(self, match: ComplianceCheck, march: SanctionsImport, at: datetime) -> None:
        officers = [factories.make_user(f"Officer {number}", "Compliance", is_staff=True) for number in range(6)]
        decided: list[str] = []
        refused: list[Refusal] = []
        together = threading.Barrier(len(officers))

        def decide(officer: User, decision: str) -> None:
            together.wait()
            try:
                checks.decide(match, reviewer=officer, decision=decision, note=f"By {officer}", at=at)
                decided.append(decision)
            except NotWaitingForReview as refusal:
                refused.append(refusal)
            finally:
                close_connections()

        threads = [
            threading.Thread(target=decide, args=(officer, "PASSED" if number % 2 else "FAILED"))
            for number, officer in enumerate(officers)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert (len(decided), len(refused)) == (1, 5)
        match.refresh_from_db()
        assert match.status == decided[0]


class TestWaiting:
    def test_uses_its_index(self, match: ComplianceCheck) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL enable_seqscan = off")
            plan = queries.waiting().explain()
        assert "compliance_checks_waiting" in plan
