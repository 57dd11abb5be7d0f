"""Trying again: technical failures by the clock, returns by NACHA's rule, everything else by a person."""

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from compliance.models import CheckStatus, InvestorProfile
from escrow.models import EscrowAccount, JournalEntry, LedgerAccount
from escrow.operations.ledger import InsufficientFunds
from escrow.queries.balances import balance
from finance import return_codes, tasks
from finance.models import SandboxTransfer, Transaction
from finance.operations import retries, settlements, transactions
from finance.operations.orders import Order
from finance.operations.retries import NotRetryable
from realco import clock
from realco.business_days import banking_date, business_days_between
from realco.errors import NotPermitted
from realco.models import User
from tests import factories
from tests.finance import sandbox_stage as stage
from tests.stages import staged

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
Kind = LedgerAccount.Kind

FAILS_FIRST = "000900090005"
FAILS_ALWAYS = "000900090006"
R01_FIRST = "000900010001"
R01_ALWAYS = "000222222227"
R09_FIRST = "000900010009"

Make = Callable[..., Transaction]


@staged
def at() -> datetime:
    return stage.begin()


@pytest.fixture
def deposit(escrow: EscrowAccount, operator: User, at: datetime) -> Make:
    def make(number: str, amount: str = "1000.00", method: str = "ACH") -> Transaction:
        investor = factories.make_investor("Rita Retry", verifier=operator, at=at, number=number)
        return factories.deposit(escrow, investor, amount, at=at, method=method)

    return make


@pytest.fixture
def withdrawal(deposit: Make, at: datetime) -> Make:
    """A withdrawal of 500.00 from 970.00 that were paid in by wire and cleared."""

    def make(number: str) -> Transaction:
        paid_in = factories.play(deposit(number, method="WIRE"), at=at)
        payer = paid_in.from_user
        assert payer is not None
        order = Order(
            type="WITHDRAWAL",
            payment_method="ACH",
            amount=Decimal("500.00"),
            escrow_account_id=paid_in.escrow_account_id,
            to_user_id=payer.pk,
            to_bank_account_id=payer.bank_accounts.get().pk,
        )
        return transactions.initiate(order, initiator=payer, idempotency_key="out", at=at)

    return make


def reload(payment: Transaction) -> Transaction:
    payment.refresh_from_db()
    return payment


def send(payment: Transaction, *, at: datetime) -> Transaction:
    settlements.process(payment.pk, at=at)
    return reload(payment)


class TestTechnicalFailures:
    def test_wait_half_an_hour_two_and_eight_hours_and_then_stop(self, deposit: Make, at: datetime) -> None:
        payment, now, waits = send(deposit(FAILS_ALWAYS), at=at), at, []
        while payment.next_retry_at is not None:
            waits.append(payment.next_retry_at - now)
            assert retries.requeue(payment.pk, at=payment.next_retry_at - timedelta(seconds=1)) is False
            now = payment.next_retry_at
            assert retries.requeue(payment.pk, at=now) is True
            payment = send(payment, at=now)
        assert waits == [timedelta(minutes=30), timedelta(hours=2), timedelta(hours=8)]
        assert (payment.status, payment.failure_code, payment.retry_count) == ("FAILED", "PROVIDER_ERROR", 3)
        assert SandboxTransfer.objects.count() == payment.attempts.count() == 4
        assert not JournalEntry.objects.exists()

    def test_each_attempt_has_a_key_of_its_own(self, deposit: Make, at: datetime) -> None:
        payment = send(deposit(FAILS_FIRST), at=at)
        stage.live(0)
        clock.advance(timedelta(minutes=31))
        stage.live(0)
        assert list(payment.attempts.order_by("number").values_list("idempotency_key", "outcome")) == [
            (f"{payment.pk}:0", "REFUSED"),
            (f"{payment.pk}:1", "ACCEPTED"),
        ]

    def test_payout_stays_reserved_between_attempts_and_is_freed_when_they_end(
        self, withdrawal: Make, at: datetime
    ) -> None:
        payment = send(withdrawal(FAILS_ALWAYS), at=at)
        assert (payment.status, payment.is_reserved) == ("PENDING_RETRY", True)
        for _ in range(3):
            assert balance(payment.escrow_account_id, Kind.PAYOUTS) == Decimal("500.00")
            assert payment.next_retry_at is not None
            now = payment.next_retry_at
            retries.requeue(payment.pk, at=now)
            payment = send(payment, at=now)
        assert (payment.status, payment.is_reserved) == ("FAILED", False)
        assert balance(payment.escrow_account_id, Kind.PAYOUTS) == 0
        assert balance(payment.escrow_account_id, Kind.INVESTOR, payment.to_user_id) == Decimal("970.00")
        assert JournalEntry.objects.filter(transaction=payment).count() == 2

    def test_cancelled_between_attempts_frees_the_money(self, withdrawal: Make, operator: User, at: datetime) -> None:
        payment = send(withdrawal(FAILS_ALWAYS), at=at)
        payment = transactions.cancel(payment, by=operator, reason="Not needed any more", at=at)
        assert (payment.status, payment.next_retry_at) == ("CANCELLED", None)
        assert balance(payment.escrow_account_id, Kind.PAYOUTS) == 0
        assert retries.requeue(payment.pk, at=at + timedelta(days=1)) is False


