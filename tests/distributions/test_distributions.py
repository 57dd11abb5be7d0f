"""Distributions from draft to signature, by their operations on a real ledger."""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from distributions.models import Distribution
from distributions.operations import distributions
from distributions.operations.distributions import NotDraft, UnknownType
from distributions.operations.drafts import DayInFuture, IdempotencyKeyReused, OfferingNotDistributing
from distributions.queries import distributions as queries
from distributions.queries.entitlements import NotDistributable, NoTerms
from escrow.models import EscrowAccount
from escrow.operations import escrow_accounts
from escrow.operations.ledger import EscrowNotOpen, InsufficientFunds
from realco.errors import NotPermitted
from realco.models import Offering, User
from realco.money import InvalidAmount
from tests import factories
from tests.distributions.deals import EXIT, FUNDED, NOW, Deal, close, commit, make_deal, spend, standing
from tests.stages import staged

pytestmark = pytest.mark.django_db


@staged
def deal() -> Deal:
    return make_deal()


def amounts(distribution: Distribution) -> list[Decimal]:
    return [row.net_amount for row in standing(distribution)]


class TestCaseA:
    """WATERFALL.md, case A: $1,000,000 on 2023-01-01, exit after 1,095 days."""

    @pytest.mark.parametrize(
        ("exit_amount", "preferred", "capital", "catch_up", "split", "lp", "gp"),
        [
            (100_000, 100_000, 0, 0, 0, 100_000, 0),
            (900_000, 240_000, 660_000, 0, 0, 900_000, 0),
            (1_300_000, 240_000, 1_000_000, 30_000, 30_000, 1_270_000, 30_000),
            (1_400_000, 240_000, 1_000_000, 80_000, 80_000, 1_320_000, 80_000),
            (1_700_000, 240_000, 1_000_000, 80_000, 380_000, 1_560_000, 140_000),
        ],
    )
    def test_comes_out_exactly(
        self, deal: Deal, exit_amount: int, preferred: int, capital: int, catch_up: int, split: int, lp: int, gp: int
    ) -> None:
        deal.earn(str(exit_amount))

        distribution = deal.draw_up(str(exit_amount))

        assert distribution.preferred_return_total == preferred
        assert distribution.return_of_capital_total == capital
        assert distribution.sponsor_catch_up_total == catch_up
        assert distribution.profit_split_total == split
        rows = standing(distribution)
        assert sum(row.net_amount for row in rows if row.investment_id) == lp
        assert sum(row.net_amount for row in rows if not row.investment_id) == gp

    def test_divides_among_the_investors(self, deal: Deal) -> None:
        deal.earn("1700000.00")

        distribution = deal.draw_up("1700000.00")

        assert amounts(distribution) == [780_000, 468_000, 312_000, 140_000]
        assert [row.investor for row in standing(distribution)] == [
            *deal.investors,
            deal.offering.organization.owner,
        ]

    def test_reaches_every_bank_and_every_investment(self, deal: Deal) -> None:
        deal.earn("1700000.00")

        distribution = deal.pay("1700000.00")

        assert distribution.status == Distribution.Status.COMPLETED
        first = deal.investors[0].investments.get()
        assert first.returned_capital == 500_000
        assert first.current_balance == 0
        assert first.preferred_return_paid == 120_000
        assert first.preferred_return_owed == 0
        assert first.profits_paid == 160_000
        deal.escrow.refresh_from_db()
        assert deal.escrow.current_balance == 0
        assert deal.escrow.total_distributions == 1_700_000

    def test_returns_capital_by_what_is_not_returned(self) -> None:
        # The original system paid 400,000 / 0 / 0.
        deal = make_deal(template="original_four_tiers")
        deal.earn("400000.00")

        distribution = deal.draw_up("400000.00")

        assert [row.return_of_capital for row in standing(distribution)] == [200_000, 120_000, 80_000]

    def test_counts_earlier_distributions_as_paid(self, deal: Deal) -> None:
        deal.earn("1700000.00")
        deal.pay("1300000.00")

        second = deal.draw_up("400000.00")

        assert second.preferred_return_total == second.return_of_capital_total == 0
        assert second.sponsor_catch_up_total == 50_000
        assert amounts(second) == [145_000, 87_000, 58_000, 110_000]


