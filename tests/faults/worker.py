"""
A process of many threads that moves money at random and writes down what it was told, for a test to judge.

``python -m tests.faults.worker PLAN`` reads a plan (JSON) and works until its steps are done or its
time is up. Each answer is appended to the thread's own file, and is on the disk before the next step: what
the file says was acknowledged must be in the books whatever is killed. A step whose answer was lost with its
connection is written down as lost, or asked for again under the same key.
"""

import json
import os
import random
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

if TYPE_CHECKING:
    from escrow.models import EscrowAccount
    from realco.models import User
    from tests.faults.moves import Stage

GONE = ("08", "57P")
"""SQLSTATEs of connections that were cut: nobody knows whether the last commit happened."""
BUSY = ("55P03", "57014")
"""SQLSTATEs of time-outs while waiting for a lock: nothing happened, and it is asked for again."""
WEIGHTS = {
    "pay_in": 30,
    "arrive": 12,
    "batch": 8,
    "hold": 14,
    "release": 10,
    "withdraw": 10,
    "cancel": 6,
    "reverse": 8,
    "freeze": 2,
    "unfreeze": 6,
}
REVERSIBLE = ("arrive", "pay_in")


@dataclass(frozen=True)
class Plan:
    """What one process is to do: ``steps`` of each thread, or as many as fit into ``seconds``."""

    name: str
    stage: dict[str, object]
    seed: int
    threads: int
    folder: str
    steps: int = 0
    seconds: float = 0.0
    retries_lost: float = 0.5


@dataclass
class Step:
    """One step: what was asked, and what was answered: done, refused, lost, or failed in the database."""

    key: str
    move: str
    escrow: int
    investor: int
    cents: int
    of: str = ""
    outcome: str = "lost"
    said: str = ""
    made: str = ""
    ms: float = 0.0
    others: list[tuple[int, int]] = field(default_factory=list)

    @property
    def amount(self) -> Decimal:
        return Decimal(self.cents) / 100


