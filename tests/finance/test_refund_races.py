"""Refund runs under real threads: two people, two workers and a bank at once, and everybody is refunded once."""

from datetime import datetime
from decimal import Decimal
from functools import partial

import pytest

from escrow import books
from escrow.models import EscrowAccount, Investment
from escrow.operations import closings
from escrow.queries.balances import balance
from finance.models import RefundItem, RefundRun, Transaction
from finance.operations import refund_items, refund_payments, refund_runs, refund_sweeps, settlements
from realco.models import User
from tests import factories
from tests.finance import raises
from tests.finance.test_races import Work, at_once, kinds

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]


@pytest.fixture
def escrow(operator: User, at: datetime) -> EscrowAccount:
    return raises.open_raise(operator=operator, at=at)


@pytest.fixture
def later(escrow: EscrowAccount) -> datetime:
    return raises.after_deadline(escrow)


@pytest.fixture
def funded(escrow: EscrowAccount, operator: User, at: datetime) -> EscrowAccount:
    """Eight investors with a thousand dollars each."""
    for number in range(8):
        investor = factories.make_investor(f"Ina {number}", verifier=operator, at=at)
        factories.fund(investor, escrow, "1000.00", at=at)
    return escrow


def refunds() -> list[Decimal]:
    return list(Transaction.objects.filter(type="REFUND").exclude(status="CANCELLED").values_list("amount", flat=True))


def test_a_run_is_proposed_once(funded: EscrowAccount, operator: User, later: datetime) -> None:
    results = at_once([lambda: refund_runs.propose(funded, by=operator, reason="Failed", at=later)] * 8, threads=8)
    assert kinds(results) == {"RefundRun": 1, "RefundRunExists": 7}


def test_two_approvals_start_it_once(
    funded: EscrowAccount, operator: User, approver: User, second_approver: User, later: datetime
) -> None:
    run = refund_runs.propose(funded, by=operator, reason="Failed", at=later)
    works = [
        partial(refund_runs.approve, run, approver=who, content_hash=run.content_hash, at=later)
        for who in [approver, second_approver] * 4
    ]
    results = at_once(works, threads=8)
    assert kinds(results) == {"RefundRun": 1, "RunNotProposed": 7}
    assert RefundItem.objects.count() == 8


def test_two_workers_pay_everybody_once(
    funded: EscrowAccount, operator: User, approver: User, later: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refund_payments, "BATCH", 1)
    run = raises.start(funded, operator=operator, approvers=[approver], at=later)
    at_once([lambda: refund_payments.resume(run.pk, at=later)] * 6, threads=6)
    assert refunds() == [Decimal("1000.00")] * 8
    assert balance(funded.pk, "PAYOUTS") == Decimal("8000.00")
    assert books.check([funded.pk]) == []


def test_an_approval_and_the_bank_do_not_wait_for_each_other(
    funded: EscrowAccount, operator: User, approver: User, at: datetime, later: datetime
) -> None:
    """A worker holds a deposit when it locks the account; were the account locked first here, one would be shot."""
    asked = []
    for number in range(6):
        investor = factories.make_investor(f"Bea {number}", verifier=operator, at=at)
        asked.append(factories.deposit(funded, investor, "500.00", at=at))
    run = refund_runs.propose(funded, by=operator, reason="Failed", at=later)
    works: list[Work] = [partial(settlements.process, payment.pk, at=later) for payment in asked]
    works.insert(2, partial(refund_runs.approve, run, approver=approver, content_hash=run.content_hash, at=later))
    results = at_once(works, threads=7)
    run.refresh_from_db()
    if run.status == "PROPOSED":
        assert "RefundsChanged" in kinds(results)
        refund_runs.cancel(run, by=operator, reason="Changed", at=later)
        run = raises.start(funded, operator=operator, approvers=[approver], at=later)
    raises.pay(run, at=later)
    fates = set(Transaction.objects.filter(pk__in=[payment.pk for payment in asked]).values_list("status", flat=True))
    assert fates <= {"CANCELLED", "PENDING_SETTLEMENT"}
    at_the_bank = Transaction.objects.filter(type="DEPOSIT", status="PENDING_SETTLEMENT")
    waiting = RefundItem.objects.filter(status="WAITING_TO_CLEAR")
    assert set(waiting.values_list("deposit", flat=True)) == set(at_the_bank.values_list("pk", flat=True))


