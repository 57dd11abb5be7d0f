"""Migrations: quick, additive on a database that is in use, and gone without a trace when reversed."""

import io
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from urllib.parse import quote, urlunsplit

import psycopg
import pytest
from django.core.management import call_command
from django.db import connection
from psycopg import sql

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
OURS = ("compliance", "escrow", "finance", "distributions")
THEIRS = ("contenttypes", "auth", "sessions", "realco", "admin", "authtoken")
OBJECTS = """
    SELECT 'column ' || c.table_name || '.' || c.column_name || ' ' || c.data_type || ' ' || c.is_nullable
      FROM information_schema.columns c WHERE c.table_schema = 'public'
    UNION ALL SELECT 'function ' || p.oid::regprocedure FROM pg_proc p WHERE p.pronamespace = 'public'::regnamespace
    UNION ALL SELECT 'trigger ' || t.tgrelid::regclass || ' ' || t.tgname FROM pg_trigger t WHERE NOT t.tgisinternal
    UNION ALL SELECT 'constraint ' || c.conrelid::regclass || ' ' || c.conname || ' ' || pg_get_constraintdef(c.oid)
      FROM pg_constraint c WHERE c.connamespace = 'public'::regnamespace
    UNION ALL SELECT 'index ' || indexdef FROM pg_indexes WHERE schemaname = 'public'
    UNION ALL SELECT 'sequence ' || c.relname FROM pg_class c
      WHERE c.relkind = 'S' AND c.relnamespace = 'public'::regnamespace
    UNION ALL SELECT 'type ' || t.typname FROM pg_type t
      WHERE t.typnamespace = 'public'::regnamespace AND t.typtype IN ('e', 'd')
"""
SCRIPT = "import django; django.setup(); from django.core.management import call_command"
USER = """
    INSERT INTO users (id, email, full_name, password, is_active, is_staff, is_superuser, created_at)
    VALUES ('01890000-0000-7000-8000-000000000001', 'old@example.com', 'Old Hand', '!', true, false, false, now())
"""


class Scratch:
    """A database of its own, migrated by the command that a release runs."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.settings = connection.settings_dict

    def connect(self, name: str | None = None) -> psycopg.Connection:
        return psycopg.connect(
            host=self.settings["HOST"],
            port=self.settings["PORT"] or None,
            user=self.settings["USER"],
            password=self.settings["PASSWORD"] or None,
            dbname=name or self.name,
            autocommit=True,
        )

    def migrate(self, *steps: tuple[str, ...]) -> None:
        """Run one migrate command after the other, in one process of their own."""
        done = subprocess.run(
            [sys.executable, "-c", f"{SCRIPT}\nfor step in {steps!r}: call_command('migrate', *step, verbosity=0)"],
            cwd=ROOT,
            env={**os.environ, "REALCO_MODE": "test", "DATABASE_URL": self.url()},
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-3000:]

    def url(self) -> str:
        password = f":{quote(self.settings['PASSWORD'])}" if self.settings["PASSWORD"] else ""
        place = f"{self.settings['HOST']}:{self.settings['PORT'] or 5432}"
        return urlunsplit(("postgres", f"{self.settings['USER']}{password}@{place}", f"/{self.name}", "", ""))

    def objects(self) -> set[str]:
        """Everything in the database that a migration could have made."""
        with self.connect() as link:
            return {name for (name,) in link.execute(OBJECTS)}

    def rows(self, query: str) -> list[tuple[object, ...]]:
        with self.connect() as link:
            return list(link.execute(query))


HELD_BEFORE = """
    SET session_replication_role = replica;
    INSERT INTO organizations (id, name, kind, owner_id, created_at)
    SELECT id, 'Old Sponsor', 'SPONSOR', id, now() FROM users;
    INSERT INTO offerings (id, organization_id, name, slug, description, location, exemption, status, currency,
                           minimum_amount, maximum_amount, minimum_investment, preferred_return_rate, deadline_at,
                           created_at, updated_at)
    SELECT id, id, 'Old Street', 'old', '', '', 'REG_CF', 'OPEN', 'USD', 1, 100, 1, 0.08, now(), now(), now()
      FROM users;
    INSERT INTO escrow_accounts (id, offering_id, account_number, external_account_id, currency, current_balance,
                                 available_balance, pending_balance, held_balance, total_deposits, total_withdrawals,
                                 total_distributions, status, frozen_reason, metadata, created_at, updated_at)
    SELECT id, id, 'ESCROW-2025-0001', '1', 'USD', 5, 0, 0, 5, 5, 0, 0, 'ACTIVE', '', '{}', now(), now() FROM users;
    INSERT INTO ledger_accounts (id, escrow_account_id, kind, owner_id, currency, balance, entry_count, created_at)
    SELECT id, id, 'HELD', id, 'USD', 5, 1, now() FROM users;
    INSERT INTO investments (id, investor_id, offering_id, investment_amount, funded_amount, current_balance,
                             returned_capital, preferred_return_rate, preferred_return_owed, preferred_return_paid,
                             profits_paid, status, metadata, created_at, updated_at)
    SELECT id, id, id, 7, 0, 0, 0, 0.08, 0, 0, 0, 'PENDING', '{}', '2025-05-05T12:00Z', now() FROM users;
    INSERT INTO waterfall_terms (id, offering_id, version, effective_from, profits_by, created_by_id, created_at)
    SELECT gen_random_uuid(), u.id, v.version, v.begins, 'CONTRIBUTED', u.id, '2025-05-05T12:00Z'
      FROM users u, (VALUES (1, date '2024-01-01'), (2, '2025-01-01'), (3, '2025-01-01')) AS v (version, begins);
    INSERT INTO waterfall_tiers (id, terms_id, position, kind, rate, day_count, compounding, base, sponsor_share,
                                 created_at)
    SELECT gen_random_uuid(), t.id, k.position, k.kind, k.rate, k.day_count, k.compounding, k.base, k.share, now()
      FROM waterfall_terms t, (VALUES (1, 'PREFERRED_RETURN', 0.08, 'ACT_365', 'SIMPLE', 'UNRETURNED', NULL),
                                      (2, 'RETURN_OF_CAPITAL', NULL, '', '', '', NULL),
                                      (3, 'SPLIT', NULL, '', '', '', 0.2))
                              AS k (position, kind, rate, day_count, compounding, base, share);
    SET session_replication_role = DEFAULT;
