"""Classes of investors with terms of their own, the sponsor among them, and transfers within a class."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from fractions import Fraction

import pytest

from distributions.replay import replay
from distributions.waterfall import (
    BetweenClasses,
    ClassedTerms,
    Compounding,
    InvestorClass,
    IrrHurdle,
    PastDistribution,
    PastLine,
    Position,
    PreferredReturn,
    ProfitBasis,
    Result,
    ReturnOfCapital,
    Split,
    Terms,
    Transfer,
    UnworkableFigures,
    UnworkableTerms,
    balances,
    calculate,
    case_a_terms,
)

START, MIDDLE, EXIT = date(2023, 1, 1), date(2024, 7, 1), date(2025, 12, 31)
ALL = Split(Decimal(1), Decimal(0))
# Class A: 8 % and no promote; class B: 7 % and 80/20.
A = Terms((PreferredReturn(Decimal("0.08")), ReturnOfCapital(), ALL))
B = Terms((PreferredReturn(Decimal("0.07")), ReturnOfCapital(), Split(Decimal("0.80"), Decimal("0.20"))))


def classed(between: BetweenClasses, a: Terms = A, b: Terms = B) -> ClassedTerms:
    return ClassedTerms((InvestorClass("A", a), InvestorClass("B", b)), between)


def position(key: str, amount: int, name: str = "", on: date = START) -> Position:
    return Position(key, ((on, Decimal(amount)),), investor_class=name)


PEOPLE = (position("a", 400_000, "A"), position("b", 600_000, "B"))


def took(result: Result) -> list[tuple[str, object, object]]:
    return [(tier.investor_class, tier.lp, tier.gp) for tier in result.tiers]


def run(between: BetweenClasses, amount: int, history: Sequence[PastDistribution] = ()) -> Result:
    return calculate(classed(between), PEOPLE, history, Decimal(amount), EXIT)


class TestProRata:
    def test_runs_each_class_on_its_part_by_capital(self) -> None:
        result = run(BetweenClasses.PRO_RATA, 1_500_000)

        assert took(result) == [
            ("A", 96_000, 0),
            ("A", 400_000, 0),
            ("A", 104_000, 0),
            ("B", 126_000, 0),
            ("B", 600_000, 0),
            ("B", Decimal("139200.00"), Decimal("34800.00")),
        ]
        assert result.sponsor.by_class == (("A", Decimal(0)), ("B", Decimal(34_800)))

    def test_charges_no_promote_to_a_class_without_one(self) -> None:
        alone = calculate(Terms((ReturnOfCapital(), ALL)), [position("a", 1_000_000)], (), Decimal(1_500_000), EXIT)

        result = run(BetweenClasses.PRO_RATA, 1_500_000)

        assert result.shares[0].total == alone.shares[0].total * 2 / 5


class TestInStep:
    def test_divides_each_tier_by_what_is_due_to_each_class(self) -> None:
        result = run(BetweenClasses.IN_STEP, 111_000)

        # 96,000 and 126,000 have accrued; half of each is paid.
        assert [share.preferred_return for share in result.shares] == [48_000, 63_000]

    def test_divides_the_rest_by_capital(self) -> None:
        result = run(BetweenClasses.IN_STEP, 1_222_000 + 100_000)

        assert [share.profit_split for share in result.shares] == [40_000, 48_000]
        assert result.sponsor.total == 12_000


class TestSenior:
    def test_fills_the_first_class_before_the_second_gets_anything(self) -> None:
        assert took(run(BetweenClasses.SENIOR, 500_000)) == [
            ("A", 96_000, 0),
            ("A", 400_000, 0),
            ("A", 0, 0),
            ("B", 4_000, 0),
            ("B", 0, 0),
            ("B", 0, 0),
        ]

    def test_divides_what_is_left_by_capital(self) -> None:
        result = run(BetweenClasses.SENIOR, 1_322_000)

        assert [share.profit_split for share in result.shares] == [40_000, 48_000]


class TestHistory:
    def test_goes_on_where_each_class_stood(self) -> None:
        first = run(BetweenClasses.PRO_RATA, 1_500_000)

        second = run(BetweenClasses.PRO_RATA, 100_000, [first.as_past()])

        assert [share.total for share in second.shares] == [40_000, 48_000]
        assert first.as_past().promote_by_class == (("A", Decimal(0)), ("B", Decimal(34_800)))

    def test_needs_to_know_whose_money_the_whole_promote_was(self) -> None:
        past = PastDistribution(EXIT, (), sponsor_profit_split=Decimal(10), promote_by_class=(("B", Decimal(9)),))

        with pytest.raises(UnworkableFigures, match="from which class's money"):
            run(BetweenClasses.PRO_RATA, 100, [past])

    def test_attributes_a_promote_of_terms_without_classes_by_the_profit_of_each(self) -> None:
        people = (position("a", 400_000, "A", MIDDLE), position("b", 600_000, "B"))
        before = calculate(case_a_terms(), people, (), Decimal(1_400_000), date(2025, 1, 1)).as_past()
        profits = {line.key: line.preferred_return + line.profit_split for line in before.lines}
        whole = before.sponsor_catch_up + before.sponsor_profit_split
        assert whole and before.promote_by_class == ()
        exact = Fraction(whole) * Fraction(profits["a"]) / Fraction(sum(profits.values()))

        [of_a, of_b] = self.promotes(people, before)

        assert of_a + of_b == whole
        assert abs(Fraction(of_a) - exact) < Fraction(1, 100)
        # B had been in for longer, and so its investors had more than their 60 % of the profit.
        assert of_b > whole * Decimal("0.6")

    def test_attributes_it_by_capital_where_investors_had_no_profit(self) -> None:
        before = PastDistribution(MIDDLE, (), sponsor_profit_split=Decimal("10.01"))

        assert self.promotes(PEOPLE, before) == [Decimal("4.00"), Decimal("6.01")]

    def promotes(self, people: Sequence[Position], past: PastDistribution) -> list[Decimal]:
        story = replay(classed(BetweenClasses.PRO_RATA, B, B), people, [past], EXIT)
        return [Decimal(one.gp_profit) / 100 for one in story.books.classes]

    def test_refuses_a_class_without_terms(self) -> None:
        with pytest.raises(UnworkableFigures, match="“C”, for which there are no terms"):
            calculate(classed(BetweenClasses.SENIOR), [position("c", 1, "C")], (), Decimal(1), EXIT)


class TestSponsor:
    def test_invests_as_a_class_without_promote_and_gets_the_promote_besides(self) -> None:
        terms = ClassedTerms(
            (InvestorClass("LP", case_a_terms()), InvestorClass("GP", Terms((ReturnOfCapital(), ALL)))),
            BetweenClasses.PRO_RATA,
        )
        people = [position("investor", 900_000, "LP"), position("sponsor", 100_000, "GP")]

        result = calculate(terms, people, (), Decimal(1_700_000), EXIT)

        assert {share.key: share.total for share in result.shares} == {"investor": 1_404_000, "sponsor": 170_000}
        assert result.sponsor.total == 126_000

    def test_may_invest_on_the_same_terms_as_everybody(self) -> None:
        people = [position("investor", 900_000), position("sponsor", 100_000)]

        result = calculate(case_a_terms(), people, (), Decimal(1_700_000), EXIT)

        assert {share.key: share.total for share in result.shares} == {"investor": 1_404_000, "sponsor": 156_000}
        assert result.sponsor.total == 140_000

    def test_cannot_be_called_beyond_its_commitment(self) -> None:
        sponsor = Position("sponsor", ((START, Decimal(60)), (EXIT, Decimal(60))), commitment=Decimal(100))

        with pytest.raises(UnworkableFigures, match="more than its commitment of 100"):
            calculate(case_a_terms(), [sponsor], (), Decimal(1), EXIT)


class TestRefusals:
    @pytest.mark.parametrize(
        ("classes", "words"),
        [
            ((), "one class at least"),
            ((InvestorClass("A", A), InvestorClass("A", B)), "a name of its own"),
            ((InvestorClass("A", A), InvestorClass("", B)), "a name of its own"),
            ((InvestorClass("A", A), InvestorClass("B", Terms((ALL,), ProfitBasis.OWNERSHIP))), "by the same"),
        ],
    )
    def test_refuses_classes_that_do_not_fit(self, classes: tuple[InvestorClass, ...], words: str) -> None:
        with pytest.raises(UnworkableTerms, match=words):
            ClassedTerms(classes, BetweenClasses.PRO_RATA)


class TestTransfers:
    PEOPLE = (position("seller", 1_000_000), Position("buyer", ()), position("other", 500_000))
    SOLD = date(2024, 6, 30)
    PAID = PastDistribution(
        date(2024, 1, 1),
        (PastLine("seller", preferred_return=Decimal(20_000)), PastLine("other", preferred_return=Decimal(10_000))),
    )

    @pytest.mark.parametrize(
        "terms",
        [
            case_a_terms(),
            Terms((PreferredReturn(Decimal("0.08")), ReturnOfCapital(), ALL)),
        ],
    )
    def test_the_buyer_stands_where_the_seller_stood(self, terms: Terms) -> None:
        sold = (Transfer(self.SOLD, "seller", "buyer"),)

        kept = calculate(terms, self.PEOPLE, [self.PAID], Decimal(2_000_000), EXIT)
        moved = calculate(terms, self.PEOPLE, [self.PAID], Decimal(2_000_000), EXIT, transfers=sold)

        totals = {share.key: share.total for share in kept.shares}
        assert {share.key: share.total for share in moved.shares} == {
            "buyer": totals["seller"],
            "seller": totals["buyer"],
            "other": totals["other"],
        }
        assert moved.sponsor == kept.sponsor

    def test_a_part_takes_its_part_of_what_is_owed_with_it(self) -> None:
        sold = (Transfer(self.SOLD, "seller", "buyer", Decimal("0.25")),)

        before = {b.key: b for b in balances(case_a_terms(), self.PEOPLE, [self.PAID], EXIT)}
        after = {b.key: b for b in balances(case_a_terms(), self.PEOPLE, [self.PAID], EXIT, transfers=sold)}

        assert after["buyer"].contributed == 250_000
        assert after["buyer"].preferred_owed_exact == before["seller"].preferred_owed_exact / 4
        together = after["buyer"].preferred_owed_exact + after["seller"].preferred_owed_exact
        assert together == before["seller"].preferred_owed_exact

    def test_counts_only_from_its_day(self) -> None:
        sold = (Transfer(self.SOLD, "seller", "buyer"),)
        line = PastLine("buyer", return_of_capital=Decimal(1))

        with pytest.raises(UnworkableFigures, match="More capital was returned to buyer"):
            calculate(
                case_a_terms(),
                self.PEOPLE,
                [PastDistribution(date(2024, 6, 29), (line,))],
                Decimal(1),
                EXIT,
                transfers=sold,
            )
        calculate(case_a_terms(), self.PEOPLE, [PastDistribution(self.SOLD, (line,))], Decimal(1), EXIT, transfers=sold)

    def test_goes_through_several_hands_in_the_order_given(self) -> None:
        people = (*self.PEOPLE, Position("last", ()))
        sold = (Transfer(self.SOLD, "seller", "buyer"), Transfer(self.SOLD, "buyer", "last"))

        after = {b.key: b.contributed for b in balances(case_a_terms(), people, (), EXIT, transfers=sold)}

        assert after == {"seller": 0, "buyer": 0, "last": 1_000_000, "other": 500_000}

    @pytest.mark.parametrize(
        ("transfer", "words"),
        [
            (Transfer(SOLD, "seller", "nobody"), "names nobody"),
            (Transfer(SOLD, "seller", "seller"), "to itself"),
            (Transfer(SOLD, "seller", "buyer", Decimal("1.5")), "between 0 and 1"),
        ],
    )
    def test_refuses_transfers_that_make_no_sense(self, transfer: Transfer, words: str) -> None:
        with pytest.raises(UnworkableFigures, match=words):
            balances(case_a_terms(), self.PEOPLE, (), EXIT, transfers=[transfer])

    def test_refuses_to_move_an_investment_to_other_terms(self) -> None:
        with pytest.raises(UnworkableFigures, match="different classes"):
            balances(classed(BetweenClasses.SENIOR), PEOPLE, (), EXIT, transfers=[Transfer(EXIT, "a", "b")])

    def test_every_kind_of_account_is_handed_over(self) -> None:
        terms = Terms(
            (
                PreferredReturn(Decimal("0.05"), compounding=Compounding.MONTHLY),
                IrrHurdle(Decimal("0.12"), Decimal("0.9"), Decimal("0.1")),
                Split(Decimal("0.7"), Decimal("0.3")),
            )
        )
        half = (Transfer(self.SOLD, "seller", "buyer", Decimal("0.5")),)

        whole = calculate(terms, self.PEOPLE, [self.PAID], Decimal(2_500_000), EXIT)
        parts = calculate(terms, self.PEOPLE, [self.PAID], Decimal(2_500_000), EXIT, transfers=half)

        exact = {share.key: share.exact for share in parts.shares}
        seller = next(share.exact for share in whole.shares if share.key == "seller")
        assert abs(exact["seller"] - exact["buyer"]) < Fraction(1, 10**20)
        assert abs(exact["seller"] + exact["buyer"] - seller) < Fraction(1, 10**20)
