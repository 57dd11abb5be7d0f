"""
PostgreSQL killed again and again while workers move money: nothing acknowledged is lost, nothing is there twice.

``python -m tests.faults.kills [--kills 4] [--threads 8] [--seconds-between 4]`` starts a server of its own, with
fsync on, works on it from processes of their own, kills it at random moments in three ways, and prints what
came of it as JSON. It exits with 1 if anything is wrong, or if it did not do enough to tell.
"""

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from devtools import checkout, processes, services
from tests.faults import servers

ROOT = Path(__file__).parents[2]
WAYS = ("postmaster", "backend", "immediate")
"""kill -9 of the server, kill -9 of one connection's process (which makes the server drop all), immediate stop."""
STEPS_A_KILL = 25
"""A run that acknowledged fewer steps for each kill shows nothing."""


@dataclass
class Report:
    """What a run did, and what is wrong."""

    kills: dict[str, int] = field(default_factory=dict)
    recoveries: list[float] = field(default_factory=list)
    steps: int = 0
    acknowledged: int = 0
    lost: int = 0
    lost_but_there: int = 0
    journals: int = 0
    seconds: float = 0.0
    outcomes: dict[str, int] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


class Server:
    """A PostgreSQL of our own that can be killed and started again on the same port and data."""

    def __init__(self, folder: Path) -> None:
        self.log = folder / "postgres.log"
        self.service = services.postgresql(folder, log=self.log, throwaway=False)
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> float:
        """Start it, again and again while remains of the last one are in the way; returns the seconds it took."""
        began = time.monotonic()
        while time.monotonic() < began + 60:
            with self.log.open("ab") as output:
                self.process = processes.start(self.service.command, output=output)
            while self.process.poll() is None and time.monotonic() < began + 60:
                if self._answers():
                    return time.monotonic() - began
                time.sleep(0.05)
            time.sleep(0.1)
        raise AssertionError(f"PostgreSQL did not come back:\n{self.log.read_text()[-3000:]}")

    def _answers(self) -> bool:
        asked = services._ask(self.service, "SELECT 1")
        return asked.returncode == 0

    def prepare(self) -> None:
        """Begin with a migrated database in which there is nothing."""
        services.await_postgresql(self.service, lambda: self.process is not None and self.process.poll() is None)
        services._tell(self.service, f"DROP DATABASE {servers.DATABASE}")
        services._tell(self.service, f"ALTER DATABASE {servers.EMPTY} RENAME TO {servers.DATABASE}")

    def backend(self) -> int:
        """Return the process of a connection of ours that is in the middle of something, or of any."""
        asked = services._ask(
            self.service,
            "SELECT pid FROM pg_stat_activity WHERE datname = 'realco' AND usename = 'realco'"
            " ORDER BY state = 'active' DESC, random() LIMIT 1",
        )
        return int(asked.stdout.strip() or 0)

    def kill(self, way: str) -> None:
        """
        Kill the server or one of its processes, and wait until it is down or has noticed.

        :raises AssertionError: if nothing was killed
        """
        assert self.process is not None and self.process.poll() is None, "the server was down before it was killed"
        if way == "backend":
            pid = self.backend()
            assert pid, "no connection was there to be killed"
            before = self.log.read_text().count("terminated by signal 9")
            os.kill(pid, signal.SIGKILL)
            until = time.monotonic() + 30
            while self.log.read_text().count("terminated by signal 9") == before:
                assert time.monotonic() < until, "the server did not notice that a connection's process was killed"
                time.sleep(0.02)
            return
        self.process.send_signal(signal.SIGKILL if way == "postmaster" else signal.SIGQUIT)
        code = self.process.wait(timeout=30)
        assert (code == -signal.SIGKILL) is (way == "postmaster"), f"the server ended with {code}, not by our hand"

    def await_answer(self) -> float:
        """Wait until it answers again by itself."""
        began = time.monotonic()
        while not self._answers():
            assert time.monotonic() < began + 60, "the server did not recover"
            time.sleep(0.05)
        return time.monotonic() - began

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                processes.signal_group(self.process.pid, signal.SIGKILL)
                self.process.wait()


