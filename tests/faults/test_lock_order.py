"""
The order of locks (finance/operations/locks.py), held by two connections: nobody waits for one another.

A worker takes both halves of a movement, or both of its escrow accounts, by id. Each test stops such a worker
between its first lock and its second, lets a person's operation run into the first, and goes on with the second: the
operation must not hold it. Those tests fail with a deadlock where it does.
"""

from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from threading import Thread
from time import monotonic, sleep
from uuid import UUID

import pytest
from django.db import connection, transaction
from django.db.models import Model

from distributions.operations import payouts
from escrow import books
from escrow.models import EscrowAccount, Investment
from finance.models import RefundRun, Transaction
from finance.operations import locks, refund_runs, transactions
from realco.business_days import banking_date
from realco.models import Offering
from tests import factories
from tests.conftest import close_connections
from tests.distributions.reinvesting import Scene, execute, make_scene, outbound_of, row_of
from tests.faults import verdict

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]
PATIENCE = 10.0
Row = tuple[type[Model], UUID]


@pytest.fixture
def scene() -> Iterator[Scene]:
    scene = make_scene()
    scene.elect()
    before = verdict.deadlocks()
    yield scene
    assert books.check() == []
    assert verdict.deadlocks() == before


@pytest.fixture
def coming(scene: Scene) -> Transaction:
    """The half that comes into the target, of a movement that was just queued."""
    other = outbound_of(execute(scene, "3000.00")).counterpart
    assert other is not None and other.status == "QUEUED"
    return other


def meets(work: Callable[[], object], first: Row, second: Row) -> None:
    """Lock two rows one after the other, while somebody's work waits for the first of them."""
    ended: list[BaseException] = []
    pids: list[int] = []

    def run() -> None:
        try:
            connection.ensure_connection()
            pids.append(connection.connection.info.backend_pid)
            work()
        except BaseException as error:
            ended.append(error)
        finally:
            close_connections()

    thread = Thread(target=run, daemon=True)
    with transaction.atomic():
        lock(*first)
        thread.start()
        until = monotonic() + PATIENCE
        while not (pids and waits(pids[0])):
            assert thread.is_alive() and monotonic() < until, f"it did not wait for the first lock: {ended}"
            sleep(0.01)
        lock(*second)
    thread.join(PATIENCE)
    assert not thread.is_alive()
    assert ended == []


def lock(model: type[Model], pk: UUID) -> None:
    model._default_manager.select_for_update(of=("self",), no_key=True).get(pk=pk)


def waits(pid: int) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT cardinality(pg_blocking_pids(%s)) > 0", [pid])
        return bool(cursor.fetchone()[0])


def commitment(scene: Scene) -> Investment:
    return Investment.objects.get(offering=scene.target, investor=scene.investor, status="PENDING")


def cancel_commitment(scene: Scene) -> object:
    return refund_runs.cancel_commitment(commitment(scene), by=scene.investor, reason="Changed", at=scene.at)


def fates(payment: Transaction) -> set[str]:
    return set(Transaction.objects.filter(pk__in=[payment.pk, payment.counterpart_id]).values_list("status", flat=True))


def running(scene: Scene) -> RefundRun:
    """A refund run of the target that has begun while nothing had come yet."""
    after = scene.target.deadline_at + timedelta(days=1)
    other = factories.make_investor("Fay Other", verifier=scene.deal.operator, at=scene.at)
    factories.fund(other, scene.target_escrow, "5000.00", at=scene.at)
    return refund_runs.propose(scene.target_escrow, by=scene.deal.operator, reason="Failed", at=after)


class TestHalves:
    """The half that leaves was made first, and its id is the lower one."""

    def test_cancelling_the_deposit(self, scene: Scene, coming: Transaction) -> None:
        work = partial(transactions.cancel, coming, by=scene.investor, reason="Changed my mind", at=scene.at)
        assert coming.counterpart_id is not None and coming.counterpart_id < coming.pk
        meets(work, (Transaction, coming.counterpart_id), (Transaction, coming.pk))
        assert fates(coming) == {"CANCELLED"}

    def test_cancelling_the_commitment(self, scene: Scene, coming: Transaction) -> None:
        assert coming.counterpart_id is not None
        meets(partial(cancel_commitment, scene), (Transaction, coming.counterpart_id), (Transaction, coming.pk))
        assert fates(coming) == {"CANCELLED"}

    def test_approving_the_refund_of_the_target(self, scene: Scene, coming: Transaction) -> None:
        run, at = running(scene), scene.target.deadline_at + timedelta(days=1)
        assert coming.counterpart_id is not None
        work = partial(
            refund_runs.approve, run, approver=scene.deal.approver, content_hash=run.content_hash, at=at
        )  # fmt: skip
        meets(work, (Transaction, coming.counterpart_id), (Transaction, coming.pk))
        assert fates(coming) == {"CANCELLED"}


class TestAccounts:
    """The source was opened before the target, and its id is the lower one."""

    def test_cancelling_the_commitment_gives_money_back_to_the_source(self, scene: Scene, coming: Transaction) -> None:
        assert scene.deal.escrow.pk < coming.escrow_account_id
        source, target = (EscrowAccount, scene.deal.escrow.pk), (EscrowAccount, coming.escrow_account_id)
        meets(partial(cancel_commitment, scene), source, target)
        assert fates(coming) == {"CANCELLED"}

    def test_moving_locks_the_source_before_the_offering_that_it_moves_into(self, scene: Scene) -> None:
        """Whoever cancels deposits of the target holds both accounts when it locks that offering."""
        approved = scene.deal.approve("3000.00", on=banking_date(scene.at), at=scene.at)
        payouts._queue(approved, executor=scene.deal.operator, at=scene.at)
        work = partial(payouts.resume, approved.pk, at=scene.at)
        meets(work, (EscrowAccount, scene.deal.escrow.pk), (Offering, scene.target.pk))
        assert row_of(scene.allocation(approved)).status == "MOVING"


class TestRules:
    def test_a_payment_is_locked_with_its_other_half_whichever_is_named(self, coming: Transaction) -> None:
        assert coming.counterpart_id is not None
        for named in (coming.pk, coming.counterpart_id):
            with transaction.atomic():
                assert locks.payment(named).pk == named
        with transaction.atomic():
            assert locks.payments(Transaction.objects.filter(pk=coming.pk)) == [coming.counterpart_id, coming.pk]

    def test_there_has_to_be_such_a_payment(self, scene: Scene) -> None:
        with transaction.atomic(), pytest.raises(Transaction.DoesNotExist):
            locks.payment(scene.target.pk)
