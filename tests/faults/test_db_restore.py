"""
Dump and restore, and back to a moment under load: the totals are equal and the checks prove.

The commands are taken from docs/backup.md, so that what operators read there is what was tried here.
"""

import re
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from devtools import checkout, processes
from tests.faults import posting, servers
from tests.faults.servers import wait_for

pytestmark = pytest.mark.slow
PAGE = (servers.ROOT / "docs" / "backup.md").read_text()
TOTALS = """
    SELECT a.account_number, count(*), sum(e.amount) FILTER (WHERE e.amount > 0), count(DISTINCT e.journal_entry_id)
      FROM escrow_ledger_entries e JOIN escrow_accounts a ON a.id = e.escrow_account_id
     WHERE {condition} GROUP BY 1 ORDER BY 1
"""
STORED = """
    SELECT l.id, l.balance, sum(e.amount) * ledger_normal_side(l.kind)
      FROM ledger_accounts l JOIN escrow_ledger_entries e ON e.ledger_account_id = l.id GROUP BY l.id ORDER BY 1
"""
REFERENCES = "SELECT reference FROM journal_entries WHERE {condition}"


def command(title: str) -> str:
    """Take the commands of the page that stand under a title."""
    found = re.findall(rf"```sh\n# {title}\n(.+?)```", PAGE, re.DOTALL)
    assert len(found) == 1, title
    return str(found[0])


def setting(name: str, archive: Path) -> str:
    """Take a setting of the page."""
    [found] = re.findall(rf"^{name} = (?:'(.+)'|(\S+))$", PAGE, re.MULTILINE)
    return str(found[0] or found[1]).replace("$ARCHIVE", str(archive))


@dataclass
class Copy:
    """What a backup brought back, and what it should have."""

    totals: list[tuple[Any, ...]]
    stored: list[tuple[Any, ...]]
    references: set[str]
    check: tuple[int, str]
    fits: tuple[int, str]


class Played:
    """A server whose log is archived; a load; a base backup, a dump, a moment, and then a mistake."""

    def __init__(self, folder: Path) -> None:
        self.backups, self.archive, restored = (folder / name for name in ("backups", "archive", "restored"))
        for place in (self.backups, self.archive):
            place.mkdir()
            checkout.make_private(place)
        names = ("wal_level", "archive_mode", "archive_command", "track_commit_timestamp")
        settings = {name: setting(name, self.archive) for name in names}
        with servers.running_copy(servers.template(), folder / "own", settings=settings) as server:
            self.log = folder / "load.jsonl"
            load = ("-m", "tests.faults.posting", "load", "--log", str(self.log), "--seconds", "300")
            clients = server.program(*load, output=None)
            self.let_it_post(20)
            self.shell(server, command("base backup"))
            self.dump(server)
            self.let_it_post(20)
            [(self.moment,)] = server.ask("SELECT clock_timestamp()::text")
            self.at_the_moment = time.time()
            self.let_it_post(20)
            Path(f"{self.log}.stop").touch()
            clients.wait(30)
            self.expect(server)
            self.make_the_mistake(server)
            self.dumped = self.restore_dump(server)
            self.go_back(server, restored)

    def let_it_post(self, count: int) -> None:
        before = len(posting.attempts(self.log))
        wait_for(lambda: len(posting.attempts(self.log)) >= before + count)

    def shell(self, server: servers.Server, script: str, **variables: str) -> None:
        """Run commands of the page as the server's account."""
        places = {"BACKUPS": str(self.backups), "ARCHIVE": str(self.archive), **variables}
        login = {"PGHOST": "127.0.0.1", "PGPORT": str(server.port), "PGUSER": "postgres", "PGPASSWORD": server.password}
        path = f"{server.binary('psql').parent}:/usr/bin:/bin"
        done, said = processes.run_to_end(
            processes.Command(
                name="sh",
                arguments=("/bin/sh", "-euc", script),
                environment={**places, **login, "PATH": path, "LC_ALL": "C"},
                folder=Path("/"),
                account=server.service.command.account,
            )
        )
        assert done == 0, said

    def dump(self, server: servers.Server) -> None:
        """Dump while others post; what had been acknowledged before must be in it."""
        self.before_dump = {attempt.key for attempt in posting.attempts(self.log) if attempt.is_acknowledged}
        count = len(posting.attempts(self.log))
        self.shell(server, command("dump"))
        self.posted_meanwhile = len(posting.attempts(self.log)) - count

    def expect(self, server: servers.Server) -> None:
        """Note what had been committed at the moment, and all there is."""
        then = f"pg_xact_commit_timestamp({{}}.xmin) <= '{self.moment}' OR pg_xact_commit_timestamp({{}}.xmin) IS NULL"
        self.totals_then = server.ask(TOTALS.format(condition=then.format("e", "e")))
        references = server.ask(REFERENCES.format(condition=then.format("journal_entries", "journal_entries")))
        self.references_then = {reference for (reference,) in references}
        self.totals_at_last = server.ask(TOTALS.format(condition="true"))
        self.references_at_last = {name for (name,) in server.ask(REFERENCES.format(condition="true"))}

    def make_the_mistake(self, server: servers.Server) -> None:
        """Delete half of the ledger behind the triggers, and wait until the log that says so is archived."""
        with server.connect(superuser=True) as link:
            link.execute("SET session_replication_role = replica")
            self.deleted = link.execute("DELETE FROM escrow_ledger_entries WHERE amount > 0").rowcount
            [segment] = link.execute("SELECT pg_walfile_name(pg_switch_wal())").fetchone() or [""]
        wait_for(lambda: (self.archive / segment).exists())

    def restore_dump(self, server: servers.Server) -> Copy:
        self.shell(server, command("restore the dump"))
        return self.look(server, "restored")

    def go_back(self, server: servers.Server, folder: Path) -> None:
        """Restore to the moment, on a server of its own."""
        folder.mkdir(mode=0o711)
        data = folder / "postgresql"
        checkout.make_private(data)
        (folder / "password").write_text(server.password)
        self.shell(server, command("point in time"), RESTORED=str(data), MOMENT=self.moment)
        restored = servers.Server(folder)
        try:
            restored.start()
            wait_for(lambda: restored.ask("SELECT pg_is_in_recovery()") == [(False,)])
            self.returned = self.look(restored, servers.DATABASE)
        finally:
            restored.stop()

    def look(self, server: servers.Server, database: str) -> Copy:
        """Read the totals of a copy and prove it by the commands of the page."""
        fits, check = (
            server.run(*line.split()[1:], DATABASE_URL=server.url(database))
            for line in command("prove").strip().splitlines()
        )
        rows = server.ask(REFERENCES.format(condition="true"), database)
        return Copy(
            totals=server.ask(TOTALS.format(condition="true"), database),
            stored=server.ask(STORED, database),
            references={reference for (reference,) in rows},
            check=check,
            fits=fits,
        )


