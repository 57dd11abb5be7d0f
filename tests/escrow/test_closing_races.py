"""Closings against what else happens at the same moment: cancellations, holds, other signatures, commitments."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from decimal import Decimal

import pytest
from django.db import DatabaseError, connection, transaction
from django.db.models import Sum

from escrow import books
from escrow.models import Closing, Investment, JournalEntry, LedgerAccount
from escrow.operations import holds, investments
from escrow.operations.closings import ApproverHasSigned, ClosingNotProposed, FiguresChanged
from escrow.operations.investments import InvestmentNotPending
from escrow.operations.ledger import InsufficientFunds
from escrow.queries.balances import balance
from realco.models import Offering, User
from tests import factories
from tests.conftest import close_connections
from tests.escrow.raises import Raise, open_raise

Kind = LedgerAccount.Kind
D = Decimal
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def deal(operator: User, approver: User, second_approver: User, at: datetime) -> Raise:
    return open_raise(operator, approver, second_approver, at=at, exemption=Offering.Exemption.REG_D_506C)


def at_once(*tasks: Callable[[], object], refusals: tuple[type[Exception], ...]) -> list[str]:
    """Run tasks side by side on connections of their own, and say of each whether it was done or refused."""

    def work(task: Callable[[], object]) -> str:
        try:
            task()
        except refusals as refusal:
            return type(refusal).__name__
        finally:
            close_connections()
        return "done"

    with ThreadPoolExecutor(len(tasks)) as pool:
        return list(pool.map(work, tasks))


class TestSignatures:
    def test_of_many_people_at_once_execute_once(self, deal: Raise, at: datetime) -> None:
        deal.invest("Ann", "1000", "1000")
        closing = deal.propose(at=at)
        people = [factories.make_user(f"Signer {n}", "Approvers", is_staff=True) for n in range(8)]
        signing = [lambda person=person: deal.sign(closing, person, at=at) for person in people]
        outcomes = at_once(*signing, refusals=(ClosingNotProposed, ApproverHasSigned))
        assert sorted(outcomes) == ["ClosingNotProposed"] * 6 + ["done"] * 2
        assert closing.approvals.count() == 2
        assert JournalEntry.objects.filter(event="RELEASE").count() == 1
        assert balance(deal.escrow.pk, Kind.OFFERING) == D("1000.00")
        assert books.check() == []


class TestACancellation:
    @pytest.mark.parametrize("turn", range(4))
    def test_and_a_closing_never_both_have_the_money(self, turn: int, deal: Raise, at: datetime) -> None:
        deal.invest("Ann", "1000", "1000")
        ben = deal.invest("Ben", "500", "500")
        closing = deal.sign(deal.propose(at=at), deal.approver, at=at)
        investment = Investment.objects.get(investor=ben)
        tasks = [
            lambda: deal.sign(closing, deal.second_approver, at=at),
            lambda: investments.cancel(investment, by=ben, reason="no", at=at),
        ]
        outcomes = at_once(*(tasks if turn % 2 else tasks[::-1]), refusals=(FiguresChanged, InvestmentNotPending))

        investment.refresh_from_db()
        assert sorted(outcomes) in (["FiguresChanged", "done"], ["InvestmentNotPending", "done"])
        is_released = Closing.objects.get().status == "EXECUTED"
        assert investment.status == ("ACTIVE" if is_released else "CANCELLED")
        assert balance(deal.escrow.pk, Kind.INVESTOR, ben.pk) == (D("0.00") if is_released else D("500.00"))
        assert balance(deal.escrow.pk, Kind.OFFERING) == (D("1500.00") if is_released else D("0.00"))


class TestAHold:
    @pytest.mark.parametrize("turn", range(2))
    def test_and_a_closing_never_both_have_the_money(self, turn: int, deal: Raise, at: datetime) -> None:
        ann = deal.invest("Ann", "1500", "1500")
        closing = deal.sign(deal.propose(at=at), deal.approver, at=at)
        tasks = [
            lambda: deal.sign(closing, deal.second_approver, at=at),
            lambda: holds.place(deal.escrow, investor=ann, amount=D("200"), reason="x", by=None, at=at, reference="h"),
        ]
        outcomes = at_once(*(tasks if turn else tasks[::-1]), refusals=(FiguresChanged, InsufficientFunds))
        assert outcomes.count("done") == 1
        released, held = balance(deal.escrow.pk, Kind.OFFERING), balance(deal.escrow.pk, Kind.HELD, ann.pk)
        assert (released, held) in ((D("1500.00"), D("0.00")), (D("0.00"), D("200.00")))


class TestCommitments:
    def test_by_raw_sql_at_once_stay_below_the_maximum(self, deal: Raise, at: datetime) -> None:
        """Each sees only its own row until the other commits; the offering's lock makes the second look again."""
        deal.commit(factories.make_user("Ann"), "4000", at=at)
        people = [factories.make_user(f"Investor {n}") for n in range(6)]
        sql = (
            "INSERT INTO investments SELECT (jsonb_populate_record(i, jsonb_build_object('id', gen_random_uuid(),"
            " 'investor_id', %s::text, 'investment_amount', 300))).* FROM investments i LIMIT 1"
        )

        def insert(person: User) -> None:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(sql, [person.pk])
                cursor.execute("SELECT pg_sleep(0.05)")

        outcomes = at_once(*(lambda person=person: insert(person) for person in people), refusals=(DatabaseError,))
        total = Investment.objects.aggregate(all=Sum("investment_amount"))["all"]
        assert outcomes.count("done") == 3
        assert total == D("4900.00") <= deal.offering.maximum_amount