@contextmanager
def own_server() -> Iterator[Server]:
    """Run a server in a folder of its own, with nothing left afterwards."""
    checkout.home()
    folder = Path(tempfile.mkdtemp(prefix="killed-", dir=checkout.home()))
    folder.chmod(0o711)
    try:
        servers.template().copy_to(folder)
        server = Server(folder)
        try:
            server.start()
            server.prepare()
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def begin(server: Server) -> None:
    """Point this process and those it starts at the server."""
    os.environ |= {
        "DATABASE_URL": server.service.url,
        "REDIS_URL": os.environ.get("REDIS_URL", "redis://127.0.0.1:9/0"),
        "REALCO_MODE": "test",
        "DJANGO_SETTINGS_MODULE": "realco.settings",
    }
    import django

    django.setup()
    from tests.faults import broken

    broken.break_database()


def play(server: Server, *, kills: int, threads: int, between: float, folder: Path, seed: int) -> Report:
    """Let workers work while the server is killed, and judge what is left."""
    from django.db import connections

    from tests.faults.moves import make_stage
    from tests.faults.worker import Plan

    report, chance = Report(), random.Random(seed)
    stage = make_stage(investors=8, escrows=4, at=datetime(2026, 3, 3, 17, 0, tzinfo=UTC))
    connections.close_all()
    seconds = kills * (between + 4) + 5
    plans = [Plan(f"k{n}", stage.as_json(), seed, threads, str(folder), seconds=seconds) for n in range(2)]
    paths = [folder / f"{plan.name}.json" for plan in plans]
    for path, plan in zip(paths, plans, strict=True):
        path.write_text(json.dumps(asdict(plan)))
    began = time.monotonic()
    workers = [subprocess.Popen([sys.executable, "-m", "tests.faults.worker", str(path)], cwd=ROOT) for path in paths]
    try:
        for number in range(kills):
            _await_work(folder, since=_size(folder))
            time.sleep(chance.uniform(0.3, 2 * between - 0.3))
            way = WAYS[number % len(WAYS)]
            server.kill(way)
            report.kills[way] = report.kills.get(way, 0) + 1
            report.recoveries.append(round(server.await_answer() if way == "backend" else server.start(), 2))
        for path in paths:
            path.with_suffix(".stop").touch()
        codes = [worker.wait(timeout=120) for worker in workers]
        assert codes == [0, 0], f"workers ended with {codes}"
    finally:
        for worker in workers:
            worker.kill()
    report.seconds = round(time.monotonic() - began, 1)
    return _judge(report, stage, folder)


def _await_work(folder: Path, *, since: int) -> None:
    """Wait until workers have been told something new; the next kill is to hit work, not a start."""
    until = time.monotonic() + 60
    while _size(folder) <= since:
        assert time.monotonic() < until, "the workers do not get anything done"
        time.sleep(0.05)


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.glob("*.jsonl"))


def _judge(report: Report, stage: object, folder: Path) -> Report:
    from tests.faults import verdict
    from tests.faults.moves import Stage

    assert isinstance(stage, Stage)
    steps = verdict.read(folder)
    found = verdict.judge(stage, steps)
    report.problems += found.problems
    added = verdict.replay(stage, steps)
    if added:
        report.problems.append(f"{added} acknowledged entries were posted again by a repetition")
    report.problems += verdict.judge(stage, steps).problems if added else []
    report.steps, report.journals, report.outcomes = len(steps), found.journals, dict(found.outcomes)
    report.acknowledged = sum(step.outcome == "done" for step in steps)
    report.lost = sum(step.outcome == "lost" for step in steps)
    report.lost_but_there = found.lost_but_there
    kills = sum(report.kills.values())
    if report.acknowledged < STEPS_A_KILL * kills:
        report.problems.append(f"only {report.acknowledged} steps were acknowledged between {kills} kills: too few")
    if not report.lost:
        report.problems.append("no answer was lost: the kills hit nothing")
    return report


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=4, help="how often the server is killed (default 4)")
    parser.add_argument("--threads", type=int, default=8, help="connections of each of the two workers (default 8)")
    parser.add_argument("--seconds-between", type=float, default=2.0, help="work between two kills, on average")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with own_server() as server, tempfile.TemporaryDirectory() as folder:
        begin(server)
        report = play(
            server,
            kills=options.kills,
            threads=options.threads,
            between=options.seconds_between,
            folder=Path(folder),
            seed=options.seed,
        )
        from django.db import connections

        connections.close_all()
    sys.stdout.write(json.dumps(asdict(report)) + "\n")
    return 1 if report.problems else 0


if __name__ == "__main__":
    sys.exit(main())
