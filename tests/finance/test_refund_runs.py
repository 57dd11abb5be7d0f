"""Refund runs: who may propose and sign them, what is in them, and what starting one ends."""

from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from escrow.models import EscrowAccount, Investment
from escrow.operations import closings, escrow_accounts
from escrow.operations.escrow_accounts import ReasonMissing
from escrow.operations.investments import InvestmentNotPending
from escrow.operations.ledger import EscrowNotOpen
from finance.models import RefundItem, RefundRun
from finance.operations import refund_runs
from finance.operations.refund_runs import (
    ApproverIsPaid,
    ApproverIsProposer,
    ClosingWaits,
    NothingToRefund,
    OfferingNotOver,
    RefundRunExists,
    RefundsChanged,
    RunNotProposed,
    RunSignedByYou,
)
from realco.errors import NotPermitted
from realco.models import Offering, User
from realco.operations import offerings
from realco.operations.offerings import DeadlineAhead
from tests import factories
from tests.finance import raises
from tests.stages import staged

pytestmark = pytest.mark.slow


@staged
def escrow(operator: User, at: datetime) -> EscrowAccount:
    return raises.open_raise(operator=operator, at=at)


@staged
def second(operator: User, at: datetime) -> User:
    return factories.make_investor("Sam Second", verifier=operator, at=at)


@staged
def later(escrow: EscrowAccount) -> datetime:
    return raises.after_deadline(escrow)


@staged
def run(escrow: EscrowAccount, investor: User, operator: User, at: datetime, later: datetime) -> RefundRun:
    factories.fund(investor, escrow, "10000.00", at=at)
    return refund_runs.propose(escrow, by=operator, reason="Minimum not reached", at=later)


