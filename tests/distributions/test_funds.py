"""Funds: deal by deal and whole fund, and the clawback that an early promote leaves."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distributions.funds import Deal, calculate_deal, calculate_whole_fund, clawback, pooled, restored
from distributions.templates import original_four_tiers, preferred_and_split, three_hurdle_promote
from distributions.waterfall import PastDistribution, Position, Terms, UnworkableFigures, calculate, case_a_terms

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


DAYS = st.integers(0, 1_800).map(lambda days: START + timedelta(days=days))
MONEY = st.integers(1, 300_000_000).map(lambda cents: Decimal(cents).scaleb(-2))
TERMS = st.sampled_from([case_a_terms, original_four_tiers, preferred_and_split, three_hurdle_promote])


@st.composite
def funds(draw: st.DrawFn) -> tuple[Terms, list[Deal]]:
    """Up to four deals of overlapping investors, each with distributions of its own, by the same terms."""
    terms = draw(TERMS)()
    deals = []
    for number in range(draw(st.integers(1, 4))):
        people = draw(st.lists(st.sampled_from("abcd"), min_size=1, max_size=3, unique=True))
        positions = tuple(Position(key, ((START, draw(MONEY)),)) for key in people)
        history: list[PastDistribution] = []
        for on in sorted(draw(st.lists(DAYS, max_size=3))):
            history.append(calculate(terms, positions, history, draw(MONEY), on).as_past())
        deals.append(Deal(f"deal {number}", positions, tuple(history)))
    return terms, deals


def received_by(deals: list[Deal]) -> dict[str, Decimal]:
    got: dict[str, Decimal] = {}
    for line in (line for deal in deals for past in deal.history for line in past.lines):
        whole = line.return_of_capital + line.preferred_return + line.profit_split
        got[line.key] = got.get(line.key, Decimal(0)) + whole
    return got


class TestLaws:
    @given(funds(), st.sampled_from([Decimal(0), Decimal("0.37"), Decimal("0.5"), Decimal(1)]))
    def test_it_is_never_above_the_promote_after_tax_nor_above_what_was_too_much(
        self, fund: tuple[Terms, list[Deal]], tax: Decimal
    ) -> None:
        found = clawback(*fund, tax_rate=tax)

        assert found.due == min(found.excess, found.after_tax)
        assert 0 <= found.due <= found.received * (1 - tax)
        assert found.received == sum(promote for _, promote in found.by_deal)

    @given(funds())
    def test_the_whole_fund_shares_out_what_was_distributed(self, fund: tuple[Terms, list[Deal]]) -> None:
        found = clawback(*fund)

        whole = found.received + sum(received_by(fund[1]).values())
        assert found.entitled + sum(amount for _, amount in found.to_investors) == whole

    @given(funds())
    def test_what_is_restored_adds_up_and_is_never_more_than_somebody_lacks(
        self, fund: tuple[Terms, list[Deal]]
    ) -> None:
        found, received = clawback(*fund), received_by(fund[1])
        entitled = dict(found.to_investors)

        back = restored(found.due, received, entitled)

        assert sum(back.values()) == found.due
        assert all(0 <= amount <= entitled[key] - received.get(key, 0) for key, amount in back.items())

    @given(funds())
    def test_one_deal_alone_leaves_at_most_a_cent_a_distribution(self, fund: tuple[Terms, list[Deal]]) -> None:
        terms, deals = fund
        found = clawback(terms, deals[:1])

        assert found.due <= Decimal("0.01") * len(deals[0].history)

    @given(st.lists(st.integers(1_400_000, 9_000_000), min_size=2, max_size=5))
    def test_there_is_none_where_every_deal_fills_its_catch_up(self, exits: list[int]) -> None:
        deals = [deal(f"deal {number}", ((EXIT, amount),)) for number, amount in enumerate(exits)]

        # Each deal's promote is a fifth of its profit, and so is the fund's; a cent may lie in the rounding of each.
        assert clawback(case_a_terms(), deals).due <= Decimal("0.01") * len(deals)


class TestRestored:
    def test_goes_to_those_who_lack_by_what_they_lack(self) -> None:
        entitled = {"a": Decimal(700), "b": Decimal(300), "c": Decimal(100)}
        received = {"a": Decimal(610), "b": Decimal(270), "c": Decimal(150)}

        assert restored(Decimal(60), received, entitled) == {"a": 45, "b": 15}

    def test_is_nothing_where_nothing_is_due(self) -> None:
        assert restored(Decimal(0), {"a": Decimal(1)}, {"a": Decimal(2)}) == {}


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
