"""Distributions in the portal: one's own only, once approved, explained to the cent."""

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal

from django.test import Client
from django.urls import reverse

from distributions.models import Distribution, DistributionAllocation
from distributions.operations import distributions
from distributions.queries import investor_distributions
from escrow.operations import closings
from finance.operations import transactions
from finance.operations.orders import Order
from realco.business_days import banking_date
from realco.models import User
from tests import factories
from tests.stages import staged

LIST = "portal:distributions"
D = Decimal


@staged
def submitted(investor: User, operator: User, approver: User, at: datetime) -> Distribution:
    """A distribution of 2,000 from an offering of two investors, waiting for its approval."""
    other = factories.make_investor("Olaf Other", verifier=operator, at=at)
    past = at - timedelta(days=60)
    offering = factories.make_offering(operator=operator, at=past)
    escrow = factories.make_escrow(offering, operator=operator, at=past)
    factories.fund(investor, escrow, "10000", at=past)
    factories.fund(other, escrow, "30000", at=past)
    closed = past + timedelta(days=30)
    factories.close(closings.propose(escrow, by=operator, at=closed), approver=approver, at=closed)
    offering.refresh_from_db()
    order = Order(
        type="ESCROW_DEPOSIT",
        payment_method="WIRE",
        amount=D("2500.00"),
        escrow_account_id=escrow.pk,
        from_user_id=offering.organization.owner_id,
    )
    income = transactions.initiate(order, initiator=operator, idempotency_key="income", at=closed)
    factories.play(income, at=closed)
    factories.make_terms(offering, template="original_four_tiers", effective_from=past.date(), by=operator, at=at)
    drawn = distributions.create(
        offering,
        type="PROFIT_SPLIT",
        total_amount=D("2000.00"),
        as_of_date=banking_date(at),
        creator=operator,
        idempotency_key="first",
        at=at,
    )
    distributions.calculate(drawn, by=operator, at=at)
    return distributions.submit(drawn, by=operator, at=at)


@staged
def approved(submitted: Distribution, approver: User, at: datetime) -> Distribution:
    return distributions.approve(submitted, approver=approver, content_hash=submitted.content_hash, at=at)


@staged
def allocation(approved: Distribution, investor: User) -> DistributionAllocation:
    return approved.allocations.get(investor=investor)


class TestDistributions:
    def test_shows_none_before_it_is_approved(self, portal: Client, submitted: Distribution) -> None:
        page = portal.get(reverse(LIST)).text

        assert submitted.distribution_number not in page
        assert "No offering has distributed anything to you yet" in page

    def test_shows_ones_part_once_it_is(
        self, portal: Client, approved: Distribution, allocation: DistributionAllocation
    ) -> None:
        page = portal.get(reverse(LIST)).text

        assert approved.distribution_number in page
        assert f"${allocation.net_amount:,.2f}" in page

    def test_leaves_out_everybody_elses(self, approved: Distribution, sign_in: Callable[[User], Client]) -> None:
        page = sign_in(factories.make_user("Nell Newcomer")).get(reverse(LIST)).text

        assert approved.distribution_number not in page


class TestDistribution:
    def url(self, allocation: DistributionAllocation) -> str:
        return reverse("portal:distribution", kwargs={"allocation_id": allocation.pk})

    def test_explains_each_tier_to_the_cent(self, portal: Client, allocation: DistributionAllocation) -> None:
        page = portal.get(self.url(allocation))

        assert page.status_code == 200
        for tier in investor_distributions.tiers(allocation):
            assert tier.title in page.text
            assert f"${tier.yours:,.2f}" in page.text

    def test_has_tiers_that_add_up(self, allocation: DistributionAllocation) -> None:
        tiers = investor_distributions.tiers(allocation)

        assert len(tiers) == 4
        assert sum(tier.yours for tier in tiers) == allocation.total_amount
        assert sum(tier.took for tier in tiers) == allocation.distribution.net_amount
        assert all(tier.took == tier.to_investors + tier.to_sponsor for tier in tiers)

    def test_says_where_it_leaves_the_investor(self, allocation: DistributionAllocation) -> None:
        found = investor_distributions.standing(allocation)

        assert found is not None
        assert found.unreturned_before - found.unreturned_after == allocation.return_of_capital
        assert found.preferred_owed_before - found.preferred_owed_after == allocation.preferred_return

    def test_is_not_found_for_another_investor(
        self, allocation: DistributionAllocation, approved: Distribution, sign_in: Callable[[User], Client]
    ) -> None:
        other = approved.allocations.exclude(investor=allocation.investor).exclude(investment=None).get().investor

        assert sign_in(other).get(self.url(allocation)).status_code == 404

    def test_is_not_found_before_it_is_approved(self, portal: Client, submitted: Distribution, investor: User) -> None:
        assert portal.get(self.url(submitted.allocations.get(investor=investor))).status_code == 404
