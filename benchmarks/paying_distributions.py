"""
A distribution in the database, from the draft to queued payments: what each stage costs at 1,000, 10,000 and 50,000.

    DATABASE_URL=postgres://… REALCO_MODE=test python benchmarks/distributions.py --database [--investors 1000 10000]

Everybody has committed, paid and been released. A distribution of a third of the capital, with everybody
above their first tier, is calculated, submitted, signed by two people and executed: rows, reservations and ledger of
every payment, up to QUEUED. Executing is handed over to as many workers as in production's Procfile (two, or
``--workers``), each a process that makes the payments of one chunk after the other, as its Celery task does. Each
size is measured in processes of its own, and their memory with it (the largest is shown); the
investors are made in another one before. ``pace`` is what a processor is worth just then: how long a process, with
another one beside it, takes for the same ten million additions, before executing and after it. Rented processors vary
by half within minutes, and only figures of the same pace can be compared.

The figures to meet: executing 50,000 within 30 s and 1 GB, and no size costs much more a payment than the one before.
Exit code 1 where one is missed. The database must be migrated and is left with the rows; use one of your own, whose
server has the memory of production: the first line says what it has. With the 48 MB of shared buffers of ./dev and
256 MB between checkpoints, ten thousand took an eighth more.
"""

import cProfile
import json
import logging
import os
import pstats
import resource
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import Any
from uuid import UUID

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "realco.settings")

STAGES = ("calculate", "submit", "sign", "sign again", "execute")
MOST_SECONDS = {50_000: 30.0}
MOST_MEMORY = 1024
LOT = 5_000
ADDITIONS = """
import time
began, x = time.perf_counter(), 0
for i in range(10_000_000): x += i
print(time.perf_counter() - began)
"""
MOST_GROWTH = 1.6
"""A payment may cost so many times what it costs at the size before: more is not linear."""


def server() -> str:
    """Say which server it is, and what it has that the figures depend on."""
    import django

    django.setup()
    from django.db import connection

    names = ("server_version", "shared_buffers", "max_wal_size", "fsync")
    with connection.cursor() as cursor:
        cursor.execute("SELECT name, current_setting(name) FROM unnest(%s::text[]) AS name", [list(names)])
        found = ", ".join(f"{name} {value}" for name, value in cursor.fetchall())
    connection.close()
    return found


def prepare(investors: int) -> dict[str, str]:
    """Make an offering with so many released investors; return the ids of what measuring needs."""
    import django

    django.setup()
    from realco import clock
    from realco.business_days import banking_date
    from tests import factories
    from tests.finance import sandbox_stage as stage

    logging.disable(logging.WARNING)
    try:
        at = stage.begin()
    except clock.NoSandbox:  # The sizes share a database, and its clock is past that day.
        at = clock.now()
    factories.make_reference_data(at)
    tag = int(time.time())
    factories._numbers = count(tag)  # The sizes share a database.
    operator = factories.make_user(f"Olivia {tag}", "Operations", is_staff=True)
    approvers = [factories.make_user(f"{name} {tag}", "Approvers", is_staff=True) for name in ("Adam", "Anna")]
    offering = factories.make_offering(
        operator=operator,
        at=at,
        name=f"Paying {tag}",
        maximum_amount=Decimal("990000000.00"),
        deadline_at=at + timedelta(days=900),
    )
    escrow = factories.make_escrow(offering, operator=operator, at=at)
    for start in range(0, investors, LOT):
        _bring_in(escrow, min(LOT, investors - start), operator=operator, approvers=approvers, mark=f"{tag}.{start}")
    on = banking_date(clock.now())
    factories.make_terms(offering, template="original_four_tiers", effective_from=on, by=operator, at=clock.now())
    _tidy("VACUUM ANALYZE")
    clock.advance(timedelta(days=180))
    return {
        "offering": str(offering.pk),
        "operator": str(operator.pk),
        "first": str(approvers[0].pk),
        "second": str(approvers[1].pk),
    }


