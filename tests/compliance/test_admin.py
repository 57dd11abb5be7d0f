"""Staff review checks and investors on pages that change nothing until they are confirmed."""

from datetime import datetime

import pytest
from django.test import Client
from django.urls import reverse

from compliance.models import ComplianceCheck, InvestorProfile, SanctionedParty, SanctionsImport
from compliance.operations import gate, profiles
from compliance.operations.profiles import Particulars
from realco.models import User
from tests import factories
from tests.compliance.conftest import a_deposit
from tests.stages import staged

CHECKS = "admin:compliance_compliancecheck"
PROFILES = "admin:compliance_investorprofile"
PARTIES = "admin:compliance_sanctionedparty"


@staged
def match(ivan: User, at: datetime) -> ComplianceCheck:
    gate.examine(ivan, payment=a_deposit(), at=at)
    return ComplianceCheck.objects.get(subject=ivan, check_type="OFAC")


@pytest.fixture
def officer(client: Client, compliance_officer: User) -> Client:
    client.force_login(compliance_officer)
    return client


@pytest.fixture
def other(approver: User) -> Client:
    """Somebody of the staff who does not work in compliance."""
    client = Client()
    client.force_login(approver)
    return client


def step(name: str, row: ComplianceCheck | InvestorProfile) -> str:
    model = CHECKS if isinstance(row, ComplianceCheck) else PROFILES
    return reverse(f"{model}_step", args=[row.pk, name])


def version(client: Client, address: str) -> str:
    return str(client.get(address).context["version"])


class TestReview:
    def test_shows_and_changes_nothing_until_it_is_confirmed(self, officer: Client, match: ComplianceCheck) -> None:
        response = officer.get(step("review", match))
        assert response.status_code == 200
        assert "May be KRUG, Ivan Petrovich" in response.content.decode()
        match.refresh_from_db()
        assert match.status == "MANUAL_REVIEW"

    def test_decides_with_the_reason(self, officer: Client, match: ComplianceCheck, compliance_officer: User) -> None:
        address = step("review", match)
        form = {"decision": "PASSED", "reason": "Born 1999", "version": version(officer, address)}
        assert officer.post(address, form).status_code == 302
        match.refresh_from_db()
        assert (match.status, match.reviewed_by, match.review_note) == ("PASSED", compliance_officer, "Born 1999")

    @pytest.mark.parametrize("form", [{"decision": "PASSED"}, {"reason": "Fine"}, {"decision": "ON", "reason": "x"}])
    def test_asks_for_what_is_missing(self, officer: Client, match: ComplianceCheck, form: dict[str, str]) -> None:
        address = step("review", match)
        response = officer.post(address, {**form, "version": version(officer, address)})
        assert response.status_code == 200
        match.refresh_from_db()
        assert match.status == "MANUAL_REVIEW"

    def test_refuses_a_stale_form(self, officer: Client, match: ComplianceCheck) -> None:
        address = step("review", match)
        form = {"decision": "FAILED", "reason": "Same person", "version": version(officer, address)}
        officer.post(address, {**form, "decision": "PASSED"})
        assert "Somebody changed this meanwhile" in officer.post(address, form).content.decode()
        match.refresh_from_db()
        assert match.status == "PASSED"

    def test_refuses_who_may_not_review(self, other: Client, match: ComplianceCheck) -> None:
        other.post(step("review", match), {"decision": "PASSED", "reason": "Fine", "version": "MANUAL_REVIEW"})
        match.refresh_from_db()
        assert match.status == "MANUAL_REVIEW"

    def test_leads_identity_to_the_profile(self, officer: Client, seeded: None, at: datetime) -> None:
        gate.examine(factories.make_user("Stan Stranger"), payment=a_deposit(), at=at)
        check = ComplianceCheck.objects.get(check_type="KYC")
        response = officer.get(step("review", check), follow=True)
        assert "Record the identity check on the investor&#x27;s profile" in response.content.decode()