@pytest.fixture(scope="module")
def played() -> Iterator[Played]:
    with servers.fresh_folder() as folder:
        yield Played(folder)


class TestDump:
    def test_is_made_while_others_post(self, played: Played) -> None:
        assert len(played.before_dump) >= 20
        assert played.posted_meanwhile >= 1

    def test_brings_back_what_was_acknowledged_and_proves(self, played: Played) -> None:
        keys = {reference.rpartition(":")[0] for reference in played.dumped.references if reference.startswith("k")}
        assert played.before_dump <= keys
        assert played.dumped.references < played.references_at_last
        assert played.dumped.fits[0] == 0, played.dumped.fits[1]
        assert played.dumped.check[0] == 0, played.dumped.check[1]

    def test_has_the_totals_of_its_own_entries(self, played: Played) -> None:
        assert [balance for _, balance, _ in played.dumped.stored] == [total for _, _, total in played.dumped.stored]
        assert sum(journals for *_, journals in played.dumped.totals) == len(played.dumped.references)


class TestPointInTime:
    def test_a_mistake_was_made_after_the_moment(self, played: Played) -> None:
        assert played.deleted > 100
        later = [a for a in posting.attempts(played.log) if a.is_acknowledged and a.began > played.at_the_moment]
        assert len(later) >= 10
        assert played.references_then < played.references_at_last

    def test_brings_back_exactly_what_was_committed_by_then(self, played: Played) -> None:
        assert played.returned.references == played.references_then
        assert played.returned.totals == played.totals_then
        assert played.returned.totals != played.totals_at_last

    def test_loses_nothing_that_had_been_acknowledged(self, played: Played) -> None:
        acknowledged = {
            attempt.key
            for attempt in posting.attempts(played.log)
            if attempt.is_acknowledged and attempt.began + attempt.took < played.at_the_moment - 0.1
        }
        assert len(acknowledged) >= 40
        assert acknowledged <= {reference.rpartition(":")[0] for reference in played.returned.references}

    def test_proves(self, played: Played) -> None:
        assert played.returned.fits[0] == 0, played.returned.fits[1]
        assert played.returned.check[0] == 0, played.returned.check[1]


class TestThePage:
    def test_says_what_durable_means(self) -> None:
        for name in ("fsync", "full_page_writes", "synchronous_commit"):
            assert setting(name, Path("/")) == "on"

    def test_scripts_are_sound(self) -> None:
        for script in re.findall(r"```sh\n(.+?)```", PAGE, re.DOTALL):
            done = subprocess.run(["/bin/sh", "-n"], input=script, capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stderr