"""
"""A database in use: money held and promised before either had rows of their own, terms before they were activated."""


@contextmanager
def made(name: str, *, template: str = "template1") -> Iterator[Scratch]:
    found = Scratch(name)
    make = sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template))
    with found.connect("postgres") as server:
        server.execute(make)
        yield found
        server.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture
def scratch(django_db_setup: None) -> Iterator[Scratch]:
    with made(f"scratch_{os.getpid()}") as found:
        yield found


@pytest.fixture
def migrated(django_db_setup: None) -> Iterator[Scratch]:
    """A copy of the database that was migrated for the tests, in which there is nothing yet."""
    connection.close()
    settings = connection.settings_dict
    with made(f"migrated_{os.getpid()}", template=settings["TEST"].get("TEMPLATE") or settings["NAME"]) as found:
        yield found


def _seconds_worked() -> float:
    """The processor time of the processes that have ended: what a migration takes where nothing else runs."""
    spent = os.times()
    return spent.children_user + spent.children_system


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
class TestTheRoadThereAndBack:
    def test_is_additive_quick_leaves_no_trace_when_reversed_and_keeps_what_there_is(
        self, scratch: Scratch, migrated: Scratch
    ) -> None:
        """One road for all of it, because each way along it is the most expensive thing that is tested."""
        began = _seconds_worked()
        scratch.migrate(*((app,) for app in THEIRS))
        before, complete, worked = scratch.objects(), migrated.objects(), _seconds_worked() - began
        assert before < complete
        with migrated.connect() as link:
            link.execute(USER)
        users = migrated.rows("SELECT * FROM users")

        migrated.migrate(*((app, "zero") for app in OURS))
        assert migrated.objects() ^ before == set()
        assert migrated.rows("SELECT * FROM users") == users

        began = _seconds_worked()
        migrated.migrate(("escrow", "0004_triggers"), ("distributions", "0006_let_an_unpayable_allocation_fail"))
        with migrated.connect() as link:
            link.execute(HELD_BEFORE)
        migrated.migrate(())
        assert worked + _seconds_worked() - began < 30
        assert migrated.objects() == complete
        assert migrated.rows("SELECT * FROM users") == users
        self.require_held_money_as_holds_and_promises_as_commitments(migrated)
        self.require_terms_in_force_as_they_were(migrated)

    def require_held_money_as_holds_and_promises_as_commitments(self, scratch: Scratch) -> None:
        assert scratch.rows("SELECT amount, released_amount, status FROM holds") == [(Decimal(5), Decimal(0), "OPEN")]
        promised = datetime(2025, 5, 5, 12, tzinfo=UTC)
        assert scratch.rows("SELECT amount, committed_at FROM commitments") == [(Decimal(7), promised)]
        assert scratch.rows("SELECT committed_at FROM investments") == [(promised,)]

    def require_terms_in_force_as_they_were(self, scratch: Scratch) -> None:
        """The highest version of those that had begun counted, on any day."""
        day = date(2025, 1, 1)
        versions = scratch.rows("SELECT version, status, superseded_from FROM waterfall_terms ORDER BY version")
        assert versions == [(1, "SUPERSEDED", day), (2, "SUPERSEDED", day), (3, "ACTIVE", None)]
        shares = "SELECT DISTINCT sponsor_share FROM waterfall_tiers WHERE kind = 'PREFERRED_RETURN'"
        assert scratch.rows(shares) == [(Decimal(0),)]


@pytest.mark.django_db
class TestState:
    def test_models_and_migrations_agree(self) -> None:
        said = io.StringIO()
        call_command("makemigrations", "--check", "--dry-run", stdout=said)
        assert "No changes detected" in said.getvalue()

    @pytest.mark.parametrize("app", OURS)
    def test_first_migration_has_the_name_that_people_know(self, app: str) -> None:
        assert (ROOT / app / "migrations" / "0001_add_finance_escrow_kealee_v10.py").exists()

    def test_names_say_what_each_does(self) -> None:
        names = [path.stem for app in (*OURS, "realco") for path in (ROOT / app / "migrations").glob("[0-9]*.py")]
        assert len(names) > 15
        assert [name for name in names if "_auto_" in name] == []
