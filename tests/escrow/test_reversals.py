"""Reversals of journal entries: asked for by one, approved by another, posted once, and never of what has a state."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from decimal import Decimal
from uuid import uuid4

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from escrow import books, postings
from escrow.models import (
    BankMatch,
    BankStatementLine,
    EscrowAccount,
    JournalEntry,
    JournalReversal,
    LedgerAccount,
    Reconciliation,
)
from escrow.operations import bank_matches, bank_proposals, ledger, receipts, reconciliations, reversals, statements
from escrow.operations.escrow_accounts import ReasonMissing
from escrow.operations.ledger import InsufficientFunds, ReversalNotApproved
from escrow.operations.receipts import MoreThanWaits
from escrow.operations.reversals import (
    ApproverIsProposer,
    NotReversible,
    ReversalNotProposed,
)
from escrow.queries import balances, history
from escrow.queries import reversals as query
from escrow.queries.history import AsOf
from realco.errors import NotPermitted, Refusal
from realco.models import AuditEvent, User
from tests import factories
from tests.conftest import close_connections
from tests.escrow import bank_lines, payments
from tests.escrow.money import TUESDAY, Day, Stated, arrive, statement
from tests.stages import staged

D = Decimal
Kind = LedgerAccount.Kind
Event = JournalEntry.Event
WHY = "The bank sent it to the wrong account"


def receive(escrow: EscrowAccount, amount: str, *, at: datetime, reference: str = "receipt") -> JournalEntry:
    """An unknown receipt that is matched with no line of the bank."""
    wanted = bank_lines.received(escrow, D(amount), key=f"{reference}:{uuid4()}", on=TUESDAY)
    with transaction.atomic():
        [posted] = ledger.post([wanted], by=None, at=at)
    return JournalEntry.objects.get(pk=posted.journal_entry_id)


@staged
def receipt(escrow: EscrowAccount, at: datetime) -> JournalEntry:
    return receive(escrow, "500", at=at)


@staged
def line(escrow: EscrowAccount, operator: User, at: datetime) -> BankStatementLine:
    """A receipt on the bank's statement, booked as unknown."""
    data = statement(escrow.external_account_id, Day(TUESDAY, 0, [Stated(50000, reference="ODD-1")]))
    statements.import_file(data, file_name="a.bai2", by=operator, at=at)
    line = BankStatementLine.objects.get()
    receipts.record_unknown_receipt(line, by=operator, at=at)
    return line


def booked(line: BankStatementLine) -> JournalEntry:
    """The journal entry that the bank's line is matched with."""
    match = BankMatch.objects.get(match_lines__line=line, match_lines__is_living=True)
    return match.match_entries.get().entry.journal_entry


def unmatch(line: BankStatementLine, operator: User, at: datetime) -> JournalEntry:
    """Undo the line's match, as one has to before a reversal, and return the entry that it was matched with."""
    entry = booked(line)
    match = BankMatch.objects.get(match_lines__line=line, match_lines__is_living=True)
    bank_matches.undo(match, reason=WHY, by=operator, at=at)
    return entry


def claim(line: BankStatementLine, investor: User, operator: User, approver: User, at: datetime) -> JournalEntry:
    """Give the whole receipt to an investor, as two people do."""
    proposal = bank_proposals.propose_claim(
        line, investor=investor, amount=line.amount, reason="Their wire", by=operator, at=at
    )
    given = bank_proposals.approve(proposal, approver=approver, at=at).journal_entry
    assert given is not None
    return given


def reverse(entry: JournalEntry, operator: User, approver: User, at: datetime) -> JournalReversal:
    return reversals.approve(reversals.propose(entry, by=operator, reason=WHY, at=at), approver=approver, at=at)