class TestReturns:
    @pytest.mark.parametrize("number", [R01_FIRST, R09_FIRST])
    def test_r01_and_r09_are_presented_again_two_business_days_later(self, deposit: Make, number: str) -> None:
        payment = deposit(number)
        stage.live(2)
        assert reload(payment).status == "PENDING_RETRY"
        assert payment.next_retry_at is not None
        assert business_days_between(banking_date(clock.now()), banking_date(payment.next_retry_at)) == 2
        stage.leap(4)
        stage.leap(20)
        assert (reload(payment).status, payment.retry_count) == ("COMPLETED", 1)
        assert balance(payment.escrow_account_id, Kind.BANK) == Decimal("1000.00")

    @pytest.mark.slow
    def test_r01_is_presented_twice_more_for_the_same_amount_and_then_never_again(
        self, deposit: Make, operator: User
    ) -> None:
        payment = deposit(R01_ALWAYS)
        for _ in range(7):
            stage.leap(5)
        assert (reload(payment).status, payment.failure_code, payment.retry_count) == ("FAILED", "R01", 2)
        assert list(SandboxTransfer.objects.values_list("amount", flat=True)) == [Decimal("1000.00")] * 3
        with pytest.raises(NotRetryable, match="two re-presentments"):
            retries.retry(payment, by=operator, at=clock.now())
        assert balance(payment.escrow_account_id, Kind.CLEARING) == 0

    def test_nothing_is_presented_again_after_180_days(self, deposit: Make, operator: User, at: datetime) -> None:
        payment = send(deposit(R01_ALWAYS), at=at)
        late = at + timedelta(days=179)
        settlements.record_failed(
            payment.attempt_key, code="R01", message="", effective_date=banking_date(late), at=late
        )
        assert reload(payment).status == "FAILED"
        with pytest.raises(NotRetryable):
            retries.retry(payment, by=operator, at=at + timedelta(days=181))

    def test_last_moment_of_the_180_days_counts_when_it_is_presented(self, deposit: Make, at: datetime) -> None:
        payment = send(deposit(R01_ALWAYS), at=at)
        early = at + timedelta(days=174)
        settlements.record_failed(
            payment.attempt_key, code="R01", message="", effective_date=banking_date(early), at=early
        )
        assert reload(payment).status == "PENDING_RETRY"

    @pytest.mark.parametrize("code", ["R01", "R09"])
    def test_payout_is_never_presented_again(self, withdrawal: Make, at: datetime, code: str) -> None:
        payment = send(withdrawal(factories.GOOD_ACCOUNT), at=at)
        settlements.record_failed(payment.attempt_key, code=code, message="", effective_date=at.date(), at=at)
        assert (reload(payment).status, payment.is_reserved) == ("FAILED", False)

    @pytest.mark.parametrize(
        "code", sorted(set(return_codes.MEANINGS) - return_codes.REPRESENTABLE - {"PROVIDER_ERROR"})
    )
    def test_everything_else_that_is_not_technical_waits_for_a_person(
        self, deposit: Make, operator: User, at: datetime, code: str
    ) -> None:
        payment = send(deposit(factories.GOOD_ACCOUNT), at=at)
        settlements.record_failed(payment.attempt_key, code=code, message="", effective_date=at.date(), at=at)
        if code in return_codes.TECHNICAL:
            assert reload(payment).status == "PENDING_RETRY"
            return
        assert (reload(payment).status, payment.next_retry_at) == ("FAILED", None)
        with pytest.raises(NotRetryable, match=code):
            retries.retry(payment, by=operator, at=at)


