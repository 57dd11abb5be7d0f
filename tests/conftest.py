"""Fixtures of every test: people, an open offering, its escrow account, all on a real PostgreSQL."""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.core.management.commands import flush
from django.db import connection, connections
from django.db.backends.postgresql.operations import DatabaseOperations
from whitenoise.middleware import WhiteNoiseMiddleware

from compliance.models import InvestorProfile
from escrow.models import EscrowAccount
from realco.models import Offering, User
from realco.operations import groups
from tests import databases, factories, stages
from tests.browsing import browser, started_browser
from tests.stages import STAGE, staged

__all__ = ["browser", "started_browser"]
KEPT = ("django_content_type", "auth_permission", "auth_group", "auth_group_permissions")
"""What no test changes for good: permissions, and the groups of staff, which were most of what each test made anew."""

ROOT = Path(__file__).parents[1]
LONGEST = (
    "tests/realco/test_migrations.py",
    "tests/faults/test_db_waiting.py",
    "tests/journeys/test_killed_distribution.py",
    "tests/faults/test_db_migrations.py",
    "tests/test_launcher.py",
    "tests/journeys/test_demo.py",
    "tests/journeys/test_failed_raise.py",
    "tests/faults/test_kills.py",
    "tests/faults/test_db_restore.py",
    "tests/faults/test_state_machine.py",
    "tests/journeys/test_killed_workers.py",
    "tests/faults/test_storm.py",
    "tests/faults/test_interleavings.py",
    "tests/faults/test_messages.py",
    "tests/realco/test_settings.py",
    "tests/faults/test_db_bloat.py",
    "tests/faults/test_db_disk_full.py",
)
"""Files of few tests that take long, longest first; the rest are begun by how many tests they have."""


@pytest.fixture(scope="session")
def django_db_modify_db_settings(
    request: pytest.FixtureRequest, django_db_modify_db_settings_parallel_suffix: None, django_db_blocker: Any
) -> Iterator[None]:
    """Migrate once for all processes that test side by side."""
    side_by_side = getattr(request.config, "workerinput", {"workercount": 1})
    if side_by_side["workercount"] == 1:
        yield
        return
    with django_db_blocker.unblock():
        with databases.migrated_once(side_by_side["testrunuid"], worker=side_by_side["workerid"]):
            yield


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
    execute = DatabaseOperations.execute_sql_flush

    def delete_what_is_there(self: Any, style: Any, tables: list[str], **options: Any) -> list[str]:
        """Most tables are empty after a test, and making seventy of them anew takes longer than emptying ten."""
        quoted = [self.quote_name(table) for table in tables if table not in KEPT]
        question = " UNION ALL ".join(f"SELECT %s WHERE EXISTS (SELECT FROM {table})" for table in quoted)
        with self.connection.cursor() as cursor:
            cursor.execute(question, quoted)
            return [f"DELETE FROM {table}" for (table,) in cursor.fetchall()]

    def flush_as_replica(self: Any, sql_list: list[str]) -> None:
        role = "SET session_replication_role = replica"
        execute(self, [role, *sql_list, "SET session_replication_role = DEFAULT"])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(DatabaseOperations, "sql_flush", delete_what_is_there)
        patch.setattr(DatabaseOperations, "execute_sql_flush", flush_as_replica)
        # It would make content types and permissions, which are kept.
        patch.setattr(flush, "emit_post_migrate_signal", lambda *_, **__: None)
        yield


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Where several processes share the files, begin with those that take long, so that none is left for last."""
    if hasattr(config, "workerinput"):
        tests = Counter(item.path for item in items)
        places = {ROOT / path: place for place, path in enumerate(LONGEST)}
        items.sort(key=lambda item: (places.get(item.path, len(places)), -tests[item.path], str(item.path)))


def pytest_itemcollected(item: pytest.Item) -> None:
    """Let tests use the database whose fixtures do, and call those slow that really commit."""
    if not hasattr(item, "_fixtureinfo"):
        return
    if stages.uses(item) and item.get_closest_marker("django_db") is None:
        item.add_marker(pytest.mark.django_db)
    if stages.commits(item):
        item.add_marker(pytest.mark.slow)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Begin every file on an empty stage; nor may its transaction idle behind a test that takes long and uses none."""
    idles = item.get_closest_marker("slow") and not stages.uses(item)
    if STAGE.levels and (item.path != STAGE.path or idles):
        STAGE.leave()
    STAGE.path = item.path


@pytest.fixture(scope="session", autouse=True)
def _static_files_are_found_once() -> Iterator[None]:
    """Spare each client the search for static files, which are the same for all."""
    find, found = WhiteNoiseMiddleware.add_files_from_finders, dict[str, dict[str, Any]]()

    def remember(self: Any) -> None:
        if self.static_prefix not in found:
            find(self)
            found[self.static_prefix] = dict(self.files)
        self.files.update(found[self.static_prefix])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(WhiteNoiseMiddleware, "add_files_from_finders", remember)
        yield


@pytest.fixture(scope="session")
def _stage(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """Empty the stage before the database is destroyed."""
    STAGE.blocker = django_db_blocker
    yield
    STAGE.leave()


@pytest.fixture
def _staged(request: pytest.FixtureRequest, _stage: None) -> None:
    """Set the stage: build the fixtures that this test shares with others before its own transaction begins."""
    if stages.commits(request.node):
        STAGE.leave()
        return
    named = stages.steps_of(request.node)

    def build_all() -> None:
        for name, _ in named:
            request.getfixturevalue(name)

    STAGE.prepare([step for _, step in named], build_all)


@pytest.fixture
def _django_db_helper(_staged: None, _django_db_helper: None) -> None:
    """Begin the test's own transaction only now: the stage's is around it."""
    STAGE.turn_back_the_clock()


@pytest.fixture
def at() -> datetime:
    """A Tuesday noon in New York, during the banking week."""
    return datetime(2026, 3, 3, 17, 0, tzinfo=UTC)


@staged
def reference_data(at: datetime) -> None:
    factories.make_reference_data(at)


@staged
def operator(reference_data: None) -> User:
    return factories.make_user("Olivia Operator", "Operations", is_staff=True)


@staged
def approver(reference_data: None) -> User:
    return factories.make_user("Adam Approver", "Approvers", is_staff=True)


@staged
def second_approver(reference_data: None) -> User:
    return factories.make_user("Anna Approver", "Approvers", is_staff=True)


@staged
def compliance_officer(reference_data: None) -> User:
    return factories.make_user("Carl Compliance", "Compliance", is_staff=True)


@staged
def investor(operator: User, at: datetime) -> User:
    return factories.make_investor("Ivy Investor", verifier=operator, at=at)


@staged
def profile(investor: User) -> InvestorProfile:
    return InvestorProfile.objects.get(user=investor)


@staged
def offering(operator: User, at: datetime) -> Offering:
    return factories.make_offering(operator=operator, at=at)


@staged
def escrow(offering: Offering, operator: User, at: datetime) -> EscrowAccount:
    return factories.make_escrow(offering, operator=operator, at=at)


def close_connections() -> None:
    """What a thread of a race test calls last."""
    connections.close_all()