class TestPropose:
    def test_says_why_and_moves_nothing(self, receipt: JournalEntry, operator: User, at: datetime) -> None:
        reversal = reversals.propose(receipt, by=operator, reason=f" {WHY} ", at=at)
        assert (reversal.status, reversal.reason, reversal.proposed_by) == ("PROPOSED", WHY, operator)
        assert JournalEntry.objects.count() == 1
        assert list(query.awaiting_approval()) == [reversal]

    def test_needs_the_permission_and_a_reason(
        self, receipt: JournalEntry, operator: User, approver: User, at: datetime
    ) -> None:
        with pytest.raises(NotPermitted):
            reversals.propose(receipt, by=approver, reason=WHY, at=at)
        with pytest.raises(ReasonMissing):
            reversals.propose(receipt, by=operator, reason=" ", at=at)

    def test_is_refused_while_another_waits_or_was_posted(
        self, receipt: JournalEntry, operator: User, approver: User, at: datetime
    ) -> None:
        first = reversals.propose(receipt, by=operator, reason=WHY, at=at)
        with pytest.raises(NotReversible, match="proposed already"):
            reversals.propose(receipt, by=operator, reason=WHY, at=at)
        reversals.reject(first, by=approver, reason="It is right", at=at)
        second = reversals.propose(receipt, by=operator, reason=WHY, at=at)
        reversals.approve(second, approver=approver, at=at)
        with pytest.raises(NotReversible, match="reversed before"):
            reversals.propose(receipt, by=operator, reason=WHY, at=at)

    def test_of_a_payment_names_the_payment(
        self, escrow: EscrowAccount, investor: User, operator: User, at: datetime
    ) -> None:
        payment = factories.fund(investor, escrow, "1000", at=at)
        for entry in payment.journal_entries.all():
            with pytest.raises(NotReversible, match="belongs to a payment"):
                reversals.propose(entry, by=operator, reason=WHY, at=at)

    @pytest.mark.parametrize(
        ("event", "words"),
        [
            (Event.RELEASE, "a distribution, a return of capital"),
            (Event.HOLD, "Release the hold"),
            (Event.HOLD_RELEASED, "Place a new hold"),
            (Event.RESERVE, "Cancel the payment"),
        ],
    )
    def test_of_a_closing_or_a_hold_names_the_right_step(self, receipt: JournalEntry, event: str, words: str) -> None:
        receipt.event = event
        assert words in query.obstacle(receipt)

    def test_of_a_reversal_is_refused(
        self, receipt: JournalEntry, operator: User, approver: User, at: datetime
    ) -> None:
        reverse(receipt, operator, approver, at)
        mirror = JournalEntry.objects.get(event=Event.REVERSAL)
        with pytest.raises(NotReversible, match="A reversal is not reversed"):
            reversals.propose(mirror, by=operator, reason=WHY, at=at)

    @pytest.mark.parametrize("event", [event for event in Event.values if event not in query.REVERSIBLE])
    def test_every_other_event_is_refused_in_words(self, receipt: JournalEntry, event: str) -> None:
        receipt.event = event
        assert "is not undone by a reversal" in query.obstacle(receipt)

    def test_is_refused_while_the_bank_knows_of_it(self, line: BankStatementLine, operator: User, at: datetime) -> None:
        with pytest.raises(NotReversible, match="Undo the match"):
            reversals.propose(booked(line), by=operator, reason=WHY, at=at)
        entry = unmatch(line, operator, at)
        assert reversals.propose(entry, by=operator, reason=WHY, at=at).status == "PROPOSED"


class TestApprove:
    def test_posts_the_exact_mirror(
        self, escrow: EscrowAccount, receipt: JournalEntry, operator: User, approver: User, at: datetime
    ) -> None:
        reversal = reverse(receipt, operator, approver, at)
        mirror = receipt.reversed_by
        assert (reversal.status, reversal.approved_by, reversal.approved_at) == ("EXECUTED", approver, at)
        lines = {(line.ledger_account_id, -line.amount) for line in mirror.entries.all()}
        assert lines == {(line.ledger_account_id, line.amount) for line in receipt.entries.all()}
        assert (mirror.effective_date, mirror.entry_type) == (receipt.effective_date, receipt.entry_type)
        escrow.refresh_from_db()
        assert (escrow.current_balance, escrow.held_balance) == (D("0.00"), D("0.00"))
        assert books.check([escrow.pk]) == []

    def test_leaves_what_was_known_as_it_was(
        self, escrow: EscrowAccount, receipt: JournalEntry, operator: User, approver: User
    ) -> None:
        told_at = receipt.created_at
        later = told_at.replace(month=told_at.month + 1)
        reverse(receipt, operator, approver, later)

        def bank(as_of: AsOf) -> Decimal:
            return history.balance(escrow, Kind.BANK, as_of=as_of)

        assert bank(AsOf(TUESDAY, told_at)) == D("500.00")
        assert bank(AsOf(TUESDAY)) == D("0.00")

    def test_needs_a_second_person_with_the_permission(
        self, receipt: JournalEntry, operator: User, investor: User, at: datetime
    ) -> None:
        both = factories.make_user("Bo Both", "Operations", "Approvers", is_staff=True)
        reversal = reversals.propose(receipt, by=both, reason=WHY, at=at)
        with pytest.raises(ApproverIsProposer):
            reversals.approve(reversal, approver=both, at=at)
        for person in (operator, investor):
            with pytest.raises(NotPermitted):
                reversals.approve(reversal, approver=person, at=at)
        assert not JournalEntry.objects.filter(event=Event.REVERSAL).exists()

    def test_happens_once(self, receipt: JournalEntry, operator: User, approver: User, at: datetime) -> None:
        reversal = reverse(receipt, operator, approver, at)
        with pytest.raises(ReversalNotProposed, match="executed"):
            reversals.approve(reversal, approver=approver, at=at)

    def test_leaves_its_reason_in_the_audit_trail(
        self, receipt: JournalEntry, operator: User, approver: User, at: datetime
    ) -> None:
        reversal = reverse(receipt, operator, approver, at)
        events = AuditEvent.objects.filter(entity_id=str(reversal.pk)).order_by("sequence")
        assert [(event.action, event.user, event.reason) for event in events] == [
            ("journal_reversal.propose", operator, WHY),
            ("journal_reversal.approve", approver, ""),
        ]


