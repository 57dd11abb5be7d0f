"""Many payments at once: each exactly as if it were the only one, and all with a handful of statements."""

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from compliance.models import InvestorProfile
from compliance.operations import profiles
from escrow import books
from escrow.models import EscrowAccount, JournalEntry, LedgerAccount
from escrow.operations import closings, escrow_accounts
from escrow.queries.balances import balance
from finance import tasks
from finance.models import SandboxTransfer, Transaction, TransactionAttempt, TransactionWebhook
from finance.operations import bulk_settlements, bulk_submissions, settlements, transactions, webhooks
from finance.operations.orders import Order
from realco import clock
from realco.business_days import banking_date
from realco.models import AuditEvent, User
from tests import factories
from tests.finance import sandbox_stage as stage
from tests.finance.test_races import at_once
from tests.stages import staged

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
Kind = LedgerAccount.Kind
GOOD, REFUSED = factories.GOOD_ACCOUNT, "000900090007"
ANSWER_LOST, REQUEST_LOST, RETURN_TOLD_FIRST = "000900090003", "000900090004", "000900090002"
MakeDeposits = Callable[..., list[Transaction]]


@staged
def at() -> datetime:
    return stage.begin()


@pytest.fixture
def deposits(escrow: EscrowAccount, operator: User, at: datetime) -> MakeDeposits:
    """Queued deposits of 1,000.00, one for each bank account number, each of an investor of its own."""

    def make(*numbers: str) -> list[Transaction]:
        people = [factories.make_investor("Bea Bulk", verifier=operator, at=at, number=number) for number in numbers]
        return [factories.deposit(escrow, person, "1000.00", at=at) for person in people]

    return make


@pytest.fixture
def payout(escrow: EscrowAccount, operator: User, at: datetime) -> Transaction:
    """A queued withdrawal of 100.00."""
    investor = factories.make_investor("Wim Withdraws", verifier=operator, at=at)
    factories.fund(investor, escrow, "1000.00", at=at)
    order = Order(
        type="WITHDRAWAL", payment_method="ACH", amount=Decimal("100.00"), escrow_account_id=escrow.pk,
        to_user_id=investor.pk, to_bank_account_id=investor.bank_accounts.get().pk,
    )  # fmt: skip
    return transactions.initiate(order, initiator=investor, idempotency_key="out", at=at)


def send(payments: list[Transaction]) -> int:
    return bulk_submissions.send([payment.pk for payment in payments], now=clock.now)


def statuses(payments: list[Transaction]) -> list[str]:
    found = Transaction.objects.in_bulk([payment.pk for payment in payments])
    return [str(found[payment.pk].status) for payment in payments]


def told(client: Client) -> list[TransactionWebhook]:
    """What the bank has told by eight days later, nothing of it recorded yet."""
    clock.advance(timedelta(days=8))
    stage.tell(client)
    return stage.stored()


def own_statements(work: Callable[[], object]) -> int:
    """How many statements work takes on our own tables; the sandbox bank's are somebody else's."""
    with CaptureQueriesContext(
        connection,
    ) as captured:
        work()
    return sum("sandbox_" not in one["sql"] and "SAVEPOINT" not in one["sql"] for one in captured.captured_queries)


def trail(payment: Transaction) -> list[tuple[str, str, str, list[str]]]:
    """What the audit trail says was done to a payment and its attempts: by which operation, to which columns."""
    ids = [payment.pk, *payment.attempts.values_list("pk", flat=True)]
    rows = AuditEvent.objects.filter(entity_id__in=[str(pk) for pk in ids]).order_by("created_at", "id")
    return sorted(
        (row.entity_type, row.action, row.reason, sorted(set(row.changes["after"]) - {"updated_at"}))
        for row in rows
        if row.operation == "UPDATE"
    )


def prove() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    assert books.check() == []


