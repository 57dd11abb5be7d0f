"""The webhook door and what is made of its messages: once, in any order, never on a stranger's word."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.conf import LazySettings
from django.test import Client

from escrow.models import EscrowAccount, EscrowLedgerEntry, LedgerAccount
from escrow.operations import escrow_accounts
from escrow.queries.balances import balance
from finance import tasks
from finance.gateways import sandbox_webhooks
from finance.models import SandboxDelivery, Transaction, TransactionWebhook
from finance.operations import settlements, transactions, webhooks
from finance.operations.orders import Order
from finance.queries import webhooks as webhook_queries
from realco import clock
from realco.errors import NotPermitted
from realco.models import User
from tests import factories
from tests.conftest import close_connections
from tests.finance import sandbox_stage as stage
from tests.stages import staged

pytestmark = pytest.mark.django_db
Kind = LedgerAccount.Kind


@staged
def at() -> datetime:
    return stage.begin()


@pytest.fixture
def make_deposit(escrow: EscrowAccount, operator: User, at: datetime) -> Callable[..., Transaction]:
    def make(number: str = factories.GOOD_ACCOUNT, amount: str = "1000.00") -> Transaction:
        investor = factories.make_investor("Wendy Webhook", verifier=operator, at=at, number=number)
        return factories.deposit(escrow, investor, amount, at=at)

    return make


def message(event_type: str = "transfer.settled", key: str = "nobody:0", event_id: str = "evt_1", **data: Any) -> bytes:
    contents = {"idempotency_key": key, "code": "", "message": "", "effective_date": "2035-03-09", **data}
    return json.dumps({"id": event_id, "type": event_type, "data": contents}).encode()


def send(client: Client, body: bytes, *, signature: str | None = None) -> Any:
    signed = sandbox_webhooks.signature(body, at=clock.now()) if signature is None else signature
    return client.generic(
        "POST", stage.ADDRESS, body, content_type="application/json", headers={sandbox_webhooks.HEADER: signed}
    )


def entries() -> int:
    return EscrowLedgerEntry.objects.count()


@pytest.mark.usefixtures("at")
class TestTheDoor:
    def test_stores_an_event_exactly_as_it_was_said(self, client: Client) -> None:
        body = message()
        assert send(client, body).status_code == 200
        webhook = TransactionWebhook.objects.get()
        assert (webhook.raw_payload, webhook.event_type, webhook.processed) == (
            body.decode(),
            "transfer.settled",
            False,
        )

    def test_replayed_event_is_answered_and_changes_nothing(self, client: Client) -> None:
        send(client, message())
        send(client, message())
        assert TransactionWebhook.objects.count() == 1

    @pytest.mark.parametrize(
        "forge",
        [
            lambda body, at: "",
            lambda body, at: "t=1,v1=nonsense",
            lambda body, at: sandbox_webhooks.signature(body + b" ", at=at),
            lambda body, at: sandbox_webhooks.signature(body, at=at).replace("v1=", "v0="),
            lambda body, at: sandbox_webhooks.signature(body, at=at - timedelta(seconds=302)),
            lambda body, at: sandbox_webhooks.signature(body, at=at + timedelta(seconds=310)),
            lambda body, at: sandbox_webhooks.signature(body, at=at) + "é",
        ],
        ids=["none", "nonsense", "other body", "other scheme", "stale", "from the future", "not ASCII"],
    )
    def test_refuses_what_the_bank_did_not_sign_lately(
        self, client: Client, forge: Callable[[bytes, datetime], str]
    ) -> None:
        body = message()
        response = send(client, body, signature=forge(body, clock.now()))
        assert response.status_code == 400
        assert json.loads(response.content)["error"]["code"] == "VALIDATION_ERROR"
        assert not TransactionWebhook.objects.exists()

    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"not json",
            b"[]",
            b"null",
            b"\xff\xfe",
            b'{"id": "evt_1"}',
            b"[" * 50_000,
            message(event_type="transfer.imagined"),
            message(event_id=""),
            message(event_id="x" * 256),
            message(event_id="\ud800"),
            message(event_id="\0"),
            message(effective_date="yesterday"),
            message(effective_date=20350309),
            message(code=5),
        ],
    )
    def test_refuses_what_the_bank_never_sends(self, client: Client, body: bytes) -> None:
        assert send(client, body).status_code == 400
        assert not TransactionWebhook.objects.exists()

    def test_refuses_more_than_it_reads(self, client: Client) -> None:
        assert send(client, message(padding="x" * 70_000)).status_code == 413
        assert not TransactionWebhook.objects.exists()

    def test_getting_it_is_not_allowed(self, client: Client) -> None:
        assert client.get(stage.ADDRESS).status_code == 405

    def test_needs_no_csrf_token(self) -> None:
        assert send(Client(enforce_csrf_checks=True), message()).status_code == 200

    def test_is_not_there_in_production_mode(self, client: Client, settings: LazySettings) -> None:
        settings.SANDBOX = False
        assert send(client, message()).status_code == 404
        assert client.get(stage.ADDRESS).status_code == 404
        assert not TransactionWebhook.objects.exists()


class TestProcess:
    def test_settles_the_payment_once(self, client: Client, make_deposit: Callable[..., Transaction]) -> None:
        payment = self.deliver_all(client, make_deposit())
        assert payment.status == "SETTLED"
        before = entries()
        webhook = TransactionWebhook.objects.get()
        assert webhooks.process(webhook.pk, at=clock.now()) is True
        assert (webhook.processed, webhook.transaction_id, entries()) == (True, payment.pk, before)

    def test_fails_the_payment_with_the_banks_code(
        self, client: Client, make_deposit: Callable[..., Transaction]
    ) -> None:
        payment = self.deliver_all(client, make_deposit("000111111113"))
        assert (payment.status, payment.failure_code) == ("FAILED", "R02")
        assert balance(payment.escrow_account_id, Kind.CLEARING) == 0

    def test_returns_before_settlement_wait_for_it(
        self, client: Client, make_deposit: Callable[..., Transaction]
    ) -> None:
        payment = make_deposit("000900090002")
        settlements.process(payment.pk, at=clock.now())
        clock.advance(timedelta(days=14))
        stage.tell(client)
        returned, settled = stage.stored()
        assert (returned.event_type, settled.event_type) == ("transfer.returned", "transfer.settled")
        assert webhooks.process(returned.pk, at=clock.now()) is False
        returned.refresh_from_db()
        assert (returned.processed, returned.attempts) == (False, 1)
        assert "tried again later" in returned.processing_error
        assert webhooks.process(settled.pk, at=clock.now()) is True
        assert webhooks.process(returned.pk, at=clock.now()) is True
        payment.refresh_from_db()
        assert (payment.status, balance(payment.escrow_account_id, Kind.BANK)) == ("REVERSED", Decimal("0.00"))

    def test_settlement_before_our_own_record_waits_for_it(
        self, client: Client, make_deposit: Callable[..., Transaction], at: datetime
    ) -> None:
        payment = make_deposit("000900090003")
        settlements.process(payment.pk, at=at)
        clock.advance(timedelta(days=8))
        stage.tell(client)
        webhook = TransactionWebhook.objects.get()
        assert webhooks.process(webhook.pk, at=clock.now()) is False
        assert settlements.resolve_unknown(payment.pk, at=clock.now()) is True
        assert webhooks.process(webhook.pk, at=clock.now()) is True
        payment.refresh_from_db()
        assert payment.status == "SETTLED"

    def test_wakes_what_waited_for_it(
        self, client: Client, make_deposit: Callable[..., Transaction], django_capture_on_commit_callbacks: Any
    ) -> None:
        payment = make_deposit("000900090002")
        settlements.process(payment.pk, at=clock.now())
        clock.advance(timedelta(days=14))
        stage.tell(client)
        returned, settled = stage.stored()
        with django_capture_on_commit_callbacks() as callbacks:
            webhooks.process(settled.pk, at=clock.now())
        sent = [callback.args for callback in callbacks]
        assert ("finance.process_webhook", {"webhook_id": str(returned.pk)}) in sent

    def test_event_of_nobody_goes_to_an_operator_after_many_tries(self, client: Client, at: datetime) -> None:
        send(client, message())
        webhook, now = TransactionWebhook.objects.get(), at
        for _ in range(webhook_queries.MAX_ATTEMPTS):
            assert webhooks.process(webhook.pk, at=now) is False
            webhook.refresh_from_db()
            now = webhook.next_attempt_at
        assert timedelta(days=3) < now - at < timedelta(days=6)
        assert list(webhook_queries.for_operators()) == [webhook]
        assert not webhook_queries.waiting(at=now + timedelta(days=1)).exists()

    def test_event_that_contradicts_our_records_goes_to_an_operator_at_once(
        self, client: Client, make_deposit: Callable[..., Transaction]
    ) -> None:
        payment = self.deliver_all(client, make_deposit("000111111113"))
        before = entries()
        send(client, message("transfer.settled", key=payment.attempt_key))
        webhook = stage.stored("transfer.settled")[0]
        assert webhooks.process(webhook.pk, at=clock.now()) is False
        webhook.refresh_from_db()
        assert "Ask the bank which is true" in webhook.processing_error
        assert list(webhook_queries.for_operators()) == [webhook]
        assert entries() == before

    def test_operator_may_try_it_again(self, client: Client, operator: User, investor: User, at: datetime) -> None:
        send(client, message())
        webhook = TransactionWebhook.objects.get()
        TransactionWebhook.objects.update(attempts=webhook_queries.MAX_ATTEMPTS)
        with pytest.raises(NotPermitted):
            webhooks.retry(webhook, by=investor, at=at)
        webhooks.retry(webhook, by=operator, at=at)
        assert list(webhook_queries.waiting(at=at)) == [webhook]

    def deliver_all(self, client: Client, payment: Transaction) -> Transaction:
        """Play a payment to the end of its sixth business day, and process what the bank said."""
        settlements.process(payment.pk, at=clock.now())
        clock.advance(timedelta(days=8))
        stage.tell(client)
        tasks.sweep_webhooks()
        payment.refresh_from_db()
        return payment


class TestFrozen:
    def test_outbound_settlement_waits_until_the_account_is_unfrozen(
        self, client: Client, escrow: EscrowAccount, operator: User, approver: User, at: datetime
    ) -> None:
        investor = factories.make_investor("Frieda Frozen", verifier=operator, at=at)
        factories.fund(investor, escrow, "1000.00", at=at)
        account = investor.bank_accounts.get()
        order = Order(
            type="WITHDRAWAL",
            payment_method="ACH",
            amount=Decimal("100.00"),
            escrow_account_id=escrow.pk,
            to_user_id=investor.pk,
            to_bank_account_id=account.pk,
        )
        payment = transactions.initiate(order, initiator=investor, idempotency_key="out", at=at)
        settlements.process(payment.pk, at=at)
        escrow_accounts.freeze(escrow, by=approver, reason="Dispute", at=at)
        clock.advance(timedelta(days=8))
        stage.tell(client)
        tasks.sweep_webhooks()
        payment.refresh_from_db()
        webhook = TransactionWebhook.objects.get(transaction=payment)
        assert (payment.status, webhook.processed, webhook.attempts) == ("PENDING_SETTLEMENT", False, 0)
        assert "frozen" in webhook.processing_error
        escrow_accounts.unfreeze(escrow, by=approver, reason="Settled", at=clock.now())
        tasks.sweep_webhooks(escrow_account_id=str(escrow.pk))
        payment.refresh_from_db()
        assert payment.status == "SETTLED"


class TestProviders:
    def test_event_about_what_another_provider_was_sent_is_of_nobody(
        self, client: Client, make_deposit: Callable[..., Transaction], settings: LazySettings
    ) -> None:
        settings.PAYMENT_GATEWAY = "manual"
        payment = factories.play(make_deposit(), at=clock.now(), until="PENDING_SETTLEMENT")
        assert send(client, message(key=payment.attempt_key)).status_code == 200
        tasks.sweep_webhooks()
        payment.refresh_from_db()
        assert payment.status == "PENDING_SETTLEMENT"


@pytest.mark.django_db(transaction=True)
class TestRaces:
    def test_twenty_copies_at_once_are_one_row_and_one_effect(self, make_deposit: Callable[..., Transaction]) -> None:
        payment = make_deposit()
        settlements.process(payment.pk, at=clock.now())
        clock.advance(timedelta(days=8))
        stage.tell(Client())
        webhook = TransactionWebhook.objects.get()
        body, headers = sandbox_webhooks.sign(SandboxDelivery.objects.get(), at=clock.now())

        def send_and_process(_: int) -> int:
            try:
                status = stage.post_to(Client())("", body, headers)
                webhooks.process(webhook.pk, at=clock.now())
                return status
            finally:
                close_connections()

        with ThreadPoolExecutor(10) as pool:
            assert set(pool.map(send_and_process, range(20))) == {200}
        payment.refresh_from_db()
        assert payment.status == "SETTLED"
        assert TransactionWebhook.objects.count() == 1
        assert balance(payment.escrow_account_id, Kind.BANK) == Decimal("1000.00")
