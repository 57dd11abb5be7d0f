"""Raw SQL that breaks a rule of compliance is refused by the database itself."""

from datetime import datetime
from uuid import UUID

import pytest
from django.db import DatabaseError, connection, transaction

from compliance.models import ComplianceCheck, InvestorProfile, SanctionsImport
from compliance.operations import checks, gate
from realco.models import User
from tests.compliance.conftest import a_deposit
from tests.stages import staged


def refused(sql: str, *params: UUID) -> str:
    """Run a statement that has to be refused, and return what the database says."""
    with pytest.raises(DatabaseError) as refusal, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(sql, params)
    return str(refusal.value)


@staged
def reviewed(ivan: User, compliance_officer: User, at: datetime) -> ComplianceCheck:
    gate.examine(ivan, payment=a_deposit(), at=at)
    match = ComplianceCheck.objects.get(subject=ivan, check_type="OFAC")
    return checks.decide(match, reviewer=compliance_officer, decision="PASSED", note="Other person", at=at)


class TestTheDatabase:
    @pytest.mark.parametrize("table", ["compliance_checks", "investor_profiles", "transaction_limits"])
    def test_deletes_nothing(self, reviewed: ComplianceCheck, table: str) -> None:
        assert "its rows are kept" in refused(f"DELETE FROM {table}")

    @pytest.mark.parametrize(
        "table", ["compliance_checks", "investor_profiles", "transaction_limits", "sanctions_imports"]
    )
    def test_truncates_nothing(self, reviewed: ComplianceCheck, table: str) -> None:
        assert "its rows are kept" in refused(f"TRUNCATE {table} CASCADE")

    def test_keeps_listed_parties(self, march: SanctionsImport) -> None:
        assert "its rows are kept" in refused("DELETE FROM sanctioned_parties")

    def test_keeps_imports_as_they_are(self, march: SanctionsImport) -> None:
        assert "its rows are kept" in refused("UPDATE sanctions_imports SET parties = 0")

    @pytest.mark.parametrize(
        "change",
        [
            "check_type = 'KYC'",
            "rule_version = 'none'",
            "details = '{}'",
            "score = NULL",
            "matched_party_id = NULL",
            "subject_id = reviewed_by_id",
        ],
    )
    def test_changes_no_question_after_it_was_asked(self, reviewed: ComplianceCheck, change: str) -> None:
        said = refused(f"UPDATE compliance_checks SET {change} WHERE id = %s", reviewed.pk)
        assert "never changes after creation" in said or "not_reviewed_by_subject" in said

    @pytest.mark.parametrize("column", ["subject_id", "payment_id"])
    def test_takes_no_check_about_nobody_or_nothing(self, reviewed: ComplianceCheck, column: str) -> None:
        """Among others that are: they are looked up for the whole statement."""
        copied = (
            "INSERT INTO compliance_checks SELECT (jsonb_populate_record(c, jsonb_build_object('id', gen_random_uuid())"
            " || CASE WHEN n = 2 THEN jsonb_build_object('{}', gen_random_uuid()) ELSE '{{}}' END)).*"
            " FROM compliance_checks c, generate_series(1, 3) n WHERE c.id = %s"
        )
        assert "which does not exist" in refused(copied.format(column), reviewed.pk)

    @pytest.mark.parametrize(
        "change", ["review_note = 'Another'", "reviewed_at = now()", "reviewed_by_id = subject_id"]
    )
    def test_changes_no_review(self, reviewed: ComplianceCheck, change: str) -> None:
        said = refused(f"UPDATE compliance_checks SET {change} WHERE id = %s", reviewed.pk)
        assert "is written once" in said or "not_reviewed_by_subject" in said

    @pytest.mark.parametrize(
        ("change", "constraint"),
        [
            ("status = 'FINE'", "compliance_checks_status_known"),
            ("reviewed_at = now()", "review_says_why"),
            ("reviewed_at = now(), reviewed_by_id = %(officer)s", "review_says_why"),
            ("reviewed_at = now(), reviewed_by_id = subject_id, review_note = 'me'", "not_reviewed_by_subject"),
        ],
    )
    def test_takes_no_unsigned_review(
        self, ivan: User, compliance_officer: User, at: datetime, change: str, constraint: str
    ) -> None:
        gate.examine(ivan, payment=a_deposit(), at=at)
        sql = f"UPDATE compliance_checks SET {change} WHERE status = 'MANUAL_REVIEW'"
        assert constraint in refused(sql.replace("%(officer)s", f"'{compliance_officer.pk}'"))

    @pytest.mark.parametrize(
        ("change", "said"),
        [
            ("kyc_status = 'FINE'", "investor_profiles_kyc_status_known"),
            ("kind = 'ROBOT'", "investor_profiles_kind_known"),
            ("restricted_at = now()", "investor_profiles_restriction_says_why"),
            ("user_id = (SELECT max(id::text)::uuid FROM users)", "user_id never changes"),
        ],
    )
    def test_holds_profiles_to_their_rules(
        self, profile: InvestorProfile, operator: User, change: str, said: str
    ) -> None:
        User.objects.create_user("zed@example.com", full_name="Zed")
        assert said in refused(f"UPDATE investor_profiles SET {change} WHERE id = %s", profile.pk)

    @pytest.mark.parametrize(
        ("change", "said"),
        [
            ("amount = 1", "amount never changes"),
            ("limit_type = 'DAILY_DEPOSIT', effective_from = '2000-01-01'", "never changes"),
            ("effective_to = effective_from", "dates_in_order"),
        ],
    )
    def test_holds_limits_to_their_rules(self, seeded: None, change: str, said: str) -> None:
        assert said in refused(f"UPDATE transaction_limits SET {change} WHERE limit_type = 'MONTHLY_DEPOSIT'")

    def test_takes_no_limit_of_nothing_nor_two_of_one_day(self, seeded: None) -> None:
        insert = (
            "INSERT INTO transaction_limits (id, limit_type, amount, effective_from, created_at)"
            " SELECT gen_random_uuid(), limit_type, {}, effective_from{}, now() FROM transaction_limits"
        )
        assert "amount_positive" in refused(insert.format("0", " + 1"))
        assert "one_a_day" in refused(insert.format("1", ""))

    def test_takes_no_party_twice(self, march: SanctionsImport) -> None:
        sql = (
            "INSERT INTO sanctioned_parties (id, list_name, entity_number, name, party_type, programs, remarks,"
            " content_hash, listed_at) SELECT gen_random_uuid(), list_name, entity_number, name, '', '', '', '', now()"
            " FROM sanctioned_parties"
        )
        assert "sanctioned_parties_number" in refused(sql)

    def test_writes_every_change_to_the_audit_trail(self, profile: InvestorProfile) -> None:
        with connection.cursor() as cursor:
            cursor.execute("UPDATE investor_profiles SET country = 'CA' WHERE id = %s", [profile.pk])
            cursor.execute(
                "SELECT changes FROM audit_events WHERE entity_id = %s ORDER BY sequence DESC LIMIT 1",
                [str(profile.pk)],
            )
            assert '"CA"' in cursor.fetchone()[0]