class TestCreate:
    def test_gives_numbers_in_order(self, deal: Deal) -> None:
        deal.earn("1000.00")

        numbers = [deal.create("10.00").distribution_number for _ in range(2)]

        assert numbers[0].startswith("DIST-2025-")
        assert int(numbers[1][-4:]) == int(numbers[0][-4:]) + 1

    def test_creates_one_for_one_key(self, deal: Deal) -> None:
        deal.earn("1000.00")

        assert deal.create("10.00", key="same").pk == deal.create("10.00", key="same").pk

    def test_refuses_other_contents_under_a_key(self, deal: Deal) -> None:
        deal.earn("1000.00")
        deal.create("10.00", key="same")

        with pytest.raises(IdempotencyKeyReused):
            deal.create("11.00", key="same")

    @pytest.mark.parametrize("amount", ["0", "-1", "0.001", "NaN", "1e20"])
    def test_refuses_what_is_no_amount(self, deal: Deal, amount: str) -> None:
        with pytest.raises(InvalidAmount):
            deal.create(amount)

    def test_refuses_more_than_the_offering_holds(self, deal: Deal) -> None:
        deal.earn("100.00")

        with pytest.raises(InsufficientFunds, match=r"\$100\.00"):
            deal.create("100.01")

    def test_refuses_what_another_distribution_was_promised(self, deal: Deal) -> None:
        deal.earn("100000.00")
        deal.approve("60000.00")

        with pytest.raises(InsufficientFunds, match=r"\$40,000\.00"):
            deal.create("40000.01")

    def test_refuses_a_day_to_come(self, deal: Deal) -> None:
        deal.earn("100.00")

        with pytest.raises(DayInFuture):
            deal.create("100.00", on=EXIT + timedelta(days=1))

    def test_refuses_an_unknown_type(self, deal: Deal) -> None:
        with pytest.raises(UnknownType, match="SPECIAL"):
            distributions.create(
                deal.offering,
                type="GIFT",
                total_amount=Decimal("1.00"),
                as_of_date=EXIT,
                creator=deal.operator,
                idempotency_key="gift",
                at=NOW,
            )

    def test_refuses_an_offering_that_has_not_closed(
        self, operator: User, offering: Offering, escrow: EscrowAccount
    ) -> None:
        with pytest.raises(OfferingNotDistributing):
            distributions.create(
                offering,
                type="SPECIAL",
                total_amount=Decimal("1.00"),
                as_of_date=EXIT,
                creator=operator,
                idempotency_key="early",
                at=NOW,
            )

    def test_refuses_a_frozen_account(self, deal: Deal) -> None:
        deal.earn("100.00")
        escrow_accounts.freeze(deal.escrow, by=deal.approver, reason="Court order", at=NOW)

        with pytest.raises(EscrowNotOpen):
            deal.create("100.00")

    def test_asks_for_the_permission(self, deal: Deal) -> None:
        deal.earn("100.00")
        deal.operator = deal.investors[0]

        with pytest.raises(NotPermitted):
            deal.create("100.00")


class TestCalculate:
    def test_changes_nothing_but_the_draft(self, deal: Deal) -> None:
        deal.earn("1000.00")

        deal.draw_up("1000.00")

        assert deal.investors[0].investments.get().returned_capital == 0
        deal.escrow.refresh_from_db()
        assert deal.escrow.available_balance == 1_000

    def test_replaces_what_was_worked_out_before(self, deal: Deal) -> None:
        deal.earn("1000.00")
        distribution = deal.draw_up("1000.00")

        distributions.calculate(distribution, by=deal.operator, at=NOW)

        assert amounts(distribution) == [500, 300, 200]
        assert distribution.allocations.filter(status="CANCELLED").count() == 3

    def test_leaves_out_who_is_due_nothing(self, deal: Deal) -> None:
        deal.earn("0.02")

        assert amounts(deal.draw_up("0.02")) == [Decimal("0.01"), Decimal("0.01")]

    def test_reckons_later_investors_from_their_own_day(self, deal: Deal) -> None:
        late = factories.make_investor("Late", verifier=deal.operator, at=FUNDED)
        year_later = FUNDED + timedelta(days=365)
        commit(deal, late, "1000000.00", at=year_later)
        close(deal, at=year_later)
        deal.earn("400000.00")

        distribution = deal.draw_up("400000.00")

        assert [row.preferred_return for row in standing(distribution)] == [120_000, 72_000, 48_000, 160_000]

    def test_refuses_a_day_before_the_money_came(self, deal: Deal) -> None:
        deal.earn("100.00")
        factories.make_terms(
            deal.offering, template="preferred_and_catch_up", effective_from=FUNDED.date(), by=deal.operator, at=NOW
        )
        distribution = deal.create("100.00", on=date(2022, 12, 31))

        with pytest.raises(NoTerms):
            distributions.calculate(distribution, by=deal.operator, at=NOW)

    def test_refuses_a_day_before_an_earlier_distribution(self, deal: Deal) -> None:
        deal.earn("1000.00")
        deal.approve("100.00")
        distribution = deal.create("100.00", on=EXIT - timedelta(days=1))

        with pytest.raises(NotDistributable, match="later than"):
            distributions.calculate(distribution, by=deal.operator, at=NOW)

    def test_refuses_frozen_numbers(self, deal: Deal) -> None:
        deal.earn("100.00")

        with pytest.raises(NotDraft):
            distributions.calculate(deal.submit("100.00"), by=deal.operator, at=NOW)