def _bring_in(escrow: Any, number: int, *, operator: Any, approvers: list[Any], mark: str) -> None:
    """Bring in a lot of investors and release their money to the offering by a closing of their own."""
    from escrow.operations import closings
    from realco import clock
    from tests import factories
    from tests.journeys import many_investors

    at = clock.now()
    people = many_investors.join(escrow, number, verifier=operator, at=at, mark=mark)
    many_investors.pay_in(escrow, people, uncleared=0, settled_at=at, clears_at=at + timedelta(days=1))
    clock.advance(timedelta(days=2))
    _tidy("ANALYZE")
    closing = closings.propose(escrow, by=operator, at=clock.now())
    factories.close(closing, approver=approvers[0], second=approvers[1], at=clock.now())


def _tidy(statement: str) -> None:
    """Do what autovacuum does of what comes in over months: made within minutes, it would be done while we measure."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")
        cursor.execute(statement)
        cursor.execute("RESET statement_timeout")


class Workers:
    """Processes that wait, ready, for a distribution to be handed over to them."""

    def __init__(self, number: int, distribution_id: UUID) -> None:
        command = [sys.executable, __file__, str(distribution_id)]
        self._processes = [
            subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)  # noqa: S603
            for _ in range(number)
        ]
        for process in self._processes:
            assert process.stdout is not None
            if process.stdout.readline() != "ready\n":
                raise RuntimeError("a worker did not start")

    def work(self) -> list[dict[str, float]]:
        """Wake them, as the messages of Celery would, and return what each of them says when nobody is left to pay."""
        answers = []
        for process in self._processes:
            assert process.stdin is not None
            process.stdin.close()
        for process in self._processes:
            assert process.stdout is not None
            answers.append(json.loads(process.stdout.readline()))
            process.wait()
        return answers


def _pay_when_woken(distribution_id: UUID) -> None:
    """Be one of the workers: make payments until nobody is left, and say what that took."""
    import django

    django.setup()
    from django.db import connection

    from distributions.operations import payouts
    from realco import clock

    logging.disable(logging.WARNING)
    connection.ensure_connection()
    print("ready", flush=True)
    sys.stdin.read()
    worked = time.process_time()
    payouts.go_on(distribution_id, at=clock.now())
    server = connection.connection and connection.connection.info.backend_pid
    answer = {
        "processor": time.process_time() - worked,
        "server": processor_of(server),
        "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }
    print(json.dumps(answer), flush=True)


def measure(investors: int, ids: dict[str, str], profiled: str, workers: int) -> dict[str, Any]:
    """
    Take a distribution to QUEUED payments; return the seconds of each stage, and the most memory used.

    A stage that is profiled is done without workers.
    """
    import django

    django.setup()
    from django.db import connection

    from escrow import books
    from finance.models import Transaction

    logging.disable(logging.WARNING)
    whole, steps = draft(ids)
    helpers = Workers(0 if profiled == "execute" else workers, whole.pk)
    seconds, processor, memory, statements = {}, {}, {}, {}
    server = connection.connection and connection.connection.info.backend_pid
    paces = []
    for name in STAGES:
        if name == "execute":
            paces.append(pace())
        watch = Watch()
        profile = cProfile.Profile()
        began, worked, served = time.perf_counter(), time.process_time(), processor_of(server)
        with connection.execute_wrapper(watch):
            if name == profiled:
                profile.enable()
            whole = steps["profiled" if name == profiled == "execute" else name](whole)
            profile.disable()
        answers = helpers.work() if name == "execute" else []
        seconds[name] = time.perf_counter() - began
        ours, theirs = time.process_time() - worked, processor_of(server) - served
        processor[name] = (
            ours + sum(one["processor"] for one in answers),
            theirs + sum(one["server"] for one in answers),
        )
        ours = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        memory[name] = max([ours, *(one["memory"] for one in answers)])
        statements[name] = watch.number
        if name == profiled:
            pstats.Stats(profile).sort_stats("tottime").print_stats(45)
            watch.show()
    paces.append(pace())
    return {
        "seconds": seconds,
        "pace": paces,
        "processor": processor,
        "memory": memory,
        "statements": statements,
        "queued": Transaction.objects.filter(distribution=whole, status="QUEUED", is_reserved=True).count(),
        "payees": whole.allocations.exclude(status="CANCELLED").count(),
        "findings": len(books.check([whole.escrow_account_id])),
    }


def draft(ids: dict[str, str]) -> tuple[Any, dict[str, Callable[[Any], Any]]]:
    """Draw up a distribution of a third of the capital; return it, and how each stage is done."""
    from distributions.operations import distributions, payouts
    from escrow.models import Investment
    from realco import clock
    from realco.business_days import banking_date
    from realco.models import Offering, User

    at = clock.now()
    operator, first, second = (User.objects.get(pk=UUID(ids[name])) for name in ("operator", "first", "second"))
    offering = Offering.objects.get(pk=UUID(ids["offering"]))
    capital = sum(Investment.objects.filter(offering=offering).values_list("funded_amount", flat=True), Decimal(0))
    whole = distributions.create(
        offering, type="RETURN_OF_CAPITAL", total_amount=(capital / 3).quantize(Decimal("0.01")),
        as_of_date=banking_date(at), creator=operator, idempotency_key=str(time.time_ns()), at=at,
    )  # fmt: skip

    def sign(row: Any, approver: Any) -> Any:
        return distributions.approve(row, approver=approver, content_hash=row.content_hash, at=at)

    return whole, {
        "calculate": lambda row: distributions.calculate(row, by=operator, at=at),
        "submit": lambda row: distributions.submit(row, by=operator, at=at),
        "sign": lambda row: sign(row, first),
        "sign again": lambda row: sign(row, second),
        "execute": lambda row: payouts.hand_over(row, executor=operator, at=at),
        "profiled": lambda row: payouts.execute(row, executor=operator, at=at),
    }


class Watch:
    """Counts statements, and where their time goes."""

    def __init__(self) -> None:
        self.number = 0
        self.took: defaultdict[str, float] = defaultdict(float)

    def __call__(self, execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: Any) -> Any:
        self.number += 1
        asked = time.perf_counter()
        try:
            return execute(sql, params, many, context)
        finally:
            self.took[str(sql)[:100]] += time.perf_counter() - asked

    def show(self) -> None:
        """Print the slowest."""
        for sql, spent in sorted(self.took.items(), key=lambda one: -one[1])[:14]:
            print(f"{spent:>9.2f} s  {sql!r}")


def pace() -> float:
    """Return how many seconds each of two processes takes for ten million additions, the mean of both."""
    command = [sys.executable, "-I", "-S", "-c", ADDITIONS]
    beside = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]  # noqa: S603
    return sum(float(process.communicate()[0]) for process in beside) / 2


def processor_of(pid: int | None) -> float:
    """Return the processor seconds of the database's process, where it runs on this machine; else nothing."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return 0.0
    user, system = text.rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def show(investors: int, found: dict[str, Any], before: float | None) -> list[str]:
    """Print a row and return what it misses."""
    seconds, peak = found["seconds"], max(found["memory"].values())
    each = seconds["execute"] / investors
    row = [f"{seconds[name]:>10.2f}" for name in STAGES]
    ours, servers = found["processor"]["execute"]
    row += [f"{each * 1000:>8.3f} {ours:>8.1f} {servers:>8.1f} {peak:>6} {found['statements']['execute']:>10,}"]
    row.append(f"{found['pace'][0]:>6.2f} {found['pace'][1]:>5.2f}")
    print(f"{investors:>9,}", *row, flush=True)
    missed = []
    if found["queued"] != found["payees"] or found["payees"] < investors or found["findings"]:
        missed.append(f"{found['queued']} of {found['payees']} queued, {found['findings']} findings of the books")
    if seconds["execute"] > MOST_SECONDS.get(investors, float("inf")):
        missed.append(f"{seconds['execute']:.1f} s, not {MOST_SECONDS[investors]} s")
    if peak > MOST_MEMORY:
        missed.append(f"{peak} MB, not {MOST_MEMORY} MB")
    if before is not None and each > before * MOST_GROWTH:
        missed.append(f"{each / before:.1f} times the cost of a payment at the size before")
    return missed


if __name__ == "__main__":
    _pay_when_woken(UUID(sys.argv[1]))
