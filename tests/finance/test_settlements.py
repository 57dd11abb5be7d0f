"""What banks do to payments, played through the sandbox bank: each row of the posting table, and each surprise."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from django.conf import LazySettings
from django.db import connection
from django.test import Client

from compliance.models import ComplianceCheck, InvestorProfile
from compliance.operations import profiles
from escrow import books
from escrow.models import BankStatementLine, EscrowAccount, EscrowLedgerEntry, JournalEntry, LedgerAccount
from escrow.operations import bank_proposals, closings, escrow_accounts, holds, receipts, statements
from escrow.operations.ledger import InsufficientFunds
from escrow.queries.balances import balance
from finance import tasks
from finance.gateways import sandbox, sandbox_bank, sandbox_statements
from finance.gateways.interface import Answer
from finance.models import SandboxTransfer, Transaction, TransactionAttempt
from finance.operations import bank_accounts, settlements, transactions, webhooks
from finance.operations.orders import Order
from finance.operations.settlements import EventBeforeItsTime
from realco import clock
from realco.business_days import add_business_days, banking_date
from realco.models import User
from tests import factories
from tests.finance import sandbox_stage as stage
from tests.stages import staged

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
Kind = LedgerAccount.Kind

CLOSED = "000900000002"
RETURNED_AFTER_SETTLEMENT = "000555555559"
RETURNED_LATE = "000900030010"
RETURN_TOLD_FIRST = "000900090002"
PAYOUT_RETURNED = "000900020003"
ANSWER_LOST = "000900090003"
REQUEST_LOST = "000900090004"
REFUSED = "000900090007"

Lines = dict[str, dict[str, str]]
Deposit = Callable[..., Transaction]
PayOut = Callable[..., Transaction]


@staged
def at() -> datetime:
    return stage.begin()


@pytest.fixture
def deposit(escrow: EscrowAccount, operator: User, at: datetime) -> Deposit:
    """A deposit of a new investor, with a bank account of that number."""

    def make(number: str = factories.GOOD_ACCOUNT, amount: str = "10000.00", method: str = "ACH") -> Transaction:
        investor = factories.make_investor("Sam Settled", verifier=operator, at=at, number=number)
        return factories.deposit(escrow, investor, amount, at=at, method=method)

    return make


@pytest.fixture
def cleared(deposit: Deposit, at: datetime) -> Callable[[str], Transaction]:
    """Ten thousand of an investor's, paid in by wire and cleared: 9,925.00 are theirs, 75.00 the platform's."""

    def make(number: str) -> Transaction:
        return factories.play(deposit(number, method="WIRE"), at=at)

    return make


@pytest.fixture
def funded(
    cleared: Callable[[str], Transaction], escrow: EscrowAccount, operator: User, approver: User
) -> EscrowAccount:
    """An offering that has closed and holds 9,925.00; its sponsor has a bank account."""
    payment = cleared(factories.GOOD_ACCOUNT)
    factories.make_bank_account(escrow.offering.organization.owner, verifier=operator, at=payment.created_at)
    factories.close(closings.propose(escrow, by=operator, at=clock.now()), approver=approver, at=clock.now())
    return EscrowAccount.objects.get()


@pytest.fixture(autouse=True)
def _proven() -> Iterator[None]:
    """Whatever a test did, the books prove out afterwards, with every deferred check."""
    yield
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    assert books.check() == []


def pay_out(
    escrow: EscrowAccount, payee: User, amount: str, *, by: User, type: str, method: str = "ACH"
) -> Transaction:
    order = Order(
        type=type,
        payment_method=method,
        amount=Decimal(amount),
        escrow_account_id=escrow.pk,
        to_user_id=payee.pk,
        to_bank_account_id=payee.bank_accounts.get().pk,
    )
    return transactions.initiate(order, initiator=by, idempotency_key=f"{type} {amount}", at=clock.now())


def withdraw(deposited: Transaction, amount: str) -> Transaction:
    """A payer takes part of a deposit out again."""
    payer = deposited.from_user
    assert payer is not None
    return pay_out(deposited.escrow_account, payer, amount, by=payer, type="WITHDRAWAL")


def draw(escrow: EscrowAccount, amount: str, *, operator: User, approver: User) -> Transaction:
    payment = pay_out(escrow, escrow.offering.organization.owner, amount, by=operator, type="CONSTRUCTION_DRAW")
    return transactions.approve(payment, approver=approver, at=clock.now())


def status(payment: Transaction) -> str:
    payment.refresh_from_db()
    return str(payment.status)


def journal(**filters: object) -> Lines:
    """Journal events with their lines, by kind of ledger account; debit positive, credit negative."""
    found: Lines = {}
    entries = EscrowLedgerEntry.objects.filter(**filters).select_related("ledger_account", "journal_entry")
    for entry in entries.order_by("journal_entry_id", "ledger_account__kind"):
        found.setdefault(entry.journal_entry.event, {})[entry.ledger_account.kind] = str(entry.amount)
    return found


def balances(escrow: EscrowAccount) -> dict[str, str]:
    """What is in the escrow account, by kind, where it is not zero."""
    rows = LedgerAccount.objects.filter(escrow_account=escrow).exclude(balance=0)
    return {row.kind: str(row.balance) for row in rows}


class TestThePostingTable:
    """Debit and credit of every event, as SYSTEM section 4 has them."""

    def test_inbound_accepted_settled_and_cleared(self, deposit: Deposit) -> None:
        payment = deposit()
        stage.leap(20)
        assert status(payment) == "COMPLETED"
        assert journal(transaction=payment) == {
            "INBOUND_ACCEPTED": {"CLEARING": "10000.00", "UNCLEARED": "-10000.00"},
            "INBOUND_SETTLED": {"BANK": "10000.00", "CLEARING": "-10000.00"},
            "INBOUND_CLEARED": {"FEES": "-50.80", "INVESTOR": "-9949.20", "UNCLEARED": "10000.00"},
        }
        escrow = payment.escrow_account
        escrow.refresh_from_db()
        assert (escrow.current_balance, escrow.available_balance) == (Decimal("10000.00"), Decimal("10000.00"))

    def test_what_the_sponsor_paid_in_is_the_offerings(self, funded: EscrowAccount) -> None:
        sponsor = funded.offering.organization.owner
        order = Order(
            type="ESCROW_DEPOSIT",
            payment_method="WIRE",
            amount=Decimal("1000.00"),
            escrow_account_id=funded.pk,
            from_user_id=sponsor.pk,
        )
        payment = transactions.initiate(order, initiator=sponsor, idempotency_key="rent", at=clock.now())
        stage.leap(3)
        assert status(payment) == "COMPLETED"
        assert journal(transaction=payment)["INBOUND_CLEARED"] == {
            "FEES": "-25.00",
            "OFFERING": "-975.00",
            "UNCLEARED": "1000.00",
        }

    def test_inbound_failed(self, deposit: Deposit) -> None:
        payment = deposit(CLOSED)
        stage.leap(4)
        assert (status(payment), payment.failure_code) == ("FAILED", "R02")
        assert journal(transaction=payment)["INBOUND_FAILED"] == {"CLEARING": "-10000.00", "UNCLEARED": "10000.00"}
        assert balances(payment.escrow_account) == {}

    def test_returned_before_clearing(self, deposit: Deposit) -> None:
        payment = deposit(RETURNED_AFTER_SETTLEMENT)
        stage.leap(9)
        assert (status(payment), payment.failure_code) == ("REVERSED", "R10")
        assert list(journal(transaction=payment)) == ["INBOUND_ACCEPTED", "INBOUND_SETTLED", "RETURN_BEFORE_CLEARING"]
        assert journal(transaction=payment)["RETURN_BEFORE_CLEARING"] == {"BANK": "-10000.00", "UNCLEARED": "10000.00"}
        assert balances(payment.escrow_account) == {}

    def test_returned_after_clearing(self, deposit: Deposit) -> None:
        payment = deposit(RETURNED_LATE)
        stage.leap(20)
        assert status(payment) == "COMPLETED"
        stage.leap(65)
        assert (status(payment), payment.failure_code) == ("REVERSED", "R10")
        assert journal(transaction=payment)["RETURN_AFTER_CLEARING"] == {
            "BANK": "-10000.00",
            "FEES": "50.80",
            "INVESTOR": "9949.20",
        }
        assert balances(payment.escrow_account) == {}

    def test_returned_after_part_was_withdrawn(self, deposit: Deposit, cleared: Callable[[str], Transaction]) -> None:
        cleared(factories.GOOD_ACCOUNT)
        payment = deposit(RETURNED_LATE)
        stage.leap(20)
        withdraw(payment, "4000.00")
        stage.leap(65)
        assert journal(transaction=payment)["RETURN_AFTER_CLEARING"] == {
            "BANK": "-10000.00",
            "FEES": "50.80",
            "INVESTOR": "5949.20",
            "RECEIVABLE": "4000.00",
        }

    def test_closing_releases_to_the_offering(self, funded: EscrowAccount) -> None:
        assert journal(journal_entry__event="RELEASE") == {"RELEASE": {"INVESTOR": "9925.00", "OFFERING": "-9925.00"}}
        assert balances(funded) == {"BANK": "10000.00", "FEES": "75.00", "OFFERING": "9925.00"}

    def test_draw_reserved_and_settled(self, funded: EscrowAccount, operator: User, approver: User) -> None:
        payment = draw(funded, "5000.00", operator=operator, approver=approver)
        stage.leap(12)
        assert status(payment) == "COMPLETED"
        assert journal(transaction=payment) == {
            "RESERVE": {"OFFERING": "5000.00", "PAYOUTS": "-5000.00"},
            "OUTBOUND_SETTLED": {"BANK": "-5000.00", "PAYOUTS": "5000.00"},
        }

    def test_draw_cancelled(self, funded: EscrowAccount, operator: User, approver: User) -> None:
        payment = draw(funded, "5000.00", operator=operator, approver=approver)
        transactions.cancel(payment, by=operator, reason="Wrong invoice", at=clock.now())
        assert journal(transaction=payment)["UNRESERVE"] == {"OFFERING": "-5000.00", "PAYOUTS": "5000.00"}

    @pytest.mark.parametrize("type", ["WITHDRAWAL", "REFUND"])
    def test_payout_to_an_investor_comes_from_their_own_money(
        self, cleared: Callable[[str], Transaction], escrow: EscrowAccount, operator: User, type: str
    ) -> None:
        payer = cleared(factories.GOOD_ACCOUNT).from_user
        assert payer is not None
        payment = pay_out(escrow, payer, "5000.00", by=operator, type=type)
        assert journal(transaction=payment) == {"RESERVE": {"INVESTOR": "5000.00", "PAYOUTS": "-5000.00"}}
        assert balance(escrow.pk, Kind.INVESTOR, payer.pk) == Decimal("4925.00")

    def test_platform_fee_comes_from_the_fees(self, funded: EscrowAccount, operator: User) -> None:
        sponsor = funded.offering.organization.owner
        payment = pay_out(funded, sponsor, "75.00", by=operator, type="PLATFORM_FEE")
        assert journal(transaction=payment) == {"RESERVE": {"FEES": "75.00", "PAYOUTS": "-75.00"}}

    def test_platform_fee_is_never_paid_from_others_money(self, funded: EscrowAccount, operator: User) -> None:
        with pytest.raises(InsufficientFunds, match=r"\$75\.00 of fees"):
            pay_out(funded, funded.offering.organization.owner, "75.01", by=operator, type="PLATFORM_FEE")
        assert balances(funded) == {"BANK": "10000.00", "FEES": "75.00", "OFFERING": "9925.00"}

    def test_payout_failed(self, cleared: Callable[[str], Transaction]) -> None:
        payment = withdraw(cleared(CLOSED), "5000.00")
        stage.leap(4)
        assert (status(payment), payment.failure_code, payment.is_reserved) == ("FAILED", "R02", False)
        assert journal(transaction=payment) == {
            "RESERVE": {"INVESTOR": "5000.00", "PAYOUTS": "-5000.00"},
            "UNRESERVE": {"INVESTOR": "-5000.00", "PAYOUTS": "5000.00"},
        }

    def test_payout_refused_at_once(self, cleared: Callable[[str], Transaction]) -> None:
        payment = withdraw(cleared(REFUSED), "5000.00")
        tasks.sweep_queued()
        assert (status(payment), payment.failure_code) == ("FAILED", "TRANSFER_REFUSED")
        assert balances(payment.escrow_account) == {"BANK": "10000.00", "FEES": "75.00", "INVESTOR": "9925.00"}

    def test_payout_returned_goes_back_where_it_came_from(self, cleared: Callable[[str], Transaction]) -> None:
        payment = withdraw(cleared(PAYOUT_RETURNED), "5000.00")
        stage.leap(12)
        assert (status(payment), payment.failure_code) == ("REVERSED", "R03")
        assert journal(transaction=payment)["PAYOUT_RETURNED"] == {"BANK": "5000.00", "INVESTOR": "-5000.00"}
        assert balances(payment.escrow_account) == {"BANK": "10000.00", "FEES": "75.00", "INVESTOR": "9925.00"}

    def test_returned_draw_is_the_offerings_again(self, funded: EscrowAccount, operator: User, approver: User) -> None:
        payment = draw(funded, "5000.00", operator=operator, approver=approver)
        payment = factories.play(payment, at=clock.now())
        settlements.record_returned(
            payment.attempt_key, code="R03", message="", effective_date=banking_date(clock.now()), at=clock.now()
        )
        assert journal(transaction=payment)["PAYOUT_RETURNED"] == {"BANK": "5000.00", "OFFERING": "-5000.00"}

    def test_hold_and_its_release(self, cleared: Callable[[str], Transaction], compliance_officer: User) -> None:
        deposited = cleared(factories.GOOD_ACCOUNT)
        assert deposited.from_user is not None
        hold = holds.place(
            deposited.escrow_account,
            investor=deposited.from_user,
            amount=Decimal("100.00"),
            reason="Dispute",
            by=compliance_officer,
            at=clock.now(),
            reference="h",
        )
        holds.release(hold, by=compliance_officer, reason="Settled", at=clock.now())
        found = journal(transaction=None)
        assert found["HOLD"] == {"HELD": "-100.00", "INVESTOR": "100.00"}
        assert found["HOLD_RELEASED"] == {"HELD": "100.00", "INVESTOR": "-100.00"}

    def test_unknown_receipt_and_its_claim(
        self, escrow: EscrowAccount, investor: User, operator: User, approver: User
    ) -> None:
        sandbox_bank.receive_unknown(escrow.external_account_id, Decimal("77.00"), at=clock.now())
        today = banking_date(clock.now())
        file = sandbox_statements.render(escrow.external_account_id, start=today, end=today, at=clock.now())
        statements.import_file(file, file_name="a.bai2", by=operator, at=clock.now())
        line = BankStatementLine.objects.get()
        receipts.record_unknown_receipt(line, by=operator, at=clock.now())
        claim = bank_proposals.propose_claim(
            line, investor=investor, amount=line.amount, reason="His wire", by=operator, at=clock.now()
        )
        bank_proposals.approve(claim, approver=approver, at=clock.now())
        found = journal(transaction=None)
        assert found["UNKNOWN_RECEIPT"] == {"BANK": "77.00", "SUSPENSE": "-77.00"}
        assert found["RECEIPT_CLAIMED"] == {"INVESTOR": "-77.00", "SUSPENSE": "77.00"}


class TestUnauthorized:
    """R10: the payer tells their bank that they never agreed."""

    def test_before_clearing_restricts_and_opens_a_case(self, deposit: Deposit) -> None:
        payment = deposit(RETURNED_AFTER_SETTLEMENT)
        stage.leap(9)
        self.require_restricted_with_one_case(payment)

    def test_after_release_becomes_a_receivable_that_the_next_deposit_settles(
        self, deposit: Deposit, escrow: EscrowAccount, operator: User, approver: User, compliance_officer: User
    ) -> None:
        payment = deposit(RETURNED_LATE)
        payer = payment.from_user
        assert payer is not None
        stage.leap(20)
        factories.close(closings.propose(escrow, by=operator, at=clock.now()), approver=approver, at=clock.now())
        stage.leap(58)
        self.require_restricted_with_one_case(payment)
        assert journal(transaction=payment)["RETURN_AFTER_CLEARING"] == {
            "BANK": "-10000.00",
            "FEES": "50.80",
            "RECEIVABLE": "9949.20",
        }
        profiles.lift(payer.investor_profile, by=compliance_officer, reason="A misunderstanding", at=clock.now())
        again = factories.deposit(escrow, payer, "20000.00", at=clock.now(), method="WIRE")
        stage.leap(3)
        assert status(again) == "COMPLETED"
        assert journal(transaction=again)["INBOUND_CLEARED"] == {
            "FEES": "-75.00",
            "INVESTOR": "-9975.80",
            "RECEIVABLE": "-9949.20",
            "UNCLEARED": "20000.00",
        }
        assert balance(escrow.pk, Kind.RECEIVABLE, payer.pk) == 0

    def require_restricted_with_one_case(self, payment: Transaction) -> None:
        assert status(payment) == "REVERSED"
        profile = InvestorProfile.objects.get(user=payment.from_user)
        assert profile.is_restricted and "R10" in profile.restriction_reason
        case = ComplianceCheck.objects.get(payment_id=payment.pk, check_type="AML", status="MANUAL_REVIEW")
        assert (case.subject, "R10" in case.summary) == (payment.from_user, True)


class TestUnknownOutcome:
    """The bank did not answer; nobody sends a second time before it was asked."""

    @pytest.mark.parametrize("number", [ANSWER_LOST, REQUEST_LOST])
    def test_deposit_is_on_hold_and_nothing_is_posted(self, deposit: Deposit, number: str) -> None:
        payment = deposit(number)
        tasks.sweep_queued()
        assert (status(payment), payment.held_from) == ("ON_HOLD", "PROCESSING")
        assert payment.hold_reason.startswith("Outcome unknown")
        assert payment.attempts.get().outcome == TransactionAttempt.Outcome.UNKNOWN
        assert not JournalEntry.objects.exists()

    @pytest.mark.parametrize("number", [ANSWER_LOST, REQUEST_LOST])
    def test_deposit_is_resolved_with_one_transfer(self, deposit: Deposit, number: str) -> None:
        payment = deposit(number)
        tasks.sweep_queued()
        assert settlements.resolve_unknown(payment.pk, at=clock.now()) is True
        assert settlements.resolve_unknown(payment.pk, at=clock.now()) is False
        assert (status(payment), payment.hold_reason, payment.held_from) == ("PENDING_SETTLEMENT", "", "")
        stage.leap(20)
        assert status(payment) == "COMPLETED"
        assert SandboxTransfer.objects.count() == payment.attempts.count() == 1

    @pytest.mark.parametrize("number", [ANSWER_LOST, REQUEST_LOST])
    def test_payout_stays_reserved_until_it_is_known(self, cleared: Callable[[str], Transaction], number: str) -> None:
        payment = withdraw(cleared(number), "5000.00")
        tasks.sweep_queued()
        assert (status(payment), payment.is_reserved) == ("ON_HOLD", True)
        stage.leap(12)
        assert status(payment) == "COMPLETED"
        assert SandboxTransfer.objects.filter(amount__lt=0).count() == 1
        assert balance(payment.escrow_account_id, Kind.BANK) == Decimal("5000.00")

    def test_nobody_releases_or_cancels_what_may_be_paid(
        self, deposit: Deposit, operator: User, approver: User, at: datetime
    ) -> None:
        payment = deposit(ANSWER_LOST)
        tasks.sweep_queued()
        with pytest.raises(transactions.NotHeld):
            transactions.release(payment, by=approver, at=at)
        with pytest.raises(transactions.NotCancellable):
            transactions.cancel(payment, by=operator, reason="It takes too long", at=at)

    def test_the_provider_it_was_sent_to_is_asked_whichever_is_in_use_now(
        self, deposit: Deposit, settings: LazySettings
    ) -> None:
        payment = deposit(ANSWER_LOST)
        tasks.sweep_queued()
        settings.PAYMENT_GATEWAY = "manual"
        settlements.resolve_unknown(payment.pk, at=clock.now())
        assert payment.attempts.get().provider_reference == SandboxTransfer.objects.get().reference

    def test_a_late_answer_to_an_earlier_attempt_changes_nothing(self, deposit: Deposit) -> None:
        payment = deposit("000900090005")
        tasks.sweep_queued()
        first = payment.attempts.get().idempotency_key
        assert status(payment) == "PENDING_RETRY"
        settlements.record_answer(first, Answer("ACCEPTED", "SBX-LATE"), at=clock.now())
        assert status(payment) == "PENDING_RETRY"
        assert not JournalEntry.objects.exists()


class TestOrder:
    """Banks tell in any order; each event waits its turn, and counts once. What waits is due again within seconds."""

    def test_return_told_before_the_settlement_waits_for_it(self, deposit: Deposit) -> None:
        payment = deposit(RETURN_TOLD_FIRST)
        tasks.sweep_queued()
        clock.advance(timedelta(days=9))
        stage.tell(Client())
        returned, settled = stage.stored()
        assert [returned.event_type, settled.event_type] == ["transfer.returned", "transfer.settled"]
        assert (webhooks.process(returned.pk, at=clock.now()), status(payment)) == (False, "PENDING_SETTLEMENT")
        assert (webhooks.process(settled.pk, at=clock.now()), status(payment)) == (True, "SETTLED")
        stage.leap(1)
        assert ({webhook.processed for webhook in stage.stored()}, status(payment)) == ({True}, "REVERSED")
        assert list(journal(transaction=payment)) == ["INBOUND_ACCEPTED", "INBOUND_SETTLED", "RETURN_BEFORE_CLEARING"]

    def test_settlement_told_before_our_own_record_of_the_acceptance_waits(self, deposit: Deposit) -> None:
        payment = deposit(ANSWER_LOST)
        tasks.sweep_queued()
        clock.advance(timedelta(days=8))
        stage.tell(Client())
        [webhook] = stage.stored("transfer.settled")
        assert webhooks.process(webhook.pk, at=clock.now()) is False
        webhook.refresh_from_db()
        assert (webhook.processed, webhook.attempts) == (False, 1)
        assert "tried again later" in webhook.processing_error
        assert status(payment) == "ON_HOLD"
        stage.leap(1)
        assert status(payment) == "SETTLED"

    @pytest.mark.parametrize("event", ["settled", "failed", "returned"])
    def test_event_before_its_time_is_refused_and_leaves_nothing(self, deposit: Deposit, event: str) -> None:
        payment = deposit(ANSWER_LOST)
        tasks.sweep_queued()
        key, today = payment.attempts.get().idempotency_key, banking_date(clock.now())
        with pytest.raises(EventBeforeItsTime):
            if event == "settled":
                settlements.record_settled(key, effective_date=today, at=clock.now())
            elif event == "failed":
                settlements.record_failed(key, code="R01", message="", effective_date=today, at=clock.now())
            else:
                settlements.record_returned(key, code="R10", message="", effective_date=today, at=clock.now())
        assert status(payment) == "ON_HOLD"
        assert not JournalEntry.objects.exists()

    def test_every_event_counts_once(self, deposit: Deposit, at: datetime) -> None:
        payment = deposit()
        settlements.process(payment.pk, at=at)
        key, today = payment.attempt_key, banking_date(at)
        for _ in range(3):
            settlements.record_answer(key, Answer("ACCEPTED", "again"), at=at)
            settlements.record_settled(key, effective_date=today, at=at)
        for _ in range(3):
            settlements.record_returned(key, code="R10", message="", effective_date=today, at=at)
        for _ in range(3):
            settlements.record_settled(key, effective_date=today, at=at)
            settlements.record_failed(key, code="R01", message="", effective_date=today, at=at)
        assert status(payment) == "REVERSED"
        assert JournalEntry.objects.count() == 3

    def test_effective_dates_are_the_banks(self, deposit: Deposit, at: datetime) -> None:
        payment = deposit()
        settles_on = sandbox.settles_on("ACH", payment.attempt_key, at=at)
        settlements.process(payment.pk, at=at)
        stage.leap(20)
        settled = JournalEntry.objects.get(event="INBOUND_SETTLED")
        assert settled.effective_date == settles_on
        payment.refresh_from_db()
        assert payment.clears_on == add_business_days(settles_on, 5)


class TestObstacles:
    """What stands in the way between the queue and the bank."""

    def test_frozen_account_keeps_outbound_queued_and_takes_inbound(
        self, cleared: Callable[[str], Transaction], deposit: Deposit, approver: User
    ) -> None:
        outbound = withdraw(cleared(factories.GOOD_ACCOUNT), "5000.00")
        inbound = deposit()
        account = outbound.escrow_account
        escrow_accounts.freeze(account, by=approver, reason="Dispute", at=clock.now())
        for payment in (outbound, inbound):
            settlements.process(payment.pk, at=clock.now())
        assert (status(outbound), status(inbound)) == ("QUEUED", "PENDING_SETTLEMENT")
        assert not outbound.attempts.exists()
        escrow_accounts.unfreeze(account, by=approver, reason="Settled", at=clock.now())
        stage.leap(12)
        assert status(outbound) == "COMPLETED"

    @pytest.mark.parametrize("direction", ["IN", "OUT"])
    def test_account_being_liquidated_sends_only_what_may_leave(
        self, cleared: Callable[[str], Transaction], deposit: Deposit, operator: User, direction: str
    ) -> None:
        first = cleared(factories.GOOD_ACCOUNT)
        payment = withdraw(first, "5000.00") if direction == "OUT" else deposit()
        escrow_accounts.liquidate(payment.escrow_account, by=operator, reason="Sold", at=clock.now())
        settlements.process(payment.pk, at=clock.now())
        assert (status(payment), payment.held_from) == ("ON_HOLD", "QUEUED")
        assert "liquidated" in payment.hold_reason
        assert not SandboxTransfer.objects.filter(idempotency_key=payment.attempt_key).exists()
        transactions.cancel(payment, by=operator, reason="The account is being emptied", at=clock.now())
        assert balance(payment.escrow_account_id, Kind.PAYOUTS) == 0

    def test_payment_of_a_restricted_party_goes_on_hold(
        self, deposit: Deposit, compliance_officer: User, at: datetime
    ) -> None:
        payment = deposit()
        assert payment.from_user is not None
        profiles.restrict(payment.from_user.investor_profile, by=compliance_officer, reason="A tip", at=at)
        settlements.process(payment.pk, at=at)
        assert (status(payment), "A tip" in payment.hold_reason) == ("ON_HOLD", True)

    def test_payment_with_a_suspended_bank_account_goes_on_hold(
        self, deposit: Deposit, operator: User, at: datetime
    ) -> None:
        payment = deposit()
        assert payment.from_bank_account is not None
        bank_accounts.suspend(payment.from_bank_account, by=operator, reason="Odd", at=at)
        settlements.process(payment.pk, at=at)
        assert (status(payment), "suspended" in payment.hold_reason) == ("ON_HOLD", True)


class TestClear:
    def test_waits_for_the_return_window(self, deposit: Deposit, at: datetime) -> None:
        payment = factories.play(deposit(), at=at, until="SETTLED")
        assert payment.clears_on is not None
        days = (payment.clears_on - banking_date(at)).days
        assert settlements.clear(payment.pk, at=at + timedelta(days=days - 1)) is False
        assert settlements.clear(payment.pk, at=at + timedelta(days=days)) is True
        assert settlements.clear(payment.pk, at=at + timedelta(days=days)) is True
        assert JournalEntry.objects.filter(event="INBOUND_CLEARED").count() == 1

    def test_does_nothing_to_what_has_not_settled(self, deposit: Deposit, at: datetime) -> None:
        payment = deposit()
        assert settlements.clear(payment.pk, at=at + timedelta(days=400)) is False
        assert status(payment) == "QUEUED"