class TestConfidence:
    def test_shows_findings_to_compliance(self, officer: Client, match: ComplianceCheck) -> None:
        for address in (reverse(f"{CHECKS}_changelist"), reverse(f"{CHECKS}_change", args=[match.pk])):
            assert "KRUG, Ivan Petrovich" in officer.get(address).content.decode()

    def test_shows_others_that_a_check_waits_and_no_more(self, other: Client, match: ComplianceCheck) -> None:
        for address in (reverse(f"{CHECKS}_changelist"), reverse(f"{CHECKS}_change", args=[match.pk])):
            response = other.get(address)
            assert response.status_code == 200
            assert "Manual review" in response.content.decode()
            assert "KRUG" not in response.content.decode()
        profile = InvestorProfile.objects.get(user=match.subject)
        assert "KRUG" not in other.get(reverse(f"{PROFILES}_change", args=[profile.pk])).content.decode()
        assert other.get(reverse(f"{CHECKS}_history", args=[match.pk])).status_code == 403


class TestProfiles:
    def test_masks_the_tax_id(self, officer: Client, reference_data: None, at: datetime) -> None:
        anna = factories.make_user("Anna Example")
        profile = profiles.create(anna, Particulars("Anna Example"), by=anna, at=at, tax_id="123-45-6789")
        for address in (reverse(f"{PROFILES}_changelist"), reverse(f"{PROFILES}_change", args=[profile.pk])):
            page = officer.get(address).content.decode()
            assert "•••-••-6789" in page
            assert "123456789" not in page

    def test_records_an_identity_check(self, officer: Client, reference_data: None, at: datetime) -> None:
        anna = factories.make_user("Anna Example")
        profile = profiles.create(anna, Particulars("Anna Example"), by=anna, at=at)
        address = step("record-kyc", profile)
        form = {"status": "PASSED", "expires_on": "2030-01-01", "reason": "Passport seen"}
        assert officer.post(address, {**form, "version": version(officer, address)}).status_code == 302
        profile.refresh_from_db()
        assert profile.kyc_status == "PASSED"
        assert profile.kyc_expires_at is not None and profile.kyc_expires_at.year == 2030

    def test_restricts_and_lifts(self, officer: Client, profile: InvestorProfile) -> None:
        for name, is_restricted in (("restrict", True), ("lift", False)):
            address = step(name, profile)
            officer.post(address, {"reason": "A court order", "version": version(officer, address)})
            profile.refresh_from_db()
            assert profile.is_restricted is is_restricted

    def test_records_accreditation(self, officer: Client, profile: InvestorProfile) -> None:
        address = step("record-accreditation", profile)
        form = {"is_accredited": "no", "reason": "No evidence", "version": version(officer, address)}
        officer.post(address, form)
        profile.refresh_from_db()
        assert not profile.is_accredited


class TestParties:
    @pytest.mark.parametrize(("term", "found"), [("kroog", 1), ("krugov ivan", 1), ("103", 1), ("nobody", 0), ("—", 4)])
    def test_are_found_by_words_of_any_name(
        self, officer: Client, march: SanctionsImport, term: str, found: int
    ) -> None:
        response = officer.get(reverse(f"{PARTIES}_changelist"), {"q": term})
        assert len(response.context["cl"].result_list) == found

    def test_show_every_name(self, officer: Client, march: SanctionsImport) -> None:
        krug = SanctionedParty.objects.get(entity_number="101")
        assert "THE BARON" in officer.get(reverse(f"{PARTIES}_change", args=[krug.pk])).content.decode()


class TestReadOnly:
    @pytest.mark.parametrize(
        "model", ["compliancecheck", "investorprofile", "transactionlimit", "sanctionedparty", "sanctionsimport"]
    )
    def test_lists_open_and_add_nothing(self, officer: Client, match: ComplianceCheck, model: str) -> None:
        assert officer.get(reverse(f"admin:compliance_{model}_changelist")).status_code == 200
        assert officer.get(reverse(f"admin:compliance_{model}_add")).status_code == 403
