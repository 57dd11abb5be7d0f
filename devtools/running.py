"""
What is running: the services, the programs, and the record other invocations of ./dev find them by.

One launcher at a time owns the data folder, by a lock the system drops when it dies. The record beside the
lock says which services it started and at which addresses, so that ./dev manage can join them and the next
start can end what a killed launcher left.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from devtools import checkout, processes, services
from devtools.processes import Child, Command, Supervisor
from devtools.trouble import Trouble

FIRST_PORT = 8000
READY_WITHIN = 60.0
# Sweeps run every few seconds; unless something goes wrong, their coming and going would hide all else.
SWEEPS = r"Scheduler: Sending due task|Task \S*sweep\S*\[\S+\] (received|succeeded)"


@dataclass
class Record:
    """What the launcher that owns the data folder has started."""

    launcher: int
    purpose: str
    address: str = ""
    environment: dict[str, str] = field(default_factory=dict)
    processes: list[tuple[str, int, str]] = field(default_factory=list)
    services_are_ready: bool = False

    def write(self, folder: Path) -> None:
        """Keep the record where other invocations look."""
        checkout.write_private(folder / "running.json", json.dumps(asdict(self), indent=1))

    @classmethod
    def read(cls, folder: Path) -> Record | None:
        """Find the last record, or None."""
        try:
            return cls(**json.loads((folder / "running.json").read_text()))
        except (OSError, ValueError, TypeError):
            return None


def base_environment() -> dict[str, str]:
    """Give what every program gets: our environment, .env below it, the virtual environment first in PATH."""
    environment = {**checkout.settings_file(), **os.environ}
    environment.pop("PYTHONHOME", None)
    environment |= {
        "PATH": f"{checkout.VIRTUALENV / 'bin'}{os.pathsep}{environment.get('PATH', os.defpath)}",
        "VIRTUAL_ENV": str(checkout.VIRTUALENV),
        "PYTHONUNBUFFERED": "1",
        "DJANGO_SETTINGS_MODULE": "realco.settings",
        "REALCO_MODE": "development",
    }
    # In development root is whoever cloned into a container; Celery's page about it helps nobody there.
    environment.setdefault("PYTHONWARNINGS", "ignore:You're running the worker with superuser privileges")
    return environment


class House:
    """The services and programs of one invocation, in one data folder."""

    def __init__(self, folder: Path, *, purpose: str, show: bool, throwaway: bool = False) -> None:
        """Begin with nothing started."""
        self.folder = folder
        self.throwaway = throwaway
        self.environment = base_environment()
        if throwaway:
            self.environment["REALCO_MODE"] = "test"
        self.supervisor = Supervisor(show=show)
        self.record = Record(launcher=os.getpid(), purpose=purpose)
        self.database: services.Service | None = None
        self.logs = folder / "log"
        self.logs.mkdir(exist_ok=True)

    def start_services(self) -> None:
        """
        Start PostgreSQL and Valkey, unless the environment names others to use.

        :raises Trouble: if one does not start, or one named in the environment does not answer
        """
        broker = None
        if url := self.environment.get("DATABASE_URL"):
            require_answer("DATABASE_URL", url, 5432)
        else:
            log = self._fresh_log("postgres")
            self.database = services.postgresql(self.folder, log=log, throwaway=self.throwaway)
            self.environment["DATABASE_URL"] = self.database.url
            database_child = self.add(self.database.command)
        if url := self.environment.get("REDIS_URL"):
            require_answer("REDIS_URL", url, 6379)
        else:
            broker = services.valkey(self.folder, log=self._fresh_log("valkey"))
            self.environment["REDIS_URL"] = broker.url
            broker_child = self.add(broker.command)
        if self.database is not None:
            services.await_postgresql(self.database, database_child.is_alive)
        if broker is not None:
            services.await_valkey(broker, broker_child.is_alive)

    def publish(self) -> None:
        """Let other invocations use the services."""
        names = ("DATABASE_URL", "REDIS_URL", "SANDBOX_WEBHOOK_URL")
        self.record.environment = {name: self.environment[name] for name in names if name in self.environment}
        self.record.services_are_ready = True
        self.record.write(self.folder)

    def choose_port(self, wanted: int | None) -> int:
        """
        Give the port of the web process, and tell the sandbox bank where its webhooks go.

        :raises Trouble: if the port asked for is taken
        """
        if wanted is not None and not services.is_port_free(wanted):
            raise Trouble(f"Port {wanted} is taken; choose another with --port, or leave it out.")
        port = wanted or services.free_port(FIRST_PORT)
        self.environment["SANDBOX_WEBHOOK_URL"] = f"http://127.0.0.1:{port}/webhooks/sandbox"
        return port

    def _fresh_log(self, name: str) -> Path:
        """Give the log file of a process, emptied."""
        path = self.logs / f"{name}.log"
        path.write_text("")
        return path

    def add(self, command: Command) -> Child:
        """Start a process and write it into the record."""
        child = self.supervisor.add(command)
        self.tend()
        return child

    def tend(self) -> None:
        """Restart what died, and keep the record of pids true."""
        self.supervisor.tend()
        pids = [(child.command.name, child.process.pid) for child in self.supervisor.children]
        if pids != [(name, pid) for name, pid, _ in self.record.processes]:
            self.record.processes = [(name, pid, processes.started_at(pid)) for name, pid in pids]
            self.record.write(self.folder)

    def program(self, name: str, *arguments: str, ready_line: str = "") -> Child:
        """Start one of RealCo's own programs."""
        command = Command(
            name=name,
            arguments=(checkout.python(), "-m", *arguments),
            environment=self.environment,
            folder=checkout.ROOT,
            log=self._fresh_log(name),
            ready_line=ready_line,
            dull_line=SWEEPS,
        )
        return self.add(command)

    def manage(self, *arguments: str) -> str:
        """
        Run a management command to its end and give what it printed.

        :raises Trouble: if it fails, with its words
        """
        status, words = processes.run_to_end(
            Command(
                name="manage",
                arguments=(checkout.python(), str(checkout.ROOT / "manage.py"), *arguments),
                environment=self.environment,
                folder=checkout.ROOT,
            )
        )
        if status:
            raise Trouble(f"manage.py {' '.join(arguments)} failed:\n{words.strip()}")
        return words.strip()

    def start_programs(self, port: int, *, with_beat: bool) -> None:
        """
        Start web, worker and beat, and wait until web answers and the others say they are up.

        :raises Trouble: if one of them is not ready in time
        """
        (self.folder / "static").mkdir(exist_ok=True)
        bind = ["--bind", f"127.0.0.1:{port}", "--no-control-socket", "--graceful-timeout", "2"]
        requests = ["--access-logfile", "-", "--access-logformat", "%(m)s %(U)s %(s)s in %(M)s ms"]
        self.program("web", "gunicorn", "realco.wsgi", *bind, *requests, "--workers", "1", "--threads", "4")
        celery = ["celery", "--quiet", "-A", "realco"]
        worker = ["--concurrency", "2", "--loglevel", "INFO", "--without-gossip", "--without-mingle"]
        waiting = [self.program("worker", *celery, "worker", *worker, ready_line=r"\bready\.?$")]
        if with_beat:
            schedule = str(self.folder / "beat-schedule")
            beat = ["--loglevel", "INFO", "--pidfile", "", "--schedule", schedule]
            waiting.append(self.program("beat", *celery, "beat", *beat, ready_line="beat: Starting"))
        self.record.address = f"http://127.0.0.1:{port}/"
        deadline = time.monotonic() + READY_WITHIN
        while not (all(child.ready.is_set() for child in waiting) and _answers(self.record.address)):
            if time.monotonic() > deadline:
                raise Trouble(f"Web, worker and beat were not ready after {READY_WITHIN:.0f} s; see the lines above.")
            self.tend()
            time.sleep(0.1)
        self.publish()

    def empty(self, *, may_wipe: bool) -> None:
        """
        Empty the database, ours without asking.

        :raises Trouble: if it is one named by DATABASE_URL that holds tables, and nobody said to wipe it
        """
        for schedule in self.folder.glob("beat-schedule*"):
            schedule.unlink()
        if self.database is not None:
            services.empty_database(self.database)
            return
        status, words = processes.run_to_end(
            Command(
                name="empty",
                arguments=(
                    checkout.python(),
                    str(Path(__file__).with_name("emptying.py")),
                    "wipe" if may_wipe else "",
                ),
                environment=self.environment,
                folder=checkout.ROOT,
            )
        )
        if status:
            raise Trouble(words.strip())

    def stop(self) -> None:
        """Stop everything and withdraw the record."""
        self.supervisor.stop()
        (self.folder / "running.json").unlink(missing_ok=True)


