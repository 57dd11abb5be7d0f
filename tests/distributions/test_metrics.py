"""Metrics: what each investor, each class and everybody together has had of an investment."""

from datetime import date
from decimal import Decimal

import pytest

from distributions.metrics import Performance, by_class, by_investor, together
from distributions.replay import Replay
from distributions.waterfall import (
    BetweenClasses,
    ClassedTerms,
    InvestorClass,
    PastDistribution,
    PastLine,
    Position,
    ReturnOfCapital,
    Split,
    Terms,
    Transfer,
    UnworkableFigures,
)

START, EXIT = date(2023, 1, 1), date(2025, 12, 31)
PEOPLE = [
    Position("a", ((START, Decimal(600_000)),), investor_class="A"),
    Position("b", ((START, Decimal(300_000)), (date(2024, 1, 1), Decimal(100_000))), investor_class="B"),
]
HISTORY = [
    PastDistribution(date(2024, 1, 1), (PastLine("a", preferred_return=Decimal(48_000)),)),
    PastDistribution(EXIT, (PastLine("a", Decimal(600_000), Decimal(96_000)), PastLine("b", Decimal(200_000)))),
]


class TestByInvestor:
    def test_counts_money_received_and_value_left(self) -> None:
        one = by_investor(PEOPLE, HISTORY, EXIT, {"b": Decimal(250_000)})["b"]

        assert (one.contributed, one.distributed) == (Decimal(400_000), Decimal(200_000))
        assert (one.dpi, one.rvpi, one.tvpi) == (Decimal("0.5"), Decimal("0.625"), Decimal("1.125"))
        assert one.equity_multiple == one.tvpi

    def test_finds_the_irr(self) -> None:
        irr = by_investor(PEOPLE, HISTORY, EXIT)["a"].irr

        # 48,000 after a year and 696,000 after three, on 600,000: a little less than 8 %, for it was not compounded.
        assert irr.rate is not None
        assert abs(48 / (1 + irr.rate) + 696 / (1 + irr.rate) ** 3 - 600) < Decimal("1e-8")

    def test_looks_no_further_than_the_day(self) -> None:
        early = by_investor(PEOPLE, HISTORY, date(2023, 12, 31))["b"]

        assert (early.contributed, early.distributed) == (Decimal(300_000), Decimal(0))

    def test_refuses_payments_to_strangers(self) -> None:
        with pytest.raises(UnworkableFigures, match="has no position"):
            by_investor(PEOPLE[:1], HISTORY, EXIT)

    def test_has_no_ratios_where_nothing_was_paid_in(self) -> None:
        nobody = Performance(EXIT, (), ())

        assert (nobody.dpi, nobody.rvpi, nobody.tvpi, nobody.irr.rate) == (None, None, None, None)


class TestTransfers:
    """A buyer begins with the capital taken over, and the seller had that much."""

    SOLD = Transfer(date(2024, 7, 1), "a", "c", Decimal("0.5"))

    def performances(self) -> dict[str, Performance]:
        people = [*PEOPLE, Position("c", (), investor_class="A")]
        before = HISTORY[:1]
        after = PastDistribution(
            EXIT, (PastLine("a", Decimal(300_000)), PastLine("c", Decimal(300_000), Decimal(48_000)))
        )
        split = Terms((ReturnOfCapital(), Split(Decimal("0.8"), Decimal("0.2"))))
        terms = ClassedTerms((InvestorClass("A", split), InvestorClass("B", split)), BetweenClasses.PRO_RATA)
        story = Replay(terms, people, [self.SOLD])
        story.come_to(EXIT)
        return by_investor(people, [*before, after], EXIT, handed=story.handed)

    def test_are_paid_in_by_the_buyer_on_their_day(self) -> None:
        one = self.performances()["c"]

        assert (one.contributed, one.distributed) == (Decimal(300_000), Decimal(348_000))
        assert one.tvpi == Decimal("1.16")
        # 16 % in 548 days.
        assert one.irr.rate is not None
        assert abs((1 + one.irr.rate) ** (Decimal(548) / 365) - Decimal("1.16")) < Decimal("1e-9")

    def test_are_received_by_the_seller(self) -> None:
        one = self.performances()["a"]

        assert (one.contributed, one.distributed) == (Decimal(600_000), Decimal(648_000))
        assert one.handed_over == ((self.SOLD.on, Decimal(300_000)),)

    def test_are_nothing_to_their_class_together(self) -> None:
        performances = self.performances()
        people = [*PEOPLE, Position("c", (), investor_class="A")]

        whole = by_class(people, performances)["A"]

        assert (whole.contributed, whole.distributed) == (Decimal(600_000), Decimal(696_000))
        assert whole.taken_over == whole.handed_over == ()

    def test_to_somebody_outside_remain(self) -> None:
        one = together([self.performances()["c"]])

        assert one.taken_over == ((self.SOLD.on, Decimal(300_000)),)


class TestByClass:
    def test_adds_up_its_members(self) -> None:
        performances = by_investor(PEOPLE, HISTORY, EXIT)

        classes = by_class(PEOPLE, performances)

        assert {name: one.contributed for name, one in classes.items()} == {"A": 600_000, "B": 400_000}
        assert classes["A"].irr == performances["a"].irr

    def test_everybody_together_is_not_the_mean(self) -> None:
        everybody = together(list(by_investor(PEOPLE, HISTORY, EXIT).values()))

        assert everybody.contributions == ((START, Decimal(900_000)), (date(2024, 1, 1), Decimal(100_000)))
        assert everybody.dpi == Decimal("0.944")

    def test_refuses_to_add_up_different_days(self) -> None:
        with pytest.raises(UnworkableFigures, match="one day"):
            together([Performance(START, (), ()), Performance(EXIT, (), ())])
