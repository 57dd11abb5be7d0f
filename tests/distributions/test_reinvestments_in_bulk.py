"""Reinvestments among many payments: what waits holds up nobody else."""

from decimal import Decimal

import pytest

from escrow.operations import escrow_accounts
from finance import tasks
from finance.models import Transaction
from finance.operations import transactions
from finance.operations.orders import Order
from realco import clock
from realco.models import User
from tests import factories
from tests.distributions.reinvesting import Scene, execute, make_scene, outbound_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def scene() -> Scene:
    return make_scene(at=clock.now())


def deposit(scene: Scene, payer: User) -> Transaction:
    order = Order(
        type="DEPOSIT",
        payment_method="ACH",
        amount=Decimal("1000.00"),
        escrow_account_id=scene.target_escrow.pk,
        from_user_id=payer.pk,
        from_bank_account_id=payer.bank_accounts.get().pk,
    )
    return transactions.initiate(order, initiator=payer, idempotency_key="in", at=clock.now())


class TestSweepQueued:
    def test_movements_of_a_frozen_source_take_nobody_elses_turn(
        self, scene: Scene, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        scene.elect()
        scene.elect(of=1)
        allocation = execute(scene)
        officer = factories.make_user("Carl Compliance", "Compliance", is_staff=True)
        source = escrow_accounts.freeze(scene.deal.escrow, by=officer, reason="A court order", at=clock.now())
        monkeypatch.setattr(tasks, "TOGETHER", 2)
        payment = deposit(scene, scene.deal.investors[2])

        assert tasks.sweep_queued() == 1
        assert Transaction.objects.get(pk=payment.pk).status == "PENDING_SETTLEMENT"
        assert outbound_of(allocation).status == "QUEUED"

        escrow_accounts.unfreeze(source, by=officer, reason="Lifted", at=clock.now())
        assert tasks.sweep_queued() == 2
        assert outbound_of(allocation).status == "COMPLETED"
