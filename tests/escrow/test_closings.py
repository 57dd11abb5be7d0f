"""Closings: proposed by one, signed by another over unchanged figures, released in one batch."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from django.db import DatabaseError, connection, transaction
from django.db.models import Sum

from escrow import books
from escrow.models import Closing, EscrowAccount, Investment, JournalEntry, LedgerAccount
from escrow.operations import closings, escrow_accounts, holds, investments, reconciliations, statements
from escrow.operations.closings import (
    ApproverHasSigned,
    ApproverIsProposer,
    BooksNotReconciled,
    ClosingAlreadyProposed,
    ClosingNotProposed,
    FiguresChanged,
    MinimumNotReached,
    NothingToRelease,
    OfferingNotClosing,
)
from escrow.operations.ledger import EscrowNotOpen
from escrow.queries import closings as query
from escrow.queries.balances import balance
from realco.errors import NotPermitted
from realco.models import AuditEvent, User
from realco.operations import offerings
from tests import factories
from tests.conftest import close_connections
from tests.escrow.money import TUESDAY, Day, arrive, statement

Kind = LedgerAccount.Kind
D = Decimal
Invest = Callable[..., User]


@pytest.fixture
def invest(escrow: EscrowAccount, at: datetime) -> Invest:
    """Somebody who has committed an amount, and of whom another amount has cleared."""
    return investor_of(escrow, at)


def investor_of(escrow: EscrowAccount, at: datetime) -> Invest:
    def investing(name: str, committed: str, cleared: str) -> User:
        person = factories.make_user(name)
        factories.make_profile(person, at)
        investments.commit(escrow.offering, investor=person, amount=D(committed), by=person, at=at)
        arrive(escrow, person, cleared, reference=f"SBX-{name}", at=at)
        return person

    return investing


def sign(closing: Closing, person: User, at: datetime) -> Closing:
    return closings.approve(closing, approver=person, content_hash=closing.content_hash, at=at)


class TestPropose:
    def test_lists_what_each_investor_has_cleared(
        self, escrow: EscrowAccount, invest: Invest, operator: User, at: datetime
    ) -> None:
        ann, ben = invest("Ann", "700", "700"), invest("Ben", "600", "550.25")
        closing = closings.propose(escrow, by=operator, at=at)
        assert closing.figures == {str(ann.pk): "700.00", str(ben.pk): "550.25"}
        assert (closing.total_amount, closing.status) == (D("1250.25"), "PROPOSED")
        assert len(closing.content_hash) == 64
        assert balance(escrow.pk, Kind.OFFERING) == 0

    def test_takes_no_more_than_was_committed_and_nothing_uncommitted(
        self, escrow: EscrowAccount, invest: Invest, operator: User, at: datetime
    ) -> None:
        ann = invest("Ann", "1000", "1200")
        arrive(escrow, factories.make_user("Passer-by"), "400", reference="SBX-p", at=at)
        assert closings.propose(escrow, by=operator, at=at).figures == {str(ann.pk): "1000.00"}

    def test_refuses_below_the_minimum_by_a_cent(
        self, escrow: EscrowAccount, invest: Invest, operator: User, at: datetime
    ) -> None:
        invest("Ann", "1000", "999.99")
        with pytest.raises(MinimumNotReached, match=r"\$999\.99 has cleared of the \$1,000\.00"):
            closings.propose(escrow, by=operator, at=at)
        assert not Closing.objects.exists()

    def test_refuses_when_nothing_has_cleared(self, escrow: EscrowAccount, operator: User, at: datetime) -> None:
        with pytest.raises(NothingToRelease):
            closings.propose(escrow, by=operator, at=at)

    def test_refuses_a_second_proposal(
        self, escrow: EscrowAccount, invest: Invest, operator: User, at: datetime
    ) -> None:
        invest("Ann", "1000", "1000")
        closings.propose(escrow, by=operator, at=at)
        with pytest.raises(ClosingAlreadyProposed):
            closings.propose(escrow, by=operator, at=at)

    def test_refuses_who_may_not(self, escrow: EscrowAccount, invest: Invest, approver: User, at: datetime) -> None:
        invest("Ann", "1000", "1000")
        with pytest.raises(NotPermitted):
            closings.propose(escrow, by=approver, at=at)

    def test_refuses_a_frozen_account(
        self, escrow: EscrowAccount, invest: Invest, operator: User, compliance_officer: User, at: datetime
    ) -> None:
        invest("Ann", "1000", "1000")
        escrow_accounts.freeze(escrow, by=compliance_officer, reason="order", at=at)
        with pytest.raises(EscrowNotOpen):
            closings.propose(escrow, by=operator, at=at)

    def test_refuses_an_offering_that_operates(
        self, escrow: EscrowAccount, invest: Invest, operator: User, approver: User, at: datetime
    ) -> None:
        invest("Ann", "2000", "1000")
        factories.close(closings.propose(escrow, by=operator, at=at), approver=approver, at=at)
        escrow.offering.refresh_from_db()
        offerings.begin_operating(escrow.offering, by=operator, at=at)
        with pytest.raises(OfferingNotClosing):
            closings.propose(escrow, by=operator, at=at)

    def test_refuses_on_books_that_do_not_reconcile(
        self, escrow: EscrowAccount, invest: Invest, operator: User, at: datetime
    ) -> None:
        invest("Ann", "1000", "1000")
        stated = statement(escrow.external_account_id, Day(TUESDAY, 0))
        statements.import_bai2(stated, file_name="a.bai2", by=operator, at=at)
        reconciliations.reconcile(escrow, as_of=TUESDAY, by=operator, at=at)
        with pytest.raises(BooksNotReconciled):
            closings.propose(escrow, by=operator, at=at)


class TestApprove:
    def test_the_first_signature_moves_nothing(
        self, escrow: EscrowAccount, invest: Invest, operator: User, approver: User, at: datetime
    ) -> None:
        invest("Ann", "1000", "1000")
        signed = sign(closings.propose(escrow, by=operator, at=at), approver, at)
        assert (signed.status, signed.approvals.get().approver) == ("PROPOSED", approver)
        assert balance(escrow.pk, Kind.OFFERING) == 0

    def test_refuses_a_second_signature_of_the_same_person(
        self, escrow: EscrowAccount, invest: Invest, operator: User, approver: User, at: datetime
    ) -> None:
        invest("Ann", "1000", "1000")
        closing = sign(closings.propose(escrow, by=operator, at=at), approver, at)
        with pytest.raises(ApproverHasSigned):
            sign(closing, approver, at)
        assert balance(escrow.pk, Kind.OFFERING) == 0

    def test_refuses_a_signature_over_other_figures(
        self, escrow: EscrowAccount, invest: Invest, operator: User, approver: User, at: datetime
    ) -> None:
        invest("Ann", "1000", "1000")
        closing = closings.propose(escrow, by=operator, at=at)
        with pytest.raises(FiguresChanged, match="not the figures that were proposed"):
            closings.approve(closing, approver=approver, content_hash="0" * 64, at=at)

    def test_releases_each_investor_s_money_to_the_offering(
        self,
        escrow: EscrowAccount,
        invest: Invest,
        operator: User,
        approver: User,
        second_approver: User,
        at: datetime,
    ) -> None:
        ann, ben = invest("Ann", "1000", "1000"), invest("Ben", "500", "500")
        closing = closings.propose(escrow, by=operator, at=at)

        done = sign(sign(closing, second_approver, at), approver, at)

        assert (done.status, done.approved_by, done.executed_at) == ("EXECUTED", approver, at)
        assert balance(escrow.pk, Kind.OFFERING) == D("1500.00")
        assert [balance(escrow.pk, Kind.INVESTOR, person.pk) for person in (ann, ben)] == [D(0), D(0)]
        references = set(JournalEntry.objects.filter(event="RELEASE").values_list("reference", flat=True))
        assert references == {f"closing:{closing.pk}:{person.pk}" for person in (ann, ben)}
        rows = {row.investor: row for row in Investment.objects.select_related("investor")}
        assert {(row.status, row.funded_at) for row in rows.values()} == {("ACTIVE", at)}
        assert (rows[ann].funded_amount, rows[ann].current_balance) == (D("1000.00"), D("1000.00"))
        assert rows[ann].ownership_percentage == D("66.666667")
        assert rows[ben].ownership_percentage == D("33.333333")
        escrow.offering.refresh_from_db()
        assert (escrow.offering.status, escrow.offering.funded_at) == ("FUNDED", at)
        assert books.check() == []
        assert AuditEvent.objects.filter(action="closing.execute", entity_type="investments").count() == 2

    def test_refuses_the_proposer(self, escrow: EscrowAccount, invest: Invest, operator: User, at: datetime) -> None:
        invest("Ann", "1000", "1000")
        operator.is_superuser = True
        operator.save()
        closing = closings.propose(escrow, by=operator, at=at)
        with pytest.raises(ApproverIsProposer):
            sign(closing, operator, at)

    def test_refuses_who_may_not(
        self, escrow: EscrowAccount, invest: Invest, operator: User, compliance_officer: User, at: datetime
    ) -> None:
        invest("Ann", "1000", "1000")
        closing = closings.propose(escrow, by=operator, at=at)
        with pytest.raises(NotPermitted):
            factories.close(closing, approver=compliance_officer, at=at)

    def test_refuses_figures_that_have_changed_and_says_which(
        self, escrow: EscrowAccount, invest: Invest, operator: User, approver: User, at: datetime
    ) -> None:
        ann = invest("Ann", "2000", "1000")
        closing = closings.propose(escrow, by=operator, at=at)
        arrive(escrow, ann, "0.01", reference="SBX-more", at=at)
        with pytest.raises(FiguresChanged, match=r"Ann \$1,000\.00 → \$1,000\.01") as caught:
            factories.close(closing, approver=approver, at=at)
        assert caught.value.details["changed"] == {str(ann.pk): {"proposed": "1000.00", "now": "1000.01"}}
        closing.refresh_from_db()
        assert closing.status == "PROPOSED"
        assert balance(escrow.pk, Kind.OFFERING) == 0

    def test_refuses_money_that_was_held_meanwhile(
        self, escrow: EscrowAccount, invest: Invest, operator: User, approver: User, at: datetime
    ) -> None:
        ann = invest("Ann", "1500", "1500")
        closing = closings.propose(escrow, by=operator, at=at)
        holds.place(escrow, investor=ann, amount=D("1500"), reason="R10", by=None, at=at, reference="hold")
        with pytest.raises(FiguresChanged, match=r"Ann \$1,500\.00 → nothing"):
            factories.close(closing, approver=approver, at=at)

    def test_refuses_twice(
        self, escrow: EscrowAccount, invest: Invest, operator: User, approver: User, at: datetime
    ) -> None:
        invest("Ann", "1000", "1000")
        closing = closings.propose(escrow, by=operator, at=at)
        factories.close(closing, approver=approver, at=at)
        with pytest.raises(ClosingNotProposed):
            factories.close(closing, approver=approver, at=at)

    def test_closes_again_over_what_has_cleared_since(
        self, escrow: EscrowAccount, invest: Invest, operator: User, approver: User, at: datetime
    ) -> None:
        ann = invest("Ann", "3000", "1000")
        factories.close(closings.propose(escrow, by=operator, at=at), approver=approver, at=at)
        arrive(escrow, ann, "500", reference="SBX-late", at=at)
        ben = invest("Ben", "100", "100")
        later = at + timedelta(days=5)

        second = closings.propose(escrow, by=operator, at=later)
        factories.close(second, approver=approver, at=later)

        assert second.figures == {str(ann.pk): "500.00", str(ben.pk): "100.00"}
        rows = {row.investor_id: row for row in Investment.objects.all()}
        assert (rows[ann.pk].funded_amount, rows[ann.pk].funded_at) == (D("1500.00"), at)
        assert (rows[ben.pk].funded_amount, rows[ben.pk].funded_at) == (D("100.00"), later)
        assert query.funded_total(escrow.offering_id) == D("1600.00")

    def test_shares_of_the_whole_come_to_one_hundred(
        self, escrow: EscrowAccount, invest: Invest, operator: User, approver: User, at: datetime
    ) -> None:
        for number in range(7):
            invest(f"Investor {number}", "1000", "1000")
        factories.close(closings.propose(escrow, by=operator, at=at), approver=approver, at=at)
        assert Investment.objects.aggregate(all=Sum("ownership_percentage"))["all"] == D("100.000000")


class TestCancel:
    def test_lets_the_figures_be_proposed_anew(
        self, escrow: EscrowAccount, invest: Invest, operator: User, approver: User, at: datetime
    ) -> None:
        ann = invest("Ann", "2000", "1000")
        closing = closings.propose(escrow, by=operator, at=at)
        arrive(escrow, ann, "1", reference="SBX-more", at=at)
        cancelled = closings.cancel(closing, by=approver, reason="Ann sent more", at=at)
        assert (cancelled.status, cancelled.cancelled_reason) == ("CANCELLED", "Ann sent more")
        assert closings.propose(escrow, by=operator, at=at).total_amount == D("1001.00")
        with pytest.raises(ClosingNotProposed):
            closings.cancel(closing, by=operator, reason="again", at=at)


class TestProgress:
    def test_says_what_is_missing(self, escrow: EscrowAccount, invest: Invest, at: datetime) -> None:
        invest("Ann", "900", "400")
        found = query.progress(escrow, at=at)
        assert (found.committed, found.cleared, found.funded, found.missing) == (D(900), D(400), D(0), D(600))


@pytest.mark.django_db(transaction=True)
class TestAtOnce:
    def test_of_many_proposals_one_stands(self, escrow: EscrowAccount, operator: User, at: datetime) -> None:
        investor_of(escrow, at)("Ann", "1000", "1000")

        def propose(_: int) -> str:
            try:
                closings.propose(escrow, by=operator, at=at)
            except ClosingAlreadyProposed:
                return "refused"
            finally:
                close_connections()
            return "proposed"

        with ThreadPoolExecutor(8) as pool:
            assert sorted(pool.map(propose, range(8))) == ["proposed"] + ["refused"] * 7

    def test_of_many_signatures_one_releases(
        self, escrow: EscrowAccount, operator: User, approver: User, second_approver: User, at: datetime
    ) -> None:
        ann = investor_of(escrow, at)("Ann", "1000", "1000")
        closing = closings.propose(escrow, by=operator, at=at)

        def execute(number: int) -> str:
            try:
                done = sign(closing, (approver, second_approver)[number % 2], at)
            except (ClosingNotProposed, ApproverHasSigned):
                return "refused"
            finally:
                close_connections()
            return "executed" if done.status == "EXECUTED" else "signed"

        with ThreadPoolExecutor(8) as pool:
            assert sorted(pool.map(execute, range(8))) == ["executed"] + ["refused"] * 6 + ["signed"]
        assert balance(escrow.pk, Kind.OFFERING) == D("1000.00")
        assert Investment.objects.get(investor=ann).funded_amount == D("1000.00")

    def test_a_deposit_that_clears_meanwhile_voids_the_figures_or_comes_after(
        self, escrow: EscrowAccount, operator: User, approver: User, second_approver: User, at: datetime
    ) -> None:
        ann = investor_of(escrow, at)("Ann", "3000", "1000")
        closing = sign(closings.propose(escrow, by=operator, at=at), second_approver, at)

        def work(number: int) -> str:
            try:
                if number:
                    arrive(escrow, ann, "10", reference=f"SBX-{number}", at=at)
                    return "arrived"
                sign(closing, approver, at)
            except FiguresChanged:
                return "void"
            finally:
                close_connections()
            return "released"

        with ThreadPoolExecutor(6) as pool:
            outcomes = list(pool.map(work, range(6)))
        released = D("1000.00") if "released" in outcomes else D("0.00")
        assert outcomes.count("arrived") == 5
        assert balance(escrow.pk, Kind.OFFERING) == released
        assert balance(escrow.pk, Kind.INVESTOR, ann.pk) == D("1050.00") - released
        assert books.check() == []


ATTACKS = {
    "signing one's own proposal": (
        "UPDATE closings SET status = 'EXECUTED', approved_by_id = proposed_by_id, executed_at = now()"
    ),
    "executing without a signature": "UPDATE closings SET status = 'EXECUTED', executed_at = now()",
    "other figures": "UPDATE closings SET figures = '{}'",
    "another total": "UPDATE closings SET total_amount = 5",
    "another hash": "UPDATE closings SET content_hash = 'x'",
    "an unknown status": "UPDATE closings SET status = 'DONE'",
    "deleting it": "DELETE FROM closings",
    "a second proposal": (
        "INSERT INTO closings SELECT (jsonb_populate_record(c, jsonb_build_object('id', gen_random_uuid()))).*"
        " FROM closings c"
    ),
    "a closing that begins executed": (
        "INSERT INTO closings SELECT (jsonb_populate_record(c, jsonb_build_object('id', gen_random_uuid(),"
        " 'status', 'EXECUTED', 'executed_at', now()))).* FROM closings c"
    ),
}


class TestTheDatabase:
    @pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS.keys())
    def test_refuses(self, attack: str, escrow: EscrowAccount, invest: Invest, operator: User, at: datetime) -> None:
        invest("Ann", "1000", "1000")
        closings.propose(escrow, by=operator, at=at)
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(attack)

    def test_an_executed_closing_stays_executed(
        self, escrow: EscrowAccount, invest: Invest, operator: User, approver: User, at: datetime
    ) -> None:
        invest("Ann", "1000", "1000")
        factories.close(closings.propose(escrow, by=operator, at=at), approver=approver, at=at)
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("UPDATE closings SET status = 'CANCELLED'")