class TestReject:
    def test_leaves_the_entry_as_it_is(
        self, receipt: JournalEntry, operator: User, approver: User, at: datetime
    ) -> None:
        reversal = reversals.propose(receipt, by=operator, reason=WHY, at=at)
        rejected = reversals.reject(reversal, by=approver, reason="It is right", at=at)
        assert (rejected.status, rejected.rejected_by, rejected.rejected_reason) == (
            "REJECTED",
            approver,
            "It is right",
        )
        with pytest.raises(ReversalNotProposed, match="rejected"):
            reversals.approve(rejected, approver=approver, at=at)

    def test_takes_ones_own_proposal_back(
        self, receipt: JournalEntry, operator: User, investor: User, at: datetime
    ) -> None:
        reversal = reversals.propose(receipt, by=operator, reason=WHY, at=at)
        other = factories.make_user("Otto Operator", "Operations", is_staff=True)
        for person in (other, investor):
            with pytest.raises(NotPermitted):
                reversals.reject(reversal, by=person, reason="no", at=at)
        assert reversals.reject(reversal, by=operator, reason="A mistake of mine", at=at).status == "REJECTED"


class TestReceipts:
    def test_a_claim_by_the_wrong_person_is_given_to_the_right_one(
        self,
        escrow: EscrowAccount,
        line: BankStatementLine,
        investor: User,
        operator: User,
        approver: User,
        at: datetime,
    ) -> None:
        right = factories.make_user("Rita Right")
        wrong = claim(line, investor, operator, approver, at)
        with pytest.raises(MoreThanWaits):
            claim(line, right, operator, approver, at)
        reverse(wrong, operator, approver, at)
        claim(line, right, operator, approver, at)
        for person in (investor, right):
            with pytest.raises(MoreThanWaits):
                claim(line, person, operator, approver, at)
        held = [balances.balance(escrow.pk, Kind.INVESTOR, person.pk) for person in (investor, right)]
        assert held == [D("0.00"), D("500.00")]
        assert balances.balance(escrow.pk, Kind.SUSPENSE) == D("0.00")

    def test_a_claim_is_not_reversed_when_its_money_is_gone(
        self,
        escrow: EscrowAccount,
        line: BankStatementLine,
        investor: User,
        operator: User,
        approver: User,
        at: datetime,
    ) -> None:
        """What is reserved for a payout cannot be taken back: nothing is posted, and the proposal waits."""
        given = claim(line, investor, operator, approver, at)
        payment = payments.make_payment(escrow, "REFUND", investor, D("1"), at=at)
        subject = payments.about(payment, "reserved", on=TUESDAY)
        source = postings.source_of(Kind.INVESTOR, investor.pk)
        with transaction.atomic():
            ledger.post([postings.reserved(subject, source=source, amount=D("1"))], by=None, at=at)
        reversal = reversals.propose(given, by=operator, reason=WHY, at=at)
        with pytest.raises(InsufficientFunds):
            reversals.approve(reversal, approver=approver, at=at)
        reversal.refresh_from_db()
        assert (reversal.status, reversal.approved_by) == ("PROPOSED", None)
        assert not JournalEntry.objects.filter(event=Event.REVERSAL).exists()

    def test_a_claimed_receipt_is_reversed_after_its_claim(
        self,
        escrow: EscrowAccount,
        line: BankStatementLine,
        investor: User,
        operator: User,
        approver: User,
        at: datetime,
    ) -> None:
        given = claim(line, investor, operator, approver, at)
        receipt = unmatch(line, operator, at)
        with pytest.raises(NotReversible, match="given to its owner"):
            reversals.propose(receipt, by=operator, reason=WHY, at=at)
        reverse(given, operator, approver, at)
        reverse(receipt, operator, approver, at)
        assert {a.balance for a in LedgerAccount.objects.filter(escrow_account=escrow)} == {D("0.00")}

    def test_reconciliation_asks_for_neither_entry_of_a_reversed_pair(
        self, escrow: EscrowAccount, line: BankStatementLine, operator: User, approver: User, at: datetime
    ) -> None:
        """Booked, found wrong, reversed, booked again: the bank's one line has one entry."""
        receipt = unmatch(line, operator, at)
        reverse(receipt, operator, approver, at)
        found = reconciliations.reconcile(escrow, as_of=TUESDAY, by=operator, at=at)
        assert (found.unmatched_lines, found.unmatched_entries) == (1, 0)
        receipts.record_unknown_receipt(line, by=operator, at=at)
        found = reconciliations.reconcile(escrow, as_of=TUESDAY, by=operator, at=at)
        assert found.result == Reconciliation.Result.BALANCED


