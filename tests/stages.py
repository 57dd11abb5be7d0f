"""
Rows that many tests begin with, built once and found by each test as if they had been built for it.

A fixture marked `staged` is built inside a transaction that stays open from test to test, at a savepoint of its
own. The next test that begins with the same fixtures finds their rows there and gets copies of what they returned;
a test that begins otherwise goes back to the savepoint up to which both agree, and builds on from there. So a test
sees exactly the rows of the fixtures it names, and whatever it does itself is rolled back behind it. Tests that
really commit, and every new file, begin with an empty database; what they name is built as by any other fixture.

What a staged fixture is given must be staged too or a plain value, so that nothing of one test reaches another.
"""

from __future__ import annotations

import copy
import functools
import time
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar, cast

import pytest
from django.db import connection, transaction

from realco import clock
from realco.models import SandboxClock

PLAIN = (type(None), str, int, Decimal, date, Path)
COMMITTING = {"transactional_db", "live_server", "django_db_reset_sequences"}
NEEDS_THE_TEST = {"db", "request", *COMMITTING}

Build = TypeVar("Build", bound=Callable[..., Any])
_rank: dict[Callable[..., Any], int] = {}


def staged(build: Build) -> Build:
    """Make a fixture of a function whose rows are kept for the tests that follow."""

    @functools.wraps(build)
    def take(*given: Any, **named: Any) -> Any:
        return STAGE.take(build, given, named)

    take.staged = build  # type: ignore[attr-defined]
    _rank[build] = len(_rank)
    return cast(Build, pytest.fixture(take))


@dataclass(frozen=True, slots=True)
class Step:
    """A staged fixture of a test: what builds it, and from which fixtures; equal steps leave equal rows."""

    build: Callable[..., Any]
    key: Hashable


@dataclass(slots=True)
class Level:
    """A step that was built: its savepoint, and what it and all before it had returned by then."""

    step: Step
    savepoint: transaction.Atomic
    returned: dict[Step, Any]
    clock: timedelta
    built: float


class Stage:
    """The open transaction of a worker, and the levels built in it."""

    def __init__(self) -> None:
        self.levels: list[Level] = []
        self.path: Path | None = None
        self.blocker: Any = None
        self._values: dict[Step, Any] = {}
        self._steps: dict[Callable[..., Any], Step] = {}

    def prepare(self, steps: list[Step], build_all: Callable[[], None]) -> None:
        """Go back to what the test shares with those before, and build the rest of what it begins with."""
        shared = 0
        if not self._is_sound():
            self.leave()
        for level, step in zip(self.levels, steps, strict=False):
            if level.step != step:
                break
            shared += 1
        self._go_back_to(shared)
        self._defer_constraints()
        self._values = copied(self.levels[-1].returned) if self.levels else {}
        self._steps = {step.build: step for step in steps}
        try:
            build_all()
        finally:
            self._steps = {}

    def take(self, build: Callable[..., Any], given: tuple[Any, ...], named: dict[str, Any]) -> Any:
        """Give what a fixture returned, building it first unless it stands; outside of prepare, just build it."""
        step = self._steps.get(build)
        if step is None:
            return build(*given, **named)
        if step not in self._values:
            self._require_known(build, named)
            self._build(step, lambda: build(*given, **named))
        return self._values[step]

    def _require_known(self, build: Callable[..., Any], named: dict[str, Any]) -> None:
        """Refuse what would be another test's in the next one: a client, a monkeypatch, a function."""
        for name, value in named.items():
            if not isinstance(value, PLAIN) and not any(value is known for known in self._values.values()):
                raise TypeError(f"{build.__name__} cannot be staged: {name} is neither staged nor a plain value")

    def _build(self, step: Step, build: Callable[[], Any]) -> None:
        """Build one level; what is checked at commit is checked now, so that no test does it again."""
        with self.blocker.unblock():
            savepoint = transaction.atomic()
            savepoint._from_testcase = True  # type: ignore[attr-defined]
            savepoint.__enter__()
            try:
                value = build()
                if callable(value):
                    raise TypeError("a function cannot be staged: copies of it would act on what it was made with")
                connection.check_constraints()
            except BaseException as error:
                savepoint.__exit__(type(error), error, error.__traceback__)
                raise
            offset = clock.offset()
        self._values[step] = value
        self.levels.append(Level(step, savepoint, copied(self._values), offset, time.monotonic()))

    def turn_back_the_clock(self) -> None:
        """Let the sandbox's clock, where it was moved, say what it said when the last level had been built."""
        if self.levels and self.levels[-1].clock:
            since = timedelta(seconds=time.monotonic() - self.levels[-1].built)
            SandboxClock.objects.update(offset=self.levels[-1].clock - since)

    def leave(self) -> None:
        """Empty the stage."""
        self._go_back_to(0)

    def _defer_constraints(self) -> None:
        """Begin deferred again: PostgreSQL forgets to where a savepoint in which they were checked was released."""
        if self.levels:
            with self.blocker.unblock(), connection.cursor() as cursor:
                cursor.execute("SET CONSTRAINTS ALL DEFERRED")

    def _go_back_to(self, count: int) -> None:
        while len(self.levels) > count:
            level = self.levels.pop()
            with self.blocker.unblock():
                if connection.connection is not None:
                    transaction.set_rollback(True)
                level.savepoint.__exit__(None, None, None)

    def _is_sound(self) -> bool:
        """Say whether the last test left us our transaction."""
        return not self.levels or (connection.connection is not None and not connection.connection.closed)


