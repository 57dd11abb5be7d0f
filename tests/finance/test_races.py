"""
Payments under real threads: whatever happens at once happens as if in some order, and money moves once.

Each test names the broken variant that it was tried on; it failed there.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from decimal import Decimal
from threading import Barrier

import pytest

from compliance.models import ComplianceCheck
from escrow import books
from escrow.models import EscrowAccount, Investment, JournalEntry, LedgerAccount
from escrow.operations import closings
from escrow.operations.ledger import InsufficientFunds
from escrow.queries.balances import balance
from finance.models import SandboxTransfer, Transaction
from finance.operations import settlements, transactions
from finance.operations.orders import Order
from finance.operations.transactions import NotAwaitingApproval, NotCancellable, NotHoldable
from realco.business_days import banking_date
from realco.errors import Refusal
from realco.models import AuditEvent, User
from tests import factories
from tests.conftest import close_connections

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]
Kind = LedgerAccount.Kind
NET = Decimal("9949.20")

Work = Callable[[], object]


def at_once(works: Sequence[Work], *, threads: int = 20) -> list[object]:
    """Do all of them in threads that start together; a refusal is a result."""
    barrier = Barrier(threads)

    def begin() -> None:
        barrier.wait(timeout=30)

    def run(work: Work) -> object:
        try:
            return work()
        except Refusal as refusal:
            return refusal
        finally:
            close_connections()

    with ThreadPoolExecutor(threads, initializer=begin) as pool:
        return list(pool.map(run, works))


def kinds(results: Sequence[object]) -> Counter[str]:
    return Counter(type(result).__name__ for result in results)


def statuses() -> Counter[str]:
    return Counter(Transaction.objects.values_list("status", flat=True))


@pytest.fixture
def funded(escrow: EscrowAccount, investor: User, operator: User, approver: User, at: datetime) -> EscrowAccount:
    """An offering that has closed and holds 9,949.20."""
    factories.fund(investor, escrow, "10000.00", at=at)
    factories.make_bank_account(escrow.offering.organization.owner, verifier=operator, at=at)
    factories.close(closings.propose(escrow, by=operator, at=at), approver=approver, at=at)
    return EscrowAccount.objects.select_related("offering__organization__owner").get()


def draw(escrow: EscrowAccount, *, operator: User, at: datetime, key: str = "draw") -> Transaction:
    """A draw of all the money there is, waiting for its approval."""
    sponsor = escrow.offering.organization.owner
    order = Order(
        type="CONSTRUCTION_DRAW",
        payment_method="ACH",
        amount=NET,
        escrow_account_id=escrow.pk,
        to_user_id=sponsor.pk,
        to_bank_account_id=sponsor.bank_accounts.get().pk,
    )
    return transactions.initiate(order, initiator=operator, idempotency_key=key, at=at)


class TestApprove:
    def test_of_twenty_payments_that_need_all_the_money_one_is_approved(
        self, funded: EscrowAccount, operator: User, approver: User, at: datetime
    ) -> None:
        """Caught: ledger_post without its row locks, and a ledger that lets OFFERING go below zero."""
        payments = [draw(funded, operator=operator, at=at, key=str(number)) for number in range(20)]

        results = at_once([lambda p=p: transactions.approve(p, approver=approver, at=at) for p in payments])  # type: ignore[misc]

        assert kinds(results) == {"Transaction": 1, InsufficientFunds.__name__: 19}
        assert statuses() == {"COMPLETED": 1, "QUEUED": 1, "PENDING_APPROVAL": 19}
        assert balance(funded.pk, Kind.OFFERING) == 0
        assert balance(funded.pk, Kind.PAYOUTS) == NET
        assert JournalEntry.objects.filter(event="RESERVE").count() == 1
        assert books.check() == []

    def test_twenty_approvals_of_one_payment_are_one(
        self, funded: EscrowAccount, operator: User, approver: User, at: datetime
    ) -> None:
        """Caught: ``transactions.lock`` without FOR UPDATE; approvals then sign and queue it several times."""
        payment = draw(funded, operator=operator, at=at)

        results = at_once([lambda: transactions.approve(payment, approver=approver, at=at)] * 20)

        assert kinds(results) == {"Transaction": 1, NotAwaitingApproval.__name__: 19}
        assert JournalEntry.objects.filter(event="RESERVE").count() == 1
        assert balance(funded.pk, Kind.PAYOUTS) == NET
        queued = AuditEvent.objects.filter(entity_id=str(payment.pk), changes__after__status="QUEUED")
        assert queued.count() == 1

    def test_ten_cancellations_against_ten_approvals_leave_the_money_where_it_was(
        self, funded: EscrowAccount, operator: User, approver: User, at: datetime
    ) -> None:
        """Caught: ``transactions.lock`` without FOR UPDATE; money stays reserved for a cancelled payment."""
        payment = draw(funded, operator=operator, at=at)

        def approve() -> object:
            return transactions.approve(payment, approver=approver, at=at)

        def cancel() -> object:
            return transactions.cancel(payment, by=operator, reason="Not needed", at=at)

        results = at_once([approve, cancel] * 10)

        payment.refresh_from_db()
        assert payment.status == "CANCELLED"
        assert kinds(results[1::2]) == {"Transaction": 1, NotCancellable.__name__: 9}
        reserved = JournalEntry.objects.filter(event="RESERVE").count()
        assert reserved == JournalEntry.objects.filter(event="UNRESERVE").count() == kinds(results[::2])["Transaction"]
        assert (balance(funded.pk, Kind.OFFERING), balance(funded.pk, Kind.PAYOUTS)) == (NET, Decimal(0))


class TestInitiate:
    def test_a_hundred_duplicates_of_one_key_are_one_payment(
        self, escrow: EscrowAccount, investor: User, at: datetime
    ) -> None:
        """Caught: ``_find_earlier`` without its advisory lock; duplicates then fail on the unique key."""
        order = factories.deposit_order(escrow, investor, "1000.00")

        def ask() -> object:
            payment = transactions.initiate(order, initiator=investor, idempotency_key="once", at=at)
            return payment.pk, payment.status, payment.amount, payment.fee_amount, payment.created_at

        results = at_once([ask] * 100)

        payment = Transaction.objects.get()
        assert set(results) == {(payment.pk, "QUEUED", Decimal("1000.00"), Decimal("5.80"), at)}
        assert Investment.objects.get().investment_amount == Decimal("1000.00")
        assert ComplianceCheck.objects.count() == payment.compliance_checks.count() < 10

    def test_withdrawals_that_together_overdraw_stop_where_the_money_ends(
        self, escrow: EscrowAccount, investor: User, at: datetime
    ) -> None:
        """Caught: a ledger that lets INVESTOR go below zero."""
        factories.fund(investor, escrow, "10000.00", at=at)
        account = investor.bank_accounts.get()

        def withdraw(key: int) -> object:
            order = Order(
                type="WITHDRAWAL",
                payment_method="ACH",
                amount=Decimal("1000.00"),
                escrow_account_id=escrow.pk,
                to_user_id=investor.pk,
                to_bank_account_id=account.pk,
            )
            return transactions.initiate(order, initiator=investor, idempotency_key=f"out {key}", at=at)

        results = at_once([lambda key=key: withdraw(key) for key in range(20)])  # type: ignore[misc]

        assert kinds(results)["Transaction"] == NET // 1000
        assert balance(escrow.pk, Kind.INVESTOR, investor.pk) == NET % 1000
        assert books.check() == []


class TestProcess:
    def test_what_is_held_is_not_sent_and_what_is_sent_is_not_held(
        self, escrow: EscrowAccount, investor: User, approver: User, at: datetime
    ) -> None:
        """Caught: ``transactions.lock`` without FOR UPDATE; a held payment was sent."""
        payments = [factories.deposit(escrow, investor, "100.00", at=at) for _ in range(10)]

        def hold(payment: Transaction) -> object:
            return transactions.hold(payment, by=approver, reason="Odd", at=at)

        def process(payment: Transaction) -> None:
            settlements.process(payment.pk, at=at)

        works: list[Work] = []
        for payment in payments:
            works += [lambda p=payment: hold(p), lambda p=payment: process(p)]  # type: ignore[misc]
        results = at_once(works)

        for payment, held in zip(payments, results[::2], strict=True):
            payment.refresh_from_db()
            was_sent = SandboxTransfer.objects.filter(idempotency_key=payment.attempt_key).exists()
            assert payment.status == ("PENDING_SETTLEMENT" if was_sent else "ON_HOLD")
            assert isinstance(held, NotHoldable) is was_sent
            assert payment.attempts.count() == was_sent

    def test_twenty_workers_send_once(self, escrow: EscrowAccount, investor: User, at: datetime) -> None:
        """Caught: ``transactions.lock`` without FOR UPDATE; the attempt was made twice."""
        payment = factories.deposit(escrow, investor, "100.00", at=at)

        at_once([lambda: settlements.process(payment.pk, at=at)] * 20)

        assert SandboxTransfer.objects.count() == payment.attempts.count() == 1
        assert balance(escrow.pk, Kind.CLEARING) == Decimal("100.00")


class TestTheBank:
    def test_twenty_tellings_of_one_settlement_are_one_entry(
        self, escrow: EscrowAccount, investor: User, at: datetime
    ) -> None:
        """Caught: ``_lock_attempt`` that does not read the attempt again once it holds the payment's lock."""
        payment = factories.play(
            factories.deposit(escrow, investor, "100.00", at=at), at=at, until="PENDING_SETTLEMENT"
        )
        key, today = payment.attempt_key, banking_date(at)

        results = at_once([lambda: settlements.record_settled(key, effective_date=today, at=at)] * 20)

        assert kinds(results) == {"NoneType": 20}
        assert JournalEntry.objects.filter(event="INBOUND_SETTLED").count() == 1
        assert balance(escrow.pk, Kind.BANK) == Decimal("100.00")
        payment.refresh_from_db()
        assert payment.status == "SETTLED"

    def test_money_that_clears_while_it_is_returned_is_gone_either_way(
        self, escrow: EscrowAccount, investor: User, at: datetime
    ) -> None:
        """Caught: ``transactions.lock`` without FOR UPDATE; UNCLEARED was debited twice."""
        payments = [
            factories.play(factories.deposit(escrow, investor, "100.00", at=at), at=at, until="SETTLED")
            for _ in range(10)
        ]
        later = at + timedelta(days=30)

        def give_back(payment: Transaction) -> None:
            settlements.record_returned(
                payment.attempt_key, code="R10", message="", effective_date=banking_date(later), at=later
            )

        works: list[Work] = []
        for payment in payments:
            works += [lambda p=payment: settlements.clear(p.pk, at=later), lambda p=payment: give_back(p)]  # type: ignore[misc]
        results = at_once(works)

        assert kinds(results[1::2]) == {"NoneType": 10}
        assert statuses() == {"REVERSED": 10}
        returned = JournalEntry.objects.filter(event__startswith="RETURN").count()
        assert returned == 10
        assert JournalEntry.objects.filter(event="INBOUND_CLEARED").count() == results[::2].count(True)
        assert not LedgerAccount.objects.exclude(balance=0).exists()
        assert books.check() == []