class Thread:
    """One connection's random walk."""

    def __init__(self, plan: Plan, stage: "Stage", number: int) -> None:
        self.plan, self.stage, self.number = plan, stage, number
        self.random = random.Random(f"{plan.seed}:{plan.name}:{number}")
        self.done: dict[str, list[Step]] = {}
        self.until = time.monotonic() + plan.seconds if plan.seconds else float("inf")
        self.stop = Path(plan.folder) / f"{plan.name}.stop"

    def run(self) -> int:
        from django.db import connections

        path = Path(self.plan.folder) / f"{self.plan.name}-{self.number}.jsonl"
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        count = 0
        try:
            while not self._is_over(count):
                step = self._choose(count)
                self._answer(step)
                os.write(file, (json.dumps(asdict(step)) + "\n").encode())
                os.fsync(file)
                self._remember(step)
                count += 1
        finally:
            os.close(file)
            connections.close_all()
        return count

    def _is_over(self, count: int) -> bool:
        if self.plan.steps:
            return count >= self.plan.steps
        return time.monotonic() >= self.until or self.stop.exists()

    def _choose(self, count: int) -> Step:
        move = self.random.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]
        step = Step(
            key=f"{self.plan.name}:{self.number}:{count}",
            move=move,
            escrow=self.random.randrange(len(self.stage.escrows)),
            investor=self.random.randrange(len(self.stage.investors)),
            cents=self.random.choice((1000, 5000, 25_000)),
        )
        wanted = {"release": ("hold",), "cancel": ("withdraw",), "reverse": REVERSIBLE}.get(move)
        if wanted is not None:
            earlier = [one for name in wanted for one in self.done.get(name, [])]
            if not earlier:
                step.move = "pay_in"
                return step
            other = self.random.choice(earlier)
            if move == "reverse" or self.random.random() < 0.9:
                self.done[other.move].remove(other)
            step.escrow, step.investor, step.cents = other.escrow, other.investor, other.cents
            step.of, step.made = other.key, other.made
            if move == "reverse":
                # Known before it is asked, so that a reversal whose answer is lost can be told from another.
                step.made = "RECEIPT_CLAIMED" if other.move == "pay_in" else "UNKNOWN_RECEIPT"
        if move == "batch":
            step.others = [(self.random.randrange(len(self.stage.escrows)), number) for number in range(3)]
        return step

    def _remember(self, step: Step) -> None:
        if step.outcome == "done":
            self.done.setdefault(step.move, []).append(step)

    def _answer(self, step: Step) -> None:
        """Take the step and note the answer; ask again under the same key if it was lost and the plan says so."""
        asks_again = self.random.random() < self.plan.retries_lost
        for attempt in range(20):
            began = time.perf_counter()
            self._try(step, is_again=attempt > 0)
            step.ms = round((time.perf_counter() - began) * 1000, 2)
            if step.said in BUSY:
                continue
            if step.outcome != "lost":
                return
            self._reconnect()
            if not asks_again or time.monotonic() > self.until:
                return

    def _try(self, step: Step, *, is_again: bool) -> None:
        import psycopg
        from django.core.exceptions import MultipleObjectsReturned, ObjectDoesNotExist
        from django.db import Error, connection

        from escrow.operations.ledger import UnbalancedPosting
        from realco.errors import Refusal

        try:
            if is_again and _is_there(self.stage, step):
                step.outcome, step.said = "done", ""
                return
            step.made = MOVES[step.move](self.stage, step) or step.made
            step.outcome, step.said = "done", ""
        except Refusal as refusal:
            step.outcome, step.said = "refused", type(refusal).__name__
        except (ObjectDoesNotExist, MultipleObjectsReturned, UnbalancedPosting) as defect:
            step.outcome, step.said = "failed", type(defect).__name__
        except (Error, psycopg.Error) as error:
            cause = error.__cause__ if isinstance(error.__cause__, psycopg.Error) else error
            state = getattr(cause, "sqlstate", None) or ""
            is_lost = not state or state.startswith(GONE) or connection.connection is None
            step.outcome, step.said = ("lost" if is_lost else "failed"), state

    def _reconnect(self) -> None:
        """Wait until the server answers again."""
        import psycopg
        from django.db import Error, connection

        while time.monotonic() < self.until + 30:
            try:
                connection.close()
                connection.ensure_connection()
                return
            except (Error, psycopg.Error):
                time.sleep(0.1)


def _is_there(stage: "Stage", step: Step) -> bool:
    """Whether a step whose answer was lost has happened; what knows its key by itself is simply asked for again."""
    from escrow.models import JournalEntry

    if step.move not in ("cancel", "release", "reverse"):
        return False
    return JournalEntry.objects.filter(reference__in=references(stage, step)).exists()


def references(stage: "Stage", step: Step, payment_of: Callable[[str], str | None] = lambda _: None) -> list[str]:
    """Return the references of the journal entries that a step makes; payments are found by their keys."""
    from tests.escrow import bank_lines
    from tests.faults import moves

    match step.move:
        case "pay_in":
            return [bank_lines.received_as(step.key), bank_lines.claimed_as(step.key)]
        case "batch":
            return [bank_lines.received_as(f"{step.key}:{number}") for _, number in step.others]
        case "arrive":
            return [bank_lines.received_as(step.key)]
        case "reverse":
            return [moves.reversed_as(reversed_reference(step))]
        case "hold":
            return [moves.held_as(step.key)]
        case "release":
            return [moves.freed_as(step.made, step.amount)]
        case "withdraw":
            payment = payment_of(f"{stage.investors[step.investor].pk}:{step.key}")
            return [f"{payment}:reserved:0" if payment else f"{step.key}:no payment"]
        case "cancel":
            return [f"{step.made}:unreserved:0"]
    return []


def reversed_reference(step: Step) -> str:
    """Return the reference of the entry that a reversal undoes."""
    from tests.escrow import bank_lines

    name = bank_lines.claimed_as if step.made == "RECEIPT_CLAIMED" else bank_lines.received_as
    return name(step.of)


