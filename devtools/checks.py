"""Every check a change must pass, in one order: format, lint, imports, types, migrations, tests."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from devtools import checkout, processes, virtualenv
from devtools.trouble import say

CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
TESTS = "tests"


def steps() -> list[tuple[str, list[str]]]:
    """Name the checks with the commands that make them."""
    python, binaries = checkout.python(), checkout.VIRTUALENV / "bin"
    return [
        ("format", [str(binaries / "ruff"), "format", "--check", "--quiet", "."]),
        ("lint", [str(binaries / "ruff"), "check", "--quiet", "."]),
        ("imports", [str(binaries / "lint-imports")]),
        ("types", [python, "-m", "mypy"]),
        ("migrations", [python, "manage.py", "makemigrations", "--check", "--dry-run"]),
        (TESTS, [python, "-m", "pytest", "-n", "2", "--dist", "loadfile"]),
    ]


def run(arguments: Sequence[str], environment: dict[str, str]) -> int:
    """
    Run all checks, going on after a failure so that one run tells all; with arguments pytest alone.

    The tests wait for their database while the others are made, which read only files; one core would idle.
    """
    if arguments:
        return processes.run_in_foreground(
            [checkout.python(), "-m", "pytest", *arguments], environment, folder=checkout.ROOT
        )
    *beside, (tests, command) = steps()
    with ThreadPoolExecutor(1) as thread:
        looking = thread.submit(_look, beside, environment)
        began = time.monotonic()
        say(f"== {', '.join(name for name, _ in beside)} beside {tests}: {_shown(command)}")
        status = processes.run_in_foreground(command, environment, folder=checkout.ROOT)
        tested = (tests, status, time.monotonic() - began)
    results = [*looking.result(), tested]
    say("")
    for name, status, seconds in results:
        say(f"{'FAILED' if status else 'passed':<8}{name:<12}{seconds:6.1f} s")
    if "CHROMIUM" not in environment:
        say("skipped browser tests: there is no chromium on this machine (Debian: apt install chromium)")
    failed = [name for name, status, _ in results if status]
    say(f"Failed: {', '.join(failed)}." if failed else "Everything passed.")
    return 1 if failed else 0


def _look(steps: Sequence[tuple[str, list[str]]], environment: dict[str, str]) -> list[tuple[str, int, float]]:
    """Make the checks that only read, one after the other, beside the tests; only a failure has something to say."""
    results = []
    for name, command in steps:
        began = time.monotonic()
        done = processes.run_aside(command, environment, folder=checkout.ROOT)
        results.append((name, done.returncode, time.monotonic() - began))
        if done.returncode:
            say(f"\n== FAILED {name}: {_shown(command)}\n{done.stdout}")
    return results


def _shown(command: list[str]) -> str:
    """Write a command as the reader would."""
    return " ".join(command).replace(f"{checkout.VIRTUALENV}/bin/", "")


def find_chromium() -> str:
    """Give the browser for the tests, installing Debian's when we are root; empty when there is none."""
    named = os.environ.get("CHROMIUM", "")
    for name in (named, *CHROMIUM_NAMES):
        if name and (found := shutil.which(name)):
            return found
    if checkout.is_root() and shutil.which("apt-get"):
        say("Installing Debian's chromium for the browser tests.")
        if virtualenv.install_debian("chromium") and (found := shutil.which("chromium")):
            return found
    say("NO CHROMIUM: the browser tests will be skipped.")
    return ""