class TestRequeue:
    def test_asks_compliance_again_and_cancels_what_it_refuses(self, withdrawal: Make, at: datetime) -> None:
        payment = send(withdrawal(FAILS_ALWAYS), at=at)
        InvestorProfile.objects.filter(user=payment.to_user).update(kyc_status=CheckStatus.FAILED)
        assert payment.next_retry_at is not None
        assert retries.requeue(payment.pk, at=payment.next_retry_at) is False
        assert (reload(payment).status, payment.is_reserved) == ("CANCELLED", False)
        assert balance(payment.escrow_account_id, Kind.PAYOUTS) == 0

    def test_waits_eight_more_hours_while_compliance_has_to_look(self, deposit: Make, at: datetime) -> None:
        payment = send(deposit(FAILS_FIRST), at=at)
        profile = InvestorProfile.objects.filter(user=payment.from_user)
        profile.update(kyc_status=CheckStatus.PENDING)
        due = at + timedelta(minutes=30)
        assert retries.requeue(payment.pk, at=due) is False
        assert (reload(payment).status, payment.next_retry_at) == ("PENDING_RETRY", due + timedelta(hours=8))
        profile.update(kyc_status=CheckStatus.PASSED)
        assert retries.requeue(payment.pk, at=due + timedelta(hours=8)) is True


class TestRetry:
    @pytest.fixture
    def failed(self, withdrawal: Make, at: datetime) -> Transaction:
        """A withdrawal whose technical attempts have all been made."""
        payment, now = send(withdrawal(FAILS_ALWAYS), at=at), at
        while payment.next_retry_at is not None:
            now = payment.next_retry_at
            retries.requeue(payment.pk, at=now)
            payment = send(payment, at=now)
        return payment

    def test_reserves_again_and_is_sent_by_the_sweep(self, failed: Transaction, operator: User, at: datetime) -> None:
        payment = retries.retry(failed, by=operator, at=at)
        assert (payment.status, payment.is_reserved, payment.next_retry_at) == ("PENDING_RETRY", True, at)
        assert balance(payment.escrow_account_id, Kind.PAYOUTS) == Decimal("500.00")
        tasks.sweep_retries()
        assert reload(payment).status == "QUEUED"

    def test_refuses_when_the_money_is_gone(self, failed: Transaction, operator: User, at: datetime) -> None:
        other = Order(
            type="REFUND",
            payment_method="ACH",
            amount=Decimal("900.00"),
            escrow_account_id=failed.escrow_account_id,
            to_user_id=failed.to_user_id,
            to_bank_account_id=failed.to_bank_account_id,
        )
        transactions.initiate(other, initiator=operator, idempotency_key="refund", at=at)
        with pytest.raises(InsufficientFunds):
            retries.retry(failed, by=operator, at=at)
        assert (reload(failed).status, failed.retry_count) == ("FAILED", 3)

    def test_may_be_asked_for_earlier_than_planned(self, deposit: Make, operator: User, at: datetime) -> None:
        payment = retries.retry(send(deposit(FAILS_FIRST), at=at), by=operator, at=at)
        assert retries.requeue(payment.pk, at=at) is True

    def test_refuses_what_has_not_failed(self, deposit: Make, operator: User, at: datetime) -> None:
        with pytest.raises(NotRetryable, match="queued"):
            retries.retry(deposit(factories.GOOD_ACCOUNT), by=operator, at=at)

    def test_refuses_without_the_permission(self, failed: Transaction, approver: User, at: datetime) -> None:
        with pytest.raises(NotPermitted):
            retries.retry(failed, by=approver, at=at)
