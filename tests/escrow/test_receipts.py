"""What only the bank knows: receipts in suspense, claimed whole or in parts by two people, and bank fees."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction

from escrow import books, postings
from escrow.models import BankMatch, BankProposal, BankStatementLine, EscrowAccount, JournalEntry, LedgerAccount
from escrow.operations import bank_matches, bank_proposals, ledger, receipts, reconciliations, statements
from escrow.operations.bank_matches import AlreadyMatched
from escrow.operations.bank_proposals import OwnMoney, ProposedBefore
from escrow.operations.escrow_accounts import ReasonMissing
from escrow.operations.ledger import NotAccountedFor
from escrow.operations.receipts import MoreThanWaits, NotAFee, NotAReceipt
from escrow.postings import Posting
from escrow.queries.balances import balance
from finance.models import Transaction
from realco.errors import NotPermitted
from realco.models import User
from tests import factories
from tests.escrow import bank_lines, payments
from tests.escrow.forgery import bring_in
from tests.escrow.money import MONDAY, TUESDAY, Day, Stated, arrive, statement

D = Decimal
Kind = LedgerAccount.Kind
Receive = Callable[[int], BankStatementLine]


@pytest.fixture
def receive(escrow: EscrowAccount, operator: User, at: datetime) -> Receive:
    """The bank states one line."""

    def receiving(cents: int) -> BankStatementLine:
        data = statement(escrow.external_account_id, Day(MONDAY, 0, [Stated(cents, f"WIRE {cents}")]))
        statements.import_file(data, file_name="a", by=operator, at=at)
        return BankStatementLine.objects.get(amount=D(cents) / 100)

    return receiving


def post(posting: Posting) -> None:
    with transaction.atomic():
        ledger.post([posting], by=None, at=datetime(2026, 3, 3, 17, 0, tzinfo=UTC))


def claim(line: BankStatementLine, investor: User, amount: str, by: User, approver: User, at: datetime) -> BankProposal:
    proposal = bank_proposals.propose_claim(
        line, investor=investor, amount=D(amount), reason="Their wire", by=by, at=at
    )
    return bank_proposals.approve(proposal, approver=approver, at=at)


class TestUnknownReceipts:
    def test_wait_in_suspense_until_they_are_claimed(
        self, escrow: EscrowAccount, receive: Receive, investor: User, operator: User, approver: User, at: datetime
    ) -> None:
        line = receive(12345)
        match = receipts.record_unknown_receipt(line, by=operator, at=at)
        assert (match.method, match.match_entries.get().entry.amount) == ("RECEIPT", D("123.45"))
        assert balance(escrow.pk, Kind.SUSPENSE) == D("123.45")
        decided = claim(line, investor, "123.45", operator, approver, at)
        assert decided.journal_entry is not None and decided.decided_by == approver
        assert balance(escrow.pk, Kind.SUSPENSE) == 0
        assert balance(escrow.pk, Kind.INVESTOR, investor.pk) == D("123.45")
        assert reconciliations.reconcile(escrow, as_of=MONDAY, by=operator, at=at).findings == []

    def test_are_split_over_several_investors_and_no_further(
        self, escrow: EscrowAccount, receive: Receive, investor: User, operator: User, approver: User, at: datetime
    ) -> None:
        line, other = receive(10000), factories.make_investor("Otto", verifier=operator, at=at)
        receipts.record_unknown_receipt(line, by=operator, at=at)
        claim(line, investor, "60.00", operator, approver, at)
        with pytest.raises(MoreThanWaits, match=r"\$40\.00"):
            claim(line, other, "40.01", operator, approver, at)
        claim(line, other, "40.00", operator, approver, at)
        assert balance(escrow.pk, Kind.INVESTOR, other.pk) == D("40.00")
        assert (receipts.unclaimed(line), balance(escrow.pk, Kind.SUSPENSE)) == (D(0), D(0))
        assert books.check() == []

    def test_two_proposals_for_the_same_money_give_it_once(
        self, escrow: EscrowAccount, receive: Receive, investor: User, operator: User, approver: User, at: datetime
    ) -> None:
        line, other = receive(10000), factories.make_investor("Otto", verifier=operator, at=at)
        receipts.record_unknown_receipt(line, by=operator, at=at)
        first, second = (
            bank_proposals.propose_claim(line, investor=person, amount=D(100), reason="Theirs", by=operator, at=at)
            for person in (investor, other)
        )
        bank_proposals.approve(first, approver=approver, at=at)
        with pytest.raises(MoreThanWaits):
            bank_proposals.approve(second, approver=approver, at=at)
        assert balance(escrow.pk, Kind.SUSPENSE) == 0

    def test_what_the_owner_owes_is_settled_first(
        self, escrow: EscrowAccount, receive: Receive, investor: User, operator: User, approver: User, at: datetime
    ) -> None:
        arrive(escrow, investor, "50.00", reference="SBX-1", at=at)
        subject = payments.about(Transaction.objects.get(), "returned", on=TUESDAY, description="SBX-1 returned")
        with transaction.atomic():
            back = postings.returned_after_clearing(
                subject, payer_id=investor.pk, amount=D("50.00"), fee=D("0.00"), left=D("20.00"), to_offering=False
            )
            ledger.post([back], by=None, at=at)
        line = receive(10000)
        receipts.record_unknown_receipt(line, by=operator, at=at)
        claim(line, investor, "100.00", operator, approver, at)
        assert balance(escrow.pk, Kind.RECEIVABLE, investor.pk) == 0
        assert balance(escrow.pk, Kind.INVESTOR, investor.pk) == D("100.00")

    def test_refuse_twice_payments_out_and_what_never_waited(
        self, receive: Receive, investor: User, operator: User, at: datetime
    ) -> None:
        came, went = receive(100), receive(-40)
        with pytest.raises(NotAReceipt):
            bank_proposals.propose_claim(came, investor=investor, amount=D(1), reason="Theirs", by=operator, at=at)
        receipts.record_unknown_receipt(came, by=operator, at=at)
        with pytest.raises(AlreadyMatched):
            receipts.record_unknown_receipt(came, by=operator, at=at)
        with pytest.raises(NotAReceipt):
            receipts.record_unknown_receipt(went, by=operator, at=at)
        assert JournalEntry.objects.count() == 1

    def test_refuse_one_s_own_money_no_reason_and_who_may_not(
        self, receive: Receive, investor: User, operator: User, approver: User, at: datetime
    ) -> None:
        line = receive(100)
        with pytest.raises(NotPermitted):
            receipts.record_unknown_receipt(line, by=approver, at=at)
        receipts.record_unknown_receipt(line, by=operator, at=at)
        with pytest.raises(OwnMoney):
            bank_proposals.propose_claim(line, investor=operator, amount=D(1), reason="Mine", by=operator, at=at)
        with pytest.raises(OwnMoney):
            claim(line, approver, "1.00", operator, approver, at)
        with pytest.raises(ReasonMissing):
            bank_proposals.propose_claim(line, investor=investor, amount=D(1), reason=" ", by=operator, at=at)

    def test_undone_and_recorded_again_are_booked_once(
        self, escrow: EscrowAccount, receive: Receive, operator: User, at: datetime
    ) -> None:
        line = receive(100)
        first = receipts.record_unknown_receipt(line, by=operator, at=at)
        bank_matches.undo(first, reason="It is a deposit after all", by=operator, at=at)
        assert not receipts.is_waiting(line)
        receipts.record_unknown_receipt(line, by=operator, at=at)
        assert balance(escrow.pk, Kind.SUSPENSE) == D("1.00")
        assert receipts.is_waiting(line)


class TestAccountedFor:
    """What the database refuses of suspense reaches people as a refusal; tests of cheats try the rest."""

    def test_refuses_a_receipt_that_the_bank_does_not_state(self, escrow: EscrowAccount) -> None:
        wanted = bank_lines.received(escrow, D(9), key="nine", on=MONDAY)
        more = replace(wanted, lines=tuple(replace(line, amount=line.amount * 2) for line in wanted.lines))
        with pytest.raises(NotAccountedFor, match="not of the amount of its bank line"):
            post(more)
        post(wanted)
        assert balance(escrow.pk, Kind.SUSPENSE) == 9

    def test_refuses_to_book_a_line_that_is_explained(
        self, escrow: EscrowAccount, receive: Receive, operator: User, approver: User, at: datetime
    ) -> None:
        line = receive(12345)
        receipts.record_unknown_receipt(line, by=operator, at=at)
        entry = JournalEntry.objects.get(event="UNKNOWN_RECEIPT")
        again = postings.Subject(escrow.pk, f"{entry.reference}:again-1", "RECONCILIATION", MONDAY)
        with pytest.raises(NotAccountedFor, match="explained already"):
            post(postings.unknown_receipt(again, amount=line.amount))
        bank_matches.undo(BankMatch.objects.get(), reason="Wrong", by=operator, at=at)
        with pytest.raises(NotAccountedFor, match="booked already"):
            post(postings.unknown_receipt(again, amount=line.amount))

    def test_refuses_to_give_away_more_than_came_in_with_the_line(self, escrow: EscrowAccount, investor: User) -> None:
        """Though suspense holds enough of another receipt's, and two people signed."""
        post(bank_lines.received(escrow, D(9), key="nine", on=MONDAY))
        post(bank_lines.received(escrow, D(50), key="fifty", on=MONDAY))
        with pytest.raises(NotAccountedFor, match="more than waits of its receipt"):
            post(bank_lines.claimed(escrow, investor.pk, D(10), key="nine", on=MONDAY))

    def test_refuses_suspense_below_zero(self, escrow: EscrowAccount, investor: User) -> None:
        post(bank_lines.received(escrow, D(9), key="nine", on=MONDAY))
        with pytest.raises(IntegrityError, match="ledger_accounts_suspense_never_negative"), transaction.atomic():
            LedgerAccount.objects.filter(kind=Kind.SUSPENSE).update(balance=D(-1))


