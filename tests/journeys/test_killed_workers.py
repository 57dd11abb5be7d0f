"""
A worker killed with -9 at each step of a payment: nothing is lost, nothing is done twice.

Each story is played by workers in processes of their own. One of them kills itself at a named
place; its message is then lost as well, and only the sweeps are left to find what it left behind.
"""

import signal
import subprocess
import sys
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from celery import Celery
from django.conf import settings
from django.test import Client
from redis import Redis
from redis.exceptions import RedisError

from escrow import books
from escrow.models import EscrowAccount, JournalEntry, LedgerAccount
from escrow.operations import reconciliations, statements
from escrow.queries.balances import balance
from finance import tasks
from finance.gateways import sandbox_statements
from finance.models import SandboxStatementLine, SandboxTransfer, Transaction, TransactionWebhook
from finance.operations import sandbox as sandbox_time
from finance.operations import transactions
from finance.operations.orders import Order
from realco import clock, stopping_points
from realco.business_days import banking_date
from realco.models import User
from tests import factories
from tests.faults import elsewhere
from tests.finance import sandbox_stage as stage

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]

SENDING = (
    "finance.process.before_begin",
    "finance.process.after_begin",
    "finance.process.after_submit",
    "finance.process.after_record",
)
AMOUNT = Decimal("1000.00")


@dataclass(frozen=True)
class Story:
    """A payment and the escrow account it moves money into or out of."""

    payment: Transaction
    escrow: EscrowAccount

    def status(self) -> str:
        self.payment.refresh_from_db()
        return str(self.payment.status)


@pytest.fixture
def at(db: None) -> datetime:
    return stage.begin()


@pytest.fixture
def deposit(escrow: EscrowAccount, operator: User, at: datetime) -> Story:
    investor = factories.make_investor("Kay Killed", verifier=operator, at=at)
    return Story(factories.deposit(escrow, investor, str(AMOUNT), at=at), escrow)


@pytest.fixture
def withdrawal(deposit: Story, at: datetime) -> Story:
    """A withdrawal of what a deposit left, after that deposit has cleared."""
    live(15)
    assert deposit.status() == "COMPLETED"
    investor = deposit.payment.from_user
    assert investor is not None
    order = Order(
        type="WITHDRAWAL",
        payment_method="ACH",
        amount=deposit.payment.net_amount,
        escrow_account_id=deposit.escrow.pk,
        to_user_id=investor.pk,
        to_bank_account_id=investor.bank_accounts.get().pk,
    )
    payment = transactions.initiate(order, initiator=investor, idempotency_key="out", at=clock.now())
    return Story(payment, deposit.escrow)


def work(*arguments: str, stop_at: str = "", seconds: int = 60) -> int:
    """Run a worker for one wake-up and return its exit code."""
    wake_up = "import sys; from tests.journeys import worker; worker.main(*sys.argv[1:])"
    return elsewhere.work(wake_up, *arguments, stop_at=stop_at, seconds=seconds)


def live(days: int) -> None:
    """Let days pass at the bank and in our sweeps; no message is left, only rows."""
    for _ in sandbox_time.advance(days, post=stage.post_to(Client()), sweep=tasks.run_sweeps):
        pass


def require_exact(story: Story, *, transfers: int, bank: Decimal) -> None:
    """Require that the bank moved each payment once, that the books prove out and agree with its statement."""
    account, at = story.escrow, clock.now()
    assert SandboxTransfer.objects.count() == transfers
    assert SandboxStatementLine.objects.count() == transfers
    assert balance(account.pk, LedgerAccount.Kind.BANK) == bank
    settled = JournalEntry.objects.filter(transaction=story.payment, reference__contains=":settled:")
    assert settled.count() == 1
    assert story.payment.attempts.count() == 1
    assert books.check([account.pk]) == []
    today = banking_date(at)
    file = sandbox_statements.render(account.external_account_id, start=today - timedelta(days=60), end=today, at=at)
    statements.import_file(file, file_name="sandbox.bai2", by=None, at=at)
    found = reconciliations.reconcile(account, as_of=today, by=None, at=at)
    assert (found.result, found.findings) == ("BALANCED", [])


@pytest.mark.parametrize("place", SENDING)
class TestWhileSending:
    def test_deposit_is_made_once(self, deposit: Story, place: str) -> None:
        assert work("finance.process_transaction", f"payment_id={deposit.payment.pk}", stop_at=place) == -signal.SIGKILL
        live(16)
        assert deposit.status() == "COMPLETED"
        require_exact(deposit, transfers=1, bank=AMOUNT)

    def test_withdrawal_is_paid_once(self, withdrawal: Story, place: str) -> None:
        payment = withdrawal.payment
        assert work("finance.process_transaction", f"payment_id={payment.pk}", stop_at=place) == -signal.SIGKILL
        live(16)
        assert withdrawal.status() == "COMPLETED"
        require_exact(withdrawal, transfers=2, bank=AMOUNT - payment.net_amount)


