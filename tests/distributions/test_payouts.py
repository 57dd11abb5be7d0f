"""Paying distributions: to whom, what waits, what is followed, finished, returned and retried."""

from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from pytest_django import DjangoCaptureOnCommitCallbacks

from compliance.models import CheckStatus, ComplianceCheck, InvestorProfile
from compliance.operations import checks, sanctions
from distributions.models import Distribution, DistributionAllocation
from distributions.operations import allocations, payouts, sweeps
from distributions.operations.distributions import NumbersChanged
from distributions.operations.payouts import NotApproved
from distributions.queries import distributions as queries
from distributions.tasks import follow_payment, pay
from escrow import books
from escrow.operations import escrow_accounts
from escrow.operations.ledger import EscrowNotOpen
from finance.operations import bank_accounts, transactions
from finance.operations.orders import Order
from realco.errors import NotPermitted
from realco.identifiers import new_id
from realco.models import User
from tests import factories
from tests.distributions.deals import (
    NOW,
    Deal,
    arrive,
    bounce,
    close,
    come_back,
    commit,
    make_deal,
    payment_of,
    put_in,
    spend,
    standing,
)
from tests.stages import staged

pytestmark = [pytest.mark.django_db, pytest.mark.slow]

LIST = Path(__file__).parents[1] / "compliance" / "data" / "march"


@staged
def deal() -> Deal:
    deal = make_deal()
    deal.earn("1700000.00")
    return deal


def close_account(deal: Deal, number: int) -> None:
    """Take an investor's only bank account away."""
    [account] = deal.investors[number].bank_accounts.all()
    bank_accounts.close(account, by=deal.operator, reason="Moved", at=NOW)


def restrict(deal: Deal, number: int) -> None:
    """Have compliance stop dealing with an investor."""
    InvestorProfile.objects.filter(user=deal.investors[number]).update(restricted_at=NOW, restriction_reason="Dispute")


class TestExecute:
    def test_makes_one_approved_payment_for_each_payee(self, deal: Deal) -> None:
        distribution = deal.execute("1000.00")

        assert distribution.status == Distribution.Status.PROCESSING
        for row in standing(distribution):
            payment = payment_of(row)
            assert row.status == "PROCESSING"
            assert (payment.status, payment.type, payment.payment_method) == ("QUEUED", "DISTRIBUTION", "ACH")
            assert (payment.amount, payment.net_amount) == (row.net_amount, row.net_amount)
            assert (payment.to_user, payment.distribution) == (row.investor, distribution)
            assert (payment.initiated_by, payment.approved_by) == (deal.operator, deal.approver)

    def test_carries_both_signatures(self, deal: Deal) -> None:
        payment = payment_of(standing(deal.execute("600000.00"))[0])

        assert [payment.approved_by, payment.second_approved_by] == [deal.approver, deal.second_approver]

    def test_reserves_the_money(self, deal: Deal) -> None:
        deal.execute("1000.00")

        deal.escrow.refresh_from_db()
        assert deal.escrow.available_balance == 1_699_000
        assert deal.escrow.pending_balance == 1_000

    def test_pays_the_sponsor_to_its_organization(self, deal: Deal) -> None:
        [*_, sponsor] = standing(deal.execute("1700000.00"))

        account = payment_of(sponsor).to_bank_account
        assert account is not None
        assert account.organization == deal.offering.organization

    def test_takes_no_other_payment_for_its_own(self, deal: Deal) -> None:
        distribution = deal.approve("1000.00")
        allocation = standing(distribution)[0]
        payee = deal.investors[1]
        refund = Order(
            type="REFUND",
            payment_method="ACH",
            amount=Decimal("1.00"),
            escrow_account_id=deal.escrow.pk,
            to_user_id=payee.pk,
            to_bank_account_id=payee.bank_accounts.get().pk,
        )
        put_in(deal.escrow, payee, Decimal("1.00"), at=NOW, to_offering=False)
        key = f"allocation:{allocation.pk}:first"
        other = transactions.initiate(refund, initiator=deal.operator, idempotency_key=key, at=NOW)

        payouts.execute(distribution, executor=deal.operator, at=NOW)

        allocation.refresh_from_db()
        assert payment_of(allocation) != other
        assert payment_of(allocation).distribution == distribution

    def test_is_done_once(self, deal: Deal) -> None:
        distribution = deal.execute("1000.00")

        with pytest.raises(NotApproved):
            payouts.execute(distribution, executor=deal.operator, at=NOW)

    def test_needs_every_signature(self, deal: Deal) -> None:
        with pytest.raises(NotApproved):
            payouts.execute(deal.submit("1000.00"), executor=deal.operator, at=NOW)

    def test_asks_for_the_permission(self, deal: Deal) -> None:
        with pytest.raises(NotPermitted):
            payouts.execute(deal.approve("1000.00"), executor=deal.approver, at=NOW)

    def test_goes_on_though_the_offering_has_earned_more(self, deal: Deal) -> None:
        distribution = deal.approve("1000.00")
        deal.earn("5.00")

        assert payouts.execute(distribution, executor=deal.operator, at=NOW).status == "PROCESSING"

    def test_goes_on_though_another_was_approved_after_it(self, deal: Deal) -> None:
        first = deal.approve("1000.00")
        second = deal.approve("500.00", at=NOW + timedelta(minutes=1))

        for one in (first, second):
            assert payouts.execute(one, executor=deal.operator, at=NOW).status == "PROCESSING"

    def test_voids_the_approval_when_somebody_invested(self, deal: Deal) -> None:
        distribution = deal.approve("1000.00")
        commit(deal, deal.investors[0], "1000.00", at=NOW)
        close(deal, at=NOW)

        with pytest.raises(NumbersChanged, match="investments"):
            payouts.execute(distribution, executor=deal.operator, at=NOW)

        distribution.refresh_from_db()
        assert (distribution.status, distribution.content_hash) == ("DRAFT", "")

    def test_voids_the_approval_when_the_money_was_drawn_meanwhile(self, deal: Deal) -> None:
        distribution = deal.approve("1700000.00")
        spend(deal.escrow, Decimal("0.01"), at=NOW)

        with pytest.raises(NumbersChanged, match=r"holds \$1,699,999\.99 .* less than the \$1,700,000\.00"):
            payouts.execute(distribution, executor=deal.operator, at=NOW)

        distribution.refresh_from_db()
        assert distribution.status == "DRAFT"

    def test_refuses_a_frozen_account(self, deal: Deal) -> None:
        distribution = deal.approve("1000.00")
        escrow_accounts.freeze(deal.escrow, by=deal.approver, reason="Court order", at=NOW)

        with pytest.raises(EscrowNotOpen, match="frozen"):
            payouts.execute(distribution, executor=deal.operator, at=NOW)


