"""Write-offs of allocations part of which was reinvested, paid or remitted: what has left escrow stays as it is."""

from decimal import Decimal

import pytest
from django.db import DatabaseError, connection, transaction

from distributions.models import AllocationWriteOff, DistributionAllocation
from distributions.operations import reinvestment_movements, withholdings, write_offs
from distributions.operations.write_offs import NotWaiting, PartlyPaid, RemittanceUnderWay
from distributions.queries import deductions
from finance.models import Transaction
from finance.operations import bank_accounts, settlements, transactions
from tests import factories
from tests.distributions.deals import NOW, arrive
from tests.distributions.reinvesting import Scene, execute, make_scene, move
from tests.stages import staged

pytestmark = [pytest.mark.django_db, pytest.mark.slow]


@staged
def scene() -> Scene:
    return make_scene()


def propose(scene: Scene, row: DistributionAllocation) -> AllocationWriteOff:
    return write_offs.propose(row, reason="Nobody knows where she lives", by=scene.deal.operator, at=NOW)


def is_taken(scene: Scene, row: DistributionAllocation) -> bool:
    """Whether the database takes a proposed write-off that no operation has looked at."""
    try:
        with transaction.atomic():
            AllocationWriteOff.objects.create(
                allocation=row, amount=row.net_amount, reason="Gone", proposed_by=scene.deal.operator, created_at=NOW
            )
    except DatabaseError:
        return False
    return True


class TestReinvested:
    def test_is_refused_when_the_cash_part_has_arrived(self, scene: Scene) -> None:
        scene.elect("AMOUNT", amount=Decimal("4000.00"))
        row = execute(scene)
        reinvestment = move(row)
        arrive(row)
        reinvestment_movements.reverse(reinvestment, by=scene.deal.operator, reason="By mistake", at=NOW)
        row.refresh_from_db()
        assert row.status == "FAILED"

        with pytest.raises(PartlyPaid):
            propose(scene, row)

        assert not is_taken(scene, row)

    def test_is_possible_when_all_of_it_came_back(self, scene: Scene) -> None:
        scene.elect()
        row = execute(scene)
        reinvestment_movements.reverse(move(row), by=scene.deal.operator, reason="By mistake", at=NOW)
        row.refresh_from_db()

        write_offs.approve(propose(scene, row), approver=scene.deal.approver, at=NOW)

        connection.check_constraints()
        row.refresh_from_db()
        assert (row.status, row.written_off_at) == ("CANCELLED", NOW)

    def test_is_refused_while_a_part_is_moved_and_when_it_was(self, scene: Scene) -> None:
        scene.elect("AMOUNT", amount=Decimal("4000.00"))
        row = execute(scene)
        assert not is_taken(scene, row)
        for account in scene.investor.bank_accounts.all():
            bank_accounts.suspend(account, by=scene.deal.operator, reason="Mail came back", at=NOW)
        move(row)
        assert (row.status, row.waiting_since is not None) == ("PENDING", True)

        with pytest.raises(NotWaiting, match="reinvested"):
            propose(scene, row)

        assert not is_taken(scene, row)


class TestRemittedOff:
    @staged
    def row(self, scene: Scene) -> DistributionAllocation:
        """An allocation that waits, and something was withheld from it."""
        deal = scene.deal
        withholdings.set_rate(
            scene.investor, rate=Decimal("0.24"), reason="W-8BEN", effective_from=NOW.date(), by=deal.operator, at=NOW
        )
        for account in scene.investor.bank_accounts.all():
            bank_accounts.suspend(account, by=deal.operator, reason="Mail came back", at=NOW)
        row = execute(scene)
        assert (row.status, row.withholding_amount > 0) == ("PENDING", True)
        return row

    def remit(self, scene: Scene, row: DistributionAllocation) -> Transaction:
        account = scene.deal.offering.organization.bank_accounts.get()
        return withholdings.remit(
            row.distribution, kind="WITHHOLDING", bank_account=account, by=scene.deal.operator, at=NOW
        )

    def approve(self, scene: Scene, row: DistributionAllocation) -> AllocationWriteOff:
        found = AllocationWriteOff.objects.filter(allocation=row).first() or propose(scene, row)
        return write_offs.approve(found, approver=scene.deal.approver, at=NOW)

    def test_waits_while_the_remittance_is_only_asked_for(self, scene: Scene, row: DistributionAllocation) -> None:
        payment = self.remit(scene, row)
        with pytest.raises(RemittanceUnderWay):
            self.approve(scene, row)

        transactions.cancel(payment, by=scene.deal.operator, reason="Too early", at=NOW)

        assert not self.approve(scene, row).keeps_deductions
        assert deductions.deducted(row.distribution, "WITHHOLDING").taken_amount == 0

    def test_waits_while_the_remittance_may_be_tried_again(self, scene: Scene, row: DistributionAllocation) -> None:
        payment = transactions.approve(self.remit(scene, row), approver=scene.deal.approver, at=NOW)
        factories.play(payment, at=NOW, until="PENDING_SETTLEMENT")
        payment.refresh_from_db()
        settlements.record_failed(payment.attempt_key, code="R02", message="", effective_date=NOW.date(), at=NOW)

        with pytest.raises(RemittanceUnderWay):
            self.approve(scene, row)

    def test_keeps_what_has_left_escrow(self, scene: Scene, row: DistributionAllocation) -> None:
        payment = transactions.approve(self.remit(scene, row), approver=scene.deal.approver, at=NOW)
        factories.play(payment, at=NOW)

        assert self.approve(scene, row).keeps_deductions
