"""Hurdles: IRR, multiple and several preferred returns, with splits of their own."""

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal, localcontext
from fractions import Fraction

import pytest

from distributions.metrics import by_investor, together
from distributions.templates import three_hurdle_promote
from distributions.waterfall import (
    CatchUp,
    Compounding,
    IrrHurdle,
    MultipleHurdle,
    PastDistribution,
    PastLine,
    Position,
    PreferredReturn,
    Result,
    ReturnOfCapital,
    Split,
    Terms,
    Tier,
    UnworkableTerms,
    balances,
    calculate,
)
from tests.distributions.test_irr_edges import solve_irr

START, EXIT = date(2023, 1, 1), date(2025, 12, 31)
LAST = Split(Decimal("0.80"), Decimal("0.20"))
Flows = Sequence[tuple[date, Decimal]]


def position(key: str, *flows: tuple[date, int | str]) -> Position:
    return Position(key, tuple((on, Decimal(amount)) for on, amount in flows))


def distribute(terms: Terms, people: Sequence[Position], flows: Sequence[tuple[date, int | str]]) -> list[Result]:
    """Distribute one amount after the other, each with those before it as history."""
    results: list[Result] = []
    for on, amount in flows:
        results.append(calculate(terms, people, [one.as_past() for one in results], Decimal(amount), on))
    return results


def lp_flows(people: Sequence[Position], results: Sequence[Result]) -> list[tuple[date, Decimal]]:
    paid_in = [(on, -amount) for person in people for on, amount in person.contributions]
    received = [(one.on, sum((share.total for share in one.shares), Decimal(0))) for one in results]
    return paid_in + received


class TestCaseC:
    FLOWS: tuple[tuple[date, int], ...] = ((date(2024, 1, 1), 50_000), (date(2024, 12, 31), 60_000), (EXIT, 1_800_000))

    def test_fills_the_tiers_to_the_cent(self) -> None:
        [*_, result] = distribute(three_hurdle_promote(), [position("a", (START, 1_000_000))], self.FLOWS)

        assert [(str(tier.lp), str(tier.gp)) for tier in result.tiers] == [
            ("1136592.00", "0.00"),
            ("138416.00", "15379.56"),
            ("227604.00", "56901.00"),
            ("157575.21", "67532.23"),
        ]
        assert result.shares[0].total == Decimal("1660187.21")
        assert result.sponsor.total == Decimal("139812.79")

    def test_brings_investors_the_worked_irr(self) -> None:
        people = [position("a", (START, 1_000_000))]
        results = distribute(three_hurdle_promote(), people, self.FLOWS)

        irr = together(list(by_investor(people, [one.as_past() for one in results], EXIT).values())).irr

        assert irr.rate is not None
        assert irr.rate.quantize(Decimal("1e-9")) == Decimal("0.218119736")

    def test_pays_earnings_before_capital(self) -> None:
        results = distribute(three_hurdle_promote(), [position("a", (START, 1_000_000))], self.FLOWS)

        assert [one.return_of_capital for one in results] == [0, 0, 1_000_000]
        assert [one.preferred_return for one in results] == [50_000, 60_000, 502_612]

    @pytest.mark.parametrize("scale", [1, 84, 84_000])
    def test_divides_among_investors_of_any_size(self, scale: int) -> None:
        people = [
            position(key, (START, part * scale)) for key, part in (("a", 500_000), ("b", 300_000), ("c", 200_000))
        ]

        [*_, result] = distribute(three_hurdle_promote(), people, [(on, amount * scale) for on, amount in self.FLOWS])

        assert abs(result.sponsor.exact - Fraction(12583151, 90) * scale) < Fraction(2 * scale, 10**6) + Fraction(1, 10)
        assert sum(share.total for share in result.shares) + result.sponsor.total == 1_800_000 * scale


