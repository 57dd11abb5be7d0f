"""Profiles: stated by the investor, verified and restricted by somebody else."""

from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import connection

from compliance.models import ComplianceCheck, InvestorProfile
from compliance.operations import profiles
from compliance.operations.checks import NoteMissing, ReviewerIsSubject
from compliance.operations.profiles import InvalidProfile, NotRestricted, Particulars, ProfileExists, UnknownOutcome
from realco.errors import NotPermitted
from realco.models import AuditEvent, User
from tests import factories
from tests.stages import staged

ANNA = Particulars(
    legal_name="Anna  Example",
    date_of_birth=date(1980, 2, 29),
    country="us",
    address="1 Example Road\nNowhere",
    annual_income=Decimal("50000.00"),
    net_worth=Decimal("60000.00"),
)


@staged
def anna(reference_data: None) -> User:
    return factories.make_user("Anna Example")


@staged
def made(anna: User, at: datetime) -> InvestorProfile:
    return profiles.create(anna, ANNA, by=anna, at=at, tax_id="123-45-6789")


class TestCreate:
    def test_keeps_what_was_stated_with_the_identity_still_to_check(self, made: InvestorProfile) -> None:
        made.refresh_from_db()
        assert (made.legal_name, made.country, made.address) == ("Anna Example", "US", "1 Example Road Nowhere")
        assert (made.kyc_status, made.is_accredited, made.is_restricted) == ("PENDING", False, False)

    def test_encrypts_the_tax_id_and_keeps_its_last_four(self, made: InvestorProfile) -> None:
        made.refresh_from_db()
        assert (made.tax_id, made.tax_id_last_four) == ("123456789", "6789")
        with connection.cursor() as cursor:
            cursor.execute("SELECT tax_id FROM investor_profiles")
            assert "123456789" not in cursor.fetchone()[0]
            cursor.execute("SELECT string_agg(changes::text, '') FROM audit_events")
            assert "123456789" not in cursor.fetchone()[0]

    def test_lets_staff_who_review_and_the_system_do_it(self, compliance_officer: User, at: datetime) -> None:
        for by in (compliance_officer, None):
            user = factories.make_user("Some Investor")
            assert profiles.create(user, ANNA, by=by, at=at).user == user

    def test_refuses_other_people(self, anna: User, operator: User, investor: User, at: datetime) -> None:
        for other in (operator, investor):
            with pytest.raises(NotPermitted):
                profiles.create(anna, ANNA, by=other, at=at)

    def test_refuses_a_second_profile(self, made: InvestorProfile, anna: User, at: datetime) -> None:
        with pytest.raises(ProfileExists):
            profiles.create(anna, ANNA, by=anna, at=at)

    @pytest.mark.parametrize(
        ("wrong", "field"),
        [
            ({"legal_name": "  "}, "legal_name"),
            ({"legal_name": "x" * 201}, "legal_name"),
            ({"legal_name": "Anna\x00Example"}, "legal_name"),
            ({"address": "x" * 301}, "address"),
            ({"kind": "ROBOT"}, "kind"),
            ({"country": "USA"}, "country"),
            ({"country": "ÜS"}, "country"),
            ({"date_of_birth": date(2026, 3, 4)}, "date_of_birth"),
            ({"annual_income": Decimal("-0.01")}, "annual_income"),
            ({"annual_income": Decimal("NaN")}, "annual_income"),
            ({"net_worth": Decimal("1e20")}, "net_worth"),
        ],
    )
    def test_refuses_what_cannot_be_right(self, anna: User, at: datetime, wrong: dict[str, object], field: str) -> None:
        with pytest.raises(InvalidProfile) as refusal:
            profiles.create(anna, replace(ANNA, **wrong), by=anna, at=at)  # type: ignore[arg-type]
        assert refusal.value.details["field"] == field
        assert not InvestorProfile.objects.filter(user=anna).exists()

    @pytest.mark.parametrize("tax_id", ["12345678", "1234567890", "12-345678a", "१२३४५६७८९"])
    def test_refuses_a_wrong_tax_id_without_repeating_it(self, anna: User, at: datetime, tax_id: str) -> None:
        with pytest.raises(InvalidProfile) as refusal:
            profiles.create(anna, ANNA, by=anna, at=at, tax_id=tax_id)
        assert tax_id not in str(refusal.value)


class TestUpdate:
    def test_asks_for_a_new_identity_check_after_a_change_of_name(
        self, made: InvestorProfile, anna: User, compliance_officer: User, at: datetime
    ) -> None:
        profiles.record_kyc(made, status="PASSED", by=compliance_officer, at=at)
        changed = profiles.update(made, replace(ANNA, legal_name="Anna Other"), by=anna, at=at)
        assert (changed.kyc_status, changed.kyc_expires_at) == ("PENDING", None)
        assert changed.tax_id_last_four == "6789"

    def test_keeps_the_identity_check_when_only_means_change(
        self, made: InvestorProfile, anna: User, compliance_officer: User, at: datetime
    ) -> None:
        profiles.record_kyc(made, status="PASSED", by=compliance_officer, at=at)
        changed = profiles.update(made, replace(ANNA, net_worth=Decimal("1.00")), by=anna, at=at, tax_id="123456789")
        assert (changed.kyc_status, changed.net_worth) == ("PASSED", Decimal("1.00"))

    def test_does_not_undo_a_failed_identity_check(
        self, made: InvestorProfile, anna: User, compliance_officer: User, at: datetime
    ) -> None:
        profiles.record_kyc(made, status="FAILED", by=compliance_officer, at=at)
        changed = profiles.update(made, replace(ANNA, legal_name="Anna Other"), by=anna, at=at)
        assert changed.kyc_status == "FAILED"