class TestHandingOver:
    def test_a_chunk_is_paid_at_once(self, deal: Deal) -> None:
        distribution = payouts.hand_over(deal.approve("1000.00"), executor=deal.operator, at=NOW)

        assert (distribution.status, distribution.payments.count()) == ("PROCESSING", 3)

    def test_more_is_left_to_the_workers(
        self,
        deal: Deal,
        monkeypatch: pytest.MonkeyPatch,
        django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
    ) -> None:
        sent: list[dict[str, str]] = []
        monkeypatch.setattr(payouts, "CHUNK", 2)
        monkeypatch.setattr(pay, "apply_async", lambda kwargs, **_: sent.append(kwargs))
        approved = deal.approve("1000.00")

        with django_capture_on_commit_callbacks(execute=True):
            distribution = payouts.hand_over(approved, executor=deal.operator, at=NOW)

        assert (distribution.status, distribution.payments.count()) == ("QUEUED", 0)
        assert sent == [{"distribution_id": str(distribution.pk)}] * payouts.PAYERS

        for ids in sent:
            pay(**ids)

        distribution.refresh_from_db()
        assert (distribution.status, distribution.payments.count()) == ("PROCESSING", 3)

    def test_refuses_what_executing_refuses(self, deal: Deal) -> None:
        with pytest.raises(NotApproved):
            payouts.hand_over(deal.submit("1000.00"), executor=deal.operator, at=NOW)


