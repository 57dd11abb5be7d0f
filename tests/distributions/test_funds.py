"""Funds: deal by deal and whole fund, and the clawback that an early promote leaves."""

from datetime import date
from decimal import Decimal

import pytest

from distributions.funds import Deal, calculate_deal, calculate_whole_fund, clawback, pooled
from distributions.waterfall import PastDistribution, Position, UnworkableFigures, calculate, case_a_terms

START, MIDDLE, EXIT = date(2023, 1, 1), date(2024, 1, 1), date(2025, 12, 31)


def deal(name: str, amounts: tuple[tuple[date, int], ...], *, capital: int = 1_000_000) -> Deal:
    """A deal of two investors that has distributed these amounts through its own waterfall."""
    positions = tuple(Position(key, ((START, Decimal(capital) * part / 10),)) for key, part in (("a", 7), ("b", 3)))
    history: list[PastDistribution] = []
    for on, amount in amounts:
        history.append(calculate(case_a_terms(), positions, history, Decimal(amount), on).as_past())
    return Deal(name, positions, tuple(history))


WINNER = deal("winner", ((MIDDLE, 1_500_000),))
LOSER = deal("loser", ((EXIT, 600_000),))


class TestClawback:
    def test_is_what_the_whole_fund_would_not_have_given(self) -> None:
        # 20 % of the winner's 500,000 was promote; together the deals made 100,000, less than 8 %.
        found = clawback(case_a_terms(), [WINNER, LOSER])

        assert (found.received, found.entitled, found.due) == (Decimal(100_000), Decimal(0), Decimal(100_000))
        assert found.by_deal == (("winner", Decimal(100_000)), ("loser", Decimal(0)))

    def test_is_nothing_when_all_deals_do_well(self) -> None:
        found = clawback(case_a_terms(), [WINNER, deal("other", ((MIDDLE, 1_500_000),))])

        assert (found.received, found.entitled, found.due) == (Decimal(200_000), Decimal(200_000), Decimal(0))

    def test_is_part_of_the_promote_when_the_fund_still_earns_some(self) -> None:
        found = clawback(case_a_terms(), [WINNER, deal("dull", ((MIDDLE, 900_000),))])

        # 2,400,000 on 2,000,000: 160,000 preferred, and 20 % of all profit after a full catch-up.
        assert (found.entitled, found.due) == (Decimal(80_000), Decimal(20_000))

    def test_is_capped_at_the_promote_after_tax(self) -> None:
        found = clawback(case_a_terms(), [WINNER, LOSER], tax_rate=Decimal("0.37"))

        assert found.due == 63_000

    @pytest.mark.parametrize("rate", ["-0.1", "1.1", "NaN"])
    def test_refuses_a_tax_that_is_no_part_of_one(self, rate: str) -> None:
        with pytest.raises(UnworkableFigures, match="between 0 and 1"):
            clawback(case_a_terms(), [WINNER], tax_rate=Decimal(rate))

    def test_of_deals_that_distributed_nothing_is_nothing(self) -> None:
        assert clawback(case_a_terms(), [deal("new", ())]).due == 0


class TestCalculating:
    def test_a_deal_alone_pays_promote_that_the_fund_does_not(self) -> None:
        open_deal = deal("open", ())
        deals = [open_deal, deal("idle", ())]

        alone = calculate_deal(case_a_terms(), open_deal, Decimal(1_500_000), MIDDLE)
        together = calculate_whole_fund(case_a_terms(), deals, Decimal(1_500_000), MIDDLE)

        assert alone.sponsor.total == 100_000
        assert together.sponsor.total == 0
        assert sum(share.total for share in together.shares) == 1_500_000

    def test_the_fund_remembers_what_every_deal_paid(self) -> None:
        result = calculate_whole_fund(case_a_terms(), [WINNER, LOSER], Decimal(1_000), EXIT)

        assert result.return_of_capital + result.preferred_return == 1_000


class TestPooled:
    def test_adds_up_contributions_by_investor(self) -> None:
        [first, _] = pooled([WINNER, LOSER])

        assert first.contributions == ((START, Decimal(700_000)),) * 2

    def test_refuses_one_investor_in_two_classes(self) -> None:
        one, other = (Deal(name, (Position("a", (), investor_class=name),)) for name in "AB")

        with pytest.raises(UnworkableFigures, match="different classes"):
            pooled([one, other])