class TestExplanation:
    def test_foots_tier_by_tier(self, deal: Deal) -> None:
        deal.earn("1700000.01")

        distribution = deal.draw_up("1700000.01")

        for row in standing(distribution):
            parts = [Decimal(tier["yours"]) for tier in row.explanation["tiers"]]
            assert sum(parts) == row.total_amount == Decimal(row.explanation["yours"])
        for place, tier in enumerate(distribution.waterfall_tiers):
            column = [Decimal(row.explanation["tiers"][place]["yours"]) for row in standing(distribution)]
            assert sum(column) == Decimal(tier["took"])

    def test_says_in_words_what_the_figures_say(self, deal: Deal) -> None:
        deal.earn("1700000.00")

        [first, *_, sponsor] = standing(deal.draw_up("1700000.00"))

        preferred, capital, catch_up, split = (tier["words"] for tier in first.explanation["tiers"])
        assert preferred == (
            "Investors earn 8% a year on capital not returned yet (simple, ACT/365). It took $240,000.00, all for"
            " investors. Of the $240,000.00 owed to investors by December 31, 2025, $120,000.00 was owed to you,"
            " so your part is $120,000.00."
        )
        assert "$500,000.00 was yours, so your part is $500,000.00." in capital
        assert "50% of each dollar until it has 20% of all profit" in catch_up
        assert catch_up.endswith("so your part is $40,000.00.")
        assert split.endswith("so your part is $120,000.00.")
        assert sponsor.explanation["tiers"][3]["words"].endswith("The sponsor's part is $60,000.00.")
        assert first.explanation["unreturned_after"] == "0.00"

    def test_says_why_a_tier_took_nothing(self, deal: Deal) -> None:
        deal.earn("100000.00")

        [first, *_] = standing(deal.draw_up("100000.00"))

        assert first.explanation["tiers"][1]["words"].endswith("Here nothing was left for it.")


class TestPreview:
    def test_shows_a_draft_without_writing(self, deal: Deal) -> None:
        deal.earn("1700000.00")
        distribution = deal.create("1700000.00")

        preview = queries.preview(distribution)

        assert [row.net_amount for row in preview.allocations] == [780_000, 468_000, 312_000, 140_000]
        assert [tier["took"] for tier in preview.tiers] == ["240000.00", "1000000.00", "160000.00", "300000.00"]
        assert distribution.allocations.count() == 0
        assert preview.signatures_needed == 2

    def test_says_what_has_changed_since_submission(self, deal: Deal) -> None:
        deal.earn("100.00")
        distribution = deal.submit("100.00")
        spend(deal.escrow, Decimal("5.00"), at=NOW)

        assert queries.preview(distribution).changes == [
            "the offering holds $95.00 that is not promised otherwise, less than the $100.00 it needs"
        ]


class TestVisibility:
    def test_shows_investors_what_pays_them_once_it_is_approved(self, deal: Deal) -> None:
        deal.earn("100.00")
        submitted = deal.submit("100.00")
        assert not queries.visible_to(deal.investors[0]).exists()

        deal.sign(submitted)

        assert list(queries.visible_to(deal.investors[0])) == [submitted]
        assert [row.investor for row in queries.allocations_visible_to(deal.investors[0])] == [deal.investors[0]]

    def test_hides_them_from_strangers(self, deal: Deal, investor: User) -> None:
        deal.earn("100.00")
        deal.approve("100.00")

        assert not queries.visible_to(investor).exists()

    def test_shows_staff_all(self, deal: Deal) -> None:
        deal.earn("100.00")
        distribution = deal.draw_up("100.00")

        assert list(queries.visible_to(deal.approver)) == [distribution]
