"""The sweeps: whatever a message forgot is found by its status, once, and one row's trouble is its own."""

import io
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from celery import current_app
from django.conf import LazySettings
from django.core.management import call_command
from django.test import Client
from pytest_django.live_server_helper import LiveServer

from escrow.models import EscrowAccount, LedgerAccount
from escrow.operations import escrow_accounts
from escrow.queries.balances import balance
from finance import tasks
from finance.gateways import sandbox_transport
from finance.models import SandboxTransfer, Transaction, TransactionWebhook
from finance.operations import sandbox as sandbox_time
from finance.operations import transactions
from finance.operations.orders import Order
from realco import clock
from realco.models import User
from tests import factories
from tests.conftest import close_connections
from tests.finance import sandbox_stage as stage
from tests.stages import staged

pytestmark = pytest.mark.django_db
Kind = LedgerAccount.Kind
Deposit = Callable[..., Transaction]


@staged
def at() -> datetime:
    return stage.begin()


@pytest.fixture
def deposit(escrow: EscrowAccount, operator: User, at: datetime) -> Deposit:
    def make(number: str = factories.GOOD_ACCOUNT, amount: str = "1000.00") -> Transaction:
        investor = factories.make_investor("Tessa Task", verifier=operator, at=at, number=number)
        return factories.deposit(escrow, investor, amount, at=at)

    return make


def live(days: int) -> None:
    """Let days pass at the bank and in our sweeps."""
    for _ in sandbox_time.advance(days, post=stage.post_to(Client()), sweep=tasks.run_sweeps):
        pass


def status(payment: Transaction) -> str:
    payment.refresh_from_db()
    return str(payment.status)


class TestNames:
    @pytest.mark.parametrize(
        "name",
        [
            "finance.process_transaction",
            "finance.sweep_queued",
            "finance.sweep_unanswered",
            "finance.sweep_retries",
            "finance.process_webhook",
            "finance.sweep_webhooks",
            "finance.sweep_clearing",
            "finance.sweep_sandbox",
        ],
    )
    def test_are_what_operations_call(self, name: str) -> None:
        current_app.loader.import_default_modules()
        assert name in current_app.tasks

    def test_every_scheduled_task_exists(self, settings: LazySettings) -> None:
        current_app.loader.import_default_modules()
        scheduled = {str(entry["task"]) for entry in settings.CELERY_BEAT_SCHEDULE.values()}
        assert {name for name in scheduled if name.startswith("finance.")} <= set(current_app.tasks)

    def test_arguments_of_a_later_version_are_tolerated(self, at: datetime) -> None:
        assert tasks.sweep_queued(colour="blue") == 0


class TestSweepQueued:
    def test_sends_what_no_message_woke(self, deposit: Deposit) -> None:
        payment = deposit()
        assert tasks.sweep_queued() == 1
        assert status(payment) == "PENDING_SETTLEMENT"
        assert tasks.sweep_queued() == 0

    def test_payouts_of_a_frozen_account_wait(
        self, escrow: EscrowAccount, operator: User, approver: User, at: datetime
    ) -> None:
        investor = factories.make_investor("Fred Frozen", verifier=operator, at=at)
        factories.fund(investor, escrow, "1000.00", at=at)
        order = Order(
            type="WITHDRAWAL",
            payment_method="ACH",
            amount=Decimal("100.00"),
            escrow_account_id=escrow.pk,
            to_user_id=investor.pk,
            to_bank_account_id=investor.bank_accounts.get().pk,
        )
        payment = transactions.initiate(order, initiator=investor, idempotency_key="out", at=at)
        escrow_accounts.freeze(escrow, by=approver, reason="Dispute", at=at)
        assert tasks.sweep_queued() == 0
        escrow_accounts.unfreeze(escrow, by=approver, reason="Settled", at=at)
        assert tasks.sweep_queued() == 1
        assert status(payment) == "PENDING_SETTLEMENT"

    @pytest.mark.django_db(transaction=True)
    def test_running_twice_at_once_sends_once(self, deposit: Deposit) -> None:
        payments = [deposit() for _ in range(5)]

        def sweep(_: int) -> None:
            try:
                tasks.sweep_queued()
            finally:
                close_connections()

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(sweep, range(4)))
        assert {status(payment) for payment in payments} == {"PENDING_SETTLEMENT"}
        assert SandboxTransfer.objects.count() == len(payments)
        assert {payment.attempts.count() for payment in payments} == {1}


