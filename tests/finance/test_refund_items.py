"""Refunds one by one: paid once, waiting, blocked and mended, whatever deposit, payment, bank and people do."""

from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from django.db import connection, transaction

from compliance.models import InvestorProfile
from compliance.operations import profiles
from escrow.models import EscrowAccount, JournalEntry
from escrow.operations import escrow_accounts, holds, ledger
from finance import entries
from finance.models import BankAccount, RefundItem, RefundRun, Transaction
from finance.operations import bank_accounts, refund_items, refund_payments, refund_sweeps, settlements
from finance.operations import transactions as payments
from finance.operations.orders import BankAccountNotUsable
from finance.operations.refund_items import ApproverIsPayee, ApproverNamedAccount, ItemNotBlocked, NoRedirection
from realco.errors import NotPermitted
from realco.models import User
from tests import factories
from tests.escrow import bank_lines
from tests.escrow.payments import make_payment
from tests.finance import raises
from tests.stages import staged

pytestmark = pytest.mark.slow

BACK_TO_NOBODY = "000900020003"
"""The bank returns credits to this account with R03 after they have settled."""


@staged
def escrow(operator: User, at: datetime) -> EscrowAccount:
    return raises.open_raise(operator=operator, at=at)


@staged
def later(escrow: EscrowAccount) -> datetime:
    return raises.after_deadline(escrow)


@staged
def run(
    escrow: EscrowAccount, investor: User, operator: User, approver: User, at: datetime, later: datetime
) -> RefundRun:
    """A run that owes one investor ten thousand dollars."""
    factories.fund(investor, escrow, "10000.00", at=at)
    return raises.start(escrow, operator=operator, approvers=[approver], at=later)


def only(run: RefundRun) -> RefundItem:
    [item] = raises.items(run)
    return item


class TestPaying:
    def test_gives_the_fee_back_and_pays_gross_to_where_it_came_from(
        self, run: RefundRun, escrow: EscrowAccount, investor: User, operator: User, approver: User, later: datetime
    ) -> None:
        assert raises.held_by(escrow, "FEES") == Decimal("50.80")
        [item] = raises.pay(run, at=later)
        payment = item.payment
        assert payment is not None
        assert (item.status, payment.type, payment.status, payment.amount, payment.fee_amount) == (
            "PAYING", "REFUND", "QUEUED", Decimal("10000.00"), Decimal("0.00"),
        )  # fmt: skip
        assert (payment.to_user, payment.to_bank_account, payment.payment_method) == (
            investor, investor.bank_accounts.get(), "ACH",
        )  # fmt: skip
        assert (payment.initiated_by, payment.approved_by) == (operator, approver)
        assert raises.held_by(escrow, "FEES") == 0
        assert raises.held_by(escrow, "PAYOUTS") == Decimal("10000.00")
        assert JournalEntry.objects.get(event="FEE_RETURNED").transaction == item.deposit

    def test_pays_once_however_often_it_is_resumed(self, run: RefundRun, later: datetime) -> None:
        for _ in range(3):
            raises.pay(run, at=later)
        assert Transaction.objects.filter(type="REFUND").count() == 1

    def test_completes_and_leaves_an_account_that_can_be_closed(
        self, run: RefundRun, escrow: EscrowAccount, operator: User, later: datetime
    ) -> None:
        raises.pay(run, at=later)
        run = raises.finish(run, at=later)
        item = only(run)
        assert (run.status, item.status, item.kept_amount) == ("COMPLETED", "PAID", Decimal("0.00"))
        assert run.report["paid_amount"] == run.report["signed_amount"] == "10000.00"
        assert run.report["fees_given_back"] == "50.80"
        raises.require_empty_books(escrow)
        account = EscrowAccount.objects.get(pk=escrow.pk)
        assert escrow_accounts.close(account, by=operator, reason="Failed", at=later).status == "CLOSED"

    def test_goes_on_though_its_proposer_has_left(self, run: RefundRun, operator: User, later: datetime) -> None:
        operator.groups.clear()
        User.objects.filter(pk=operator.pk).update(is_active=False)
        assert [item.status for item in raises.pay(run, at=later)] == ["PAYING"]

    @pytest.mark.parametrize("method", ["WIRE", "CHECK", "CREDIT_CARD"])
    def test_is_by_check_where_no_bank_account_is_known(
        self, escrow: EscrowAccount, investor: User, operator: User, approver: User, at: datetime, later: datetime,
        method: str,
    ) -> None:  # fmt: skip
        deposit = factories.play(factories.deposit(escrow, investor, "1000.00", at=at, method=method), at=at)
        assert deposit.status == "COMPLETED"
        run = raises.start(escrow, operator=operator, approvers=[approver], at=later)
        [item] = raises.pay(run, at=later)
        assert item.payment is not None
        assert (item.method, item.payment.payment_method, item.payment.to_bank_account) == ("CHECK", "CHECK", None)
        assert item.payment.amount == Decimal("1000.00")


