"""
The database's disk runs full under load: clean errors, nothing half posted, nothing acknowledged lost.

The data directory lies on a small file system in memory (root may mount one; others are told that the test was
skipped). First only the tables cannot grow, then not even the write-ahead log, which stops the server outright.
"""

import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.faults import posting, servers
from tests.faults.servers import wait_for

pytestmark = pytest.mark.slow
ROOM = 72 * 1024 * 1024
REFUSALS = 30


@pytest.fixture(scope="module")
def played() -> Iterator["Played"]:
    with servers.fresh_folder() as folder:
        small = folder / "small"
        small.mkdir()
        template = servers.template()
        used = sum(path.stat().st_blocks * 512 for path in template.folder.rglob("*") if path.is_file())
        mount = ["mount", "-t", "tmpfs", "-o", f"mode=0711,size={used + ROOM}", "realco-fault", str(small)]
        done = subprocess.run(mount, capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"A SMALL DISK CANNOT BE MOUNTED HERE ({done.stderr.strip()}): A FULL DISK IS NOT TESTED.")
        try:
            with servers.running_copy(template, small / "own", log=folder / "postgres.log") as server:
                yield Played(server, small / "ballast")
        finally:
            subprocess.run(["umount", "--lazy", str(small)], check=True)


class Played:
    """Clients post; the disk is filled until they are refused, then until the server dies; then it is freed."""

    def __init__(self, server: servers.Server, ballast: Path) -> None:
        self.server, self.ballast = server, ballast
        log = server.folder.parent.parent / "load.jsonl"
        load = server.program(
            *("-m", "tests.faults.posting", "load", "--log", str(log), "--seconds", "300"), output=None
        )
        wait_for(lambda: len(posting.attempts(log)) > 40)
        self.filled_at = time.time()
        self.fill()
        wait_for(lambda: len([a for a in posting.attempts(log) if not a.is_acknowledged]) >= REFUSALS)
        self.survived = server.is_alive()
        self.while_full = [a for a in posting.attempts(log) if not a.is_acknowledged]

        self.was_stopped = self.fill_the_log()
        ballast.unlink()
        self.freed_at = time.time()
        wait_for(lambda: self.goes_on(log))
        Path(f"{log}.stop").touch()
        load.wait(60)
        self.attempts = posting.attempts(log)
        rows = server.ask("SELECT reference FROM journal_entries WHERE reference LIKE 'k%'")
        self.posted = Counter(reference.rpartition(":")[0] for (reference,) in rows)
        self.check = server.manage("check_books")

    def goes_on(self, log: Path) -> bool:
        """Start the server when it has ended, maybe only after the disk was freed; return whether it works."""
        if not self.server.is_alive():
            self.server.start()
        return len([a for a in posting.attempts(log) if a.is_acknowledged and a.began > self.freed_at]) > 40

    def fill(self) -> None:
        """Write ballast until there is no room for one page more."""
        with self.ballast.open("ab", buffering=0) as file:
            for size in (1024 * 1024, 4096):
                try:
                    while True:
                        file.write(b"\0" * size)
                except OSError:
                    pass

    def fill_the_log(self) -> bool:
        """Ask for one new segment of the write-ahead log after the other until there is no room for one."""
        until = time.monotonic() + 60
        while "PANIC" not in self.server.log and time.monotonic() < until:
            self.fill()
            try:
                with self.server.connect(superuser=True) as link:
                    link.execute("SELECT pg_logical_emit_message(true, 'fault', repeat('x', 1000)), pg_switch_wal()")
            except psycopg.OperationalError:
                time.sleep(0.05)
        return "PANIC" in self.server.log


class TestFullDisk:
    def test_the_fault_really_happened(self, played: Played) -> None:
        before = [a for a in played.attempts if a.is_acknowledged and a.began < played.filled_at]
        after = [a for a in played.attempts if a.is_acknowledged and a.began > played.freed_at]
        assert len(before) > 30 and len(after) > 30
        assert played.server.log.count("No space left on device") >= REFUSALS
        assert played.was_stopped

    def test_the_error_is_clean_and_the_server_goes_on_while_only_tables_cannot_grow(self, played: Played) -> None:
        assert played.survived
        assert {attempt.result for attempt in played.while_full} == {"OperationalError"}
        assert all("No space left on device" in attempt.words for attempt in played.while_full)

    def test_whatever_happened_later_nothing_was_unforeseen(self, played: Played) -> None:
        """When the log itself cannot grow the server stops, and connections break."""
        kinds = {attempt.result for attempt in played.attempts}
        assert kinds <= {"posted", "repeated", "OperationalError", "InterfaceError"}

    def test_nothing_acknowledged_is_lost_and_nothing_is_half_posted(self, played: Played) -> None:
        acknowledged = {attempt.key for attempt in played.attempts if attempt.is_acknowledged}
        assert acknowledged <= played.posted.keys()
        assert set(played.posted.values()) == {2}
        assert played.check[0] == 0, played.check[1]

    def test_a_commit_whose_answer_was_lost_is_repeated_and_not_doubled(self, played: Played) -> None:
        acknowledged = Counter(attempt.key for attempt in played.attempts if attempt.is_acknowledged)
        assert set(acknowledged.values()) == {1}
