"""
Messages of a real broker, delivered twice at the same moment or lost after the commit: one effect, and none missing.

A worker that is slower than the broker's visibility time-out has its message given to another one while it is still at
it. Here the time-out is two seconds, and the test holds a row's lock until two workers wait for it.
"""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from celery import Celery
from django.conf import settings
from django.db import connection, transaction
from django.db.models import QuerySet
from redis import Redis
from redis.exceptions import RedisError

from escrow import books
from escrow.models import EscrowAccount, JournalEntry, LedgerAccount, Reconciliation
from escrow.queries.balances import balance
from finance import tasks
from finance.models import SandboxTransfer, Transaction
from realco import clock
from tests import factories
from tests.faults import elsewhere, moves
from tests.faults.elsewhere import ROOT, environment
from tests.faults.moves import Stage, make_stage
from tests.finance import sandbox_stage

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]

WORKER = """
import sys
from pathlib import Path
import django
from django.conf import settings
# A worker that waits longer for a lock than ours would: the test is slower than any time-out of the broker's.
settings.DATABASES["default"]["OPTIONS"]["options"] = "-c lock_timeout=120s"
django.setup()
from celery.signals import task_postrun, worker_ready
from realco.celery import app
sign = Path(sys.argv[3])
worker_ready.connect(lambda **_: sign.touch(), weak=False)
task_postrun.connect(lambda **_: sign.write_text(sign.read_text() + "done\\n"), weak=False)
app.conf.broker_url = sys.argv[2]
app.conf.broker_transport_options = {
    "visibility_timeout": 2, "unacked_restore_interval": 0.5, "unacked_restore_throttle": 1,
    "global_keyprefix": sys.argv[1],
}
app.worker_main(["worker", "--pool", "solo", "--queues", "faults", "--loglevel", "INFO", "--without-gossip",
                 "--without-mingle", "--hostname", Path(sys.argv[3]).name + "@%h"])
"""


@contextmanager
def corner() -> Iterator[str]:
    """Take a corner of the broker, and leave nothing in it."""
    client = Redis.from_url(settings.REDIS_URL)
    try:
        client.ping()
    except RedisError as error:
        pytest.skip(f"no broker at REDIS_URL: {error}")
    prefix = f"faults-{uuid4().hex}:"
    yield prefix
    for key in client.scan_iter(f"{prefix}*"):
        client.delete(key)


@pytest.fixture
def prefix() -> Iterator[str]:
    """A corner of the broker for one test."""
    with corner() as prefix:
        yield prefix


@pytest.fixture(scope="class")
def workers(django_db_setup: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator["Workers"]:
    """Two workers that listen, from one test to the next as they do from day to day."""
    with corner() as prefix, two_workers(prefix, tmp_path_factory.mktemp("workers")) as both:
        yield both


@pytest.fixture
def at(db: None) -> datetime:
    return sandbox_stage.begin()


@pytest.fixture
def stage(at: datetime) -> Stage:
    return make_stage(investors=1, escrows=1, at=at)


def send(prefix: str, name: str, **ids: object) -> None:
    app = Celery(broker=settings.REDIS_URL, set_as_current=False)
    app.conf.broker_transport_options = {"global_keyprefix": prefix}
    app.send_task(name, kwargs={key: str(value) for key, value in ids.items()}, queue="faults")


@dataclass(frozen=True)
class Workers:
    """Real workers in a corner of the broker, each with a file of the tasks that it has done."""

    prefix: str
    signs: list[Path]

    def done(self) -> int:
        return sum(sign.read_text().count("done") for sign in self.signs)


@contextmanager
def two_workers(prefix: str, folder: Path) -> Iterator[Workers]:
    """Run two real workers, each doing one task at a time, from when both are ready."""
    signs = [folder / "one", folder / "two"]
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", WORKER, prefix, settings.REDIS_URL, str(sign)],
            cwd=ROOT,
            env=environment(CELERY_BROKER_URL=settings.REDIS_URL, PYTHONWARNINGS="ignore"),
            stdout=subprocess.DEVNULL,
            stderr=(folder / f"{sign.name}.log").open("w"),
        )
        for sign in signs
    ]
    try:
        await_that(lambda: all(sign.exists() for sign in signs), "the workers did not get ready")
        yield Workers(prefix, signs)
    finally:
        for worker in workers:
            worker.terminate()
        for worker in workers:
            worker.wait(timeout=60)


def deliver_twice(workers: Workers, rows: QuerySet[Any], name: str, **ids: object) -> None:
    """Send a message, and hold the rows that its task needs until two workers have it and wait for them."""
    before = workers.done()
    with transaction.atomic():
        assert list(rows.select_for_update(of=("self",), no_key=True))
        send(workers.prefix, name, **ids)
        await_that(lambda: waiting_for_us() == 2, "the message was not delivered a second time")
    await_that(lambda: workers.done() >= before + 2, "the workers did not end")
    await_that(lambda: nothing_is_left(workers.prefix), "a message is left")