class TestUnclearedMoney:
    @staged
    def deposit(self, escrow: EscrowAccount, investor: User, at: datetime) -> Transaction:
        return factories.play(factories.deposit(escrow, investor, "4000.00", at=at), at=at, until="SETTLED")

    @staged
    def run(
        self, deposit: Transaction, escrow: EscrowAccount, operator: User, approver: User, later: datetime
    ) -> RefundRun:
        return raises.start(escrow, operator=operator, approvers=[approver], at=later)

    def test_waits_and_is_paid_when_it_clears(self, run: RefundRun, deposit: Transaction, later: datetime) -> None:
        assert [item.status for item in raises.pay(run, at=later)] == ["WAITING_TO_CLEAR"]
        factories.play(deposit, at=later)
        item = refund_items.follow(deposit.pk, at=later)
        assert item is not None
        assert (item.status, item.promised_by) == ("DUE", run.promised_by)
        assert [item.status for item in raises.pay(run, at=later)] == ["PAYING"]

    def test_has_five_business_days_from_its_clearing(self, run: RefundRun, deposit: Transaction) -> None:
        cleared_at = raises.after_deadline(run.escrow_account) + timedelta(days=20)
        settlements.clear(deposit.pk, at=cleared_at)
        item = refund_items.follow(deposit.pk, at=cleared_at)
        assert item is not None
        assert item.promised_by is not None
        assert item.promised_by.isoformat() == "2026-04-20"

    def test_has_nothing_left_when_the_bank_takes_it_back(
        self, run: RefundRun, deposit: Transaction, later: datetime
    ) -> None:
        raises.return_late(deposit, code="R01", at=later)
        refund_sweeps.sweep(at=later)
        item = only(run)
        assert (item.status, item.kept_amount) == ("NOTHING_LEFT", item.amount)
        assert "R01" in item.note
        run.refresh_from_db()
        assert run.status == "COMPLETED"

    def test_that_was_asked_for_while_the_run_was_approved_goes_back_too(
        self, run: RefundRun, escrow: EscrowAccount, investor: User, operator: User, later: datetime
    ) -> None:
        late = factories.make_investor("Lea Late", verifier=operator, at=later)
        missed = slip_in(escrow, late, later)
        refund_payments.resume(run.pk, at=later)
        item = RefundItem.objects.get(deposit=missed)
        assert (item.investor, item.status, item.amount) == (late, "WAITING_TO_CLEAR", Decimal("700.00"))