REVERSAL = """
    INSERT INTO journal_entries (id, escrow_account_id, event, entry_type, reference, request_hash, entry_count,
        description, effective_date, reverses_id, created_at)
    SELECT gen_random_uuid(), escrow_account_id, %(event)s, entry_type, 'raw', repeat('0', 64), 2, '', effective_date,
           CASE WHEN %(names)s THEN id END, created_at
      FROM journal_entries WHERE event = %(of)s
"""


class TestTheDatabase:
    """Raw SQL that would reverse what nobody approved."""

    @pytest.mark.parametrize(
        ("event", "names", "of"),
        [
            ("REVERSAL", True, "UNKNOWN_RECEIPT"),
            ("REVERSAL", False, "UNKNOWN_RECEIPT"),
            ("UNKNOWN_RECEIPT", True, "UNKNOWN_RECEIPT"),
            ("REVERSAL", True, "INBOUND_SETTLED"),
        ],
    )
    def test_refuses_a_reversal_nobody_approved(
        self,
        receipt: JournalEntry,
        escrow: EscrowAccount,
        investor: User,
        at: datetime,
        event: str,
        names: bool,
        of: str,
    ) -> None:
        arrive(escrow, investor, "1000", reference="A", at=at)
        with connection.cursor() as cursor, pytest.raises(DatabaseError) as refused:
            with transaction.atomic():
                cursor.execute(REVERSAL, {"event": event, "names": names, "of": of})
        assert getattr(refused.value.__cause__, "sqlstate", "") == "RC010"

    def test_ledger_post_refuses_it_in_words(self, receipt: JournalEntry, operator: User, at: datetime) -> None:
        reversals.propose(receipt, by=operator, reason=WHY, at=at)
        subject = postings.Subject(
            receipt.escrow_account_id, "raw", "RECONCILIATION", TUESDAY, "raw", reverses_id=receipt.pk
        )
        mirror = postings.reversal(subject, lines={(Kind.BANK, None): D("500"), (Kind.SUSPENSE, None): D("-500")})
        with pytest.raises(ReversalNotApproved, match="another person's approval"), transaction.atomic():
            ledger.post([mirror], by=operator, at=at)

    @pytest.mark.parametrize(
        ("sql", "error"),
        [
            ("UPDATE journal_reversals SET status = 'EXECUTED', approved_by_id = proposed_by_id, approved_at = now()",
             IntegrityError),
            ("UPDATE journal_reversals SET status = 'EXECUTED'", IntegrityError),
            ("UPDATE journal_reversals SET approved_by_id = (SELECT id FROM users WHERE id <> proposed_by_id LIMIT 1)",
             IntegrityError),
            ("UPDATE journal_reversals SET proposed_by_id = (SELECT id FROM users WHERE id <> proposed_by_id LIMIT 1)",
             DatabaseError),
            ("UPDATE journal_reversals SET reason = 'another'", DatabaseError),
            ("UPDATE journal_reversals SET journal_entry_id = gen_random_uuid()", DatabaseError),
            ("DELETE FROM journal_reversals", DatabaseError),
            ("INSERT INTO journal_reversals (id, journal_entry_id, status, reason, proposed_by_id, proposed_at,"
             " rejected_reason, created_at) SELECT gen_random_uuid(), journal_entry_id, 'PROPOSED', 'twice',"
             " proposed_by_id, proposed_at, '', created_at FROM journal_reversals", IntegrityError),
        ],
    )  # fmt: skip
    def test_refuses_to_bend_a_proposal(
        self, receipt: JournalEntry, operator: User, at: datetime, sql: str, error: type[Exception]
    ) -> None:
        reversals.propose(receipt, by=operator, reason=WHY, at=at)
        with connection.cursor() as cursor, pytest.raises(error):
            with transaction.atomic():
                cursor.execute(sql)

    def test_refuses_an_approval_that_posts_nothing(
        self, receipt: JournalEntry, operator: User, approver: User, at: datetime
    ) -> None:
        reversals.propose(receipt, by=operator, reason=WHY, at=at)
        with connection.cursor() as cursor, pytest.raises(DatabaseError) as refused:
            with transaction.atomic():
                cursor.execute(
                    "UPDATE journal_reversals SET status = 'EXECUTED', approved_by_id = %s, approved_at = now()",
                    [approver.pk],
                )
                cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        assert getattr(refused.value.__cause__, "sqlstate", "") == "RC010"

    def test_refuses_a_second_reversal_of_one_entry(
        self, receipt: JournalEntry, operator: User, approver: User, at: datetime
    ) -> None:
        reverse(receipt, operator, approver, at)
        with connection.cursor() as cursor, pytest.raises(IntegrityError):
            with transaction.atomic():
                cursor.execute(REVERSAL, {"event": "REVERSAL", "names": True, "of": "UNKNOWN_RECEIPT"})