class TestIrrEdges:
    def test_growth_over_part_years_is_right_to_thirty_places_of_a_cent(self) -> None:
        # (1.08)^(100/365) to sixty places, by another route: exp(ln 1.08 x 100 / 365).
        people = [position("a", (START, 84_000_000))]
        on = START + timedelta(100)

        [balance] = balances(Terms((IrrHurdle(Decimal("0.08")), LAST)), people, (), on)

        with localcontext() as context:
            context.prec = 60
            grown = Decimal(84_000_000) * ((Decimal("1.08").ln() * 100 / 365).exp() - 1)
            assert abs(Fraction(grown) - balance.preferred_owed_exact) < Fraction(1, 10**32)

    def test_an_account_overpaid_once_counts_against_later_calls(self) -> None:
        people = [position("a", (START, 100_000), (date(2025, 1, 1), 100_000))]
        terms = Terms((IrrHurdle(Decimal("0.10")), LAST))

        results = distribute(terms, people, [(date(2024, 1, 1), 150_000), (date(2026, 1, 1), 1_000_000)])

        flows = [
            (START, Decimal(-100_000)),
            (date(2024, 1, 1), results[0].shares[0].total),
            (date(2025, 1, 1), Decimal(-100_000)),
        ]
        dated = [((on - START).days, float(amount)) for on, amount in flows]
        filled = ((date(2026, 1, 1) - START).days, float(results[1].tiers[0].lp))
        assert solve_irr([*dated, filled]) == pytest.approx(0.10)

    def test_hurdles_of_one_rate_paid_in_turn_add_up_to_a_single_payment(self) -> None:
        people = [position("a", (START, 1_000)), position("b", (START, 2_000))]
        terms = Terms((IrrHurdle(Decimal("0.10")), Split(Decimal(1), Decimal(0))))

        [first, second] = distribute(terms, people, [(EXIT, 1_500), (EXIT, "2493.00")])

        assert [share.total for share in first.shares] == [500, 1_000]
        assert second.tiers[1].total == 0
        assert [balance.preferred_owed for balance in second.balances] == [0, 0]


class TestMultiple:
    def test_pays_until_cash_is_so_many_times_what_was_contributed(self) -> None:
        tiers: tuple[Tier, ...] = (
            MultipleHurdle(Decimal("1")),
            MultipleHurdle(Decimal("1.5"), Decimal("0.80"), Decimal("0.20")),
            Split(Decimal("0.60"), Decimal("0.40")),
        )
        people = [position("a", (START, 600_000), (date(2023, 6, 1), 400_000))]

        [first, second] = distribute(Terms(tiers), people, [(date(2024, 1, 1), 400_000), (EXIT, 1_325_000)])

        assert [tier.total for tier in first.tiers] == [400_000, 0, 0]
        assert [tier.lp for tier in second.tiers] == [600_000, 500_000, 60_000]
        assert [tier.gp for tier in second.tiers] == [0, 125_000, 40_000]
        assert second.return_of_capital == 600_000
        assert second.preferred_return == 500_000

    def test_an_irr_hurdle_and_a_multiple_both_have_to_be_met(self) -> None:
        tiers = (IrrHurdle(Decimal("0.08")), MultipleHurdle(Decimal("1.5")), LAST)

        [result] = distribute(Terms(tiers), [position("a", (START, 1_000_000))], [(EXIT, 2_000_000)])

        assert [tier.lp for tier in result.tiers] == [1_259_712, Decimal("240288.00"), 400_000]


class TestSeveralPreferredReturns:
    TERMS = Terms(
        (
            PreferredReturn(Decimal("0.06")),
            ReturnOfCapital(),
            PreferredReturn(Decimal("0.10"), lp_share=Decimal("0.90"), gp_share=Decimal("0.10")),
            LAST,
        )
    )

    def test_the_second_takes_what_the_first_left_of_it(self) -> None:
        [result] = distribute(self.TERMS, [position("a", (START, 1_000_000))], [(EXIT, 1_413_333)])

        assert [tier.lp for tier in result.tiers[:3]] == [180_000, 1_000_000, 120_000]
        assert result.tiers[2].gp == Decimal("13333.33")

    def test_counts_what_both_have_paid_before(self) -> None:
        flows = [(date(2024, 1, 1), 60_000), (EXIT, 1_413_333)]

        [_, result] = distribute(self.TERMS, [position("a", (START, 1_000_000))], flows)

        assert [tier.lp for tier in result.tiers[:3]] == [120_000, 1_000_000, 120_000]


class TestNotCumulative:
    def test_loses_what_a_year_left_unpaid(self) -> None:
        # Case B: 50,000 and 60,000 are paid at the end of years one and two.
        terms = Terms((PreferredReturn(Decimal("0.08"), cumulative=False), ReturnOfCapital(), LAST))
        history = [
            PastDistribution(on, (PastLine("a", preferred_return=Decimal(amount)),))
            for on, amount in ((date(2024, 1, 1), 50_000), (date(2024, 12, 31), 60_000))
        ]
        people = [position("a", (START, 1_000_000))]

        assert [
            balances(terms, people, history[:n], on)[0].preferred_owed
            for n, on in ((0, date(2024, 1, 1)), (1, date(2024, 12, 31)), (2, EXIT))
        ] == [80_000] * 3

    def test_keeps_what_the_year_under_way_has_earned(self) -> None:
        terms = Terms((PreferredReturn(Decimal("0.08"), cumulative=False), LAST))
        people = [position("a", (START, 1_000_000))]

        assert balances(terms, people, (), date(2024, 1, 1) + timedelta(73))[0].preferred_owed == 16_000
        assert balances(terms, people, (), date(2024, 1, 2))[0].preferred_owed == Decimal("219.18")