class TestMoneyThatIsNotThere:
    def test_part_on_hold_is_paid_when_it_is_released(
        self, run: RefundRun, escrow: EscrowAccount, investor: User, compliance_officer: User, later: datetime
    ) -> None:
        hold = holds.place(
            escrow, investor=investor, amount=Decimal("4000.00"), reason="Dispute", reference="h1",
            by=compliance_officer, at=later,
        )  # fmt: skip
        [item] = raises.pay(run, at=later)
        assert item.payment is not None
        assert item.payment.amount == Decimal("6000.00")
        raises.finish(run, at=later)
        item = only(run)
        assert (item.status, item.obstacle) == ("BLOCKED", "MONEY_HELD")
        assert "$4,000.00 is missing" in item.note
        assert refund_sweeps.sweep(at=later) == 0
        holds.release(hold, by=compliance_officer, reason="Settled", at=later)
        refund_sweeps.sweep(at=later)
        run = raises.finish(run, at=later)
        assert [p.amount for p in only(run).payments.order_by("created_at", "id")] == [
            Decimal("6000.00"), Decimal("4000.00"),
        ]  # fmt: skip
        assert (run.status, run.report["paid_amount"]) == ("COMPLETED", "10000.00")
        raises.require_empty_books(escrow)

    def test_what_settled_a_debt_is_not_given_back(
        self, escrow: EscrowAccount, investor: User, operator: User, approver: User, at: datetime, later: datetime
    ) -> None:
        other = factories.make_investor("Otto Other", verifier=operator, at=at)
        factories.fund(other, escrow, "5000.00", at=at)
        first = factories.fund(investor, escrow, "3000.00", at=at)
        withdraw_through(escrow, investor, first.net_amount, at=at)
        raises.return_late(first, code="R01", at=at)
        assert raises.held_by(escrow, "RECEIVABLE", investor) == first.net_amount
        second = factories.play(factories.deposit(escrow, investor, "10000.00", at=at), at=at, until="SETTLED")
        run = raises.start(escrow, operator=operator, approvers=[approver], at=later)
        settlements.clear(second.pk, at=later)
        refund_sweeps.sweep(at=later)
        run = raises.finish(run, at=later)
        item = RefundItem.objects.get(deposit=second)
        assert (run.status, item.status, item.kept_amount) == ("COMPLETED", "PAID", first.net_amount)
        assert (run.report["not_there_amount"], run.report["paid_amount"]) == ("2984.20", "12015.80")
        raises.require_empty_books(escrow)

    def test_fees_that_are_gone_are_not_given_back_out_of_others_money(
        self, escrow: EscrowAccount, investor: User, operator: User, approver: User, at: datetime, later: datetime
    ) -> None:
        factories.fund(investor, escrow, "10000.00", at=at)
        take_fees(escrow, Decimal("50.00"), at=at)
        run = raises.start(escrow, operator=operator, approvers=[approver], at=later)
        [item] = raises.pay(run, at=later)
        assert item.payment is not None
        assert item.payment.amount == Decimal("9949.20")
        raises.finish(run, at=later)
        item = only(run)
        assert (item.status, item.obstacle) == ("BLOCKED", "FEES_GONE")
        assert "$50.80" in item.note
        assert refund_sweeps.sweep(at=later) == 0

    def test_a_return_after_the_refund_does_not_give_the_fee_back_again(
        self, run: RefundRun, escrow: EscrowAccount, investor: User, later: datetime
    ) -> None:
        raises.pay(run, at=later)
        run = raises.finish(run, at=later)
        deposit = only(run).deposit
        assert deposit is not None
        give_bank_money(escrow, at=later)
        raises.return_late(deposit, at=later + timedelta(days=40))
        assert raises.held_by(escrow, "FEES") == 0
        assert raises.held_by(escrow, "RECEIVABLE", investor) == Decimal("10000.00")


