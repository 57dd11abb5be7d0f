"""The launcher ./dev, run as a stranger would run it, on data of its own."""

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from devtools import checkout, processes, virtualenv
from devtools.trouble import Trouble

pytestmark = pytest.mark.slow

DEV = str(checkout.ROOT / "dev")
OURS = ("DATABASE_URL", "REDIS_URL", "REALCO_MODE", "SANDBOX_WEBHOOK_URL", "DJANGO_SETTINGS_MODULE")


def run(*arguments: str, home: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {**environment_for(home), **variables}
    return subprocess.run([DEV, *arguments], env=environment, capture_output=True, text=True, timeout=120, check=False)


def environment_for(home: Path) -> dict[str, str]:
    environment = {name: value for name, value in os.environ.items() if name not in OURS}
    return environment | {"REALCO_HOME": str(home)}


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    """A data folder that the account running PostgreSQL can enter even when we are root; making it takes longest."""
    with tempfile.TemporaryDirectory(prefix="realco-launcher-", dir="/tmp") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.fixture
def installed() -> None:
    """Leave installing packages to ./dev test itself."""
    if not (checkout.VIRTUALENV / ".installed-requirements-dev.txt").exists():
        pytest.skip("needs the .venv that ./dev test makes")


class Running:
    """A ./dev in the background, with what it printed so far."""

    def __init__(self, home: Path) -> None:
        self.lines: list[str] = []
        self.home = home
        # Through child.py, so that it ends with us even if these tests are killed.
        wrapper = [sys.executable, "-I", "-S", str(processes.CHILD), "", "SIGTERM", str(os.getpid())]
        self.process = subprocess.Popen(
            [*wrapper, DEV],
            env=environment_for(home),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line.rstrip())

    def await_address(self) -> str:
        deadline = time.monotonic() + 180
        while time.monotonic() < deadline and self.process.poll() is None:
            if any("RealCo is ready" in line for line in self.lines):
                found = [line for line in self.lines if re.fullmatch(r"\s+http://127\.0\.0\.1:\d+/", line)]
                if found:
                    return found[0].strip()
            time.sleep(0.1)
        raise AssertionError("\n".join(["./dev did not get ready:", *self.lines]))

    def pids(self) -> dict[str, int]:
        record = json.loads((self.home / "running.json").read_text())
        return {name: pid for name, pid, _ in record["processes"]}


@pytest.fixture
def running(home: Path, installed: None) -> Iterator[Running]:
    started = Running(home)
    try:
        started.await_address()
        yield started
    finally:
        if started.process.poll() is None:
            started.process.send_signal(signal.SIGTERM)
            started.process.wait(20)


def are_gone(pids: list[int], *, within: float) -> bool:
    deadline = time.monotonic() + within
    while any(is_running(pid) for pid in pids):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


def is_running(pid: int) -> bool:
    return bool(processes.started_at(pid)) and not processes._is_zombie(pid)


class TestWords:
    def test_help_names_every_command(self, home: Path) -> None:
        answer = run("--help", home=home)

        assert answer.returncode == 0
        for command in ("./dev test", "./dev demo", "./dev manage", "./dev reset"):
            assert command in answer.stdout

    def test_an_unknown_command_is_refused(self, home: Path) -> None:
        answer = run("demmo", home=home)

        assert answer.returncode == 2
        assert "demmo" in answer.stderr

    def test_a_port_must_be_one(self, home: Path) -> None:
        answer = run("--port", "70000", home=home)

        assert answer.returncode == 2
        assert "70000 is not a port" in answer.stderr

    def test_an_unusable_python_is_named(self, home: Path) -> None:
        answer = run("--help", home=home, PYTHON="/bin/false")

        assert answer.returncode == 1
        assert "/bin/false" in answer.stderr

    def test_a_database_nobody_serves_is_named(self, home: Path, installed: None) -> None:
        answer = run("manage", "check", home=home, DATABASE_URL="postgres://someone@127.0.0.1:1/none")

        assert answer.returncode == 1
        assert "DATABASE_URL names 127.0.0.1:1" in answer.stderr
        assert "Traceback" not in answer.stderr


class TestSettingsFile:
    @pytest.fixture
    def root(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        monkeypatch.setattr(checkout, "ROOT", tmp_path)
        return tmp_path

    def test_reads_names_quotes_and_comments(self, root: Path) -> None:
        (root / ".env").write_text("# ours\n\nexport A=1\nB = 'two words'\nC=\"x=y\"\nD=\n")

        assert checkout.settings_file() == {"A": "1", "B": "two words", "C": "x=y", "D": ""}

    def test_reports_a_line_that_is_no_setting(self, root: Path) -> None:
        (root / ".env").write_text("A=1\nnonsense\n")

        with pytest.raises(Trouble, match=r"\.env line 2"):
            checkout.settings_file()

    def test_may_be_absent(self, root: Path) -> None:
        assert checkout.settings_file() == {}


class TestLock:
    def test_is_held_by_one(self, tmp_path: Path) -> None:
        with (
            checkout.locked(tmp_path / "lock", wait=False) as first,
            checkout.locked(tmp_path / "lock", wait=False) as second,
        ):
            assert first is not None
            assert second is None

    def test_is_free_again_afterwards(self, tmp_path: Path) -> None:
        with checkout.locked(tmp_path / "lock", wait=False):
            pass
        with checkout.locked(tmp_path / "lock", wait=False) as again:
            assert again is not None


class TestRequirements:
    def test_pin_every_version(self) -> None:
        for name in virtualenv.EVERYTHING:
            for line in (checkout.ROOT / name).read_text().splitlines():
                requirement = line.partition("#")[0].strip()
                if requirement and not requirement.startswith("-r "):
                    assert re.match(r"[\w.-]+(\[[\w,]+\])?==[\w.]+", requirement), f"{name}: {line}"

    def test_leave_out_the_inactive_state_machine(self) -> None:
        assert "\ndjango-fsm==" not in (checkout.ROOT / "requirements.txt").read_text()


@pytest.mark.slow
class TestUp:
    def test_serves_joins_refuses_a_second_starts_a_killed_worker_again_and_stops_in_five_seconds(
        self, running: Running, home: Path
    ) -> None:
        address = running.await_address()
        pids = running.pids()
        assert set(pids) == {"postgres", "valkey", "web", "worker", "beat"}

        with urllib.request.urlopen(address, timeout=20) as page:  # noqa: S310
            assert page.status == 200
        joined = run("manage", "shell", "-c", "import os; print(os.environ['SANDBOX_WEBHOOK_URL'])", home=home)
        assert f"{address}webhooks/sandbox" in joined.stdout, joined.stderr
        second = run(home=home)
        assert second.returncode == 1
        assert "is running on these data" in second.stderr

        os.kill(pids["worker"], signal.SIGKILL)
        deadline = time.monotonic() + 20
        while running.pids()["worker"] == pids["worker"] and time.monotonic() < deadline:
            time.sleep(0.2)
        pids["worker"] = running.pids()["worker"]
        assert is_running(pids["worker"])
        assert running.process.poll() is None

        began = time.monotonic()
        running.process.send_signal(signal.SIGTERM)
        assert running.process.wait(20) == 0
        assert time.monotonic() - began < 5
        assert are_gone(list(pids.values()), within=0.5)

    def test_leaves_nothing_when_killed_and_starts_again(self, running: Running, home: Path) -> None:
        pids = running.pids()

        running.process.kill()
        running.process.wait()

        # A worker ends what it is doing first, and may be asking a database that is gone.
        assert are_gone(list(pids.values()), within=30)
        again = run("manage", "check", home=home)
        assert again.returncode == 0, again.stderr


@pytest.mark.slow
class TestManage:
    def test_passes_the_exit_status_on(self, home: Path, installed: None) -> None:
        answer = run("manage", "no_such_command", home=home)

        assert answer.returncode == 1
        assert "no_such_command" in answer.stderr

    def test_keeps_the_database_from_the_superusers_rights(self, home: Path, installed: None) -> None:
        question = (
            "from django.db import connection as c; k = c.cursor();"
            "k.execute('SELECT rolsuper FROM pg_roles WHERE rolname = current_user'); print(k.fetchone())"
        )

        answer = run("manage", "shell", "--no-imports", "-c", question, home=home)

        assert "(False,)" in answer.stdout, answer.stderr
