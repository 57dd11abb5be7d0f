"""
A small exhaustive scheduler: several connections, stepped through every order of their named points.

A point is a statement that matches a pattern, or a commit; a connection stops before it until it is told to go on. One
that waits for another's lock is not runnable until that lock is free. All orders are found by playing again and again,
each time with the last choice that has an alternative left made differently, on rows of its own.
"""

import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Barrier, Condition
from typing import Any

from django.db import connection, connections

from realco.errors import Refusal

COMMIT = "commit"
PATIENCE = 20.0

Work = Callable[[], object]
Points = Mapping[str, str]

ACCOUNT = r'FROM "escrow_accounts" .*FOR NO KEY UPDATE'
PAYMENT = r'FROM "transactions" .*FOR NO KEY UPDATE'
CLOSING = r'FROM "closings" .*FOR UPDATE'
ASKED = r'^INSERT INTO "transactions"'
POST = r"^SELECT \* FROM ledger_post"


class Stuck(AssertionError):
    """Nobody can go on: the connections wait for each other, or one for somebody outside."""


class _GivenUp(Exception):
    """The order is not played to its end, and whoever stands at a point goes home."""


@dataclass
class Order:
    """One order that was played: who went on from which point, and what each got."""

    steps: list[tuple[int, str]]
    results: list[object]

    def __str__(self) -> str:
        return " ".join(f"{actor}:{point}" for actor, point in self.steps)


@dataclass
class _Choice:
    taken: int
    left: list[int] = field(default_factory=list)


class _Actor:
    """Work on a connection that stops at its points."""

    def __init__(self, number: int, work: Work, points: Points) -> None:
        self.number, self.work = number, work
        self.points = {name: re.compile(pattern, re.DOTALL) for name, pattern in points.items()}
        self.moved = Condition()
        self.at: str | None = None
        self.may_go = False
        self.is_given_up = False
        self.is_done = False
        self.pid = 0
        self.result: object = None

    def run(self) -> None:
        connection.ensure_connection()
        self.pid = connection.connection.info.backend_pid
        own = vars(connections[connection.alias])
        commit = connection._commit  # type: ignore[attr-defined]

        def pause_and_commit() -> Any:
            self._pause(COMMIT)
            return commit()

        own["_commit"] = pause_and_commit
        try:
            with connection.execute_wrapper(self._before):
                self._pause("start")
                self.result = self.work()
        except Refusal as refusal:
            self.result = refusal
        except BaseException as error:
            self.result = error
        finally:
            del own["_commit"]
            with self.moved:
                self.is_done = True
                self.moved.notify_all()

    def _before(self, execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: Any) -> Any:
        for name, pattern in self.points.items():
            if isinstance(sql, str) and pattern.search(sql):
                self._pause(name)
                break
        return execute(sql, params, many, context)

    def _pause(self, name: str) -> None:
        with self.moved:
            self.at = name
            self.moved.notify_all()
            while not (self.may_go or self.is_given_up):
                self.moved.wait()
            self.may_go, self.at = False, None
            if self.is_given_up:
                raise _GivenUp

    def give_up(self) -> None:
        with self.moved:
            self.is_given_up = self.may_go = True
            self.moved.notify_all()

    def go(self) -> None:
        with self.moved:
            self.may_go = True
            self.moved.notify_all()

    def settled(self, *, seconds: float) -> bool:
        """Wait a little until it stands at a point or is done."""
        with self.moved:
            return self.moved.wait_for(lambda: self.is_done or (self.at is not None and not self.may_go), seconds)

    @property
    def is_runnable(self) -> bool:
        return not self.is_done and self.at is not None and not self.may_go

    def is_blocked(self) -> bool:
        with connection.cursor() as cursor:
            cursor.execute("SELECT cardinality(pg_blocking_pids(%s)) > 0", [self.pid])
            return bool(cursor.fetchone()[0])


def orders(make: Callable[[], Sequence[Work]], points: Points, *, at_most: int = 300) -> Iterator[Order]:
    """
    Play every order of the points; ``make`` builds fresh rows and what is to be done with them, for each.

    :raises Stuck: if an order leaves nobody who can go on
    """
    with _hands(len(works := make())) as hands:
        plan: list[int] = []
        for _ in range(at_most):
            choices, order = _play(works, points, plan, hands)
            yield order
            while choices and not choices[-1].left:
                choices.pop()
            if not choices:
                return
            plan = [choice.taken for choice in choices[:-1]] + [choices[-1].left[0]]
            works = make()
    raise AssertionError(f"more than {at_most} orders; choose fewer points")


@contextmanager
def _hands(number: int) -> Iterator[ThreadPoolExecutor]:
    """Keep so many threads, each with its connection, for all orders: a new one plans everything it does anew."""
    together = Barrier(number)

    def let_go() -> None:
        together.wait(PATIENCE)
        connections.close_all()

    with ThreadPoolExecutor(number) as hands:
        try:
            yield hands
        finally:
            for _ in range(number):
                hands.submit(let_go)


def _play(
    works: Sequence[Work], points: Points, plan: Sequence[int], hands: ThreadPoolExecutor
) -> tuple[list[_Choice], Order]:
    actors = [_Actor(number, work, points) for number, work in enumerate(works)]
    playing = [hands.submit(actor.run) for actor in actors]
    choices: list[_Choice] = []
    order = Order([], [])
    try:
        while runnable := _await_rest(actors):
            taken = plan[len(choices)] if len(choices) < len(plan) else runnable[0]
            choices.append(_Choice(taken, [number for number in runnable if number > taken]))
            order.steps.append((taken, actors[taken].at or ""))
            actors[taken].go()
    except Stuck:
        for actor in actors:
            actor.give_up()
        raise
    for actor, played in zip(actors, playing, strict=True):
        played.result(PATIENCE)
        if isinstance(actor.result, BaseException) and not isinstance(actor.result, Refusal):
            raise AssertionError(f"{order} ended in {actor.result!r}") from actor.result
    order.results = [actor.result for actor in actors]
    return choices, order


def _await_rest(actors: Sequence[_Actor]) -> list[int]:
    """Wait until each stands at a point, is done, or waits for a lock; return those that can go on."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        moving = [actor for actor in actors if not actor.settled(seconds=0.002)]
        if all(actor.pid and actor.is_blocked() for actor in moving):
            runnable = [actor.number for actor in actors if actor.is_runnable]
            if runnable or all(actor.is_done for actor in actors):
                return runnable
    raise Stuck(", ".join(f"{actor.number} at {actor.at or 'a lock'}" for actor in actors if not actor.is_done))