def _pay_in(stage: "Stage", step: Step) -> str:
    from tests.faults import moves

    moves.post(wanted_postings(stage, step), at=stage.at)
    return ""


def wanted_postings(stage: "Stage", step: Step) -> list[Any]:
    """The postings of a step that posts by itself; the same again whenever it is asked."""
    from tests.faults import moves

    escrow, investor = stage.escrows[step.escrow], stage.investors[step.investor]
    on = stage.at.date()
    if step.move == "pay_in":
        return list(moves.paid_in(escrow, investor, step.amount, key=step.key, on=on))
    if step.move == "arrive":
        return [moves.arrived(escrow, step.amount, key=step.key, on=on)]
    return [
        moves.arrived(stage.escrows[other], step.amount, key=f"{step.key}:{number}", on=on)
        for other, number in step.others
    ]


def _hold(stage: "Stage", step: Step) -> str:
    from tests.faults import moves

    return str(moves.hold(*_where(stage, step), step.amount, key=step.key, at=stage.at))


def _release(stage: "Stage", step: Step) -> str:
    from tests.faults import moves

    moves.release_hold(UUID(step.made), at=stage.at)
    return step.made


def _withdraw(stage: "Stage", step: Step) -> str:
    from tests.faults import moves

    # Hours apart, or compliance would want to look at so many payments of one person.
    hours = random.Random(step.key).randrange(1, 800_000)
    return str(moves.withdraw(*_where(stage, step), step.amount, key=step.key, at=stage.at + timedelta(hours=hours)).pk)


def _cancel(stage: "Stage", step: Step) -> str:
    from finance.models import Transaction
    from tests.faults import moves

    moves.cancel(Transaction.objects.get(pk=step.made), by=stage.operator, at=stage.at)
    return step.made


def _reverse(stage: "Stage", step: Step) -> str:
    from escrow.models import JournalEntry
    from tests.faults import moves

    entry = JournalEntry.objects.get(reference=reversed_reference(step), event=step.made)
    moves.reverse(entry, by=stage.operator, second=stage.approver, at=stage.at)
    return step.made


def _freeze(stage: "Stage", step: Step) -> str:
    from escrow.operations import escrow_accounts

    escrow_accounts.freeze(stage.escrows[step.escrow], by=stage.officer, reason="A dispute", at=stage.at)
    return ""


def _unfreeze(stage: "Stage", step: Step) -> str:
    from escrow.operations import escrow_accounts

    escrow_accounts.unfreeze(stage.escrows[step.escrow], by=stage.officer, reason="Settled", at=stage.at)
    return ""


def _where(stage: "Stage", step: Step) -> "tuple[EscrowAccount, User]":
    return stage.escrows[step.escrow], stage.investors[step.investor]


MOVES: dict[str, Callable[["Stage", Step], str]] = {
    "pay_in": _pay_in,
    "arrive": _pay_in,
    "batch": _pay_in,
    "hold": _hold,
    "release": _release,
    "withdraw": _withdraw,
    "cancel": _cancel,
    "reverse": _reverse,
    "freeze": _freeze,
    "unfreeze": _unfreeze,
}


def _loaded(plan: Plan) -> "Stage":
    """Read the stage, waiting for a server that was killed just before this process began."""
    from django.db import OperationalError

    from tests.faults.moves import Stage

    until = time.monotonic() + 60
    while True:
        try:
            return Stage.load(plan.stage)
        except OperationalError:
            if time.monotonic() > until:
                raise
            time.sleep(0.2)


def main(path: str) -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "realco.settings")
    import django

    django.setup()
    from django.db import connections

    from tests.faults import broken

    broken.break_process()
    plan = Plan(**json.loads(Path(path).read_text()))
    stage = _loaded(plan)
    connections.close_all()
    threads = [Thread(plan, stage, number) for number in range(plan.threads)]
    with ThreadPoolExecutor(plan.threads) as pool:
        list(pool.map(Thread.run, threads))


if __name__ == "__main__":
    main(*sys.argv[1:])
