"""
Child processes: their life tied to ours, their output prefixed, restarted when they die, stopped in good order.

Each child leads its own process group, so that Ctrl-C reaches only the launcher, which then stops them one
layer after the other. Should the launcher be killed outright, the kernel sends every child its stop signal;
what is left even then is found by its recorded pid at the next start.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from devtools.trouble import Stopped, Trouble, say

CHILD = Path(__file__).with_name("child.py")
COLOURS = {"web": 36, "worker": 32, "beat": 35, "postgres": 34, "valkey": 33, "demo": 37}
SERVICES = ("postgres", "valkey")
RESTARTS_ALLOWED = 5
RESTARTS_WINDOW = 60.0


@dataclass(frozen=True, kw_only=True)
class Command:
    """
    A program to run: what, with which environment, where, as whom, and the signal that stops it well.

    ready_line is a pattern its output shows when it is up; lines with dull_line go to the log, not the terminal.
    """

    name: str
    arguments: tuple[str, ...]
    environment: dict[str, str]
    folder: Path
    stop_signal: str = "SIGTERM"
    account: str = ""
    log: Path | None = None
    ready_line: str = ""
    dull_line: str = ""


def is_service(command: Command) -> bool:
    """Say whether a command is a server the programs use, which starts before and stops after them."""
    return command.name in SERVICES


def start(command: Command, *, output: int | IO[bytes] | None) -> subprocess.Popen[bytes]:
    """Start a command as a child that dies with us, leading a process group of its own."""
    wrapper = [sys.executable, "-I", "-S", str(CHILD), command.account, command.stop_signal, str(os.getpid())]
    return subprocess.Popen(
        [*wrapper, *command.arguments],
        env=command.environment,
        cwd=command.folder,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT if output is not None else None,
        start_new_session=True,
    )


def run_to_end(command: Command) -> tuple[int, str]:
    """Run a short command and give its exit status and everything it printed; it is stopped if we are."""
    process = start(command, output=subprocess.PIPE)
    try:
        printed, _ = process.communicate()
    except BaseException:
        signal_group(process.pid, signal.SIGKILL)
        process.wait()
        raise
    return process.returncode, printed.decode(errors="replace")


def run_in_foreground(
    arguments: list[str],
    environment: dict[str, str],
    *,
    folder: Path | None = None,
    tend: Callable[[], None] | None = None,
    is_interactive: bool = False,
) -> int:
    """
    Run a program on our terminal, as the one the reader talks to, and give its exit status.

    Ctrl-C reaches it through the terminal; an interactive one (a shell) may go on after it, any other is
    given time to end before it is killed.
    """
    wrapper = [sys.executable, "-I", "-S", str(CHILD), "", "SIGTERM", str(os.getpid())]
    process = subprocess.Popen([*wrapper, *arguments], env=environment, cwd=folder)
    if is_interactive:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        while True:
            try:
                status = process.wait(0.3 if tend is not None else None)
                return status if status >= 0 else 128 - status
            except subprocess.TimeoutExpired:
                assert tend is not None
                tend()
    except BaseException as stopped:
        if not (isinstance(stopped, Stopped) and stopped.signal_number == signal.SIGINT):
            process.terminate()
        for patience, end in ((2.0, process.terminate), (1.0, process.kill)):
            try:
                process.wait(patience)
            except subprocess.TimeoutExpired:
                end()
        process.wait()
        raise


def run_aside(
    arguments: list[str], environment: dict[str, str], *, folder: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a program that asks nothing, without a terminal, and give its exit status and all it said."""
    wrapper = [sys.executable, "-I", "-S", str(CHILD), "", "SIGTERM", str(os.getpid())]
    return subprocess.run(
        [*wrapper, *arguments],
        env=environment,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )


def signal_group(leader: int, number: int) -> None:
    """Send a signal to a process and all it started, if any is left."""
    try:
        os.killpg(leader, number)
    except (ProcessLookupError, PermissionError):
        pass


@dataclass
class Child:
    """A process being supervised, with what is known of its past."""

    command: Command
    process: subprocess.Popen[bytes]
    ready: threading.Event = field(default_factory=threading.Event)
    restarts: deque[float] = field(default_factory=deque)
    recent: deque[str] = field(default_factory=lambda: deque(maxlen=30))
    reader: threading.Thread | None = None

    def is_alive(self) -> bool:
        """Say whether the process runs."""
        return self.process.poll() is None