class TestWhileListening:
    @pytest.fixture
    def settled_at_the_bank(self, deposit: Story) -> Story:
        """A deposit whose settlement the bank is about to tell."""
        tasks.sweep_queued()
        clock.advance(timedelta(days=8))
        return deposit

    def test_event_is_stored_once_though_the_bank_got_no_answer(self, settled_at_the_bank: Story) -> None:
        assert work("bank", stop_at="webhooks.after_store") == -signal.SIGKILL
        assert TransactionWebhook.objects.get().processed is False
        live(9)
        assert TransactionWebhook.objects.count() == 1
        assert settled_at_the_bank.status() == "COMPLETED"
        require_exact(settled_at_the_bank, transfers=1, bank=AMOUNT)

    def test_event_is_recorded_once_though_its_worker_died(self, settled_at_the_bank: Story) -> None:
        assert work("bank") == 0
        webhook = TransactionWebhook.objects.get()
        killed = work("finance.process_webhook", f"webhook_id={webhook.pk}", stop_at="webhooks.before_commit")
        assert killed == -signal.SIGKILL
        assert settled_at_the_bank.status() == "PENDING_SETTLEMENT"
        live(9)
        assert settled_at_the_bank.status() == "COMPLETED"
        require_exact(settled_at_the_bank, transfers=1, bank=AMOUNT)


class TestWhileClearing:
    def test_money_clears_once(self, deposit: Story) -> None:
        live(7)
        assert deposit.status() == "SETTLED"
        clock.advance(timedelta(days=9))
        assert work("finance.sweep_clearing", stop_at="clearing.before_commit") == -signal.SIGKILL
        assert deposit.status() == "SETTLED"
        live(1)
        assert deposit.status() == "COMPLETED"
        cleared = balance(deposit.escrow.pk, LedgerAccount.Kind.INVESTOR, deposit.payment.from_user_id)
        assert cleared == deposit.payment.net_amount
        require_exact(deposit, transfers=1, bank=AMOUNT)


class TestAgainAndAgain:
    def test_one_payment_survives_a_kill_at_every_step(self, deposit: Story) -> None:
        key = f"payment_id={deposit.payment.pk}"
        kills = [work("finance.process_transaction", key, stop_at=place) for place in SENDING[:2]]
        clock.advance(timedelta(minutes=3))
        kills.append(work("finance.sweep_unanswered", stop_at=SENDING[2]))
        tasks.sweep_unanswered()
        clock.advance(timedelta(days=8))
        kills.append(work("bank", stop_at="webhooks.after_store"))
        kills.append(work("finance.sweep_webhooks", stop_at="webhooks.before_commit"))
        clock.advance(timedelta(minutes=2))
        live(0)
        clock.advance(timedelta(days=9))
        kills.append(work("finance.sweep_clearing", stop_at="clearing.before_commit"))
        live(1)
        assert kills == [-signal.SIGKILL] * 6
        assert deposit.status() == "COMPLETED"
        require_exact(deposit, transfers=1, bank=AMOUNT)


class TestARealWorker:
    @pytest.fixture
    def broker(self) -> Redis:
        client = Redis.from_url(settings.REDIS_URL)
        try:
            client.ping()
        except RedisError as error:
            pytest.skip(f"no broker at REDIS_URL: {error}")
        return client

    def test_message_lost_with_its_worker_is_made_good_by_the_row(self, deposit: Story, broker: Redis) -> None:
        queue = f"killed-{deposit.payment.pk}"
        app = Celery(broker=settings.REDIS_URL)
        app.send_task("finance.process_transaction", kwargs={"payment_id": str(deposit.payment.pk)}, queue=queue)
        worker = [sys.executable, "-m", "celery", "-A", "realco", "worker", "--pool", "solo", "--queues", queue]
        stops = {stopping_points.VARIABLE: "finance.process.after_submit", "CELERY_BROKER_URL": settings.REDIS_URL}
        killed = subprocess.run(worker, cwd=elsewhere.ROOT, env=elsewhere.environment(**stops), timeout=60, check=False)
        assert killed.returncode == -signal.SIGKILL
        assert deposit.status() == "PROCESSING"
        live(16)
        assert deposit.status() == "COMPLETED"
        require_exact(deposit, transfers=1, bank=AMOUNT)
        broker.delete(queue)