class TestSweepUnanswered:
    @pytest.mark.parametrize("number", ["000900090003", "000900090004"], ids=["answer lost", "request lost"])
    def test_asks_before_it_sends_again(self, deposit: Deposit, number: str) -> None:
        payment = deposit(number)
        tasks.sweep_queued()
        assert status(payment) == "ON_HOLD"
        assert tasks.sweep_unanswered() == 1
        assert status(payment) == "PENDING_SETTLEMENT"
        assert SandboxTransfer.objects.count() == 1
        assert balance(payment.escrow_account_id, Kind.CLEARING) == Decimal("1000.00")


class TestSweepRetries:
    @pytest.mark.slow
    def test_first_r01_is_presented_again_and_settles(self, deposit: Deposit) -> None:
        payment = deposit("000900010001")
        tasks.sweep_queued()
        live(3)
        assert status(payment) == "PENDING_RETRY"
        live(12)
        assert status(payment) in ("SETTLED", "COMPLETED")
        assert payment.retry_count == 1
        assert balance(payment.escrow_account_id, Kind.BANK) == Decimal("1000.00")

    @pytest.mark.slow
    def test_r01_without_end_is_presented_three_times(self, deposit: Deposit) -> None:
        payment = deposit("000222222227")
        live(30)
        assert (status(payment), payment.failure_code) == ("FAILED", "R01")
        assert SandboxTransfer.objects.count() == 3

    def test_technical_failure_is_tried_again_after_half_an_hour(self, deposit: Deposit, at: datetime) -> None:
        payment = deposit("000900090005")
        tasks.sweep_queued()
        assert status(payment) == "PENDING_RETRY"
        assert tasks.sweep_retries() == 0
        clock.advance(timedelta(minutes=31))
        assert tasks.sweep_retries() == 1
        tasks.sweep_queued()
        assert status(payment) == "PENDING_SETTLEMENT"


class TestSweepClearing:
    @pytest.mark.slow
    def test_completes_money_whose_return_window_has_passed(self, deposit: Deposit) -> None:
        payment = deposit()
        live(7)
        assert status(payment) == "SETTLED"
        assert balance(payment.escrow_account_id, Kind.INVESTOR, payment.from_user_id) == 0
        live(8)
        assert status(payment) == "COMPLETED"
        assert balance(payment.escrow_account_id, Kind.INVESTOR, payment.from_user_id) == payment.net_amount


class TestSweepSandbox:
    def test_does_nothing_in_production_mode(self, at: datetime, settings: LazySettings) -> None:
        settings.SANDBOX = False
        assert tasks.sweep_sandbox() == 0

    def test_waits_when_nobody_answers(self, deposit: Deposit, settings: LazySettings) -> None:
        settings.SANDBOX_WEBHOOK_URL = "http://127.0.0.1:9/webhooks/sandbox"
        deposit()
        tasks.sweep_queued()
        clock.advance(timedelta(days=8))
        assert tasks.sweep_sandbox() == 1
        assert not TransactionWebhook.objects.exists()

    @pytest.mark.django_db(transaction=True)
    def test_delivers_over_http(self, deposit: Deposit, live_server: LiveServer, settings: LazySettings) -> None:
        settings.SANDBOX_WEBHOOK_URL = f"{live_server.url}/webhooks/sandbox"
        deposit()
        tasks.sweep_queued()
        clock.advance(timedelta(days=8))
        assert tasks.sweep_sandbox() == 2
        assert TransactionWebhook.objects.count() == 1


class TestTrouble:
    def test_defect_in_one_row_does_not_stop_the_rest(self, deposit: Deposit, settings: LazySettings) -> None:
        broken, sound = deposit("000900090007"), deposit()
        transfer = SandboxTransfer(
            idempotency_key=broken.attempt_key, request_hash="of something else", reference="SBX-X", amount=1
        )
        transfer.save()
        tasks.sweep_queued()
        assert status(sound) == "PENDING_SETTLEMENT"


class TestTheCommand:
    @pytest.mark.slow
    def test_plays_a_deposit_from_queue_to_cleared_in_this_process(self, deposit: Deposit) -> None:
        payment, shown = deposit(), io.StringIO()
        call_command("sandbox", "advance", "--days", "15", "--work", "--in-process", stdout=shown)
        assert status(payment) == "COMPLETED"
        assert len(shown.getvalue().splitlines()) == 16
        assert "1 webhooks delivered" in shown.getvalue()

    def test_transport_reports_what_the_door_answered(self, at: datetime) -> None:
        assert sandbox_transport.post_in_process("http://127.0.0.1:8000/webhooks/sandbox", b"{}", {}) == 400