def _at_once(act: Callable[[int], object], number: int) -> list[object]:
    """Do something from so many threads at once; refusals are results."""

    def attempt(place: int) -> object:
        try:
            return act(place)
        except Refusal as refusal:
            return refusal
        finally:
            close_connections()

    with ThreadPoolExecutor(number) as pool:
        return list(pool.map(attempt, range(number)))


@pytest.mark.django_db(transaction=True)
class TestRaces:
    def test_of_many_approvals_at_once_one_posts(
        self, escrow: EscrowAccount, receipt: JournalEntry, operator: User, approver: User, second_approver: User,
        at: datetime,
    ) -> None:  # fmt: skip
        reversal = reversals.propose(receipt, by=operator, reason=WHY, at=at)
        people = [approver, second_approver]
        results = _at_once(lambda n: reversals.approve(reversal, approver=people[n % 2], at=at), 8)
        assert sum(isinstance(result, JournalReversal) for result in results) == 1
        assert sum(isinstance(result, ReversalNotProposed) for result in results) == 7
        assert JournalEntry.objects.filter(event=Event.REVERSAL).count() == 1
        assert balances.balance(escrow.pk, Kind.BANK) == D("0.00")
        assert books.check() == []

    def test_of_approvals_and_rejections_at_once_one_decides(
        self, escrow: EscrowAccount, receipt: JournalEntry, operator: User, approver: User, at: datetime
    ) -> None:
        reversal = reversals.propose(receipt, by=operator, reason=WHY, at=at)

        def decide(place: int) -> object:
            if place % 2:
                return reversals.approve(reversal, approver=approver, at=at)
            return reversals.reject(reversal, by=approver, reason="no", at=at)

        results = _at_once(decide, 8)
        assert sum(isinstance(result, JournalReversal) for result in results) == 1
        reversal.refresh_from_db()
        posted = JournalEntry.objects.filter(event=Event.REVERSAL).count()
        assert (reversal.status, posted) in (("EXECUTED", 1), ("REJECTED", 0))

    def test_of_many_proposals_at_once_one_waits(
        self, escrow: EscrowAccount, receipt: JournalEntry, operator: User, at: datetime
    ) -> None:
        results = _at_once(lambda n: reversals.propose(receipt, by=operator, reason=f"{WHY} {n}", at=at), 6)
        assert sum(isinstance(result, JournalReversal) for result in results) == 1
        assert JournalReversal.objects.count() == 1
