"""Reinvestments among many payments: what waits holds up nobody else."""

from decimal import Decimal

import pytest
from django.db import connection

from compliance.operations import profiles
from distributions.models import Distribution, Reinvestment
from distributions.operations import payouts
from escrow.operations import escrow_accounts
from finance import tasks
from finance.models import Transaction
from finance.operations import transactions
from finance.operations.orders import Order
from realco import clock
from realco.business_days import banking_date
from realco.models import User
from tests import factories
from tests.distributions.reinvesting import Scene, execute, make_scene, outbound_of
from tests.faults.test_db_waiting import somebody_holds
from tests.stages import staged

pytestmark = pytest.mark.django_db


@staged
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


class TestPaying:
    def queued(self, scene: Scene, monkeypatch: pytest.MonkeyPatch) -> Distribution:
        """A distribution that was executed and that no worker has begun to pay; all three reinvest."""
        for of in range(3):
            scene.elect("AMOUNT", of=of, amount=Decimal("1000.00"))
        approved = scene.deal.approve("30000.00", on=banking_date(scene.at), at=scene.at)
        with monkeypatch.context() as patched:
            patched.setattr(payouts, "CHUNK", 0)
            patched.setattr(payouts, "PAYERS", 0)
            return payouts.hand_over(approved, executor=scene.deal.operator, at=scene.at)

    def test_a_few_reinvestments_are_made_at_a_time(self, scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
        distribution = self.queued(scene, monkeypatch)
        monkeypatch.setattr(payouts, "MOVED_TOGETHER", 2)
        moving = Reinvestment.objects.filter(status="MOVING")

        assert payouts.pay_some(distribution.pk, at=scene.at)[0] >= 2
        assert moving.count() == 2
        assert payouts.go_on(distribution.pk, at=scene.at) >= 1
        assert moving.count() == 3

    def test_so_are_those_of_payees_who_waited(self, scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
        distribution = self.queued(scene, monkeypatch)
        officer = factories.make_user("Carl Compliance", "Compliance", is_staff=True)
        people = [investor.investor_profile for investor in scene.deal.investors[:3]]
        for profile in people:
            profiles.restrict(profile, by=officer, reason="A court order", at=scene.at)
        payouts.go_on(distribution.pk, at=scene.at)
        for profile in people:
            profiles.lift(profile, by=officer, reason="Lifted", at=scene.at)
        monkeypatch.setattr(payouts, "MOVED_TOGETHER", 2)

        payouts.pay_waiting(distribution.pk, at=scene.at)

        assert Reinvestment.objects.filter(status="MOVING").count() == 3
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM reinvestments GROUP BY xmin::text ORDER BY 1")
            assert cursor.fetchall() == [(1,), (2,)]  # So many in each transaction that wrote them.

    @pytest.mark.django_db(transaction=True)
    def test_whoever_holds_the_raise_is_not_waited_for_by_a_worker(
        self, scene: Scene, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        distribution = self.queued(scene, monkeypatch)

        with somebody_holds(f"SELECT FROM offerings WHERE id = '{scene.target.pk}' FOR NO KEY UPDATE"):
            assert payouts.go_on(distribution.pk, at=scene.at) == 0

        assert not Reinvestment.objects.exclude(status="PLANNED").exists()
        payouts.go_on(distribution.pk, at=scene.at)
        assert Reinvestment.objects.filter(status="MOVING").count() == 3