class TestABlockedRefund:
    @staged
    def blocked(self, run: RefundRun, operator: User, investor: User, later: datetime) -> RefundItem:
        bank_accounts.suspend(investor.bank_accounts.get(), by=operator, reason="Under review", at=later)
        [item] = raises.pay(run, at=later)
        assert (item.status, item.obstacle) == ("BLOCKED", "BANK_ACCOUNT")
        return item

    @staged
    def other(self, blocked: RefundItem, investor: User, operator: User, later: datetime) -> BankAccount:
        return factories.make_bank_account(investor, verifier=operator, at=later, number="5500123456")

    def test_says_why_and_does_not_stop_the_others(
        self, escrow: EscrowAccount, investor: User, operator: User, approver: User, at: datetime, later: datetime
    ) -> None:
        second = factories.make_investor("Sam Second", verifier=operator, at=at)
        factories.fund(investor, escrow, "10000.00", at=at)
        factories.fund(second, escrow, "5000.00", at=at)
        run = raises.start(escrow, operator=operator, approvers=[approver], at=later)
        bank_accounts.close(investor.bank_accounts.get(), by=operator, reason="Gone", at=later)
        found = {item.investor: item for item in raises.pay(run, at=later)}
        assert (found[investor].status, found[second].status) == ("BLOCKED", "PAYING")
        assert "closed (Gone)" in found[investor].note

    def test_goes_on_by_itself_when_its_account_is_verified_again(
        self, run: RefundRun, blocked: RefundItem, investor: User, operator: User, later: datetime
    ) -> None:
        bank_accounts.verify(investor.bank_accounts.get(), by=operator, reason="Explained", at=later)
        refund_sweeps.sweep(at=later)
        assert only(run).status == "PAYING"

    def test_goes_to_another_account_of_the_investor_that_two_people_agreed_to(
        self, run: RefundRun, blocked: RefundItem, other: BankAccount, operator: User, approver: User, later: datetime
    ) -> None:
        refund_items.redirect(blocked, bank_account=other, by=operator, reason="Voided check seen", at=later)
        refund_sweeps.sweep(at=later)
        assert only(run).status == "BLOCKED"
        refund_items.approve_redirection(blocked, approver=approver, at=later)
        [item] = raises.pay(run, at=later)
        assert item.payment is not None
        assert (item.status, item.payment.to_bank_account) == ("PAYING", other)

    def test_goes_by_check_when_two_people_agreed_to_it(
        self, run: RefundRun, blocked: RefundItem, operator: User, approver: User, later: datetime
    ) -> None:
        refund_items.redirect(blocked, bank_account=None, by=operator, reason="Has no account", at=later)
        refund_items.approve_redirection(blocked, approver=approver, at=later)
        [item] = raises.pay(run, at=later)
        assert item.payment is not None
        assert (item.payment.payment_method, item.payment.to_bank_account) == ("CHECK", None)

    def test_is_not_redirected_by_one_person(
        self, blocked: RefundItem, other: BankAccount, operator: User, later: datetime
    ) -> None:
        operator.groups.add(factories.make_group("Approvers"))
        both = User.objects.get(pk=operator.pk)
        with pytest.raises(NoRedirection):
            refund_items.approve_redirection(blocked, approver=both, at=later)
        refund_items.redirect(blocked, bank_account=other, by=both, reason="Voided check seen", at=later)
        with pytest.raises(ApproverNamedAccount):
            refund_items.approve_redirection(blocked, approver=both, at=later)

    def test_does_not_go_to_somebody_else(
        self, blocked: RefundItem, operator: User, compliance_officer: User, later: datetime
    ) -> None:
        stranger = factories.make_investor("Stan Stranger", verifier=operator, at=later)
        with pytest.raises(BankAccountNotUsable, match="no such bank account of Ivy Investor"):
            refund_items.redirect(
                blocked, bank_account=stranger.bank_accounts.get(), by=operator, reason="Friend", at=later
            )

    def test_does_not_go_to_an_account_nobody_verified(
        self, blocked: RefundItem, investor: User, operator: User, later: datetime
    ) -> None:
        added = bank_accounts.add(
            investor, account_number="5500123457", routing_number="110000000", holder_name="Ivy Investor",
            by=operator, at=later,
        )  # fmt: skip
        with pytest.raises(BankAccountNotUsable, match="pending verification"):
            refund_items.redirect(blocked, bank_account=added, by=operator, reason="New", at=later)

    def test_is_not_its_own_investors_to_redirect(
        self, blocked: RefundItem, other: BankAccount, investor: User, later: datetime
    ) -> None:
        investor.groups.add(factories.make_group("Operations"))
        with pytest.raises(ApproverIsPayee):
            refund_items.redirect(
                blocked, bank_account=other, by=User.objects.get(pk=investor.pk), reason="Mine", at=later
            )

    def test_needs_permission(
        self, blocked: RefundItem, other: BankAccount, approver: User, operator: User, later: datetime
    ) -> None:
        with pytest.raises(NotPermitted):
            refund_items.redirect(blocked, bank_account=other, by=approver, reason="No", at=later)
        refund_items.redirect(blocked, bank_account=other, by=operator, reason="Voided check seen", at=later)
        with pytest.raises(NotPermitted):
            refund_items.approve_redirection(blocked, approver=operator, at=later)

    def test_only_a_blocked_one_is_mended(self, run: RefundRun, operator: User, later: datetime) -> None:
        [item] = raises.pay(run, at=later)
        with pytest.raises(ItemNotBlocked, match="being paid"):
            refund_items.redirect(item, bank_account=None, by=operator, reason="No", at=later)
        with pytest.raises(ItemNotBlocked):
            refund_items.retry(item, by=operator, reason="No", at=later)

    def test_of_a_restricted_person_waits_until_they_are_not(
        self, run: RefundRun, investor: User, compliance_officer: User, later: datetime
    ) -> None:
        profile = InvestorProfile.objects.get(user=investor)
        profiles.restrict(profile, by=compliance_officer, reason="Looked at", at=later)
        [item] = raises.pay(run, at=later)
        assert (item.status, item.obstacle) == ("BLOCKED", "PAYEE")
        assert refund_sweeps.sweep(at=later) == 0
        profile.refresh_from_db()
        profiles.lift(profile, by=compliance_officer, reason="Cleared", at=later)
        refund_sweeps.sweep(at=later)
        assert only(run).status == "PAYING"


