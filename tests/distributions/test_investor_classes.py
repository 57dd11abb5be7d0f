"""Investors' classes: assigned before money is distributed, and shared by in distributions from end to end."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import Error, connection, transaction

from distributions import terms as engine
from distributions.models import Distribution
from distributions.operations import distributions, investor_classes, terms
from distributions.operations.distributions import NumbersChanged
from distributions.operations.investor_classes import ClassIsSettled, UnknownInvestment
from distributions.queries.entitlements import NotDistributable
from escrow.models import Investment
from realco.errors import NotPermitted
from realco.models import AuditEvent
from tests import factories
from tests.distributions.deals import EXIT, NOW, Deal, make_deal, standing
from tests.stages import staged

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
D = Decimal
SENIOR = engine.ClassedTerms(
    (
        engine.InvestorClass("Senior", engine.Terms((engine.ReturnOfCapital(), engine.Split(D("0.9"), D("0.1"))))),
        engine.InvestorClass("Common", engine.Terms((engine.ReturnOfCapital(), engine.Split(D("0.7"), D("0.3"))))),
    ),
    engine.BetweenClasses.SENIOR,
)
EXAMPLE = {
    # Senior first gets its 500 back, then Common; the 1,000 left in halves, as both put in the same.
    "source": "Section 6.4", "on": "2025-12-31", "amount": "2000.00",
    "contributions": [["Sen", "2023-01-01", "500", "Senior"], ["Com", "2023-01-01", "500", "Common"]],
    "expected": [["Sen", "950"], ["Com", "850"]], "sponsor": "200",
}  # fmt: skip


@staged
def deal() -> Deal:
    deal = make_deal()
    deal.earn("2000000.00")
    return deal


def investments(deal: Deal) -> list[Investment]:
    return list(Investment.objects.filter(offering=deal.offering).order_by("-investment_amount"))


def assign(deal: Deal, *names: str) -> int:
    chosen = {row.pk: name for row, name in zip(investments(deal), names, strict=True)}
    return investor_classes.assign(deal.offering, classes=chosen, reason="Schedule A", by=deal.operator, at=NOW)


def agree(deal: Deal) -> None:
    drafted = terms.draft(deal.offering, terms=SENIOR, effective_from=EXIT, by=deal.operator, at=NOW)
    factories.activate_terms(drafted, example=EXAMPLE, by=deal.operator, at=NOW)


class TestAssign:
    def test_leaves_its_reason_in_the_audit_trail(self, deal: Deal) -> None:
        assert assign(deal, "Senior", "Common", "") == 2

        row = investments(deal)[0]
        event = AuditEvent.objects.get(entity_id=str(row.pk), action="investment.assign_class")
        assert (row.class_name, event.reason, event.user) == ("Senior", "Schedule A", deal.operator)

    def test_changes_nothing_twice(self, deal: Deal) -> None:
        assign(deal, "Senior", "Common", "Common")

        assert assign(deal, "Senior", "Common", "Common") == 0

    def test_refuses_who_may_not(self, deal: Deal) -> None:
        with pytest.raises(NotPermitted):
            investor_classes.assign(deal.offering, classes={}, reason="x", by=deal.investors[0], at=NOW)

    def test_refuses_without_a_reason(self, deal: Deal) -> None:
        with pytest.raises(terms.ReasonMissing):
            investor_classes.assign(deal.offering, classes={}, reason=" ", by=deal.operator, at=NOW)

    def test_refuses_an_investment_of_another_offering(self, deal: Deal) -> None:
        other = factories.make_offering(operator=deal.operator, at=NOW)

        with pytest.raises(UnknownInvestment):
            investor_classes.assign(other, classes={investments(deal)[0].pk: "A"}, reason="x", by=deal.operator, at=NOW)

    def test_refuses_once_money_was_distributed(self, deal: Deal) -> None:
        deal.approve("1000.00")

        with pytest.raises(ClassIsSettled, match="stays in the class"):
            assign(deal, "Senior", "Common", "Common")

    def test_the_database_refuses_it_too(self, deal: Deal) -> None:
        deal.approve("1000.00")

        with pytest.raises(Error, match="stays in its class"), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("UPDATE investments SET class_name = 'Senior'")


class TestDistributions:
    def test_pay_each_by_the_terms_of_its_class(self, deal: Deal) -> None:
        """500,000 Senior, 500,000 Common; the capital back, then half of a million to each class."""
        agree(deal)
        assign(deal, "Senior", "Common", "Common")

        rows = {row.investor: row for row in standing(deal.draw_up("2000000.00"))}

        senior, common, other = (rows[investor] for investor in deal.investors)
        assert (senior.return_of_capital, senior.profit_split) == (D("500000.00"), D("450000.00"))
        assert (common.return_of_capital, common.profit_split) == (D("300000.00"), D("210000.00"))
        assert (other.return_of_capital, other.profit_split) == (D("200000.00"), D("140000.00"))
        assert rows[deal.offering.organization.owner].total_amount == D("200000.00")

    def test_explain_the_class(self, deal: Deal) -> None:
        agree(deal)
        assign(deal, "Senior", "Common", "Common")
        distribution = deal.draw_up("2000000.00")

        said = {row.investor: row.explanation for row in standing(distribution)}

        tiers = said[deal.investors[1]]["tiers"]
        assert said[deal.investors[1]]["class"] == "Common"
        assert [tier["yours"] for tier in tiers] == ["300000.00", "210000.00"]
        assert [tier["class"] for tier in distribution.waterfall_tiers] == ["Senior", "Senior", "Common", "Common"]
        sponsor = said[deal.offering.organization.owner]
        assert [tier["yours"] for tier in sponsor["tiers"]] == ["0.00", "50000.00", "0.00", "150000.00"]

    def test_remember_from_which_class_the_sponsor_was_paid(self, deal: Deal) -> None:
        agree(deal)
        assign(deal, "Senior", "Common", "Common")
        deal.approve("1500000.00")
        deal.earn("100000.00")

        later = deal.draw_up("100000.00")

        # The capital is back, so each class divides its half of the rest.
        assert [row.total_amount for row in standing(later) if row.investment_id is None] == [D("20000.00")]

    def test_refuse_investors_whose_class_has_no_terms(self, deal: Deal) -> None:
        agree(deal)

        with pytest.raises(NotDistributable, match="for which there are no terms"):
            deal.draw_up("1000.00")

    def test_of_terms_without_classes_take_no_notice(self, deal: Deal) -> None:
        assign(deal, "Senior", "Common", "")

        assert len(standing(deal.draw_up("1700000.00"))) == 4

    def test_waiting_for_signatures_are_void_when_a_class_changes(self, deal: Deal) -> None:
        agree(deal)
        assign(deal, "Senior", "Common", "Common")
        distribution = deal.submit("1000.00")
        assign(deal, "Senior", "Senior", "Common")

        with pytest.raises(NumbersChanged, match="investments have changed"):
            distributions.approve(
                distribution,
                approver=deal.approver,
                content_hash=distribution.content_hash,
                at=NOW + timedelta(minutes=1),
            )
        distribution.refresh_from_db()
        assert distribution.status == Distribution.Status.DRAFT
