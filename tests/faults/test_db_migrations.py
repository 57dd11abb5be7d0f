"""
Migrations while postings run, and two instances migrating at once: nobody is refused, nobody waits long.

A real migration of this project is made to run once more. Another one, of tests.faults.remaking, drops and makes
again every guard of the ledger's busiest tables, which needs each of them for itself; a report that reads the ledger
stands in its way.
"""

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.db.migrations.loader import MigrationLoader

from tests.faults import posting, servers
from tests.faults.servers import wait_for

pytestmark = pytest.mark.slow
TRIGGERS = ("remaking", "0001_make_the_guards_anew")
WITH_REMAKING = {"DJANGO_SETTINGS_MODULE": "tests.faults.remaking.settings"}
ROOM = ("escrow", "0050_leave_room_beside_hot_rows")
READS, STALL = 4.0, 2.0


@contextmanager
def forgotten(server: servers.Server, migration: tuple[str, str]) -> Iterator[None]:
    """Let the server believe that a migration, and what is built on it, was never applied; remember all after."""
    later = MigrationLoader(None).graph.backwards_plan(migration)
    columns = "app, name, applied"
    with server.connect() as link:
        rows = [
            row
            for app, name in later
            for row in link.execute(
                f"SELECT {columns} FROM django_migrations WHERE (app, name) = (%s, %s)", [app, name]
            )
        ]
        assert len(rows) == len(later)
        for app, name, _ in rows:
            link.execute("DELETE FROM django_migrations WHERE (app, name) = (%s, %s)", [app, name])
        yield
        for row in rows:
            link.execute(
                f"INSERT INTO django_migrations ({columns}) SELECT %s, %s, %s"
                " WHERE NOT EXISTS (SELECT FROM django_migrations WHERE (app, name) = (%s, %s))",
                [*row, *row[:2]],
            )


def migrate_against_a_report(server: servers.Server, *programs: str) -> list[tuple[int, str]]:
    """
    Run migrate (as often as asked for, at once) while somebody reads the ledger in a long transaction.

    The report goes on for some seconds after the first migration was seen waiting for it.
    """
    waiting = "SELECT count(*) FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND NOT granted"
    with server.connect(autocommit=False) as report:
        report.execute("SELECT count(*) FROM escrow_ledger_entries")
        running = [server.program("manage.py", "migrate", *TRIGGERS, variables=WITH_REMAKING) for _ in programs]
        wait_for(lambda: server.ask(waiting) != [(0,)])
        time.sleep(READS)
        report.rollback()
    said = [program.communicate(timeout=90)[0].decode() for program in running]
    return [(program.returncode, words) for program, words in zip(running, said, strict=True)]


class Played:
    """Clients post; two migrations run, one of them against a report; clients go on."""

    def __init__(self, server: servers.Server) -> None:
        log = server.folder / "load.jsonl"
        load = ("-m", "tests.faults.posting", "load", "--log", str(log), "--clients", "3", "--pause", "0.02")
        clients = server.program(*load, "--seconds", "300", output=None)
        wait_for(lambda: len(posting.attempts(log)) > 30)
        before = dict(server.ask("SELECT tgname, oid FROM pg_trigger WHERE tgrelid = 'journal_entries'::regclass"))
        self.began = time.time()
        with forgotten(server, ROOM):
            self.room = server.manage("migrate", *ROOM)
        [self.triggers] = migrate_against_a_report(server, "one")
        self.ended = time.time()
        after = dict(server.ask("SELECT tgname, oid FROM pg_trigger WHERE tgrelid = 'journal_entries'::regclass"))
        self.remade = {name for name in before if name.startswith("pgtrigger") and before[name] != after[name]}
        count = len(posting.attempts(log))
        wait_for(lambda: len(posting.attempts(log)) > count + 20)
        Path(f"{log}.stop").touch()
        clients.wait(30)
        self.attempts = posting.attempts(log)
        self.check = server.manage("check_books")
        self.left = server.manage("migrate", "--check")


class TestUnderLoad:
    @pytest.fixture(scope="class")
    def played(self) -> Iterator[Played]:
        with servers.own() as server:
            yield Played(server)

    def test_the_migrations_really_ran_and_had_to_give_way(self, played: Played) -> None:
        assert played.room[0] == 0 and "Applying escrow.0050_leave_room_beside_hot_rows... OK" in played.room[1]
        assert played.triggers[0] == 0, played.triggers[1]
        assert "giving way" in played.triggers[1]
        assert len(played.remade) >= 5
        assert played.left[0] == 0

    def test_no_request_failed(self, played: Played) -> None:
        during = [a for a in played.attempts if played.began < a.began < played.ended]
        assert len(during) >= 30
        assert Counter(attempt.result for attempt in played.attempts).keys() == {"posted"}

    def test_nobody_waited_long(self, played: Played) -> None:
        assert max(attempt.took for attempt in played.attempts) <= STALL

    def test_the_books_and_every_guard_are_whole(self, played: Played) -> None:
        assert played.check[0] == 0, played.check[1]


class TestTwoInstances:
    def test_one_waits_for_the_other_and_finds_nothing_left_to_do(self) -> None:
        with servers.own() as server:
            both = migrate_against_a_report(server, "one", "other")
            assert [status for status, _ in both] == [0, 0], both
            said = [words for _, words in both]
            waited = ["Another instance is migrating this database" in words for words in said]
            applied = ["Applying remaking.0001_make_the_guards_anew" in words for words in said]
            assert sorted(waited) == [False, True]
            assert applied == [not has_waited for has_waited in waited]
            rows = server.ask("SELECT count(*) FROM django_migrations WHERE app = 'remaking'")
            assert rows == [(1,)]

    def test_a_lock_that_is_never_given_is_given_up_in_words(self) -> None:
        with servers.own() as server, forgotten(server, ROOM), server.connect() as other:
            other.execute("SELECT pg_advisory_lock(7265616131)")
            status, said = server.manage("migrate", *ROOM, "--patience", "1")
            assert status == 1
            assert "Another instance is still migrating this database." in said
