"""Matches: what they hold together, who may make and undo them, and what the database refuses."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from decimal import Decimal
from uuid import uuid4

import pytest
from django.db import DatabaseError, connection, transaction

from escrow import books
from escrow.matching import Match
from escrow.models import BankMatch, BankProposal, BankStatementLine, EscrowAccount, EscrowLedgerEntry, LedgerAccount
from escrow.operations import bank_matches, bank_proposals, reconciliations, statements
from escrow.operations.bank_matches import (
    AlreadyMatched,
    AlreadyUndone,
    NeedsSecondPerson,
    NotToBeMatched,
    UnequalSides,
)
from escrow.operations.bank_proposals import ApproverProposed, NotWaiting, ProposedBefore
from escrow.operations.escrow_accounts import ReasonMissing
from escrow.queries import reconciliations as query
from realco.errors import NotPermitted
from realco.models import User
from tests import factories
from tests.conftest import close_connections
from tests.escrow.money import TUESDAY, Day, Stated, arrive, statement
from tests.stages import staged

D = Decimal
Line = BankStatementLine
Entry = EscrowLedgerEntry


class Sides:
    """One account's two sides, and an operator who matches them."""

    def __init__(self, escrow: EscrowAccount, investor: User, operator: User, at: datetime) -> None:
        self.escrow, self.investor, self.operator, self.at = escrow, investor, operator, at

    def book(self, *amounts: str) -> list[Entry]:
        first = Entry.objects.count()
        for number, amount in enumerate(amounts, start=first):
            arrive(self.escrow, self.investor, amount, reference=f"SBX-{number}", at=self.at)
        return list(query.entries_without_match(self.escrow).order_by("created_at", "sequence"))[-len(amounts) :]

    def state(self, *cents: int) -> list[Line]:
        data = statement(self.escrow.external_account_id, Day(TUESDAY, 0, [Stated(one, f"X-{one}") for one in cents]))
        statements.import_file(data, file_name="a", by=None, at=self.at)
        by_amount = {line.amount: line for line in query.lines_without_match(self.escrow)}
        return [by_amount[D(one) / 100] for one in cents]

    def match(self, lines: list[Line], entries: list[Entry], by: User | None = None) -> BankMatch:
        return bank_matches.match(
            self.escrow, line_ids=[line.pk for line in lines], entry_ids=[entry.pk for entry in entries],
            reason="Looked at both", by=by or self.operator, at=self.at,
        )  # fmt: skip

    def propose(self, lines: list[Line], entries: list[Entry], reason: str = "The bank's batch") -> BankProposal:
        made = bank_proposals.match_or_propose(
            self.escrow, line_ids=[line.pk for line in lines], entry_ids=[entry.pk for entry in entries],
            reason=reason, by=self.operator, at=self.at,
        )  # fmt: skip
        assert isinstance(made, BankProposal)
        return made


@staged
def sides(escrow: EscrowAccount, investor: User, operator: User, at: datetime) -> Sides:
    return Sides(escrow, investor, operator, at)