class TestBankFees:
    @pytest.mark.parametrize("source", ["FEES", "OFFERING"])
    def test_are_posted_when_a_second_person_signs(
        self, source: str, escrow: EscrowAccount, receive: Receive, investor: User, operator: User, approver: User,
        at: datetime,
    ) -> None:  # fmt: skip
        arrive(escrow, investor, "50.00", reference="SBX-1", at=at)
        income = payments.make_payment(escrow, "ESCROW_DEPOSIT", investor, D("20.00"), at=at)
        bring_in(payments.go(income, *payments.SENT, "SETTLED", at=at, clears_on=TUESDAY))
        line = receive(-1500)
        before = balance(escrow.pk, source)
        proposal = bank_proposals.propose_fee(line, source=source, reason="Monthly fee", by=operator, at=at)
        assert balance(escrow.pk, source) == before
        with pytest.raises(ProposedBefore):
            bank_proposals.propose_fee(line, source=source, reason="Monthly fee", by=operator, at=at)
        bank_proposals.approve(proposal, approver=approver, at=at)
        assert balance(escrow.pk, source) == before - 15
        match = BankMatch.objects.get(method="BANK_FEE")
        assert (match.made_by, match.approved_by) == (operator, approver)
        assert match.match_entries.get().entry.journal_entry.event == "BANK_FEE"
        assert balance(escrow.pk, Kind.INVESTOR, investor.pk) == D("50.00")
        assert books.check() == []

    def test_refuses_money_that_came_in(self, receive: Receive, operator: User, at: datetime) -> None:
        with pytest.raises(NotAFee):
            bank_proposals.propose_fee(receive(100), source="FEES", reason="Fee", by=operator, at=at)