class TestPayeesWhoCannotBePaid:
    def test_wait_without_a_bank_account(self, deal: Deal) -> None:
        close_account(deal, 1)

        first, second, _ = standing(deal.execute("1000.00"))

        assert (first.status, second.status, second.waiting_since) == ("PROCESSING", "PENDING", NOW)
        assert "no verified bank account" in second.waiting_reason
        assert (second.failure_reason, second.transaction) == ("", None)

    def test_wait_while_restricted(self, deal: Deal) -> None:
        restrict(deal, 0)

        first, *_ = standing(deal.execute("1000.00"))

        assert (first.status, first.waiting_reason[:31]) == ("PENDING", "This person is restricted by co")

    def test_wait_when_their_identity_has_expired(self, deal: Deal) -> None:
        InvestorProfile.objects.filter(user=deal.investors[0]).update(kyc_expires_at=NOW)

        first, *_ = standing(deal.execute("1000.00"))

        assert "has expired" in first.waiting_reason

    def test_do_not_keep_the_others_from_being_paid(self, deal: Deal) -> None:
        close_account(deal, 1)
        distribution = deal.execute("1000.00")
        first, _, third = standing(distribution)

        arrive(first)
        arrive(third)

        distribution.refresh_from_db()
        progress = queries.progress(distribution)
        assert (progress.paid, progress.waiting, distribution.status) == (2, 1, "PROCESSING")

    def test_leave_the_distribution_open_if_they_are_all(self, deal: Deal) -> None:
        for number in range(3):
            close_account(deal, number)

        assert deal.execute("1000.00").status == "PROCESSING"

    def test_do_not_hide_that_somebody_elses_payment_failed(self, deal: Deal) -> None:
        close_account(deal, 1)
        distribution = deal.execute("1000.00")
        first, _, third = standing(distribution)

        bounce(first)
        arrive(third)

        distribution.refresh_from_db()
        assert distribution.status == "PARTIALLY_FAILED"

    def test_keep_their_money_promised(self, deal: Deal) -> None:
        close_account(deal, 1)

        deal.execute("1000.00")

        assert queries.available(deal.escrow.pk) == 1_699_000

    def test_are_paid_by_the_sweep_once_that_is_mended(self, deal: Deal) -> None:
        close_account(deal, 1)
        distribution = deal.execute("1000.00")
        assert sweeps.sweep(at=NOW) == 0
        factories.make_bank_account(deal.investors[1], verifier=deal.operator, at=NOW, number="000999999991")

        assert sweeps.sweep(at=NOW) == 1

        assert {(row.status, row.waiting_reason) for row in standing(distribution)} == {("PROCESSING", "")}
        for row in standing(distribution):
            arrive(row)
        distribution.refresh_from_db()
        assert distribution.status == "COMPLETED"
        assert books.check([deal.escrow.pk]) == []

    def test_are_paid_though_the_rest_failed_before(self, deal: Deal) -> None:
        restrict(deal, 1)
        distribution = deal.execute("1000.00")
        first, second, third = standing(distribution)
        bounce(first)
        bounce(third)
        InvestorProfile.objects.filter(user=deal.investors[1]).update(restricted_at=None, restriction_reason="")

        sweeps.sweep(at=NOW)

        distribution.refresh_from_db()
        assert (payment_of(second).status, distribution.status) == ("QUEUED", "PROCESSING")

    def test_say_what_keeps_them_now(self, deal: Deal) -> None:
        close_account(deal, 1)
        distribution = deal.execute("1000.00")
        restrict(deal, 1)

        sweeps.sweep(at=NOW + timedelta(hours=1))

        _, second, _ = standing(distribution)
        assert ("restricted" in second.waiting_reason, second.waiting_since) == (True, NOW)

    def test_are_not_paid_out_of_a_frozen_account(self, deal: Deal) -> None:
        close_account(deal, 1)
        distribution = deal.execute("1000.00")
        factories.make_bank_account(deal.investors[1], verifier=deal.operator, at=NOW, number="000999999991")
        escrow_accounts.freeze(deal.escrow, by=deal.approver, reason="Court order", at=NOW)

        assert sweeps.sweep(at=NOW) == 0

        _, second, _ = standing(distribution)
        assert (second.status, second.transaction) == ("PENDING", None)


class TestReview:
    """A payee whose name is like one on a sanctions list: the others are paid, this one waits for compliance."""

    @staged
    def officer(self, deal: Deal) -> User:
        sanctions.import_directory(LIST, at=NOW)
        InvestorProfile.objects.filter(user=deal.investors[0]).update(legal_name="Ivan Kroog")
        return factories.make_user("Carl Compliance", "Compliance", is_staff=True)

    @pytest.mark.parametrize("amount", ["1000.00", "600000.00"])
    def test_pays_once_compliance_has_cleared_them(self, deal: Deal, officer: User, amount: str) -> None:
        first, second, _ = standing(deal.execute(amount))
        payment = payment_of(first)
        assert (first.status, payment.status, payment.is_reserved) == ("PROCESSING", "PENDING_APPROVAL", False)
        assert payment_of(second).status == "QUEUED"
        assert queries.available(deal.escrow.pk) == Decimal("1700000.00") - Decimal(amount)

        check = ComplianceCheck.objects.get(subject=deal.investors[0], status=CheckStatus.MANUAL_REVIEW)
        checks.decide(check, reviewer=officer, decision="PASSED", note="Another date of birth", at=NOW)
        third = factories.make_user("Third Approver", "Approvers", is_staff=True)
        transactions.approve(payment, approver=third, at=NOW)

        arrive(first)
        first.refresh_from_db()
        assert first.status == "COMPLETED"

    def test_fails_if_compliance_refuses_them(self, deal: Deal, officer: User) -> None:
        first, *_ = standing(deal.execute("1000.00"))
        payment = payment_of(first)

        transactions.reject(payment, approver=deal.second_approver, reason="A true match", at=NOW)
        allocations.follow(payment.pk, at=NOW)

        first.refresh_from_db()
        assert (first.status, first.failure_reason) == ("FAILED", "A true match")