class Supervisor:
    """Runs processes until told to stop: shows their output, restarts them when they die."""

    def __init__(self, *, show: bool) -> None:
        """Begin with nothing; show says whether output goes to the terminal or to log files only."""
        self.children: list[Child] = []
        self.show = show
        self._printing = threading.Lock()
        self._colourful = sys.stdout.isatty() and "NO_COLOR" not in os.environ

    def add(self, command: Command) -> Child:
        """Start a process and look after it from now on."""
        child = Child(command=command, process=self._launch(command))
        self.children.append(child)
        self._read(child)
        return child

    def _launch(self, command: Command) -> subprocess.Popen[bytes]:
        """Start a process with its output going to us."""
        return start(command, output=subprocess.PIPE)

    def _read(self, child: Child) -> None:
        """Pass a process's output on, line by line, in a thread that ends with it."""
        child.reader = threading.Thread(target=self._pass_on, args=(child, child.process), daemon=True)
        child.reader.start()

    def _pass_on(self, child: Child, process: subprocess.Popen[bytes]) -> None:
        """Copy lines to the terminal or the log, and notice the line that says the process is ready."""
        command = child.command
        ready = re.compile(command.ready_line) if command.ready_line else None
        dull = re.compile(command.dull_line) if command.dull_line else None
        log = command.log.open("a", buffering=1) if command.log is not None else None
        assert process.stdout is not None
        for raw in process.stdout:
            line = raw.decode(errors="replace").rstrip()
            child.recent.append(line)
            if ready is not None and ready.search(line):
                child.ready.set()
            if log is not None:
                log.write(line + "\n")
            if self.show and not is_service(command) and not (dull is not None and dull.search(line)):
                self._print(command.name, line)
        if log is not None:
            log.close()

    def _print(self, name: str, line: str) -> None:
        """Print a line under its process's name."""
        label = f"{name:<8}|"
        if self._colourful:
            label = f"\x1b[{COLOURS.get(name, 37)}m{label}\x1b[0m"
        with self._printing:
            say(f"{label} {line}")

    def tend(self) -> None:
        """
        Restart whatever has died since the last look.

        :raises Trouble: if a process dies again and again
        """
        for child in self.children:
            if child.is_alive():
                continue
            now = time.monotonic()
            while child.restarts and now - child.restarts[0] > RESTARTS_WINDOW:
                child.restarts.popleft()
            name, status = child.command.name, _describe(child.process.returncode)
            if len(child.restarts) >= RESTARTS_ALLOWED:
                words = "\n".join(child.recent)
                raise Trouble(
                    f"{name} stopped {len(child.restarts) + 1} times in a minute ({status}). Last words:\n{words}"
                )
            child.restarts.append(now)
            signal_group(child.process.pid, signal.SIGKILL)
            self._print(name, f"stopped by itself ({status}); starting it again.")
            time.sleep(0.5)
            child.process = self._launch(child.command)
            self._read(child)

    def stop(self) -> None:
        """
        Stop everything in less than five seconds: programs first, the servers they use after them.

        What does not end on its own signal is told more firmly and then killed with all it started. PostgreSQL
        is never just killed, which would leave its parts behind: it is told to drop everything, and recovers at
        the next start.
        """
        began = time.monotonic()
        programs = [child for child in self.children if not is_service(child.command)]
        servers = [child for child in self.children if is_service(child.command)]
        _end(programs, until=began + 2.5)
        for child in programs:
            signal_group(child.process.pid, signal.SIGKILL)
        _end(servers, until=began + 4.0)
        for child in servers:
            if child.is_alive():
                signal_group(child.process.pid, signal.SIGQUIT)
        for child in self.children:
            _wait(child, until=began + 4.7)
            signal_group(child.process.pid, signal.SIGKILL)
            child.process.wait()
        for child in self.children:
            if child.reader is not None:
                child.reader.join(0.1)
        self.children.clear()


def _end(children: list[Child], *, until: float) -> None:
    """Send each process the signal that stops it well, and wait for all of them up to a moment."""
    for child in children:
        if child.is_alive():
            child.process.send_signal(signal.Signals[child.command.stop_signal])
    for child in children:
        _wait(child, until=until)


def _wait(child: Child, *, until: float) -> None:
    """Wait for a process to end, up to a moment."""
    try:
        child.process.wait(max(0.0, until - time.monotonic()))
    except subprocess.TimeoutExpired:
        pass


def _describe(status: int) -> str:
    """Say how a process ended."""
    return f"killed by {signal.Signals(-status).name}" if status < 0 else f"exit status {status}"


def started_at(pid: int) -> str:
    """Give what tells a process from a later one with the same pid: its start time in kernel ticks."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return ""


def end_leftovers(recorded: list[tuple[str, int, str]]) -> None:
    """
    Stop processes a killed launcher left behind, given as (name, pid, start time).

    They have been signalled by the kernel when it died; they get three seconds to end before they are killed.
    """
    deadline = time.monotonic() + 3.0
    left = [entry for entry in recorded if entry[2] and started_at(entry[1]) == entry[2]]
    if left:
        say(f"Stopping what an earlier start left behind: {', '.join(name for name, _, _ in left)}.")
    for name, pid, _ in left:
        signal_one(pid, signal.SIGINT if name == "postgres" else signal.SIGTERM)
    for _, pid, since in left:
        while started_at(pid) == since and not _is_zombie(pid):
            if time.monotonic() > deadline:
                signal_group(pid, signal.SIGKILL)
                break
            time.sleep(0.05)


def _is_zombie(pid: int) -> bool:
    """Say whether a process has ended and only waits for its parent to notice."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (OSError, IndexError):
        return True


def signal_one(pid: int, number: int) -> None:
    """Send a signal to one process, if it is still there and ours."""
    try:
        os.kill(pid, number)
    except (ProcessLookupError, PermissionError):
        pass