class TestWhatTheBankDoes:
    @staged
    def investor(self, operator: User, at: datetime) -> User:
        return factories.make_investor("Ivy Investor", verifier=operator, at=at, number=BACK_TO_NOBODY)

    @staged
    def sent(self, run: RefundRun, later: datetime) -> Transaction:
        [item] = raises.pay(run, at=later)
        return raises.arrive(item.payment, at=later)

    def test_a_refund_sent_back_is_blocked_with_the_banks_words(
        self, run: RefundRun, sent: Transaction, escrow: EscrowAccount, investor: User, later: datetime
    ) -> None:
        refund_sweeps.sweep(at=later)
        run.refresh_from_db()
        assert (run.status, only(run).status) == ("COMPLETED", "PAID")
        raises.return_late(sent, code="R03", at=later + timedelta(days=9))
        refund_sweeps.sweep(at=later + timedelta(days=9))
        run.refresh_from_db()
        item = only(run)
        assert (run.status, item.status, item.obstacle) == ("RUNNING", "BLOCKED", "BANK")
        assert "R03 No account" in item.note
        assert raises.held_by(escrow, "INVESTOR", investor) == Decimal("10000.00")

    def test_and_then_paid_to_another_account_once(
        self, run: RefundRun, sent: Transaction, escrow: EscrowAccount, investor: User, operator: User,
        approver: User, later: datetime,
    ) -> None:  # fmt: skip
        raises.return_late(sent, code="R03", at=later)
        refund_sweeps.sweep(at=later)
        other = factories.make_bank_account(investor, verifier=operator, at=later, number="5500123456")
        refund_items.redirect(only(run), bank_account=other, by=operator, reason="Voided check seen", at=later)
        refund_items.approve_redirection(only(run), approver=approver, at=later)
        raises.pay(run, at=later)
        run = raises.finish(run, at=later)
        item = only(run)
        assert item.payment is not None
        assert (run.status, item.status, item.payment.replaces) == ("COMPLETED", "PAID", sent)
        assert raises.held_by(escrow, "FEES") == 0
        raises.require_empty_books(escrow)

    def test_a_payment_that_people_cancelled_blocks_its_refund(
        self, run: RefundRun, operator: User, later: datetime
    ) -> None:
        [item] = raises.pay(run, at=later)
        assert item.payment is not None
        payments.cancel(item.payment, by=operator, reason="Wrong address", at=later)
        refund_sweeps.sweep(at=later)
        assert (only(run).status, only(run).obstacle) == ("BLOCKED", "BANK")
        refund_items.retry(only(run), by=operator, reason="Address is right", at=later)
        raises.pay(run, at=later)
        assert Transaction.objects.filter(type="REFUND").exclude(status="CANCELLED").count() == 1


def slip_in(escrow: EscrowAccount, investor: User, at: datetime) -> Transaction:
    """A deposit at the bank that the run has not seen, as one that was asked for in the same moment."""
    deposit = Transaction.objects.create(
        type="DEPOSIT", payment_method="ACH", amount=Decimal("700.00"), net_amount=Decimal("700.00"),
        from_user=investor, from_bank_account=investor.bank_accounts.get(), offering_id=escrow.offering_id,
        escrow_account=escrow, idempotency_key="slipped", request_hash="0" * 64, initiated_by=investor, created_at=at,
    )  # fmt: skip
    with connection.cursor() as cursor:
        for status in ("QUEUED", "PROCESSING", "PENDING_SETTLEMENT"):
            cursor.execute("UPDATE transactions SET status = %s WHERE id = %s", [status, deposit.pk])
    return deposit


def withdraw_through(escrow: EscrowAccount, investor: User, amount: Decimal, *, at: datetime) -> None:
    """An investor has part of their cleared money paid out, and it has arrived."""
    raises.withdraw(escrow, investor, str(amount), at=at)
    factories.play(Transaction.objects.get(type="WITHDRAWAL"), at=at)


def take_fees(escrow: EscrowAccount, amount: Decimal, *, at: datetime) -> None:
    """The platform's fees leave the account, as after an earlier closing."""
    payment = make_payment(escrow, "PLATFORM_FEE", escrow.offering.organization.owner, amount, at=at)
    with transaction.atomic():
        ledger.post([entries.reserved(payment, on=at.date())], by=None, at=at)


def give_bank_money(escrow: EscrowAccount, *, at: datetime) -> None:
    """Money in the bank account out of which a late return can be taken."""
    with transaction.atomic():
        ledger.post([bank_lines.received(escrow, Decimal("20000.00"), key="unknown", on=at.date())], by=None, at=at)
