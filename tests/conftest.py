"""Fixtures of every test: people, an open offering, its escrow account, all on a real PostgreSQL."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from django.core.management.commands import flush
from django.db import connection, connections
from django.db.backends.postgresql.operations import DatabaseOperations

from compliance.models import InvestorProfile
from escrow.models import EscrowAccount
from realco.models import Offering, User
from realco.operations import groups
from tests import factories

KEPT = ("django_content_type", "auth_permission", "auth_group", "auth_group_permissions")
"""What no test changes for good: permissions, and the groups of staff, which were most of what each test made anew."""


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: Any) -> None:
    """Make the groups of staff once, and leave no trace of it in the audit trail."""
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        groups.seed()
        cursor.execute("SET session_replication_role = replica")
        cursor.execute("TRUNCATE audit_events RESTART IDENTITY")
        cursor.execute("SET session_replication_role = DEFAULT")


@pytest.fixture(scope="session", autouse=True)
def _flush_past_the_guards() -> Iterator[None]:
    """
    Let Django's test runner empty append-only tables after tests that really commit, and keep what all tests share.

    Only a superuser may set session_replication_role; the product's own role may not.
    """
    statements, execute = DatabaseOperations.sql_flush, DatabaseOperations.execute_sql_flush

    def flush_all_but_kept(self: Any, style: Any, tables: list[str], **options: Any) -> Any:
        return statements(self, style, [table for table in tables if table not in KEPT], **options)

    def flush_as_replica(self: Any, sql_list: list[str]) -> None:
        role = "SET session_replication_role = replica"
        execute(self, [role, *sql_list, "SET session_replication_role = DEFAULT"])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(DatabaseOperations, "sql_flush", flush_all_but_kept)
        patch.setattr(DatabaseOperations, "execute_sql_flush", flush_as_replica)
        # It would make content types and permissions, which are kept.
        patch.setattr(flush, "emit_post_migrate_signal", lambda *_, **__: None)
        yield


@pytest.fixture
def at() -> datetime:
    """A Tuesday noon in New York, during the banking week."""
    return datetime(2026, 3, 3, 17, 0, tzinfo=UTC)


@pytest.fixture
def reference_data(db: None, at: datetime) -> None:
    factories.make_reference_data(at)


@pytest.fixture
def operator(reference_data: None) -> User:
    return factories.make_user("Olivia Operator", "Operations", is_staff=True)


@pytest.fixture
def approver(reference_data: None) -> User:
    return factories.make_user("Adam Approver", "Approvers", is_staff=True)


@pytest.fixture
def second_approver(reference_data: None) -> User:
    return factories.make_user("Anna Approver", "Approvers", is_staff=True)


@pytest.fixture
def compliance_officer(reference_data: None) -> User:
    return factories.make_user("Carl Compliance", "Compliance", is_staff=True)


@pytest.fixture
def investor(operator: User, at: datetime) -> User:
    return factories.make_investor("Ivy Investor", verifier=operator, at=at)


@pytest.fixture
def profile(investor: User) -> InvestorProfile:
    return InvestorProfile.objects.get(user=investor)


@pytest.fixture
def offering(operator: User, at: datetime) -> Offering:
    return factories.make_offering(operator=operator, at=at)


@pytest.fixture
def escrow(offering: Offering, operator: User, at: datetime) -> EscrowAccount:
    return factories.make_escrow(offering, operator=operator, at=at)


def close_connections() -> None:
    """What a thread of a race test calls last."""
    connections.close_all()