class TestRestrict:
    def test_stops_the_investor_with_a_reason(
        self, made: InvestorProfile, compliance_officer: User, at: datetime
    ) -> None:
        restricted = profiles.restrict(made, by=compliance_officer, reason="Court order", at=at)
        assert (restricted.restricted_at, restricted.restriction_reason) == (at, "Court order")
        event = AuditEvent.objects.filter(entity_type="investor_profiles", operation="UPDATE").latest("sequence")
        assert (event.user, event.action, event.reason) == (compliance_officer, "profile.restrict", "Court order")

    def test_adds_a_reason_to_a_restriction_that_is_there(self, made: InvestorProfile, at: datetime) -> None:
        profiles.restrict(made, by=None, reason="Return R10", at=at)
        profiles.restrict(made, by=None, reason="Return R10", at=at + timedelta(days=1))
        again = profiles.restrict(made, by=None, reason="Return R05", at=at + timedelta(days=1))
        assert (again.restricted_at, again.restriction_reason) == (at, "Return R10; Return R05")

    def test_refuses_who_may_not_and_who_does_not_say_why(
        self, made: InvestorProfile, operator: User, compliance_officer: User, at: datetime
    ) -> None:
        with pytest.raises(NotPermitted):
            profiles.restrict(made, by=operator, reason="I want to", at=at)
        with pytest.raises(NoteMissing):
            profiles.restrict(made, by=compliance_officer, reason=" ", at=at)


class TestLift:
    def test_lets_the_investor_go_on(self, made: InvestorProfile, compliance_officer: User, at: datetime) -> None:
        profiles.restrict(made, by=None, reason="Return R10", at=at)
        lifted = profiles.lift(made, by=compliance_officer, reason="Authorised after all", at=at)
        assert (lifted.is_restricted, lifted.restriction_reason) == (False, "")

    def test_refuses_where_there_is_nothing_to_lift(
        self, made: InvestorProfile, compliance_officer: User, at: datetime
    ) -> None:
        with pytest.raises(NotRestricted):
            profiles.lift(made, by=compliance_officer, reason="Why not", at=at)

    def test_refuses_who_may_not_and_whom_it_is_about(
        self, made: InvestorProfile, operator: User, compliance_officer: User, at: datetime
    ) -> None:
        own = factories.make_profile(compliance_officer, at)
        profiles.restrict(own, by=None, reason="A case", at=at)
        with pytest.raises(ReviewerIsSubject):
            profiles.lift(own, by=compliance_officer, reason="It is me", at=at)
        with pytest.raises(NotPermitted):
            profiles.lift(own, by=operator, reason="A favour", at=at)


class TestRecordKyc:
    def test_keeps_the_outcome_and_who_found_it(
        self, made: InvestorProfile, compliance_officer: User, at: datetime
    ) -> None:
        until = at + timedelta(days=365)
        found = profiles.record_kyc(made, status="PASSED", by=compliance_officer, at=at, expires_at=until)
        assert (found.kyc_status, found.kyc_checked_at, found.kyc_expires_at) == ("PASSED", at, until)
        check = ComplianceCheck.objects.get(subject=made.user)
        assert (check.check_type, check.status, check.reviewed_by, check.expires_at) == (
            "KYC",
            "PASSED",
            compliance_officer,
            until,
        )

    @pytest.mark.parametrize("status", ["PENDING", "", "YES"])
    def test_refuses_what_is_no_outcome(
        self, made: InvestorProfile, compliance_officer: User, at: datetime, status: str
    ) -> None:
        with pytest.raises(UnknownOutcome):
            profiles.record_kyc(made, status=status, by=compliance_officer, at=at)

    def test_refuses_an_outcome_that_has_expired(
        self, made: InvestorProfile, compliance_officer: User, at: datetime
    ) -> None:
        with pytest.raises(UnknownOutcome):
            profiles.record_kyc(made, status="PASSED", by=compliance_officer, at=at, expires_at=at)

    def test_refuses_who_may_not_and_whom_it_is_about(
        self, made: InvestorProfile, anna: User, approver: User, compliance_officer: User, at: datetime
    ) -> None:
        for other in (anna, approver):
            with pytest.raises(NotPermitted):
                profiles.record_kyc(made, status="PASSED", by=other, at=at)
        with pytest.raises(ReviewerIsSubject):
            profiles.record_kyc(
                factories.make_profile(compliance_officer, at), status="PASSED", by=compliance_officer, at=at
            )


class TestRecordAccreditation:
    def test_keeps_the_evidence(self, made: InvestorProfile, compliance_officer: User, at: datetime) -> None:
        found = profiles.record_accreditation(
            made, is_accredited=True, by=compliance_officer, note="Letter of a CPA", at=at
        )
        assert found.is_accredited
        check = ComplianceCheck.objects.get(subject=made.user, check_type="ACCREDITATION")
        assert (check.status, check.review_note) == ("PASSED", "Letter of a CPA")

    def test_refuses_the_investor_themself(self, made: InvestorProfile, anna: User, at: datetime) -> None:
        with pytest.raises(NotPermitted):
            profiles.record_accreditation(made, is_accredited=True, by=anna, note="I am rich", at=at)