class TestMatch:
    def test_pairs_what_agrees(self, sides: Sides, operator: User) -> None:
        [entry], [line] = sides.book("5.00"), sides.state(500)
        match = sides.match([line], [entry])
        assert (match.method, match.made_by, match.approved_by) == ("MANUAL", operator, None)
        assert match.reason.startswith("Looked at both (The same amount")
        assert not query.lines_without_match(sides.escrow) and not query.entries_without_match(sides.escrow)

    def test_refuses_a_cent_too_much(self, sides: Sides) -> None:
        [entry], [line] = sides.book("5.00"), sides.state(501)
        with pytest.raises(UnequalSides, match=r"a difference of \$0\.01"):
            sides.match([line], [entry])

    def test_refuses_what_is_matched(self, sides: Sides) -> None:
        [entry], [line] = sides.book("5.00"), sides.state(500)
        sides.match([line], [entry])
        with pytest.raises(AlreadyMatched):
            sides.match([line], [entry])

    def test_refuses_one_side_alone_and_what_is_not_there(self, sides: Sides, at: datetime) -> None:
        [entry], [line] = sides.book("5.00"), sides.state(500)
        for lines, entries in (([line.pk], []), ([uuid4()], [entry.pk]), ([line.pk], [uuid4()])):
            with pytest.raises(NotToBeMatched):
                bank_matches.match(
                    sides.escrow, line_ids=lines, entry_ids=entries, reason="x", by=sides.operator, at=at
                )

    def test_refuses_entries_of_another_account(self, sides: Sides, operator: User, at: datetime) -> None:
        other = factories.make_escrow(factories.make_offering(operator=operator, at=at), operator=operator, at=at)
        [entry], [line] = Sides(other, sides.investor, operator, at).book("5.00"), sides.state(500)
        with pytest.raises(NotToBeMatched):
            sides.match([line], [entry])

    def test_refuses_several_to_one_person(self, sides: Sides) -> None:
        entries, [line] = sides.book("5.00", "6.00"), sides.state(1100)
        with pytest.raises(NeedsSecondPerson):
            sides.match([line], entries)

    def test_refuses_who_may_not(self, sides: Sides, approver: User) -> None:
        [entry], [line] = sides.book("5.00"), sides.state(500)
        with pytest.raises(NotPermitted):
            sides.match([line], [entry], by=approver)

    @pytest.mark.django_db(transaction=True)
    def test_at_once_matches_once(self, sides: Sides) -> None:
        entries, [line] = sides.book("5.00", "5.00", "5.00"), sides.state(500)

        def matching(entry: Entry) -> bool:
            try:
                judged = Match((line.pk,), (entry.pk,), "MANUAL", D("0.5"), "x")
                bank_matches.store(sides.escrow, matches=[judged], by=sides.operator, at=sides.at)
                return True
            except AlreadyMatched:
                return False
            finally:
                close_connections()

        with ThreadPoolExecutor(3) as pool:
            assert sorted(pool.map(matching, entries)) == [False, False, True]


class TestProposals:
    def test_a_second_person_signs_several(self, sides: Sides, operator: User, approver: User, at: datetime) -> None:
        entries, lines = sides.book("5.00", "6.00"), sides.state(400, 700)
        proposal = sides.propose(lines, entries)
        assert not BankMatch.objects.exists()
        bank_proposals.approve(proposal, approver=approver, at=at)
        match = BankMatch.objects.get()
        assert (match.line_count, match.entry_count, match.made_by, match.approved_by) == (2, 2, operator, approver)

    def test_refuses_its_proposer_and_who_may_not(self, sides: Sides, compliance_officer: User, at: datetime) -> None:
        proposal = sides.propose(sides.state(1100), sides.book("5.00", "6.00"))
        sides.operator.groups.add(factories.make_group("Approvers"))
        with pytest.raises(ApproverProposed):
            bank_proposals.approve(proposal, approver=User.objects.get(pk=sides.operator.pk), at=at)
        with pytest.raises(NotPermitted):
            bank_proposals.approve(proposal, approver=compliance_officer, at=at)

    def test_needs_a_reason_and_is_made_once(self, sides: Sides) -> None:
        lines, entries = sides.state(1100), sides.book("5.00", "6.00")
        with pytest.raises(NeedsSecondPerson):
            sides.propose(lines, entries, reason=" ")
        sides.propose(lines, entries)
        with pytest.raises(ProposedBefore):
            sides.propose(lines, entries)

    def test_is_refused_when_a_line_was_matched_meanwhile(self, sides: Sides, approver: User, at: datetime) -> None:
        entries, lines = sides.book("5.00", "6.00"), sides.state(400, 700)
        late = sides.book("4.00")
        proposal = sides.propose(lines, entries)
        sides.match(lines[:1], late)
        with pytest.raises(AlreadyMatched):
            bank_proposals.approve(proposal, approver=approver, at=at)
        proposal.refresh_from_db()
        assert proposal.status == "PROPOSED"

    def test_is_turned_down_once(self, sides: Sides, approver: User, at: datetime) -> None:
        proposal = sides.propose(sides.state(1100), sides.book("5.00", "6.00"))
        bank_proposals.reject(proposal, by=approver, reason="No", at=at)
        with pytest.raises(NotWaiting):
            bank_proposals.approve(proposal, approver=approver, at=at)
        with pytest.raises(NotWaiting):
            bank_proposals.reject(proposal, by=approver, reason="No", at=at)
        assert not BankMatch.objects.exists()


