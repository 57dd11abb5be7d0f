"""A deal whose investors may reinvest into another offering, and how what they chose fares."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from distributions.models import Distribution, DistributionAllocation, Reinvestment, ReinvestmentElection
from distributions.operations import elections, payouts, reinvestment_movements
from distributions.queries import reinvestments as queries
from escrow.models import EscrowAccount, Investment, LedgerAccount
from escrow.queries.balances import balance
from finance.models import Transaction
from finance.operations import internal_transfers
from realco.business_days import banking_date
from realco.models import Offering, User
from tests import factories
from tests.distributions.deals import NOW, Deal, make_deal, standing


@dataclass
class Scene:
    """A deal with three investors, and another offering that raises money."""

    deal: Deal
    target: Offering
    target_escrow: EscrowAccount
    at: datetime = NOW

    @property
    def investor(self) -> User:
        return self.deal.investors[0]

    def elect(
        self, basis: str = "ALL", *, of: int = 0, at: datetime | None = None, **figure: Any
    ) -> ReinvestmentElection:
        investor = self.deal.investors[of]
        investment = Investment.objects.get(offering=self.deal.offering, investor=investor)
        return elections.elect(investment, target=self.target, basis=basis, by=investor, at=at or self.at, **figure)

    def allocation(self, distribution: Distribution, of: int = 0) -> DistributionAllocation:
        return next(row for row in standing(distribution) if row.investor_id == self.deal.investors[of].pk)

    def held(self, kind: str = "INVESTOR", of: int = 0) -> Decimal:
        """What the target holds of an investor's, US dollars."""
        return balance(self.target_escrow.pk, LedgerAccount.Kind(kind), self.deal.investors[of].pk)


def make_scene(*, external_account_id: str = "", at: datetime = NOW, **fields: object) -> Scene:
    deal = make_deal(at=at - timedelta(days=1095))
    deal.earn("1000000.00", at=at)
    target = factories.make_offering(operator=deal.operator, at=at, name="Oak Street", **fields)
    account = factories.make_escrow(target, operator=deal.operator, at=at, external_account_id=external_account_id)
    return Scene(deal, target, account, at)


def row_of(allocation: DistributionAllocation) -> Reinvestment:
    found = queries.of_allocation(allocation)
    assert found is not None
    return found


def outbound_of(allocation: DistributionAllocation) -> Transaction:
    found = row_of(allocation).outbound
    assert found is not None
    return found


def move(allocation: DistributionAllocation, *, at: datetime = NOW) -> Reinvestment:
    """Have the bank move what is being reinvested of an allocation, and follow it."""
    payment = outbound_of(allocation)
    internal_transfers.process(payment.pk, at=at)
    reinvestment_movements.follow(payment.pk, at=at)
    allocation.refresh_from_db()
    return row_of(allocation)


def execute(scene: Scene, amount: str = "30000.00") -> DistributionAllocation:
    """A distribution that is executed; the first investor's allocation of it."""
    approved = scene.deal.approve(amount, on=banking_date(scene.at), at=scene.at)
    distribution = payouts.execute(approved, executor=scene.deal.operator, at=scene.at)
    return scene.allocation(distribution)
