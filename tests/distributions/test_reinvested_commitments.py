"""What a reinvestment commits to its target ends with it, and nothing that stands on other feet."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from distributions.operations import reinvestment_movements
from distributions.operations.capital_calls import Conditions
from escrow import books
from escrow.models import Investment
from escrow.operations import investments
from finance.models import Transaction
from finance.operations import internal_returns, movements, transactions
from realco.errors import Refusal
from tests import factories
from tests.distributions.calls import noticed
from tests.distributions.deals import NOW, Deal, close
from tests.distributions.reinvesting import Scene, execute, make_scene, move, outbound_of

pytestmark = [pytest.mark.django_db, pytest.mark.slow]


@pytest.fixture
def scene() -> Scene:
    scene = make_scene()
    scene.elect()
    return scene


def commit(scene: Scene, amount: str) -> None:
    investments.commit(scene.target, investor=scene.investor, amount=Decimal(amount), by=scene.investor, at=NOW)


def coming(scene: Scene) -> Transaction:
    """A deposit of 15,000 that was just queued; nobody has asked the bank for it."""
    return movements.read(outbound_of(execute(scene)).pk).coming


def give_up(payment: Transaction) -> None:
    assert payment.from_user is not None
    transactions.cancel(payment, by=payment.from_user, reason="I would rather have it", at=NOW)


def standing(scene: Scene) -> list[tuple[str, str]]:
    rows = Investment.objects.filter(offering=scene.target, investor=scene.investor).order_by("pk")
    return [(row.status, str(row.investment_amount)) for row in rows]


def target(scene: Scene) -> Deal:
    return replace(scene.deal, offering=scene.target, escrow=scene.target_escrow)


def test_all_of_it_ends_where_nothing_else_was_promised(scene: Scene) -> None:
    payment = coming(scene)
    assert standing(scene) == [("PENDING", "15000.00")]

    give_up(payment)

    assert standing(scene) == [("CANCELLED", "15000.00")]
    commit(scene, "2000.00")
    assert standing(scene)[1] == ("PENDING", "2000.00")


def test_when_the_bank_refuses() -> None:
    scene = make_scene(external_account_id="000900090007")
    scene.elect()
    move(execute(scene))

    assert standing(scene) == [("CANCELLED", "15000.00")]
    assert books.check() == []


def test_what_was_promised_before_stays(scene: Scene) -> None:
    commit(scene, "5000.00")
    payment = coming(scene)
    assert standing(scene) == [("PENDING", "15000.00")]

    give_up(payment)

    assert standing(scene) == [("PENDING", "5000.00")]
    [investment] = Investment.objects.filter(offering=scene.target)
    assert [row.amount for row in investment.commitments.order_by("committed_at", "pk")] == [5000, 10000, -10000]


def test_what_was_promised_for_more_than_it_stays_whole(scene: Scene) -> None:
    commit(scene, "40000.00")

    give_up(coming(scene))

    assert standing(scene) == [("PENDING", "40000.00")]


def test_what_another_deposit_brings_stays_committed(scene: Scene) -> None:
    payment = coming(scene)
    factories.deposit(scene.target_escrow, scene.investor, "8000.00", at=NOW)
    assert standing(scene) == [("PENDING", "23000.00")]

    give_up(payment)

    assert standing(scene) == [("PENDING", "8000.00")]


def test_it_ends_when_the_money_is_moved_back(scene: Scene) -> None:
    row = move(execute(scene))

    reinvestment_movements.reverse(row, by=scene.deal.operator, reason="By mistake", at=NOW)

    assert standing(scene) == [("CANCELLED", "15000.00")]
    assert books.check() == []


def test_what_was_released_stays_committed(scene: Scene) -> None:
    allocation = execute(scene)
    move(allocation)
    close(target(scene), at=NOW)

    internal_returns.record_returned(
        outbound_of(allocation).pk, code="R02", message="Moved back", effective_date=NOW.date(), at=NOW
    )

    assert standing(scene) == [("ACTIVE", "15000.00")]


def test_what_was_called_of_it_stays_committed(scene: Scene) -> None:
    move(execute(scene))
    close(target(scene), at=NOW)
    payment = coming(scene)
    assert standing(scene) == [("ACTIVE", "30000.00")]
    plan = Conditions(date(2025, 12, 31), date(2026, 1, 20), "A new roof")
    noticed(target(scene), "10000.00", plan=plan, at=NOW)

    give_up(payment)

    assert standing(scene) == [("ACTIVE", "25000.00")]


def test_of_any_other_deposit_it_stays(scene: Scene) -> None:
    payment = factories.deposit(scene.target_escrow, scene.investor, "8000.00", at=NOW)

    give_up(payment)

    assert standing(scene) == [("PENDING", "8000.00")]
    with pytest.raises(Refusal):
        give_up(payment)
