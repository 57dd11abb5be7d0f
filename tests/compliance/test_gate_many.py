"""Asking about many payments at once: everybody gets the answers that they get alone, for a few queries."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import pytest
from django.db import transaction

from compliance.facts import PaymentFacts
from compliance.models import CheckStatus, ComplianceCheck
from compliance.operations import checks, gate, profiles
from compliance.operations.gate import Verdict
from escrow.models import EscrowAccount
from finance.operations import screening
from realco import admin_history
from realco.models import AuditEvent, Organization, User
from tests import factories
from tests.compliance.conftest import a_deposit, profile_of

REFUND = {"type": "REFUND", "direction": "OUT"}


def answers(verdict: Verdict) -> list[tuple[str, str, str, str]]:
    """What was answered, without the ids that no two answers share."""
    return sorted((c.check_type, c.status, c.rule_version, c.summary) for c in verdict.checks)


def alone(asked: Sequence[tuple[User, PaymentFacts]], at: datetime) -> list[list[tuple[str, str, str, str]]]:
    """Ask about each by itself, and leave nothing behind."""
    found = []
    for subject, payment in asked:
        with transaction.atomic():
            found.append(answers(gate.examine(subject, payment=payment, at=at)))
            transaction.set_rollback(True)
    return found


@pytest.fixture
def people(seeded: None, march: object, ivan: User, compliance_officer: User, at: datetime) -> list[User]:
    """Harmless, restricted, without a profile, listed by login, name, company and review, and cleared by a review."""
    harmless, restricted, listed_login = (
        factories.make_user(name) for name in ("Hal H", "Rita R", "Krug Ivan Petrovich")
    )
    factories.make_profile(harmless, at)
    factories.make_profile(restricted, at)
    factories.make_profile(listed_login, at, legal_name="Harmless Name")
    profiles.restrict(profile_of(restricted), by=compliance_officer, reason="Looked at", at=at)
    owner = factories.make_user("Sam Sponsor")
    Organization.objects.create(name="Nowhere Trading Co. SA", kind="SPONSOR", owner=owner)
    confirmed = factories.make_user("Ivan Kroog")
    factories.make_profile(confirmed, at)
    found = gate.examine(confirmed, payment=a_deposit(), at=at)
    waiting = next(check for check in found.checks if check.status == CheckStatus.MANUAL_REVIEW)
    checks.decide(waiting, reviewer=compliance_officer, decision="FAILED", note="It is he", at=at)
    User.objects.filter(pk=confirmed.pk).update(full_name="John Harmless")
    confirmed.refresh_from_db()
    jose = factories.make_user("José Muñoz O'Hara")
    factories.make_profile(jose, at)
    found = gate.examine(jose, payment=a_deposit(), at=at)
    waiting = next(check for check in found.checks if check.status == CheckStatus.MANUAL_REVIEW)
    checks.decide(waiting, reviewer=compliance_officer, decision="PASSED", note="Born elsewhere", at=at)
    return [harmless, restricted, factories.make_user("Nora Nobody"), listed_login, ivan, owner, confirmed, jose]


@pytest.mark.parametrize("changes", [REFUND, {}, {**REFUND, "account_holder": "Nowhere Trading Co. SA"}])
def test_everybody_gets_the_same_answers(people: list[User], at: datetime, changes: dict[str, Any]) -> None:
    asked = [(person, a_deposit(**changes)) for person in people]
    expected = alone(asked, at)
    found = gate.examine_many(asked, at=at)
    assert [answers(verdict) for verdict in found] == expected
    assert {verdict.status for verdict in found} >= {CheckStatus.FAILED, CheckStatus.MANUAL_REVIEW}


def test_thirty_harmless_people_cost_as_many_queries_as_one(
    seeded: None, march: object, at: datetime, django_assert_max_num_queries: Any
) -> None:
    people = [factories.make_user(f"Harmless {number}") for number in range(30)]
    for person in people:
        factories.make_profile(person, at)
    with django_assert_max_num_queries(12):
        verdicts = gate.examine_many([(person, a_deposit(**REFUND)) for person in people], at=at)
    assert all(verdict.is_passed for verdict in verdicts)


class TestTheTrail:
    def test_tells_the_answers_about_a_payment_once_and_each_check_its_own(
        self, escrow: EscrowAccount, investor: User, approver: User, at: datetime
    ) -> None:
        payment = factories.deposit(escrow, investor, "100.00", at=at)
        made = list(payment.compliance_checks.order_by("pk"))

        [event] = AuditEvent.objects.filter(entity_type="compliance_checks", entity_id=str(payment.pk))

        assert (event.operation, event.action) == ("INSERT", "compliance_check.examine")
        assert event.changes["after"]["subject_id"] == str(investor.pk)
        told = event.changes["after"][admin_history.TOGETHER]
        assert {one.pop("id"): one for one in told} == {
            str(check.pk): {
                "check_type": check.check_type,
                "status": check.status,
                "rule_version": check.rule_version,
                "summary": check.summary,
            }
            for check in made
        }
        [described] = admin_history.described(
            admin_history.exact(AuditEvent.objects.filter(pk=event.pk)), type(made[0])
        )
        summaries = {change.label: change.after for change in described.changes if change.label.endswith(". summary")}
        assert set(summaries) == {f"{number}. summary" for number in range(1, len(made) + 1)}
        assert sorted(summaries.values()) == sorted(check.summary for check in made)
        for check in made:
            [made_known] = admin_history.page_of(check).events
            assert {change.label: change.after for change in made_known.changes} == {
                "check type": check.get_check_type_display(),
                "status": check.get_status_display(),
                "rule version": check.rule_version,
                "summary": check.summary,
            }

    def test_tells_of_each_check_once_though_the_payment_was_asked_about_again(
        self, escrow: EscrowAccount, investor: User, approver: User, at: datetime
    ) -> None:
        payment = factories.deposit(escrow, investor, "100.00", at=at)
        made = list(payment.compliance_checks.all())

        gate.examine(investor, payment=screening.facts(payment, at=at), at=at)

        again = payment.compliance_checks.exclude(pk__in=[check.pk for check in made])
        assert AuditEvent.objects.filter(entity_type="compliance_checks", entity_id=str(payment.pk)).count() == 2
        for check in [*made, *again]:
            [made_known] = admin_history.page_of(check).events
            assert "summary" in {change.label for change in made_known.changes}

    def test_tells_whole_who_reviewed_what_was_put_there_as_reviewed(
        self, escrow: EscrowAccount, investor: User, approver: User, at: datetime
    ) -> None:
        payment = factories.deposit(escrow, investor, "100.00", at=at)

        forged = ComplianceCheck.objects.create(
            subject=investor, payment=payment, check_type="AML", rule_version="none", status=CheckStatus.PASSED,
            summary="Fine", reviewed_by=approver, reviewed_at=at, review_note="Fine", created_at=at,
        )  # fmt: skip

        [event] = AuditEvent.objects.filter(entity_type="compliance_checks", entity_id=str(forged.pk))
        assert event.changes["after"]["reviewed_by_id"] == str(approver.pk)
        assert event.changes["after"]["payment_id"] == str(payment.pk)

    def test_tells_a_case_about_no_payment_by_itself(self, investor: User, at: datetime) -> None:
        case = checks.open_case(
            investor, check_type="AML", rule_version="test/1", summary='Looks "odd"', payment_id=None, at=at
        )

        [event] = AuditEvent.objects.filter(entity_type="compliance_checks", entity_id=str(case.pk))

        assert event.changes["after"]["summary"] == 'Looks "odd"'
        assert event.changes["after"]["details"] == case.details