class TestSend:
    def test_takes_as_many_statements_for_nine_as_for_three(self, deposits: MakeDeposits) -> None:
        few, many = deposits(*[GOOD] * 3), deposits(*[GOOD] * 9)
        assert own_statements(lambda: send(few)) == own_statements(lambda: send(many)) < 15
        assert set(statuses(few + many)) == {"PENDING_SETTLEMENT"}

    def test_every_payment_comes_out_in_its_own_way(self, deposits: MakeDeposits, escrow: EscrowAccount) -> None:
        payments = deposits(GOOD, ANSWER_LOST, REFUSED, REQUEST_LOST, GOOD)
        assert send(payments) == 5
        assert statuses(payments) == ["PENDING_SETTLEMENT", "ON_HOLD", "FAILED", "ON_HOLD", "PENDING_SETTLEMENT"]
        assert tasks.sweep_unanswered() == 2
        assert SandboxTransfer.objects.count() == 5
        assert balance(escrow.pk, Kind.CLEARING) == Decimal("4000.00")
        prove()

    def test_leaves_the_trail_of_one_by_one(self, deposits: MakeDeposits) -> None:
        alone, *together = deposits(GOOD, GOOD, GOOD)
        settlements.process(alone.pk, at=clock.now())
        send(together)
        assert [trail(payment) for payment in together] == [trail(alone)] * 2

    def test_claims_nothing_more_while_the_provider_does_not_answer(
        self, deposits: MakeDeposits, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(bulk_submissions, "CHUNK", 4)
        payments = deposits(*[ANSWER_LOST] * 3, GOOD, GOOD)
        assert send(payments) == 4
        assert statuses(payments) == ["ON_HOLD", "ON_HOLD", "ON_HOLD", "PROCESSING", "QUEUED"]
        clock.advance(timedelta(minutes=3))
        assert tasks.sweep_unanswered() == 4
        assert tasks.sweep_queued() == 1
        assert statuses(payments) == ["PENDING_SETTLEMENT"] * 5
        assert SandboxTransfer.objects.count() == 5

    def test_holds_the_one_whose_payer_is_restricted(self, deposits: MakeDeposits, approver: User) -> None:
        first, second, third = payments = deposits(GOOD, GOOD, GOOD)
        profile = InvestorProfile.objects.get(user=second.from_user_id)
        profiles.restrict(profile, by=None, reason="A court order", at=clock.now())
        assert send(payments) == 3
        assert statuses([first, second, third]) == ["PENDING_SETTLEMENT", "ON_HOLD", "PENDING_SETTLEMENT"]
        second.refresh_from_db()
        assert "A court order" in second.hold_reason

    def test_leaves_what_leaves_a_frozen_account_queued(
        self, deposits: MakeDeposits, payout: Transaction, escrow: EscrowAccount, approver: User
    ) -> None:
        escrow_accounts.freeze(escrow, by=approver, reason="Dispute", at=clock.now())
        assert send([payout]) == 0
        assert statuses([payout]) == ["QUEUED"]

    def test_one_that_cannot_be_claimed_does_not_stop_the_others(self, deposits: MakeDeposits) -> None:
        first, broken, third = payments = deposits(GOOD, GOOD, GOOD)
        TransactionAttempt.objects.create(
            payment=broken, number=0, provider="sandbox", idempotency_key=broken.attempt_key, sent_at=clock.now()
        )
        assert send(payments) == 2
        assert statuses([first, broken, third]) == ["PENDING_SETTLEMENT", "QUEUED", "PENDING_SETTLEMENT"]

    def test_sends_nobody_twice(self, deposits: MakeDeposits) -> None:
        payments = deposits(GOOD, GOOD)
        assert send(payments) == 2
        assert send(payments) == 0
        assert SandboxTransfer.objects.count() == TransactionAttempt.objects.count() == 2

    def test_wakes_a_worker_for_each_chunk(
        self, deposits: MakeDeposits, monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Any
    ) -> None:
        monkeypatch.setattr(bulk_submissions, "CHUNK", 2)
        payments = deposits(GOOD, GOOD, GOOD)
        with django_capture_on_commit_callbacks() as callbacks:
            bulk_submissions.wake(payments)
        sent = [callback.args for callback in callbacks]
        assert [name for name, _ in sent] == ["finance.process_transactions"] * 2
        for _, ids in sent:
            tasks.process_transactions(**ids)
        assert statuses(payments) == ["PENDING_SETTLEMENT"] * 3


class TestSettle:
    def test_takes_as_many_statements_for_nine_as_for_three(self, client: Client, deposits: MakeDeposits) -> None:
        payments = deposits(*[GOOD] * 12)
        send(payments)
        rows = [webhook.pk for webhook in told(client)]
        assert len(rows) == 12
        few = own_statements(lambda: webhooks.process_many(rows[:3], at=clock.now()))
        many = own_statements(lambda: webhooks.process_many(rows[3:], at=clock.now()))
        assert many <= few + 2, "a statement for each day on which money clears, and no more"
        assert set(statuses(payments)) == {"SETTLED"}
        assert not TransactionWebhook.objects.filter(processed=False).exists()
        prove()

    def test_leaves_the_trail_of_one_by_one(self, client: Client, deposits: MakeDeposits) -> None:
        alone, *together = deposits(GOOD, GOOD, GOOD)
        send([alone, *together])
        rows = {webhook.transaction_id: webhook.pk for webhook in told(client)}
        webhooks.process(rows[alone.pk], at=clock.now())
        webhooks.process_many([rows[payment.pk] for payment in together], at=clock.now())
        settlements.clear(alone.pk, at=clock.now() + timedelta(days=9))
        bulk_settlements.clear([payment.pk for payment in together], at=clock.now() + timedelta(days=9))
        assert [trail(payment) for payment in together] == [trail(alone)] * 2

    def test_events_of_a_frozen_account_wait_and_others_do_not(
        self, client: Client, deposits: MakeDeposits, payout: Transaction, operator: User, approver: User, at: datetime
    ) -> None:
        [inbound] = deposits(GOOD)
        elsewhere = factories.make_escrow(factories.make_offering(operator=operator, at=at), operator=operator, at=at)
        person = factories.make_investor("Else Where", verifier=operator, at=at)
        other = factories.deposit(elsewhere, person, "500.00", at=at)
        send([inbound, payout, other])
        rows = [webhook.pk for webhook in told(client) if not webhook.processed]
        escrow_accounts.freeze(payout.escrow_account, by=approver, reason="Dispute", at=clock.now())
        webhooks.process_many(rows, at=clock.now())
        assert statuses([payout, other]) == ["PENDING_SETTLEMENT", "SETTLED"]
        waiting = TransactionWebhook.objects.get(transaction=payout)
        assert "frozen" in waiting.processing_error
        prove()

    def test_events_of_one_payment_are_taken_in_the_order_in_which_they_came(
        self, client: Client, deposits: MakeDeposits
    ) -> None:
        payments = deposits(RETURN_TOLD_FIRST, GOOD)
        send(payments)
        clock.advance(timedelta(days=14))
        stage.tell(client)
        assert webhooks.process_many([webhook.pk for webhook in stage.stored()], at=clock.now()) == 2
        assert statuses(payments) == ["SETTLED", "SETTLED"]
        clock.advance(timedelta(minutes=1))
        assert tasks.sweep_webhooks() == 1
        assert statuses(payments) == ["REVERSED", "SETTLED"]
        prove()

    def test_one_message_takes_the_waiting_with_it(self, client: Client, deposits: MakeDeposits) -> None:
        payments = deposits(GOOD, GOOD, GOOD)
        send(payments)
        first, *_ = told(client)
        tasks.process_webhook(webhook_id=str(first.pk))
        assert statuses(payments) == ["SETTLED"] * 3
        assert JournalEntry.objects.filter(event="INBOUND_SETTLED").count() == 3


@pytest.mark.django_db(transaction=True)
class TestAtOnce:
    def test_four_workers_do_everything_once(
        self, client: Client, deposits: MakeDeposits, escrow: EscrowAccount
    ) -> None:
        """Caught: claims, events or payments read without their locks."""
        payments = deposits(*[GOOD] * 8)
        ids = [payment.pk for payment in payments]
        at_once([lambda: bulk_submissions.send(ids, now=clock.now)] * 4, threads=4)
        assert SandboxTransfer.objects.count() == TransactionAttempt.objects.count() == 8
        rows = [webhook.pk for webhook in told(client)]
        at_once([lambda: webhooks.process_many(rows, at=clock.now())] * 4, threads=4)
        assert set(statuses(payments)) == {"SETTLED"}
        clock.advance(timedelta(days=9))
        cleared = at_once([lambda: bulk_settlements.clear(ids, at=clock.now())] * 4, threads=4)
        assert sum(int(number) for number in cleared) == 8  # type: ignore[call-overload]
        assert JournalEntry.objects.count() == 3 * 8
        assert balance(escrow.pk, Kind.BANK) == Decimal("8000.00")
        assert books.check() == []


class TestClear:
    @pytest.fixture
    def settled(self, client: Client, deposits: MakeDeposits) -> list[Transaction]:
        payments = deposits(*[GOOD] * 8)
        send(payments)
        webhooks.process_many([webhook.pk for webhook in told(client)], at=clock.now())
        clock.advance(timedelta(days=9))
        return payments

    def test_takes_as_many_statements_for_six_as_for_two(self, settled: list[Transaction]) -> None:
        ids = [payment.pk for payment in settled]
        few = own_statements(lambda: bulk_settlements.clear(ids[:2], at=clock.now()))
        assert few == own_statements(lambda: bulk_settlements.clear(ids[2:], at=clock.now())) < 12
        assert set(statuses(settled)) == {"COMPLETED"}
        prove()

    def test_clears_nothing_before_its_day(self, settled: list[Transaction]) -> None:
        early = clock.now() - timedelta(days=9)
        assert bulk_settlements.clear([payment.pk for payment in settled], at=early) == 0
        assert set(statuses(settled)) == {"SETTLED"}

    def test_of_somebody_who_owes_settles_the_debt_first(
        self, settled: list[Transaction], escrow: EscrowAccount, operator: User, approver: User
    ) -> None:
        debtor = settled[0].from_user
        assert debtor is not None
        by_wire = factories.deposit(escrow, debtor, "2000.00", at=clock.now(), method="WIRE")
        earlier = factories.play(by_wire, at=clock.now())
        factories.close(closings.propose(escrow, by=operator, at=clock.now()), approver=approver, at=clock.now())
        settlements.record_returned(
            earlier.attempt_key, code="R03", message="", effective_date=banking_date(clock.now()), at=clock.now()
        )
        assert balance(escrow.pk, Kind.RECEIVABLE, debtor.pk) == Decimal("1965.00")
        assert bulk_settlements.clear([payment.pk for payment in settled], at=clock.now()) == 8
        assert balance(escrow.pk, Kind.RECEIVABLE, debtor.pk) == Decimal("1965.00") - settled[0].net_amount
        assert balance(escrow.pk, Kind.INVESTOR, debtor.pk) == 0
        assert balance(escrow.pk, Kind.INVESTOR, settled[1].from_user_id) == settled[1].net_amount
        prove()