class TestPropose:
    def test_writes_down_what_every_investor_gets_back(
        self, escrow: EscrowAccount, investor: User, second: User, operator: User, at: datetime, later: datetime
    ) -> None:
        cleared = factories.fund(investor, escrow, "10000.00", at=at)
        settled = factories.play(factories.deposit(escrow, second, "5000.00", at=at), at=at, until="SETTLED")
        run = refund_runs.propose(escrow, by=operator, reason="Minimum not reached", at=later)
        assert (run.cause, run.status, run.total_amount, run.largest_amount) == (
            "FAILED_RAISE", "PROPOSED", Decimal("15000.00"), Decimal("10000.00"),
        )  # fmt: skip
        assert run.figures == sorted(
            [
                [str(cleared.pk), str(investor.pk), "10000.00"],
                [str(settled.pk), str(second.pk), "5000.00"],
            ]
        )
        assert (cleared.net_amount, RefundItem.objects.count()) == (Decimal("9949.20"), 0)

    def test_promises_the_fifth_business_day_after_the_deadline(self, run: RefundRun) -> None:
        assert run.offering.deadline_at.date().isoformat() == "2026-03-23"
        assert run.promised_by.isoformat() == "2026-03-30"

    def test_takes_what_left_before_off_the_oldest_deposit(
        self, escrow: EscrowAccount, investor: User, operator: User, at: datetime, later: datetime
    ) -> None:
        first = factories.fund(investor, escrow, "10000.00", at=at)
        newest = factories.fund(investor, escrow, "5000.00", at=at + timedelta(minutes=1))
        raises.withdraw(escrow, investor, "4000.00", at=at + timedelta(days=15))
        run = refund_runs.propose(escrow, by=operator, reason="Minimum not reached", at=later)
        assert {row[0]: row[2] for row in run.figures} == {str(newest.pk): "5000.00", str(first.pk): "6000.00"}

    def test_waits_for_the_deadline(self, escrow: EscrowAccount, investor: User, operator: User, at: datetime) -> None:
        factories.fund(investor, escrow, "10000.00", at=at)
        with pytest.raises(DeadlineAhead, match="23 March 2026"):
            refund_runs.propose(escrow, by=operator, reason="Too early", at=at)

    def test_gives_back_a_raise_that_reached_its_minimum_and_was_not_closed(
        self, investor: User, operator: User, at: datetime
    ) -> None:
        escrow = raises.open_raise(operator=operator, at=at, minimum_amount=Decimal("9000.00"))
        factories.fund(investor, escrow, "10000.00", at=at)
        run = refund_runs.propose(escrow, by=operator, reason="Not closed in time", at=raises.after_deadline(escrow))
        assert run.total_amount == Decimal("10000.00")

    def test_refuses_a_raise_that_closed(self, investor: User, operator: User, approver: User, at: datetime) -> None:
        escrow = raises.open_raise(operator=operator, at=at, minimum_amount=Decimal("9000.00"))
        factories.fund(investor, escrow, "10000.00", at=at)
        Offering.objects.filter(pk=escrow.offering_id).update(status="FUNDED")
        with pytest.raises(OfferingNotOver, match="is funded"):
            refund_runs.propose(escrow, by=operator, reason="No", at=raises.after_deadline(escrow))

    def test_refuses_while_a_closing_waits(self, investor: User, operator: User, at: datetime) -> None:
        escrow = raises.open_raise(operator=operator, at=at, minimum_amount=Decimal("9000.00"))
        factories.fund(investor, escrow, "10000.00", at=at)
        closings.propose(escrow, by=operator, at=at)
        with pytest.raises(ClosingWaits):
            refund_runs.propose(escrow, by=operator, reason="No", at=raises.after_deadline(escrow))

    def test_gives_back_an_offering_that_was_called_off_before_its_deadline(
        self, escrow: EscrowAccount, investor: User, operator: User, approver: User, at: datetime
    ) -> None:
        factories.fund(investor, escrow, "10000.00", at=at)
        offerings.call_off(escrow.offering, by=operator, reason="Seller withdrew", at=at)
        run = raises.start(escrow, operator=operator, approvers=[approver], at=at)
        assert (run.cause, run.status) == ("OFFERING_CANCELLED", "RUNNING")
        assert Offering.objects.get(pk=escrow.offering_id).status == "CANCELLED"

    def test_refuses_an_offering_called_off_without_money(
        self, escrow: EscrowAccount, operator: User, at: datetime
    ) -> None:
        offerings.call_off(escrow.offering, by=operator, reason="Nobody came", at=at)
        with pytest.raises(NothingToRefund):
            refund_runs.propose(escrow, by=operator, reason="No", at=at)

    def test_proposes_once(self, run: RefundRun, escrow: EscrowAccount, operator: User, later: datetime) -> None:
        with pytest.raises(RefundRunExists):
            refund_runs.propose(escrow, by=operator, reason="Again", at=later)

    def test_refuses_a_frozen_account(
        self, escrow: EscrowAccount, operator: User, compliance_officer: User, later: datetime
    ) -> None:
        escrow_accounts.freeze(escrow, by=compliance_officer, reason="Looked at", at=later)
        with pytest.raises(EscrowNotOpen, match="frozen"):
            refund_runs.propose(escrow, by=operator, reason="No", at=later)

    def test_needs_permission_and_a_reason(
        self, escrow: EscrowAccount, operator: User, approver: User, later: datetime
    ) -> None:
        with pytest.raises(NotPermitted, match="propose_refundrun"):
            refund_runs.propose(escrow, by=approver, reason="No", at=later)
        with pytest.raises(ReasonMissing):
            refund_runs.propose(escrow, by=operator, reason="  ", at=later)