def test_a_cancellation_and_a_failing_raise_refund_once(
    funded: EscrowAccount, operator: User, approver: User, later: datetime
) -> None:
    run = refund_runs.propose(funded, by=operator, reason="Failed", at=later)
    investment = Investment.objects.order_by("pk")[3]
    at_once(
        [
            lambda: refund_runs.approve(run, approver=approver, content_hash=run.content_hash, at=later),
            lambda: refund_runs.cancel_commitment(
                investment, by=investment.investor, reason="Changed my mind", at=later
            ),
        ],
        threads=2,
    )
    if RefundRun.objects.get(pk=run.pk).status == "PROPOSED":
        refund_runs.cancel(run, by=operator, reason="Changed", at=later)
        raises.start(funded, operator=operator, approvers=[approver], at=later)
    for one in RefundRun.objects.filter(status="RUNNING"):
        refund_payments.resume(one.pk, at=later)
    assert refunds() == [Decimal("1000.00")] * 8
    assert RefundItem.objects.count() == 8


def test_an_investor_cancels_once(escrow: EscrowAccount, investor: User, at: datetime) -> None:
    factories.fund(investor, escrow, "1000.00", at=at)
    investment = Investment.objects.get()
    results = at_once(
        [lambda: refund_runs.cancel_commitment(investment, by=investor, reason="Changed my mind", at=at)] * 8,
        threads=8,
    )
    assert kinds(results) == {"RefundRun": 1, "InvestmentNotPending": 7}
    assert RefundItem.objects.count() == 1


def test_a_cancellation_and_a_closing_do_not_both_take_the_money(
    investor: User, operator: User, approver: User, second_approver: User, at: datetime
) -> None:
    escrow = raises.open_raise(operator=operator, at=at, minimum_amount=Decimal("900.00"))
    factories.fund(investor, escrow, "1000.00", at=at)
    closing = closings.propose(escrow, by=operator, at=at)
    closing = closings.approve(closing, approver=approver, content_hash=closing.content_hash, at=at)
    investment = Investment.objects.get()
    results = at_once(
        [
            lambda: closings.approve(closing, approver=second_approver, content_hash=closing.content_hash, at=at),
            lambda: refund_runs.cancel_commitment(investment, by=investor, reason="Changed my mind", at=at),
        ],
        threads=2,
    )
    if kinds(results)["Closing"]:
        assert kinds(results) == {"Closing": 1, "InvestmentNotPending": 1}
        assert balance(escrow.pk, "OFFERING") == Decimal("994.20")
    else:
        assert kinds(results)["RefundRun"] == 1
        raises.pay(RefundRun.objects.get(), at=at)
        assert refunds() == [Decimal("1000.00")]
        assert balance(escrow.pk, "OFFERING") == 0
    assert books.check([escrow.pk]) == []


def test_a_payment_is_followed_once(funded: EscrowAccount, operator: User, approver: User, later: datetime) -> None:
    run = raises.start(funded, operator=operator, approvers=[approver], at=later)
    paid = [raises.arrive(item.payment, at=later) for item in raises.pay(run, at=later)]
    works: list[Work] = [partial(refund_items.follow, payment.pk, at=later) for payment in [*paid, *paid]]
    works += [partial(refund_sweeps.sweep, at=later)] * 4
    at_once(works, threads=20)
    run.refresh_from_db()
    assert (run.status, run.report["paid_amount"]) == ("COMPLETED", "8000.00")
    assert {item.status for item in raises.items(run)} == {"PAID"}


def test_two_people_agree_to_one_redirection(
    escrow: EscrowAccount, investor: User, operator: User, approver: User, second_approver: User, at: datetime,
    later: datetime,
) -> None:  # fmt: skip
    factories.fund(investor, escrow, "1000.00", at=at)
    run = raises.start(escrow, operator=operator, approvers=[approver], at=later)
    investor.bank_accounts.update(status="SUSPENDED")
    [item] = raises.pay(run, at=later)
    refund_items.redirect(item, bank_account=None, by=operator, reason="No account left", at=later)
    works = [
        partial(refund_items.approve_redirection, item, approver=who, at=later)
        for who in [approver, second_approver] * 3
    ]
    results = at_once(works, threads=6)
    assert kinds(results) == {"RefundItem": 1, "ItemNotBlocked": 5}
    raises.pay(run, at=later)
    assert refunds() == [Decimal("1000.00")]