class TestUndo:
    def test_frees_both_sides_and_keeps_the_match(self, sides: Sides, at: datetime) -> None:
        [entry], [line] = sides.book("5.00"), sides.state(500)
        match = sides.match([line], [entry])
        undone = bank_matches.undo(match, reason="Wrong payer", by=sides.operator, at=at)
        assert (undone.method, undone.reverses) == ("REVERSAL", match)
        assert [row.pk for row in query.lines_without_match(sides.escrow)] == [line.pk]
        assert match.match_lines.get().line == line
        assert sides.match([line], [entry]).pk != match.pk

    def test_needs_a_reason_and_a_living_match(self, sides: Sides, at: datetime) -> None:
        match = sides.match(sides.state(500), sides.book("5.00"))
        with pytest.raises(ReasonMissing):
            bank_matches.undo(match, reason="", by=sides.operator, at=at)
        undone = bank_matches.undo(match, reason="Wrong payer", by=sides.operator, at=at)
        for one in (match, undone):
            with pytest.raises(AlreadyUndone):
                bank_matches.undo(one, reason="Again", by=sides.operator, at=at)


class TestReconciliationChangesNoBalance:
    """The predecessor's fault: a reconcile that put released money back."""

    def test_whatever_is_matched_undone_or_found(self, sides: Sides, at: datetime) -> None:
        lines, entries = sides.state(500, 1100, 777), sides.book("5.00", "5.50", "5.50", "9.00")
        before = self.balances()
        reconciliations.reconcile(sides.escrow, as_of=TUESDAY, by=None, at=at)
        match = sides.match(lines[:1], entries[:1])
        reconciliations.reconcile(sides.escrow, as_of=TUESDAY, by=None, at=at)
        bank_matches.undo(match, reason="Wrong payer", by=sides.operator, at=at)
        reconciliations.reconcile(sides.escrow, as_of=TUESDAY, by=None, at=at)
        assert self.balances() == before
        assert books.check() == []

    def balances(self) -> list[object]:
        columns = ("current_balance", "available_balance", "pending_balance", "held_balance", "total_deposits")
        return [
            *EscrowAccount.objects.order_by("pk").values_list("pk", *columns),
            *LedgerAccount.objects.order_by("pk").values_list("pk", "balance", "entry_count"),
            Entry.objects.count(),
        ]


def _match(method: str = "MANUAL", lines: int = 1, entries: int = 1, confidence: str = "1", extra: str = "NULL") -> str:
    return (
        "WITH made AS (INSERT INTO bank_matches (id, escrow_account_id, method, confidence, reason, line_count,"
        " entry_count, made_by_id, approved_by_id, made_at, reverses_id)"
        f" SELECT gen_random_uuid(), x.id, '{method}', {confidence}, 'r', {lines}, {entries}, u.id, {extra}, now(),"
        " NULL"
        " FROM escrow_accounts x, users u WHERE u.email LIKE 'olivia%' LIMIT 1 RETURNING id)"
    )


LINE_5 = "(SELECT id FROM bank_statement_lines WHERE amount = 5)"
LINE_6 = "(SELECT id FROM bank_statement_lines WHERE amount = 6)"
ENTRY_6 = "(SELECT e.id FROM escrow_ledger_entries e WHERE reference LIKE '%:settled' AND amount = 6)"
NO_BANK = "(SELECT e.id FROM escrow_ledger_entries e WHERE reference LIKE '%:cleared' AND amount = 6)"
ENTRY_5 = "(SELECT e.id FROM escrow_ledger_entries e WHERE reference LIKE '%:settled' AND amount = 5)"