class TestApprove:
    def test_ends_the_raise_and_writes_the_refunds_down(
        self, run: RefundRun, escrow: EscrowAccount, investor: User, approver: User, later: datetime
    ) -> None:
        run = refund_runs.approve(run, approver=approver, content_hash=run.content_hash, at=later)
        offering = Offering.objects.get(pk=escrow.offering_id)
        assert (run.status, offering.status, offering.failed_at) == ("RUNNING", "FAILED", later)
        assert EscrowAccount.objects.get(pk=escrow.pk).status == "LIQUIDATING"
        assert Investment.objects.get(investor=investor).status == "CANCELLED"
        [item] = raises.items(run)
        assert (item.status, item.amount, item.fee_amount) == ("DUE", Decimal("10000.00"), Decimal("50.80"))
        assert item.bank_account == investor.bank_accounts.get()

    def test_collects_nothing_more(
        self, escrow: EscrowAccount, investor: User, second: User, operator: User, approver: User, at: datetime,
        later: datetime,
    ) -> None:  # fmt: skip
        queued = factories.deposit(escrow, investor, "3000.00", at=at)
        at_the_bank = factories.play(
            factories.deposit(escrow, second, "4000.00", at=at), at=at, until="PENDING_SETTLEMENT"
        )
        run = raises.start(escrow, operator=operator, approvers=[approver], at=later)
        queued.refresh_from_db()
        assert (queued.status, queued.cancelled_reason) == ("CANCELLED", refund_runs.RAISE_IS_OVER)
        [item] = raises.items(run)
        assert (item.deposit, item.status) == (at_the_bank, "WAITING_TO_CLEAR")

    def test_is_not_its_proposers(self, run: RefundRun, operator: User, later: datetime) -> None:
        operator.groups.add(factories.make_group("Approvers"))
        operator = User.objects.get(pk=operator.pk)
        with pytest.raises(ApproverIsProposer):
            refund_runs.approve(run, approver=operator, content_hash=run.content_hash, at=later)

    def test_is_not_that_of_whom_it_pays(
        self, escrow: EscrowAccount, approver: User, operator: User, at: datetime, later: datetime
    ) -> None:
        factories.make_profile(approver, at)
        factories.make_bank_account(approver, verifier=operator, at=at)
        factories.fund(approver, escrow, "10000.00", at=at)
        run = refund_runs.propose(escrow, by=operator, reason="Minimum not reached", at=later)
        with pytest.raises(ApproverIsPaid):
            refund_runs.approve(run, approver=approver, content_hash=run.content_hash, at=later)

    def test_needs_permission(self, run: RefundRun, compliance_officer: User, later: datetime) -> None:
        with pytest.raises(NotPermitted, match="approve_refundrun"):
            refund_runs.approve(run, approver=compliance_officer, content_hash=run.content_hash, at=later)

    def test_signs_what_was_seen(self, run: RefundRun, approver: User, later: datetime) -> None:
        with pytest.raises(RefundsChanged, match="hash"):
            refund_runs.approve(run, approver=approver, content_hash="0" * 64, at=later)

    def test_refuses_figures_that_have_changed(
        self, escrow: EscrowAccount, investor: User, second: User, operator: User, approver: User, at: datetime,
        later: datetime,
    ) -> None:  # fmt: skip
        factories.fund(investor, escrow, "10000.00", at=at)
        other = factories.play(factories.deposit(escrow, second, "4000.00", at=at), at=at, until="SETTLED")
        run = refund_runs.propose(escrow, by=operator, reason="Minimum not reached", at=later)
        raises.return_late(other, code="R01", at=later)
        with pytest.raises(RefundsChanged, match="Sam Second"):
            refund_runs.approve(run, approver=approver, content_hash=run.content_hash, at=later)
        assert Offering.objects.get(pk=escrow.offering_id).status == "OPEN"

    def test_a_signature_outlives_that_a_deposit_clears(
        self, escrow: EscrowAccount, investor: User, operator: User, approver: User, at: datetime, later: datetime
    ) -> None:
        deposit = factories.play(factories.deposit(escrow, investor, "4000.00", at=at), at=at, until="SETTLED")
        run = refund_runs.propose(escrow, by=operator, reason="Minimum not reached", at=later)
        factories.play(deposit, at=later)
        run = refund_runs.approve(run, approver=approver, content_hash=run.content_hash, at=later)
        assert [item.status for item in raises.items(run)] == ["DUE"]

    def test_needs_a_third_person_above_fifty_thousand(
        self, escrow: EscrowAccount, investor: User, operator: User, approver: User, second_approver: User,
        at: datetime, later: datetime,
    ) -> None:  # fmt: skip
        raises.large(escrow, investor, approver, at=at)
        run = refund_runs.propose(escrow, by=operator, reason="Minimum not reached", at=later)
        run = refund_runs.approve(run, approver=approver, content_hash=run.content_hash, at=later)
        assert (run.status, Offering.objects.get(pk=escrow.offering_id).status) == ("PROPOSED", "OPEN")
        with pytest.raises(RunSignedByYou):
            refund_runs.approve(run, approver=approver, content_hash=run.content_hash, at=later)
        run = refund_runs.approve(run, approver=second_approver, content_hash=run.content_hash, at=later)
        [item] = raises.pay(run, at=later)
        assert item.payment is not None
        assert (item.payment.status, item.payment.approvals_required) == ("QUEUED", 2)
        assert {item.payment.approved_by, item.payment.second_approved_by} == {approver, second_approver}

    def test_happens_once(self, run: RefundRun, approver: User, second_approver: User, later: datetime) -> None:
        refund_runs.approve(run, approver=approver, content_hash=run.content_hash, at=later)
        with pytest.raises(RunNotProposed):
            refund_runs.approve(run, approver=second_approver, content_hash=run.content_hash, at=later)

    def test_refuses_a_frozen_account(
        self, run: RefundRun, escrow: EscrowAccount, approver: User, compliance_officer: User, later: datetime
    ) -> None:
        escrow_accounts.freeze(escrow, by=compliance_officer, reason="Looked at", at=later)
        with pytest.raises(EscrowNotOpen):
            refund_runs.approve(run, approver=approver, content_hash=run.content_hash, at=later)

    def test_ends_an_empty_raise_at_once(
        self, escrow: EscrowAccount, operator: User, approver: User, later: datetime
    ) -> None:
        run = raises.start(escrow, operator=operator, approvers=[approver], at=later)
        raises.pay(run, at=later)
        run.refresh_from_db()
        assert (run.status, run.report["refunds"]) == ("COMPLETED", 0)
        account = EscrowAccount.objects.get(pk=escrow.pk)
        assert escrow_accounts.close(account, by=operator, reason="Failed", at=later).status == "CLOSED"


