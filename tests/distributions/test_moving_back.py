"""Moving a reinvestment back while something changes: only from open accounts, and only what is held for it."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import DatabaseError, transaction

from distributions.models import Distribution, DistributionAllocation, Reinvestment
from distributions.operations import reinvestment_movements, sweeps
from escrow import books
from escrow.models import EscrowAccount, Hold
from escrow.operations import escrow_accounts, holds
from escrow.operations.escrow_accounts import EscrowNotEmpty
from escrow.operations.ledger import EscrowNotOpen
from finance.gateways import sandbox_bank
from finance.models import SandboxStatementLine
from finance.operations import internal_returns
from finance.operations.internal_returns import NotHeld
from realco.errors import ProviderUnavailable
from realco.models import User
from tests import factories
from tests.distributions.deals import NOW, arrive, standing
from tests.distributions.reinvesting import Scene, execute, make_scene, move, outbound_of, row_of
from tests.stages import staged

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
LATER = NOW + timedelta(minutes=5)


@staged
def scene() -> Scene:
    return make_scene()


def done(scene: Scene) -> DistributionAllocation:
    """An allocation all of which is reinvested."""
    scene.elect()
    allocation = execute(scene)
    move(allocation)
    return allocation


def asked(scene: Scene, allocation: DistributionAllocation, monkeypatch: pytest.MonkeyPatch) -> Reinvestment:
    """A reversal that was asked for while the bank did not answer."""

    def silent(*_: Any, **__: Any) -> Any:
        raise ProviderUnavailable("The bank does not answer.")

    with monkeypatch.context() as patched:
        patched.setattr(sandbox_bank, "move_back", silent)
        row = row_of(allocation)
        row = reinvestment_movements.reverse(row, by=scene.deal.operator, reason="By mistake", at=NOW)
    assert (row.status, row.reversal_asked_at) == ("DONE", NOW)
    return row


def compliance() -> User:
    return factories.make_user("Carl Compliance", "Compliance", is_staff=True)


def is_moved_back(allocation: DistributionAllocation) -> bool:
    at_bank = SandboxStatementLine.objects.filter(amount=-row_of(allocation).amount).count()
    is_reversed = bool(outbound_of(allocation).status == "REVERSED")
    assert is_reversed == (row_of(allocation).status == "REVERSED") == (at_bank == 2)
    return is_reversed


class TestFrozen:
    @pytest.mark.parametrize("which", ["source", "target"])
    def test_waits_until_it_is_unfrozen(self, scene: Scene, which: str, monkeypatch: pytest.MonkeyPatch) -> None:
        allocation = done(scene)
        asked(scene, allocation, monkeypatch)
        account = scene.target_escrow if which == "target" else scene.deal.escrow
        officer = compliance()
        account = escrow_accounts.freeze(account, by=officer, reason="A court order", at=NOW)

        sweeps.sweep(at=LATER)
        assert not is_moved_back(allocation)
        assert scene.held("HELD") == allocation.net_amount

        escrow_accounts.unfreeze(account, by=officer, reason="Lifted", at=LATER)
        sweeps.sweep(at=LATER)
        assert is_moved_back(allocation)
        assert books.check([scene.deal.escrow.pk, scene.target_escrow.pk]) == []


class TestClosing:
    def emptied(self, scene: Scene) -> DistributionAllocation:
        """The allocation of a distribution that has paid out all there was, and is over."""
        scene.elect("AMOUNT", amount=Decimal("4000.00"))
        allocation = execute(scene, "1000000.00")
        move(allocation)
        for row in standing(Distribution.objects.get()):
            arrive(row)
        allocation.refresh_from_db()
        return allocation

    def test_waits_for_what_comes_back(self, scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
        allocation = self.emptied(scene)
        asked(scene, allocation, monkeypatch)

        with pytest.raises(EscrowNotEmpty, match="given a reinvestment back"):
            escrow_accounts.close(scene.deal.escrow, by=scene.deal.operator, reason="Sold", at=LATER)

        sweeps.sweep(at=LATER)
        assert is_moved_back(allocation)

    def test_nothing_is_asked_back_into_a_closed_account(self, scene: Scene) -> None:
        allocation = self.emptied(scene)
        escrow_accounts.close(scene.deal.escrow, by=scene.deal.operator, reason="Sold", at=NOW)

        with pytest.raises(EscrowNotOpen):
            internal_returns.hold_for_return(outbound_of(allocation).pk, reason="By mistake", at=NOW)

        assert EscrowAccount.objects.get(pk=scene.deal.escrow.pk).status == "CLOSED"
        assert scene.held("HELD") == 0

    def test_the_database_waits_for_what_comes_back_too(self, scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
        asked(scene, self.emptied(scene), monkeypatch)

        with pytest.raises(DatabaseError, match="given a reinvestment back"), transaction.atomic():
            EscrowAccount.objects.filter(pk=scene.deal.escrow.pk).update(status="CLOSED", closed_at=LATER)

    def test_the_database_asks_nothing_back_into_a_closed_account(self, scene: Scene) -> None:
        allocation = self.emptied(scene)
        escrow_accounts.close(scene.deal.escrow, by=scene.deal.operator, reason="Sold", at=NOW)

        with pytest.raises(DatabaseError, match="nothing is moved back"), transaction.atomic():
            Reinvestment.objects.filter(allocation=allocation).update(
                reversal_asked_at=NOW, reversal_asked_by=scene.deal.operator, reversal_reason="By mistake"
            )


class TestHeld:
    def test_nobody_frees_what_is_being_moved_back(self, scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
        allocation = done(scene)
        asked(scene, allocation, monkeypatch)

        for amount in (None, Decimal("1.00")):
            with pytest.raises(holds.HoldOfMovement):
                holds.release(Hold.objects.get(), by=compliance(), reason="A friend asked", at=NOW, amount=amount)

        assert scene.held("HELD") == allocation.net_amount

    def test_what_was_freed_in_part_is_held_anew_before_the_bank_is_asked(
        self, scene: Scene, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        allocation = done(scene)
        row = asked(scene, allocation, monkeypatch)
        holds.release(Hold.objects.get(), by=None, reason="By a rule", at=NOW, amount=Decimal("1000.00"))
        with pytest.raises(NotHeld):
            internal_returns.move_back(outbound_of(allocation).pk, reason="By mistake", at=LATER)
        assert not is_moved_back(allocation)

        reinvestment_movements.reverse(row, by=scene.deal.operator, reason="By mistake", at=LATER)

        assert is_moved_back(allocation)
        assert scene.held() == scene.held("HELD") == 0
        assert books.check([scene.deal.escrow.pk, scene.target_escrow.pk]) == []
