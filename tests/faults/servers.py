"""
A PostgreSQL of a test's own: durable, migrated, and free to be killed, filled, restored or kept waiting.

The suite's server is shared and not durable, so a fault test copies a cluster that was migrated once,
starts it, and speaks to it in processes of its own (``server.program``, ``server.manage``).
Two things follow from devtools: a server dies with the thread that started it (start it in the main one),
and it runs as ``nobody`` when we are root, so its folder must be open to others (``fresh_folder``).

``DATABASE`` belongs to the role realco, who owns the tables and is no superuser, as in production.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

import psycopg

from devtools import checkout, processes, running, services

ROOT = Path(__file__).parents[2]
DATABASE = services.DATABASE
EMPTY = "empty"
"""The template's database before anything was prepared in it: migrated, and nothing more."""
# What production is to have (docs/backup.md names more): durable commits, and room for the clients of a test.
DURABLE = {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on", "max_connections": "150"}


class Server:
    """A PostgreSQL on a folder, with what a test does to it."""

    def __init__(self, folder: Path, *, log: Path | None = None, **settings: str) -> None:
        """Prepare a server; the cluster is made when the folder holds none."""
        self.folder = folder
        self.log_file = log or folder / "postgres.log"
        self.settings = {**DURABLE, **settings}
        self.process: subprocess.Popen[bytes] | None = None
        with _no_others(folder):
            self.service = services.postgresql(folder, log=self.log_file, throwaway=False)

    @property
    def data(self) -> Path:
        """The data directory, owned by the account that runs the server."""
        return self.folder / "postgresql"

    @property
    def log(self) -> str:
        """What the server said."""
        return self.log_file.read_text(errors="replace") if self.log_file.exists() else ""

    @property
    def password(self) -> str:
        return urlsplit(self.service.url).password or ""

    @property
    def port(self) -> int:
        """The port, which stays the same when the server is started again."""
        return urlsplit(self.service.url).port or 0

    def url(self, database: str = DATABASE) -> str:
        """The address for DATABASE_URL."""
        return f"postgres://realco:{self.password}@127.0.0.1:{self.port}/{database}"

    # ---- the server's life ----

    def start(self) -> Server:
        """Start it and wait until it answers; role and database are made if they are missing."""
        self.launch()
        services.await_postgresql(self.service, self.is_alive)
        return self

    def launch(self) -> None:
        """Start it without waiting: after a crash it answers when it has recovered."""
        arguments = self.service.command.arguments
        for name, value in self.settings.items():
            arguments += ("-c", f"{name}={value}")
        command = processes.Command(
            name="postgres",
            arguments=arguments,
            environment=self.service.command.environment,
            folder=Path("/"),
            stop_signal="SIGINT",
            account=self.service.command.account,
        )
        with self.log_file.open("ab") as log:
            self.process = processes.start(command, output=log)

    def is_alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """Stop it: SIGINT in good order, SIGQUIT at once (recovery follows)."""
        if self.process is None:
            return
        if self.is_alive():
            self.process.send_signal(how)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.kill()
        self.process = None

    def kill(self) -> None:
        """Kill -9 the server with all its backends, as a power failure would."""
        assert self.process is not None
        children = _children(self.process.pid)
        self.process.send_signal(signal.SIGKILL)
        for child in children:
            processes.signal_one(child, signal.SIGKILL)
        self.process.wait()
        deadline = time.monotonic() + 10
        while any(processes.started_at(child) for child in children) and time.monotonic() < deadline:
            time.sleep(0.02)
        self.process = None

    # ---- speaking to it ----

    def connect(
        self, database: str = DATABASE, *, superuser: bool = False, autocommit: bool = True, **options: Any
    ) -> psycopg.Connection:
        """Connect as the application's role, or as the superuser, whom no trigger stops."""
        return psycopg.connect(
            host="127.0.0.1",
            port=self.port,
            dbname=database,
            user="postgres" if superuser else "realco",
            password=self.password,
            autocommit=autocommit,
            connect_timeout=10,
            **options,
        )

    def ask(self, query: str, database: str = DATABASE, *, superuser: bool = False) -> list[tuple[Any, ...]]:
        """Give the rows of one query, on a connection of its own."""
        with self.connect(database, superuser=superuser) as link:
            cursor = link.execute(query.encode())
            return cursor.fetchall() if cursor.description else []

    def environment(self, database: str = DATABASE, **variables: str) -> dict[str, str]:
        """What one of our programs needs to work on this server."""
        unwanted = ("PG", "PYTEST", "REALCO_PROCESS", "DATABASE_")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(unwanted)}
        ours = {"REALCO_MODE": "test", "DJANGO_SETTINGS_MODULE": "realco.settings", "DATABASE_URL": self.url(database)}
        return {**kept, **ours, **variables}

    def program(
        self,
        *arguments: str,
        output: int | IO[bytes] | None = subprocess.PIPE,
        variables: Mapping[str, str] | None = None,
    ) -> subprocess.Popen[bytes]:
        """Start ``python ARGUMENTS…`` on this server, in a process group of its own that dies with us."""
        command = processes.Command(
            name="program",
            arguments=(sys.executable, *arguments),
            environment=self.environment(**(variables or {})),
            folder=ROOT,
        )
        return processes.start(command, output=output)

    def run(self, *arguments: str, timeout: int = 120, **variables: str) -> tuple[int, str]:
        """Run ``python ARGUMENTS…`` on this server to its end, and give its exit status and what it said."""
        process = self.program(*arguments, variables=variables)
        try:
            said, _ = process.communicate(timeout=timeout)
        except BaseException:
            processes.signal_group(process.pid, signal.SIGKILL)
            process.wait()
            raise
        return process.returncode, said.decode(errors="replace")

    def manage(self, *arguments: str, timeout: int = 120, **variables: str) -> tuple[int, str]:
        """Run a management command to its end, and give its exit status and what it said."""
        return self.run("manage.py", *arguments, timeout=timeout, **variables)

    def tool(self, name: str, *arguments: str, **variables: str) -> tuple[int, str]:
        """Run one of PostgreSQL's own programs as the account of the server, with the superuser's login."""
        login = {"PGHOST": "127.0.0.1", "PGPORT": str(self.port), "PGUSER": "postgres", "PGPASSWORD": self.password}
        command = processes.Command(
            name=name,
            arguments=(str(self.binary(name)), *arguments),
            environment={**self.service.command.environment, **login, **variables},
            folder=Path("/"),
            account=self.service.command.account,
        )
        return processes.run_to_end(command)

    def binary(self, name: str) -> Path:
        """Where one of PostgreSQL's programs is (pg_dump, pg_restore, pg_basebackup, pgbench …)."""
        return Path(self.service.command.arguments[0]).with_name(name)

    def copy_to(self, folder: Path, *, log: Path | None = None, **settings: str) -> Server:
        """Give another server on a copy of this one's data; this one must be stopped."""
        assert self.process is None
        copied = subprocess.run(["cp", "-a", f"{self.folder}/.", str(folder)], check=False, capture_output=True)
        assert copied.returncode == 0, copied.stderr
        (folder / "postgres.log").unlink(missing_ok=True)
        return Server(folder, log=log, **settings)