class TestCancel:
    def test_takes_a_proposal_back(
        self, run: RefundRun, escrow: EscrowAccount, operator: User, approver: User, later: datetime
    ) -> None:
        assert refund_runs.cancel(run, by=operator, reason="Wrong account", at=later).status == "CANCELLED"
        with pytest.raises(RunNotProposed):
            refund_runs.approve(run, approver=approver, content_hash=run.content_hash, at=later)
        assert refund_runs.propose(escrow, by=operator, reason="Once more", at=later).status == "PROPOSED"

    def test_is_too_late_once_it_runs(self, run: RefundRun, operator: User, approver: User, later: datetime) -> None:
        refund_runs.approve(run, approver=approver, content_hash=run.content_hash, at=later)
        with pytest.raises(RunNotProposed):
            refund_runs.cancel(run, by=operator, reason="No", at=later)

    def test_is_not_everybodys(self, run: RefundRun, investor: User, later: datetime) -> None:
        with pytest.raises(NotPermitted):
            refund_runs.cancel(run, by=investor, reason="No", at=later)


class TestCancelCommitment:
    @staged
    def investment(self, escrow: EscrowAccount, investor: User, at: datetime) -> Investment:
        factories.fund(investor, escrow, "10000.00", at=at)
        return Investment.objects.get(investor=investor)

    def test_gives_back_everything_the_investor_paid_in(
        self, investment: Investment, investor: User, escrow: EscrowAccount, at: datetime
    ) -> None:
        waiting = factories.play(factories.deposit(escrow, investor, "500.00", at=at), at=at, until="SETTLED")
        unsent = factories.deposit(escrow, investor, "200.00", at=at)
        run = refund_runs.cancel_commitment(investment, by=investor, reason="Changed my mind", at=at)
        assert run is not None
        assert (run.cause, run.status, run.total_amount) == ("INVESTOR_CANCELLED", "RUNNING", Decimal("10500.00"))
        first, second = sorted(raises.pay(run, at=at), key=lambda item: -item.amount)
        assert first.payment is not None
        assert (first.status, first.payment.amount, first.payment.initiated_by) == (
            "PAYING", Decimal("10000.00"), investor,
        )  # fmt: skip
        assert (second.deposit, second.status) == (waiting, "WAITING_TO_CLEAR")
        unsent.refresh_from_db()
        assert unsent.status == "CANCELLED"
        assert Offering.objects.get(pk=escrow.offering_id).status == "OPEN"
        assert EscrowAccount.objects.get(pk=escrow.pk).status == "ACTIVE"

    def test_leaves_others_alone(
        self, investment: Investment, investor: User, second: User, escrow: EscrowAccount, at: datetime
    ) -> None:
        theirs = factories.fund(second, escrow, "7000.00", at=at)
        run = refund_runs.cancel_commitment(investment, by=investor, reason="Changed my mind", at=at)
        assert run is not None
        raises.pay(run, at=at)
        assert raises.held_by(escrow, "INVESTOR", second) == theirs.net_amount
        assert Investment.objects.get(investor=second).status == "PENDING"

    def test_does_it_once(self, investment: Investment, investor: User, at: datetime) -> None:
        refund_runs.cancel_commitment(investment, by=investor, reason="Changed my mind", at=at)
        with pytest.raises(InvestmentNotPending):
            refund_runs.cancel_commitment(investment, by=investor, reason="Again", at=at)
        assert RefundRun.objects.count() == 1

    def test_is_not_somebody_elses(self, investment: Investment, second: User, at: datetime) -> None:
        with pytest.raises(NotPermitted):
            refund_runs.cancel_commitment(investment, by=second, reason="Mine now", at=at)

    def test_without_money_needs_no_run(self, escrow: EscrowAccount, investor: User, at: datetime) -> None:
        factories.deposit(escrow, investor, "500.00", at=at)
        investment = Investment.objects.get(investor=investor)
        assert refund_runs.cancel_commitment(investment, by=investor, reason="Changed my mind", at=at) is None
        assert Investment.objects.get(pk=investment.pk).status == "CANCELLED"

    def test_large_refund_waits_for_two_approvers(
        self, escrow: EscrowAccount, investor: User, approver: User, at: datetime
    ) -> None:
        raises.large(escrow, investor, approver, at=at)
        investment = Investment.objects.get(investor=investor)
        run = refund_runs.cancel_commitment(investment, by=investor, reason="Changed my mind", at=at)
        assert run is not None
        [item] = raises.pay(run, at=at)
        assert item.payment is not None
        assert (item.status, item.payment.status, item.payment.approvals_required, item.payment.is_reserved) == (
            "PAYING", "PENDING_APPROVAL", 2, False,
        )  # fmt: skip

    def test_of_a_frozen_account_waits(
        self, investment: Investment, investor: User, escrow: EscrowAccount, compliance_officer: User, at: datetime
    ) -> None:
        escrow_accounts.freeze(escrow, by=compliance_officer, reason="Looked at", at=at)
        run = refund_runs.cancel_commitment(investment, by=investor, reason="Changed my mind", at=at)
        assert run is not None
        assert [item.status for item in raises.pay(run, at=at)] == ["DUE"]
        run.refresh_from_db()
        assert "frozen" in run.stopped_reason
        escrow_accounts.unfreeze(EscrowAccount.objects.get(pk=escrow.pk), by=compliance_officer, reason="Fine", at=at)
        assert [item.status for item in raises.pay(run, at=at)] == ["PAYING"]

    def test_its_money_is_not_given_back_again_when_the_raise_fails(
        self, investment: Investment, investor: User, second: User, escrow: EscrowAccount, operator: User,
        approver: User, at: datetime, later: datetime,
    ) -> None:  # fmt: skip
        theirs = factories.fund(second, escrow, "7000.00", at=at)
        refund_runs.cancel_commitment(investment, by=investor, reason="Changed my mind", at=at)
        run = raises.start(escrow, operator=operator, approvers=[approver], at=later)
        assert [item.deposit for item in raises.items(run)] == [theirs]
