"""Fees and withholding: what is taken off an allocation, where it stays, and how it leaves."""

from datetime import timedelta
from decimal import Decimal

import pytest

from distributions.models import AllocationLine, WithholdingRate
from distributions.operations import distributions, withholdings
from distributions.operations.distributions import FeeTooHigh, NumbersChanged, ReasonMissing
from distributions.operations.withholdings import NotARate, NothingToRemit, OwnRate
from distributions.queries import distributions as queries
from escrow import books
from finance.models import FeeRule
from finance.operations import transactions
from realco.errors import NotPermitted
from realco.models import User
from tests import factories
from tests.distributions.deals import EXIT, FUNDED, NOW, Deal, make_deal, payment_of, standing
from tests.stages import staged

pytestmark = pytest.mark.django_db


@staged
def deal() -> Deal:
    deal = make_deal()
    deal.earn("1700000.00")
    return deal


def withhold(deal: Deal, investor: User, rate: str) -> WithholdingRate:
    return withholdings.set_rate(
        investor, rate=Decimal(rate), reason="Form W-8BEN", effective_from=EXIT, by=deal.operator, at=NOW
    )


def lines(deal: Deal, number: int) -> list[tuple[object, ...]]:
    rows = AllocationLine.objects.filter(allocation__investor=deal.investors[number])
    return [(row.kind, row.amount, row.base_amount) for row in rows.exclude(allocation__status="CANCELLED")]


class TestWithholding:
    def test_is_taken_of_income_and_not_of_capital(self, deal: Deal) -> None:
        withhold(deal, deal.investors[0], "0.24")

        [row] = [row for row in standing(deal.draw_up("1700000.00")) if row.investor == deal.investors[0]]

        income = row.preferred_return + row.profit_split
        assert [row.return_of_capital, income] == [500_000, 280_000]
        assert [row.withholding_amount, row.net_amount] == [67_200, 712_800]
        assert lines(deal, 0) == [("WITHHOLDING", 67_200, 280_000)]

    def test_pays_what_is_left(self, deal: Deal) -> None:
        withhold(deal, deal.investors[0], "0.24")

        row = standing(deal.execute("1000.00"))[0]

        assert [payment_of(row).amount, row.total_amount] == [380, 500]

    def test_stays_promised_until_it_is_remitted(self, deal: Deal) -> None:
        withhold(deal, deal.investors[0], "0.24")
        distribution = deal.pay("1000.00")
        assert queries.available(deal.escrow.pk) == 1_699_000

        account = deal.offering.organization.bank_accounts.get()
        payment = withholdings.remit(distribution, kind="WITHHOLDING", bank_account=account, by=deal.operator, at=NOW)
        assert (str(payment.amount), payment.status) == ("120.00", "PENDING_APPROVAL")
        assert queries.available(deal.escrow.pk) == 1_699_000
        with pytest.raises(NothingToRemit):
            withholdings.remit(distribution, kind="WITHHOLDING", bank_account=account, by=deal.operator, at=NOW)

        factories.play(transactions.approve(payment, approver=deal.approver, at=NOW), at=NOW)

        assert queries.available(deal.escrow.pk) == 1_699_000
        assert books.check([deal.escrow.pk]) == []

    def test_is_asked_for_again_when_its_payment_was_rejected(self, deal: Deal) -> None:
        withhold(deal, deal.investors[0], "0.24")
        distribution = deal.pay("1000.00")
        account = deal.offering.organization.bank_accounts.get()
        first = withholdings.remit(distribution, kind="WITHHOLDING", bank_account=account, by=deal.operator, at=NOW)
        transactions.reject(first, approver=deal.approver, reason="Wrong account", at=NOW)

        again = withholdings.remit(distribution, kind="WITHHOLDING", bank_account=account, by=deal.operator, at=NOW)

        assert again.pk != first.pk
        assert again.amount == 120

    def test_goes_by_the_newest_rate_of_the_day(self, deal: Deal) -> None:
        withhold(deal, deal.investors[0], "0.24")
        withhold(deal, deal.investors[0], "0")

        deal.draw_up("1000.00")

        assert lines(deal, 0) == []

    def test_voids_signatures_when_a_rate_changes(self, deal: Deal) -> None:
        distribution = deal.submit("1000.00")
        withhold(deal, deal.investors[0], "0.30")

        with pytest.raises(NumbersChanged, match="rate of withholding has changed"):
            deal.sign(distribution)

    @pytest.mark.parametrize("rate", ["1", "-0.1", "0.0000001", "NaN"])
    def test_refuses_what_is_no_rate(self, deal: Deal, rate: str) -> None:
        with pytest.raises(NotARate):
            withhold(deal, deal.investors[0], rate)

    def test_needs_a_reason_and_another_person_who_may(self, deal: Deal) -> None:
        investor, day = deal.investors[0], EXIT
        with pytest.raises(ReasonMissing):
            withholdings.set_rate(
                investor, rate=Decimal("0.1"), reason="", effective_from=day, by=deal.operator, at=NOW
            )
        with pytest.raises(OwnRate):
            withhold(deal, deal.operator, "0.1")
        with pytest.raises(NotPermitted):
            withholdings.set_rate(investor, rate=Decimal("0"), reason="x", effective_from=day, by=deal.approver, at=NOW)


class TestFees:
    @staged
    def rule(self, deal: Deal) -> FeeRule:
        return FeeRule.objects.create(
            name="distribution", transaction_types=["DISTRIBUTION"], rate=Decimal("0.01"), minimum=Decimal("3.00"),
            effective_from=FUNDED.date(),
        )  # fmt: skip

    def test_follow_the_rule_of_the_day_for_investors(self, deal: Deal, rule: FeeRule) -> None:
        *investors, sponsor = standing(deal.draw_up("1700000.00"))

        assert {row.fee_amount for row in investors} == {Decimal("7800.00"), Decimal("4680.00"), Decimal("3120.00")}
        assert [sponsor.fee_amount, sponsor.net_amount] == [0, 140_000]

    def test_never_take_more_than_there_is(self, deal: Deal, rule: FeeRule) -> None:
        deal.draw_up("5.00")

        assert lines(deal, 0) == [("PLATFORM_FEE", Decimal("2.49"), Decimal("2.50"))]

    def test_of_the_whole_come_off_before_the_tiers(self, deal: Deal) -> None:
        distribution = distributions.create(
            deal.offering, type="PROFIT_SPLIT", total_amount=Decimal("1000.00"), platform_fee_amount=Decimal("10.00"),
            as_of_date=EXIT, creator=deal.operator, idempotency_key="with a fee", at=NOW,
        )  # fmt: skip
        distribution = distributions.calculate(distribution, by=deal.operator, at=NOW)

        assert sum(row.total_amount for row in standing(distribution)) == 990
        deal.sign(distributions.submit(distribution, by=deal.operator, at=NOW))
        assert queries.available(deal.escrow.pk) == 1_699_000
        distribution.refresh_from_db()
        assert withholdings.due(distribution, "PLATFORM_FEE") == 10

    def test_may_not_take_everything(self, deal: Deal) -> None:
        with pytest.raises(FeeTooHigh):
            distributions.create(
                deal.offering, type="PROFIT_SPLIT", total_amount=Decimal("10.00"), platform_fee_amount=Decimal("10.00"),
                as_of_date=EXIT, creator=deal.operator, idempotency_key="all", at=NOW + timedelta(days=1),
            )  # fmt: skip
