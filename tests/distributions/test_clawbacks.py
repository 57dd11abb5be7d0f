"""Clawbacks of what offerings really distributed, to the cent, and what a distribution or a sale would change."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from distributions.models import FundArrangement
from distributions.operations import distributions, write_offs
from distributions.queries import clawbacks, fund_deals, previews
from distributions.queries.clawbacks import Measure, NotOfThisFund
from distributions.queries.entitlements import NotDistributable, NoTerms
from distributions.queries.fund_deals import NotMeasurable
from distributions.queries.previews import Question
from realco.models import Offering
from tests import factories
from tests.distributions.deals import EXIT, NOW, Deal, bounce, make_deal, standing
from tests.distributions.test_fund_arrangements import activated
from tests.distributions.test_investor_classes import agree, assign
from tests.distributions.test_transfers import executed
from tests.stages import staged

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
D = Decimal
MIDDLE = date(2024, 1, 1)


@staged
def winner() -> Deal:
    deal = make_deal()
    deal.earn("2000000.00")
    return deal


@staged
def other(winner: Deal) -> Deal:
    deal = make_deal(beside=winner)
    deal.earn("2000000.00")
    return deal


@staged
def fund(winner: Deal, other: Deal) -> FundArrangement:
    return activated(winner, other)


def measure(fund: FundArrangement, on: date = EXIT, **sales: Any) -> Measure:
    return clawbacks.measure(fund, on=on, at=NOW, **sales)


def restored(measure: Measure, deal: Deal) -> list[Decimal]:
    found = {line.investor_id: line.restored for line in measure.investors}
    return [found[investor.pk] for investor in deal.investors]


def told(*figures: Any) -> tuple[Any, ...]:
    return figures


class TestMeasure:
    """Case A of WATERFALL.md: 1,700,000 on 1,000,000 after three years is 140,000 of promote, 900,000 is none."""

    def test_is_what_the_whole_fund_would_not_have_given(
        self, winner: Deal, other: Deal, fund: FundArrangement
    ) -> None:
        winner.approve("1700000.00")
        other.approve("900000.00")

        found = measure(fund)

        # 2,600,000 on 2,000,000: 480,000 preferred, capital, and half of the 120,000 that are left of the catch-up.
        result = found.result
        assert told(result.received, result.entitled, result.excess) == (140_000, 60_000, 80_000)
        assert told(result.after_tax, result.due) == (D("88200.00"), 80_000)
        assert restored(found, winner) == [40_000, 24_000, 16_000]
        by_name = {deal.offering_id: deal for deal in found.deals}
        first, second = by_name[winner.offering.pk], by_name[other.offering.pk]
        assert told(first.contributed, first.unreturned, first.distributed, first.promote) == (
            1_000_000, 0, 1_700_000, 140_000,
        )  # fmt: skip
        assert told(second.contributed, second.unreturned, second.distributed, second.promote) == (
            1_000_000, 340_000, 900_000, 0,
        )  # fmt: skip

    def test_is_never_above_the_promote_after_tax(self, winner: Deal, other: Deal) -> None:
        fund = activated(winner, other, tax="0.5")
        winner.approve("1700000.00")
        other.approve("900000.00")

        found = measure(fund)

        assert told(found.result.excess, found.result.due) == (80_000, 70_000)
        assert restored(found, winner) == [35_000, 21_000, 14_000]

    def test_is_nothing_where_every_deal_fills_the_catch_up(
        self, winner: Deal, other: Deal, fund: FundArrangement
    ) -> None:
        winner.approve("1700000.00")
        other.approve("1400000.00")

        found = measure(fund)

        assert told(found.result.received, found.result.entitled, found.result.due) == (220_000, 220_000, 0)
        assert restored(found, winner) == [0, 0, 0]

    def test_of_deals_without_money_is_nothing(self, winner: Deal, other: Deal, fund: FundArrangement) -> None:
        found = measure(fund)

        assert told(found.result.received, found.result.due, found.total("distributed")) == (0, 0, 0)
        assert [line.received for line in found.investors] == [0, 0, 0]
        empty = measure(fund, on=date(2020, 1, 1))
        assert told(empty.investors, empty.result.due, empty.total("contributed")) == ((), 0, 0)

    def test_counts_an_offering_that_has_no_account_yet(self, winner: Deal) -> None:
        planned = factories.make_offering(
            operator=winner.operator, at=NOW, organization=winner.offering.organization, name="Planned"
        )
        winner.approve("1700000.00")
        fund = _with_offerings(winner, planned)

        found = measure(fund)

        assert [deal.contributed for deal in found.deals if deal.offering_id == planned.pk] == [0]
        assert told(found.result.received, found.result.due) == (140_000, 0)

    def test_looks_back_to_any_day(self, winner: Deal, other: Deal, fund: FundArrangement) -> None:
        winner.approve("1500000.00", on=MIDDLE)
        other.approve("900000.00")

        # 500,000 of profit after a year are 100,000 of promote; the other million had not come back by then.
        before, now = measure(fund, on=MIDDLE).result, measure(fund).result

        assert told(before.received, before.entitled, before.due) == (100_000, 0, 63_000)
        # 160,000 + 1,340,000 of it, then 660,000 of capital: 105,600 more preferred return; 134,400 for the catch-up.
        assert told(now.entitled, now.due) == (D("67200.00"), D("32800.00"))

    def test_does_not_count_what_was_cancelled(self, winner: Deal, other: Deal, fund: FundArrangement) -> None:
        distribution = winner.approve("1700000.00")
        assert measure(fund).result.due == D("88200.00")

        distributions.cancel(distribution, by=winner.approver, reason="Wrong day.", at=NOW)

        assert told(measure(fund).result.received, measure(fund).result.due) == (0, 0)

    def test_counts_a_payment_that_came_back_until_it_is_written_off(
        self, winner: Deal, other: Deal, fund: FundArrangement
    ) -> None:
        distribution = winner.execute("1700000.00")
        sponsor = standing(distribution)[-1]
        assert sponsor.investment_id is None
        bounce(sponsor)
        assert measure(fund).result.received == 140_000

        proposed = write_offs.propose(sponsor, by=winner.operator, reason="Waived.", at=NOW)
        write_offs.approve(proposed, approver=winner.approver, at=NOW)

        assert told(measure(fund).result.received, measure(fund).result.due) == (0, 0)

    def test_follows_what_changed_hands(self, winner: Deal, other: Deal, fund: FundArrangement) -> None:
        buyer = factories.make_investor("Bella Buyer", verifier=other.operator, at=NOW)
        executed(other, buyer, "1", seller=2, on=date(2024, 7, 1))
        winner.approve("1700000.00")
        other.approve("900000.00")

        found = measure(fund)

        by_person = {line.investor_id: line for line in found.investors}
        assert found.result.due == 80_000
        assert sum(line.restored for line in found.investors) == 80_000
        # Whoever sold has had their part of the winner and lacks nothing; the buyer of the other one does.
        assert by_person[winner.investors[2].pk].restored == 0
        assert by_person[buyer.pk].restored > 0
        assert all(line.restored <= line.lacking for line in found.investors)

    def test_is_refused_where_it_would_take_too_long(
        self, winner: Deal, other: Deal, fund: FundArrangement, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(clawbacks, "MOST", 11)
        winner.approve("1500000.00", on=MIDDLE)
        assert measure(fund).result.received == 100_000
        other.approve("900000.00")
        with pytest.raises(NotMeasurable, match="while you wait"):
            measure(fund)

    def test_writes_nothing(self, winner: Deal, other: Deal, fund: FundArrangement) -> None:
        winner.approve("1700000.00")
        with CaptureQueriesContext(connection) as queries:
            measure(fund, sales={other.offering.pk: D("900000.00")})
        assert {query["sql"].split()[0] for query in queries} <= {"SELECT", "SET", "SAVEPOINT", "RELEASE"}


def _with_offerings(winner: Deal, planned: Offering) -> FundArrangement:
    return activated(winner, offerings=[winner.offering, planned])


class TestClasses:
    def test_of_a_deal_do_not_matter_where_the_fund_has_none(self, winner: Deal, other: Deal) -> None:
        fund = activated(other, winner)
        assign(winner, "Senior", "Common", "Common")
        agree(winner)
        winner.approve("2000000.00")

        # Seniors' half of a million of profit bears 10 %, the others' 30 %.
        found = measure(fund)

        assert told(found.result.received, found.result.entitled) == (200_000, 0)
        assert measure(fund, sales={winner.offering.pk: D("100.00")}).result.received == 200_020

    def test_of_the_fund_are_needed_in_every_deal(self, winner: Deal, other: Deal) -> None:
        assign(winner, "Senior", "Common", "Common")
        agree(winner)
        fund = activated(winner, other)

        with pytest.raises(NotMeasurable, match=r"in Elm Street .* there are investors of class none"):
            measure(fund)
        effect = previews.answer(Question(winner.offering, D("1700000.00"), EXIT), at=NOW).fund
        assert effect is not None
        assert "class none" in effect.problem

        assign(other, "Senior", "Common", "Common")
        winner.approve("2000000.00")
        other.approve("500000.00")

        # By the fund, Senior's million comes back first, then Common's; half a million of profit in halves.
        assert told(measure(fund).result.received, measure(fund).result.entitled) == (200_000, 100_000)


class TestSales:
    def test_of_a_deal_that_pays_well_ends_the_clawback(self, winner: Deal, other: Deal, fund: FundArrangement) -> None:
        winner.approve("1700000.00")

        found = measure(fund, sales={other.offering.pk: D("1700000.00")})

        assert found.standing.due == D("88200.00")
        assert told(found.result.received, found.result.entitled, found.result.due) == (280_000, 280_000, 0)
        assert found.sales_by_fund == 140_000
        [sale] = [deal for deal in found.deals if deal.sale]
        assert told(sale.offering_id, sale.sale, sale.sale_promote) == (other.offering.pk, 1_700_000, 140_000)

    def test_of_a_deal_that_pays_badly_says_what_is_left(
        self, winner: Deal, other: Deal, fund: FundArrangement
    ) -> None:
        winner.approve("1700000.00")

        asked = measure(fund, sales={other.offering.pk: D("900000.00")})
        other.approve("900000.00")

        assert told(asked.result.due, asked.sales_by_fund) == (80_000, 0)
        assert asked.result == measure(fund).result
        assert restored(asked, winner) == [40_000, 24_000, 16_000]

    def test_of_all_deals_at_once(self, winner: Deal, other: Deal, fund: FundArrangement) -> None:
        sales = {winner.offering.pk: D("1700000.00"), other.offering.pk: D("900000.00")}
        found = measure(fund, sales=sales)

        assert told(found.standing.due, found.result.due) == (0, 80_000)
        # The fund's own waterfall would have given the sponsor no more than it may keep.
        assert found.sales_by_fund == found.result.entitled == 60_000

    def test_are_refused_in_words(self, winner: Deal, other: Deal, fund: FundArrangement) -> None:
        stranger = make_deal()
        with pytest.raises(NotOfThisFund):
            measure(fund, sales={stranger.offering.pk: D(1)})
        with pytest.raises(NoTerms):
            measure(fund, on=date(2020, 1, 1), sales={other.offering.pk: D(1)})
        winner.approve("1700000.00")
        with pytest.raises(NotDistributable, match="later than"):
            measure(fund, on=MIDDLE, sales={winner.offering.pk: D(1)})


class TestEffect:
    def ask(self, deal: Deal, amount: str) -> Any:
        return previews.answer(Question(deal.offering, D(amount), EXIT), at=NOW).fund

    def test_is_shown_beside_a_preview(self, winner: Deal, other: Deal, fund: FundArrangement) -> None:
        other.approve("900000.00")

        effect = self.ask(winner, "1700000.00")

        assert told(effect.fund, effect.before, effect.after, effect.raised) == ("Fund I", 0, 80_000, 80_000)

    def test_is_none_where_the_promote_is_earned_by_the_fund(
        self, winner: Deal, other: Deal, fund: FundArrangement
    ) -> None:
        winner.approve("1700000.00")

        effect = self.ask(other, "1700000.00")

        assert told(effect.before, effect.after, effect.raised) == (D("88200.00"), 0, 0)

    def test_of_an_offering_in_no_fund_is_nothing(self, winner: Deal) -> None:
        assert self.ask(winner, "1700000.00") is None

    def test_of_a_draft_is_that_of_its_lines(self, winner: Deal, other: Deal, fund: FundArrangement) -> None:
        other.approve("900000.00")
        distribution = winner.draw_up("1700000.00")

        effect = fund_deals.effect_of(distribution, standing(distribution), on=NOW.date())

        assert effect is not None
        assert told(effect.before, effect.after) == (0, 80_000)

    def test_says_so_when_the_fund_is_too_large_to_be_measured_along(
        self, winner: Deal, other: Deal, fund: FundArrangement, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        other.approve("900000.00")
        monkeypatch.setattr(fund_deals, "MOST_BESIDE_A_PREVIEW", 5)

        effect = self.ask(winner, "1700000.00")

        assert "its own page" in effect.problem

    def test_looks_at_what_other_deals_paid_since(self, winner: Deal, other: Deal, fund: FundArrangement) -> None:
        other.approve("900000.00")

        asked = Question(winner.offering, D("1500000.00"), MIDDLE)
        effect = previews.answer(asked, at=datetime(2025, 12, 31, 17, 0, tzinfo=UTC)).fund

        # As of the middle 63,000 would be due; the other deal's 900,000 since count as well.
        assert effect is not None
        assert effect.after == D("32800.00")
