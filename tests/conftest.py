"""Fixtures of every test: people, an open offering, its escrow account, all on a real PostgreSQL."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connections

from compliance.models import InvestorProfile
from escrow.models import EscrowAccount
from realco.models import Offering, User
from tests import factories


@pytest.fixture(scope="session", autouse=True)
def _flush_past_the_guards(django_db_blocker: Any) -> Iterator[None]:
    """
    Let Django's test runner empty append-only tables after tests that really commit.

    Only a superuser may set session_replication_role; the product's own role may not.
    """
    from django.db.backends.postgresql.operations import DatabaseOperations

    flush = DatabaseOperations.execute_sql_flush

    def flush_as_replica(self: Any, sql_list: list[str]) -> None:
        role = "SET session_replication_role = replica"
        flush(self, [role, *sql_list, "SET session_replication_role = DEFAULT"])

    DatabaseOperations.execute_sql_flush = flush_as_replica  # type: ignore[method-assign,assignment]
    yield
    DatabaseOperations.execute_sql_flush = flush  # type: ignore[method-assign]


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