def await_that(is_so: Callable[[], bool], words: str) -> None:
    until = time.monotonic() + 180
    while not is_so():
        assert time.monotonic() < until, words
        time.sleep(0.05)


def waiting_for_us() -> int:
    """Return how many connections wait for a lock that this one holds."""
    with connection.cursor() as cursor:
        # A transaction sees the same list of connections until it says that it wants a new one.
        cursor.execute("SELECT pg_stat_clear_snapshot()")
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
            " AND cardinality(pg_blocking_pids(pid)) > 0"
        )
        return int(cursor.fetchone()[0])


def nothing_is_left(prefix: str) -> bool:
    """Whether the broker holds no message, waiting or given out."""
    client = Redis.from_url(settings.REDIS_URL)
    return not client.llen(f"{prefix}faults") and not client.hlen(f"{prefix}unacked")


class TestDeliveredTwiceAtOnce:
    def test_a_payment_is_sent_once(self, stage: Stage, workers: Workers, at: datetime) -> None:
        """Caught: no-row-locks in the workers, where the second finds the attempt taken and dies of it."""
        payment = factories.deposit(stage.escrows[0], stage.investors[0], "1000.00", at=at)

        rows = Transaction.objects.filter(pk=payment.pk)
        deliver_twice(workers, rows, "finance.process_transaction", payment_id=payment.pk)

        payment.refresh_from_db()
        assert payment.status == "PENDING_SETTLEMENT"
        assert SandboxTransfer.objects.count() == payment.attempts.count() == 1
        assert balance(stage.escrows[0].pk, LedgerAccount.Kind.CLEARING) == Decimal(1000)

    def test_accounts_are_reconciled_with_the_same_result(self, stage: Stage, workers: Workers, at: datetime) -> None:
        """Reconciling twice is allowed; it changes no money and says the same."""
        escrow = stage.escrows[0]
        moves.receive_unknown(escrow, Decimal(10), reference="lost", by=stage.operator, at=at, on=at.date())

        deliver_twice(workers, EscrowAccount.objects.filter(pk=escrow.pk), "escrow.reconcile_all")

        assert Reconciliation.objects.count() >= 2
        assert Reconciliation.objects.values("result").distinct().count() == 1
        assert balance(escrow.pk, LedgerAccount.Kind.SUSPENSE) == Decimal(10)
        assert books.check() == []

    def test_holds_that_are_over_are_freed_once(self, stage: Stage, workers: Workers, at: datetime) -> None:
        """Caught: no-row-locks in the workers."""
        escrow, investor = stage.escrows[0], stage.investors[0]
        moves.post(moves.paid_in(escrow, investor, Decimal(100), key="in", on=at.date()), at=at)
        moves.hold(escrow, investor, Decimal(60), key="hold", at=at, expires_at=at + timedelta(days=1))
        clock.advance(timedelta(days=2))

        deliver_twice(workers, EscrowAccount.objects.filter(pk=escrow.pk), "escrow.sweep_holds")

        assert JournalEntry.objects.filter(event="HOLD_RELEASED").count() == 1
        assert balance(escrow.pk, LedgerAccount.Kind.INVESTOR, investor.pk) == Decimal(100)
        assert books.check() == []


ASK = """
import sys
import django
django.setup()
from datetime import datetime
from django.conf import settings
from realco.celery import app
app.conf.broker_transport_options = {"global_keyprefix": sys.argv[1]}
from escrow.models import EscrowAccount
from realco.models import User
from tests import factories
escrow, investor = EscrowAccount.objects.get(pk=sys.argv[2]), User.objects.get(pk=sys.argv[3])
for number in range(3):
    factories.deposit(escrow, investor, "1000.00", at=datetime.fromisoformat(sys.argv[4]))
"""


class TestFlushedAfterCommit:
    def test_every_payment_is_found_by_its_sweep(self, stage: Stage, prefix: str, at: datetime) -> None:
        """Caught: a sweep that asks for another status."""
        done = elsewhere.run(
            ASK,
            prefix,
            str(stage.escrows[0].pk),
            str(stage.investors[0].pk),
            at.isoformat(),
            CELERY_BROKER_URL=settings.REDIS_URL,
        )
        assert done.returncode == 0, done.stderr
        client = Redis.from_url(settings.REDIS_URL)
        assert client.llen(f"{prefix}celery") == 3
        for key in client.scan_iter(f"{prefix}*"):
            client.delete(key)
        assert Transaction.objects.filter(status="QUEUED").count() == 3

        assert tasks.run_sweeps() == 3

        assert Transaction.objects.filter(status="PENDING_SETTLEMENT").count() == SandboxTransfer.objects.count() == 3