def figures(deal: Deal, number: int) -> tuple[object, ...]:
    """What an investment says of itself: unreturned, returned, preferred paid and owed, profits."""
    row = deal.investors[number].investments.get()
    paid = (row.returned_capital, row.preferred_return_paid, row.preferred_return_owed, row.profits_paid)
    return (row.current_balance, *paid)


class TestFollow:
    def test_completes_with_the_last_payment(self, deal: Deal) -> None:
        distribution = deal.execute("1000.00")
        first, *others = standing(distribution)

        arrive(first)
        distribution.refresh_from_db()
        assert distribution.status == "PROCESSING"
        for row in others:
            arrive(row)

        distribution.refresh_from_db()
        assert distribution.status == "COMPLETED"
        assert queries.progress(distribution).amount_paid == 1_000

    def test_fails_in_part(self, deal: Deal) -> None:
        distribution = deal.execute("1000.00")
        first, *others = standing(distribution)
        bounce(first)
        for row in others:
            arrive(row)

        first.refresh_from_db()
        distribution.refresh_from_db()
        assert distribution.status == "PARTIALLY_FAILED"
        assert (first.status, first.failure_reason) == ("FAILED", "R02 Account closed")
        assert first.investment is not None
        assert first.investment.preferred_return_paid == 0

    def test_credits_an_investment_once_however_often(self, deal: Deal) -> None:
        first, *_ = standing(deal.execute("1000.00"))
        arrive(first)

        for _ in range(3):
            follow_payment(payment_id=str(payment_of(first).pk), extra="ignored")

        assert deal.investors[0].investments.get().preferred_return_paid == 500

    def test_ignores_payments_of_nobody(self, deal: Deal) -> None:
        assert allocations.follow(new_id(), at=NOW) is None

    def test_takes_back_what_a_bank_returns_late(self, deal: Deal) -> None:
        distribution = deal.pay("1000.00")
        first, *_ = standing(distribution)

        come_back(payment_of(first).pk, at=NOW + timedelta(days=20))

        distribution.refresh_from_db()
        investment = deal.investors[0].investments.get()
        assert distribution.status == "PARTIALLY_FAILED"
        assert investment.preferred_return_paid == 0
        assert investment.preferred_return_owed == 120_000
        assert queries.available(deal.escrow.pk) == 1_699_000

    @pytest.mark.slow
    def test_restores_each_in_whatever_order_banks_return_them(self, deal: Deal) -> None:
        before = figures(deal, 0)
        older = deal.pay("1300000.00", on=date(2024, 12, 31))
        between = figures(deal, 0)
        newer = deal.pay("400000.00")
        last = figures(deal, 0)
        assert before == (500_000, 0, 0, 0, 0)

        come_back(payment_of(standing(older)[0]).pk, at=NOW + timedelta(days=20))
        # Only the newer one has arrived: the return of three years on all the capital, less what that one paid of it.
        row = standing(newer)[0]
        returned, preferred, profit = row.return_of_capital, row.preferred_return, row.profit_split
        assert figures(deal, 0) == (500_000 - returned, returned, preferred, 120_000 - preferred, profit)

        come_back(payment_of(row).pk, at=NOW + timedelta(days=21))
        assert figures(deal, 0) == (500_000, 0, 0, 120_000, 0)

        factories.make_bank_account(deal.investors[0], verifier=deal.operator, at=NOW, number="000999999991")
        for one in (newer, older):
            payouts.retry_failed(one, by=deal.operator, at=NOW + timedelta(days=22))
            arrive(standing(one)[0], at=NOW + timedelta(days=22))
        assert figures(deal, 0) == last
        assert between != last

    @pytest.mark.slow
    def test_keeps_stored_totals_equal_to_what_was_paid(self, deal: Deal) -> None:
        for amount in ("100000.00", "1000000.00", "600000.00"):
            deal.pay(amount)

        for row in deal.offering.investments.all():
            paid = DistributionAllocation.objects.filter(investment=row, status="COMPLETED")
            assert row.returned_capital == sum(one.return_of_capital for one in paid)
            assert row.preferred_return_paid == sum(one.preferred_return for one in paid)
            assert row.profits_paid == sum(one.profit_split for one in paid)
        assert books.check([deal.escrow.pk]) == []