def _answers(address: str) -> bool:
    """Say whether a web server answers, with whatever status."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        opener.open(address, timeout=5).close()
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True


def require_answer(variable: str, url: str, usual_port: int) -> None:
    """
    Check that a service named in the environment can be reached.

    :raises Trouble: if nobody answers there
    """
    parts = urlsplit(url)
    if not parts.hostname:
        return
    port = parts.port or usual_port
    try:
        socket.create_connection((parts.hostname, port), timeout=5).close()
    except OSError as error:
        raise Trouble(
            f"{variable} names {parts.hostname}:{port}, and nobody answers there ({error}). "
            f"Start that server, or unset {variable} to have ./dev start one."
        ) from error


@contextmanager
def owning(folder: Path) -> Iterator[Record | None]:
    """
    Own the data folder for a while; yields None then, or the record of the launcher that owns it already.

    What an earlier owner left behind after being killed is stopped first.
    """
    with checkout.locked(folder / "lock", wait=False) as held:
        record = Record.read(folder)
        if held is None:
            yield record or Record(launcher=0, purpose="./dev")
            return
        if record is not None:
            processes.end_leftovers([(name, pid, since) for name, pid, since in record.processes])
            (folder / "running.json").unlink(missing_ok=True)
        yield None


def await_services(folder: Path) -> Record:
    """
    Give the record of the launcher owning the folder, waiting until its services answer.

    :raises Trouble: if they do not in a minute
    """
    deadline = time.monotonic() + READY_WITHIN
    while time.monotonic() < deadline:
        record = Record.read(folder)
        if record is not None and record.services_are_ready:
            return record
        time.sleep(0.2)
    raise Trouble("Another ./dev is starting on these data and does not get ready.")


@contextmanager
def throwaway_folder() -> Iterator[Path]:
    """Make a folder for the services of one test run and remove it after; also those of killed runs."""
    home = checkout.home()
    for left in home.glob("test-*"):
        with checkout.locked(left / "lock", wait=False) as held:
            if held is not None:
                shutil.rmtree(left, ignore_errors=True)
    folder = home / f"test-{os.getpid()}"
    folder.mkdir(mode=0o711)
    try:
        with checkout.locked(folder / "lock", wait=True):
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