class TestCatchUpAfterHurdles:
    def test_counts_profit_of_hurdles_only_beyond_capital(self) -> None:
        tiers = (IrrHurdle(Decimal("0.08")), CatchUp(Decimal(1), Decimal("0.20")), LAST)

        [result] = distribute(Terms(tiers), [position("a", (START, 1_000_000))], [(EXIT, 3_000_000)])

        assert sum(tier.gp_exact for tier in result.tiers) == Fraction(2_000_000, 5)

    def test_counts_capital_that_an_earlier_distribution_returned(self) -> None:
        tiers = (IrrHurdle(Decimal("0.08")), CatchUp(Decimal(1), Decimal("0.20")), LAST)

        results = distribute(
            Terms(tiers), [position("a", (START, 1_000_000))], [(date(2024, 1, 1), 800_000), (EXIT, 3_000_000)]
        )

        assert sum(tier.gp_exact for tier in results[1].tiers) == Fraction(2_800_000, 5)

    def test_a_second_catch_up_goes_on_to_a_higher_target(self) -> None:
        tiers = (
            PreferredReturn(Decimal("0.08")),
            ReturnOfCapital(),
            CatchUp(Decimal("0.5"), Decimal("0.20")),
            IrrHurdle(Decimal("0.20"), Decimal("0.80"), Decimal("0.20")),
            CatchUp(Decimal(1), Decimal("0.30")),
            Split(Decimal("0.70"), Decimal("0.30")),
        )

        [result] = distribute(Terms(tiers), [position("a", (START, 1_000_000))], [(EXIT, 5_000_000)])

        assert sum(tier.gp_exact for tier in result.tiers) == Fraction(4_000_000 * 3, 10)


class TestRefusals:
    @pytest.mark.parametrize(
        ("tiers", "words"),
        [
            ((IrrHurdle(Decimal("0.12")), IrrHurdle(Decimal("0.08")), LAST), "IRR hurdles are out of order: 0.08"),
            ((IrrHurdle(Decimal("0.12")), IrrHurdle(Decimal("0.12")), LAST), "IRR hurdles are out of order"),
            ((MultipleHurdle(Decimal(2)), MultipleHurdle(Decimal("1.5")), LAST), "multiple hurdles are out of order"),
            (
                (PreferredReturn(Decimal("0.08")), PreferredReturn(Decimal("0.06")), LAST),
                "preferred returns are out of order",
            ),
            (
                (CatchUp(Decimal(1), Decimal("0.3")), CatchUp(Decimal(1), Decimal("0.2")), LAST),
                "catch-ups are out of order",
            ),
            ((LAST, LAST), "one split tier"),
            ((IrrHurdle(Decimal("0.12")),), "belongs to nobody"),
        ],
    )
    def test_refuses_tiers_out_of_order(self, tiers: tuple[Tier, ...], words: str) -> None:
        with pytest.raises(UnworkableTerms, match=words):
            Terms(tiers)

    @pytest.mark.parametrize("share", ["0.95", "0.85"])
    def test_refuses_shares_of_a_hurdle_that_are_not_the_whole(self, share: str) -> None:
        with pytest.raises(UnworkableTerms, match="add up to 100%"):
            IrrHurdle(Decimal("0.08"), Decimal(share), Decimal("0.10"))

    def test_refuses_a_hurdle_that_pays_investors_nothing(self) -> None:
        with pytest.raises(UnworkableTerms, match="never reach"):
            MultipleHurdle(Decimal(2), Decimal(0), Decimal(1))

    @pytest.mark.parametrize("multiple", ["0.9", "101", "NaN", "-1"])
    def test_refuses_a_multiple_that_is_none(self, multiple: str) -> None:
        with pytest.raises(UnworkableTerms, match="between 1 and 100"):
            MultipleHurdle(Decimal(multiple))

    def test_refuses_rates_finer_than_the_grain(self) -> None:
        with pytest.raises(UnworkableTerms, match="twelve decimals"):
            IrrHurdle(Decimal("0.0812345678901"))

    def test_refuses_an_unknown_day_count(self) -> None:
        with pytest.raises(UnworkableTerms, match="no day count that is known"):
            PreferredReturn(Decimal("0.08"), day_count="ACT/364")  # type: ignore[arg-type]

    def test_refuses_to_compound_what_lapses(self) -> None:
        with pytest.raises(UnworkableTerms, match="nothing to compound"):
            PreferredReturn(Decimal("0.08"), cumulative=False, compounding=Compounding.ANNUAL)