@contextmanager
def fresh_folder() -> Iterator[Path]:
    """Make a folder that the server's account can reach, and remove it after; also those of killed runs."""
    with checkout.locked(checkout.home() / "throwaway.lock", wait=True):
        folders = running.throwaway_folder()
        folder = folders.__enter__()
    try:
        yield folder
    finally:
        folders.__exit__(None, None, None)


@contextmanager
def running_copy(
    of: Server, folder: Path, *, log: Path | None = None, settings: Mapping[str, str] | None = None
) -> Iterator[Server]:
    """Start a copy of a stopped server in a new folder, and stop and remove it after."""
    folder.mkdir(mode=0o711)
    server = of.copy_to(folder, log=log, **(settings or {}))
    try:
        yield server.start()
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def own(**settings: str) -> Iterator[Server]:
    """
    Start a migrated server of a test's own, with what tests.faults.posting prepared; it is removed after.

    This is what most tests want: ``with servers.own(autovacuum="off") as server: …``.
    """
    with fresh_folder() as folder, running_copy(template(), folder / "own", settings=settings) as server:
        yield server


def template() -> Server:
    """
    Give the stopped server that others are copied from: migrated, prepared, analysed.

    It is made once for each state of the migrations and kept between test runs.
    """
    makers = (Path(__file__), ROOT / "tests" / "faults" / "posting.py")
    sources = sorted((*ROOT.glob("*/migrations/*"), *makers, *ROOT.glob("*/models/*.py")))
    code = b"".join(path.read_bytes() for path in sources if path.is_file())
    home = checkout.home()
    name = f"faults-{hashlib.sha256(code).hexdigest()[:16]}"
    with checkout.locked(home / "faults.lock", wait=True):
        if not (home / name).exists():
            for old in home.glob("faults-*"):
                shutil.rmtree(old, ignore_errors=True)
            draft = home / "faults-draft"
            draft.mkdir(mode=0o711)
            _migrate(Server(draft, fsync="off"))
            draft.rename(home / name)
    return Server(home / name)


def _migrate(server: Server) -> None:
    server.start()
    try:
        status, said = server.manage("migrate", "--no-input", "-v0")
        assert status == 0, said
        server.ask(f"CREATE DATABASE {EMPTY} TEMPLATE {DATABASE}", "postgres")
        status, said = server.run("-m", "tests.faults.posting", "prepare")
        assert status == 0, said
        server.ask("ANALYZE")
    finally:
        server.stop()


def wait_for(happened: Callable[[], bool], *, seconds: float = 120) -> bool:
    """Wait until something has happened, and fail if it does not."""
    until = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < until, "what the test waits for does not happen"
        time.sleep(0.05)
    return True


def _children(pid: int) -> list[int]:
    """The processes that a process started."""
    path = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(word) for word in path.read_text().split()] if path.exists() else []


@contextmanager
def _no_others(folder: Path) -> Iterator[None]:
    """Keep two workers of one test run from copying the server's programs at once."""
    with checkout.locked(folder.parent / "preparing.lock", wait=True):
        yield