def _parts(line: str, entry: str) -> str:
    return (
        ", l AS (INSERT INTO bank_match_lines (id, match_id, line_id, is_living)"
        f" SELECT gen_random_uuid(), id, {line}, true FROM made)"
        " INSERT INTO bank_match_entries (id, match_id, entry_id, is_living)"
        f" SELECT gen_random_uuid(), id, {entry}, true FROM made"
    )


def _proposal(status: str, source: str) -> str:
    return (
        "INSERT INTO bank_proposals (id, escrow_account_id, kind, status, line_id, investor_id, amount, source,"
        " line_ids, entry_ids, reason, proposed_by_id, proposed_at, decided_reason)"
        f" SELECT gen_random_uuid(), l.escrow_account_id, 'BANK_FEE', '{status}', l.id, NULL, 5, '{source}', '[]',"
        " '[]', 'r', u.id, now(), '' FROM bank_statement_lines l, users u WHERE l.amount = 5 AND u.email LIKE 'olivia%'"
    )


ATTACKS = {
    "a line that is matched": _match() + _parts(LINE_5, ENTRY_6),
    "an entry that is matched": _match() + _parts(LINE_6, ENTRY_5),
    "sides that differ": _match() + _parts("(SELECT id FROM bank_statement_lines WHERE amount = 7)", ENTRY_6),
    "an entry not of BANK": _match() + _parts(LINE_6, NO_BANK),
    "parts it did not announce": _match(lines=2) + _parts(LINE_6, ENTRY_6),
    "more than it announced": (
        "INSERT INTO bank_match_lines (id, match_id, line_id, is_living)"
        f" SELECT gen_random_uuid(), m.id, {LINE_6}, true FROM bank_matches m WHERE line_count = 1"
    ),
    "no parts at all": _match() + " SELECT * FROM made",
    "an unknown method": _match(method="MAGIC") + _parts(LINE_6, ENTRY_6),
    "more than certain": _match(confidence="1.1") + _parts(LINE_6, ENTRY_6),
    "signed by its maker": _match(extra="u.id") + _parts(LINE_6, ENTRY_6),
    "another reason": "UPDATE bank_matches SET reason = 'x'",
    "deleting a match": "DELETE FROM bank_matches",
    "deleting a part": "DELETE FROM bank_match_lines",
    "freeing a part": "UPDATE bank_match_lines SET is_living = false",
    "moving a part": f"UPDATE bank_match_entries SET entry_id = {ENTRY_6}",
    "a dead part": (
        "INSERT INTO bank_match_lines (id, match_id, line_id, is_living)"
        f" SELECT gen_random_uuid(), m.id, {LINE_6}, false FROM bank_matches m"
    ),
    "an approved proposal from nowhere": _proposal("APPROVED", "FEES"),
    "a fee borne by investors": _proposal("PROPOSED", "INVESTOR"),
}


class TestTheDatabase:
    @pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS.keys())
    def test_refuses(self, attack: str, sides: Sides) -> None:
        [line, _, _], [entry, _] = sides.state(500, 600, 700), sides.book("5.00", "6.00")
        sides.match([line], [entry])
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(attack)
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")

    def test_takes_what_is_right(self, sides: Sides) -> None:
        """The attacks fail for what is wrong with them, not for how they are written."""
        sides.state(500, 600), sides.book("5.00", "6.00")
        with connection.cursor() as cursor:
            cursor.execute(_match() + _parts(LINE_6, ENTRY_6))
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        assert BankMatch.objects.get().match_lines.get().line.amount == 6

    @pytest.mark.parametrize("what", ["a reversal", "twice"])
    def test_refuses_to_undo(self, what: str, sides: Sides, at: datetime) -> None:
        match = sides.match(sides.state(500), sides.book("5.00"))
        undone = bank_matches.undo(match, reason="Wrong payer", by=sides.operator, at=at)
        with pytest.raises(DatabaseError), transaction.atomic():
            BankMatch.objects.create(
                escrow_account=sides.escrow, method="REVERSAL", confidence=1, reason="r", line_count=0, entry_count=0,
                made_by=sides.operator, reverses=undone if what == "a reversal" else match,
            )  # fmt: skip