STAGE = Stage()


def copied(returned: dict[Step, Any]) -> dict[Step, Any]:
    """Copy what fixtures returned, all at once, so that an object which two of them share is still one."""
    return dict(zip(returned, copy.deepcopy(list(returned.values())), strict=True))


def commits(item: pytest.Item) -> bool:
    """Say whether a test really commits, and so cannot be rolled back."""
    marker = item.get_closest_marker("django_db")
    asked = marker is not None and (marker.kwargs.get("transaction") or marker.kwargs.get("reset_sequences"))
    return bool(asked) or bool(COMMITTING & set(_names(item)))


def steps_of(item: pytest.Item) -> list[tuple[str, Step]]:
    """
    Give the staged fixtures of a test, those they need first, else in the order in which they were defined.

    One that needs a fixture of the test's own transaction, directly or not, is left to be built in that.
    """
    active = {name: found[-1] for name, found in item._fixtureinfo.name2fixturedefs.items()}  # type: ignore[attr-defined]
    parameters: dict[str, Any] = item.callspec.params if hasattr(item, "callspec") else {}
    # A parameter is told by its value, so that all tests with the same one find the same rows.
    keys: dict[str, Hashable | None] = {
        name: (name, value) for name, value in parameters.items() if isinstance(value, PLAIN)
    }
    steps: dict[str, Step] = {}

    def build_of(name: str) -> Callable[..., Any] | None:
        build: Callable[..., Any] | None = getattr(active[name].func, "staged", None) if name in active else None
        return build

    def key_of(name: str) -> Hashable | None:
        """Name a fixture by its definition and those of all it needs; None if it belongs to the test."""
        if name not in keys:
            keys[name] = None  # A fixture that extends one of its own name belongs to the test.
            if name in active and name not in NEEDS_THE_TEST and not active[name].params:
                needed = tuple(key_of(each) for each in active[name].argnames)
                keys[name] = None if None in needed else (active[name], needed)
            build = build_of(name)
            if build is not None and keys[name] is not None:
                steps[name] = Step(build, keys[name])
        return keys[name]

    for name in sorted(filter(build_of, _names(item)), key=lambda each: _rank[build_of(each)]):  # type: ignore[index]
        key_of(name)
    return list(steps.items())


def uses(item: pytest.Item) -> bool:
    """Say whether a test names a staged fixture, and so needs the database."""
    definitions = item._fixtureinfo.name2fixturedefs  # type: ignore[attr-defined]
    return any(hasattr(found[-1].func, "staged") for found in definitions.values())


def _names(item: pytest.Item) -> Iterable[str]:
    names: list[str] = getattr(item, "fixturenames", [])
    return names
