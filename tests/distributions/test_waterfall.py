"""The waterfall: worked figures, terms and figures that are refused, and the faults it must not have."""

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import cast

import pytest

from distributions.waterfall import (
    CapitalBase,
    CatchUp,
    Compounding,
    DayCount,
    PastDistribution,
    PastLine,
    Position,
    PreferredReturn,
    ProfitBasis,
    Result,
    ReturnOfCapital,
    Split,
    Terms,
    Tier,
    TierKind,
    UnworkableFigures,
    UnworkableTerms,
    balances,
    calculate,
    case_a_terms,
    original_four_tiers,
)

START, EXIT = date(2023, 1, 1), date(2025, 12, 31)
EIGHT = Decimal("0.08")
LAST = Split(Decimal("0.80"), Decimal("0.20"))


def position(key: str, amount: int | str, on: date = START, ownership: str | None = None) -> Position:
    share = Decimal(ownership) if ownership else None
    return Position(key=key, contributions=((on, Decimal(amount)),), ownership=share)


ALONE = (position("a", 1_000_000),)
THREE = (position("a", 500_000), position("b", 300_000), position("c", 200_000))


def run(
    terms: Terms,
    amount: int | str,
    positions: Sequence[Position] = THREE,
    history: Sequence[PastDistribution] = (),
    on: date = EXIT,
) -> Result:
    return calculate(terms, positions, history, Decimal(amount), on)


def preferred_only(rate: Decimal = EIGHT, **options: object) -> Terms:
    return Terms((PreferredReturn(rate, **options), ReturnOfCapital(), LAST))  # type: ignore[arg-type]


def owed(terms: Terms, history: Sequence[PastDistribution] = (), on: date = EXIT) -> Decimal:
    return balances(terms, ALONE, history, on)[0].preferred_owed


def paid_preferred(amount: int, on: date) -> PastDistribution:
    return PastDistribution(on=on, lines=(PastLine("a", preferred_return=Decimal(amount)),))


def takes(result: Result) -> list[tuple[int, int]]:
    """Return what each tier takes for investors and sponsor, in dollars it must come to."""
    assert all(tier.total % 1 == 0 and tier.lp % 1 == 0 for tier in result.tiers)
    return [(int(tier.lp), int(tier.gp)) for tier in result.tiers]


def totals(result: Result) -> list[Decimal]:
    return [share.total for share in result.shares]


class TestCaseA:
    @pytest.mark.parametrize(
        ("amount", "preferred", "capital", "catch_up", "split"),
        [
            (100_000, 100_000, 0, (0, 0), (0, 0)),
            (240_000, 240_000, 0, (0, 0), (0, 0)),
            (900_000, 240_000, 660_000, (0, 0), (0, 0)),
            (1_240_000, 240_000, 1_000_000, (0, 0), (0, 0)),
            (1_300_000, 240_000, 1_000_000, (30_000, 30_000), (0, 0)),
            (1_400_000, 240_000, 1_000_000, (80_000, 80_000), (0, 0)),
            (1_700_000, 240_000, 1_000_000, (80_000, 80_000), (240_000, 60_000)),
        ],
    )
    def test_fills_each_tier_to_its_edge(
        self,
        amount: int,
        preferred: int,
        capital: int,
        catch_up: tuple[int, int],
        split: tuple[int, int],
    ) -> None:
        result = run(case_a_terms(), amount)

        assert takes(result) == [
            (preferred, 0),
            (capital, 0),
            catch_up,
            split,
        ]
        assert result.sponsor.total == catch_up[1] + split[1]

    def test_pays_three_investors_by_capital(self) -> None:
        result = run(case_a_terms(), 1_700_000)

        assert totals(result) == [780_000, 468_000, 312_000]
        assert result.sponsor.total == 140_000

    def test_returns_capital_pro_rata_never_first_come_first_served(self) -> None:
        # The original system paid 400,000 / 0 / 0.
        result = run(original_four_tiers(), 400_000)

        assert [share.return_of_capital for share in result.shares] == [200_000, 120_000, 80_000]

    def test_sums_the_four_stored_totals_to_the_amount(self) -> None:
        result = run(case_a_terms(), 1_700_000)

        assert result.preferred_return == 240_000
        assert result.return_of_capital == 1_000_000
        assert result.sponsor_catch_up == 80_000
        assert result.profit_split == 380_000

    def test_leaves_balances_as_paid(self) -> None:
        result = run(case_a_terms(), 900_000)

        assert [balance.unreturned_capital for balance in result.balances] == [170_000, 102_000, 68_000]
        assert [balance.preferred_owed for balance in result.balances] == [0, 0, 0]


class TestOriginalFourTiers:
    def test_catches_up_to_thirty_percent_and_splits_seventy_thirty(self) -> None:
        result = run(original_four_tiers(), 1_700_000)

        assert [tier.kind for tier in result.tiers] == [
            TierKind.RETURN_OF_CAPITAL,
            TierKind.PREFERRED_RETURN,
            TierKind.CATCH_UP,
            TierKind.SPLIT,
        ]
        assert result.sponsor.total == Decimal("210000.00")
        assert result.tiers[2].gp_exact == Fraction(3, 10) * 240_000 / Fraction(7, 10)
        assert sum(totals(result)) == 1_490_000


class TestCatchUp:
    def test_stops_where_the_money_ends(self) -> None:
        full = CatchUp(Decimal("1"), Decimal("0.20"))
        result = run(Terms((PreferredReturn(EIGHT), ReturnOfCapital(), full, LAST)), 1_270_000)

        assert result.sponsor.total == 30_000

    @pytest.mark.parametrize("rate", ["0.40", "0.50", "0.80", "1"])
    def test_brings_the_sponsor_exactly_to_its_target(self, rate: str) -> None:
        # Taking a full catch-up times the rate instead leaves the sponsor short of the target.
        terms = Terms((*case_a_terms().tiers[:2], CatchUp(Decimal(rate), Decimal("0.20")), LAST))

        result = run(terms, 5_000_000)

        assert sum(tier.gp_exact for tier in result.tiers) == Fraction(5_000_000 - 1_000_000, 5)

    def test_is_not_a_full_catch_up_times_the_rate(self) -> None:
        # Half of a full catch-up (60,000) would leave the sponsor with 30,000 of 240,000 + 60,000.
        result = run(case_a_terms(), 1_400_000)

        assert takes(result)[2] == (80_000, 80_000)
        assert result.tiers[2].gp_exact / (240_000 + result.tiers[2].lp_exact + result.tiers[2].gp_exact) == Fraction(
            1, 5
        )

    def test_counts_profit_of_earlier_distributions(self) -> None:
        first = run(case_a_terms(), 1_300_000, on=EXIT)

        second = run(case_a_terms(), 400_000, history=[first.as_past()], on=EXIT)

        assert takes(second)[2:] == [(50_000, 50_000), (240_000, 60_000)]

    def test_takes_nothing_when_the_sponsor_is_ahead_already(self) -> None:
        past = PastDistribution(on=START, lines=(PastLine("a"),), sponsor_profit_split=Decimal("900000.00"))

        result = run(case_a_terms(), 1_400_000, history=[past])

        assert result.tiers[2].total == 0


class TestOrder:
    def test_capital_first_pays_the_sponsor_differently_while_catch_up_is_not_completed(self) -> None:
        # A year's preferred return first leaves less capital repaid, and so more to earn later.
        tiers = case_a_terms().tiers
        capital_first = Terms((tiers[1], tiers[0], *tiers[2:]))
        sponsor = []
        for terms in (case_a_terms(), capital_first):
            first = run(terms, 500_000, on=date(2024, 1, 1))
            second = run(terms, 720_000, history=[first.as_past()])
            sponsor.append(second.sponsor.total)

        # 580,000 earned 92,800 in the last two years there, 500,000 earned 80,000 here.
        assert sponsor == [(1_220_000 - 1_172_800) / 2, (1_220_000 - 1_160_000) / 2]

    def test_shares_preferred_return_by_what_has_accrued_to_each(self) -> None:
        late = (position("early", 100_000), position("late", 100_000, on=date(2025, 12, 31)))

        result = run(case_a_terms(), 12_000, positions=late)

        assert [share.preferred_return for share in result.shares] == [12_000, 0]


class TestPreferredReturn:
    @pytest.mark.parametrize(
        ("compounding", "expected"),
        [
            (Compounding.SIMPLE, "240000.00"),
            (Compounding.ANNUAL, "259712.00"),
            (Compounding.SEMI_ANNUAL, "265319.02"),
            (Compounding.QUARTERLY, "268241.79"),
            (Compounding.MONTHLY, "270237.05"),
            (Compounding.DAILY, "271215.72"),
        ],
    )
    def test_compounds_three_years(self, compounding: Compounding, expected: str) -> None:
        assert owed(preferred_only(compounding=compounding)) == Decimal(expected)

    @pytest.mark.parametrize(
        ("compounding", "expected"), [(Compounding.SIMPLE, 130_000), (Compounding.ANNUAL, 136_592)]
    )
    def test_compounds_on_the_unpaid_part_only(self, compounding: Compounding, expected: int) -> None:
        history = [paid_preferred(50_000, date(2024, 1, 1)), paid_preferred(60_000, date(2024, 12, 31))]

        assert owed(preferred_only(compounding=compounding), history) == expected

    @pytest.mark.parametrize("compounding", list(Compounding))
    def test_does_not_depend_on_how_often_it_is_looked_at(self, compounding: Compounding) -> None:
        terms = preferred_only(compounding=compounding)
        looks = [PastDistribution(START + timedelta(days), ()) for days in range(17, 1000, 97)]

        assert balances(terms, ALONE, looks, EXIT) == balances(terms, ALONE, (), EXIT)

    def test_accrues_evenly_within_a_compounding_period(self) -> None:
        middle = date(2024, 1, 1) + timedelta(73)

        assert owed(preferred_only(compounding=Compounding.ANNUAL), on=middle) == 80_000 + 17_280

    @pytest.mark.parametrize(
        ("day_count", "expected"),
        [
            (DayCount.ACT_365, "240000.00"),
            (DayCount.ACT_360, "243333.33"),
            (DayCount.ACT_ACT_ISDA, "239780.82"),
            (DayCount.THIRTY_360_US, "240000.00"),
            (DayCount.THIRTY_E_360, "239777.78"),
        ],
    )
    def test_counts_days_as_told(self, day_count: DayCount, expected: str) -> None:
        assert owed(preferred_only(day_count=day_count)) == Decimal(expected)

    def test_earns_on_what_is_unreturned_unless_told_original(self) -> None:
        half = PastDistribution(on=date(2024, 1, 1), lines=(PastLine("a", return_of_capital=Decimal("500000.00")),))

        assert owed(preferred_only(), [half]) == 80_000 + 80_000
        assert owed(preferred_only(base=CapitalBase.ORIGINAL), [half]) == 240_000

    def test_earns_from_the_day_of_each_contribution(self) -> None:
        investor = Position("a", ((START, Decimal(1_000_000)), (date(2024, 12, 31), Decimal(500_000))))

        [balance] = balances(preferred_only(), [investor], (), EXIT)

        assert balance.preferred_owed == 240_000 + 40_000
        assert balance.contributed == 1_500_000

    @pytest.mark.parametrize("compounding", [Compounding.SIMPLE, Compounding.ANNUAL])
    def test_earns_from_one_common_start_where_terms_say_so(self, compounding: Compounding) -> None:
        early = position("a", 1_000_000, on=date(2022, 6, 1))
        late = position("b", 1_000_000, on=date(2024, 5, 5))
        terms = preferred_only(accrues_from=START, compounding=compounding)
        looked = [PastDistribution(date(2023, 3, 3), ())]

        for history in ((), looked):
            first, second = balances(terms, [early, late], history, EXIT)
            assert first.preferred_owed_exact == second.preferred_owed_exact
        assert balances(terms, [early], (), date(2022, 12, 31))[0].preferred_owed == 0

    def test_owes_the_others_no_less_when_one_was_overpaid(self) -> None:
        past = PastDistribution(EXIT, (PastLine("a", preferred_return=Decimal("130000.00")),))

        result = run(preferred_only(), 200_000, history=[past])

        assert [share.preferred_return for share in result.shares] == [0, 72_000, 48_000]

    def test_treats_contributions_of_one_investor_as_two_investors(self) -> None:
        terms = preferred_only(compounding=Compounding.QUARTERLY, day_count=DayCount.THIRTY_360_US)
        days = (START, date(2023, 8, 31))
        one = [Position("a", tuple((day, Decimal(300_000)) for day in days))]
        two = [position(str(day), 300_000, on=day) for day in days]
        together: list[PastDistribution] = []
        apart: list[PastDistribution] = []
        for year in (2023, 2024, 2025):
            together.append(run(terms, 90_000, one, together, date(year, 12, 31)).as_past())
            apart.append(run(terms, 90_000, two, apart, date(year, 12, 31)).as_past())

        merged = balances(terms, one, together, EXIT)[0]
        split = balances(terms, two, apart, EXIT)
        assert abs(merged.unreturned_capital - sum(b.unreturned_capital for b in split)) <= Decimal("0.02")
        assert abs(merged.preferred_owed_exact - sum(b.preferred_owed_exact for b in split)) < Fraction(3, 100)


class TestProfit:
    def test_is_shared_by_ownership_where_terms_say_so(self) -> None:
        owners = (position("a", 900_000, ownership="0.25"), position("b", 100_000, ownership="0.75"))
        terms = Terms((ReturnOfCapital(), LAST), profits_by=ProfitBasis.OWNERSHIP)

        result = run(terms, 1_100_000, owners)

        assert [share.profit_split for share in result.shares] == [20_000, 60_000]

    def test_needs_ownership_then(self) -> None:
        with pytest.raises(UnworkableFigures, match="ownership"):
            run(Terms((LAST,), profits_by=ProfitBasis.OWNERSHIP), 1)


class TestRefusals:
    @pytest.mark.parametrize(
        ("tiers", "words"),
        [
            ((), "last tier must be a split"),
            ((LAST, ReturnOfCapital()), "last tier must be a split"),
            ((ReturnOfCapital(), ReturnOfCapital(), LAST), "one return of capital tier"),
            ((cast(Tier, "IRR_HURDLE"), LAST), "is not a tier that can be worked"),
        ],
    )
    def test_refuses_tiers_that_make_no_waterfall(self, tiers: tuple[Tier, ...], words: str) -> None:
        with pytest.raises(UnworkableTerms, match=words):
            Terms(tiers)

    @pytest.mark.parametrize(("rate", "target"), [("0.20", "0.20"), ("0.10", "0.20")])
    def test_refuses_a_catch_up_that_never_completes(self, rate: str, target: str) -> None:
        with pytest.raises(UnworkableTerms, match="greater than the target"):
            CatchUp(Decimal(rate), Decimal(target))

    @pytest.mark.parametrize("rate", ["8", "-0.08", "NaN", "0"])
    def test_refuses_a_rate_that_is_no_part_of_one(self, rate: str) -> None:
        with pytest.raises(UnworkableTerms, match=r"0\.08|leave it out"):
            PreferredReturn(Decimal(rate))

    def test_refuses_a_split_that_is_not_the_whole(self) -> None:
        with pytest.raises(UnworkableTerms, match="add up to 100%"):
            Split(Decimal("0.70"), Decimal("0.20"))

    @pytest.mark.parametrize("amount", ["0", "-1", "0.001", "NaN", "Infinity", "1e20"])
    def test_refuses_an_amount_that_is_no_money(self, amount: str) -> None:
        with pytest.raises(UnworkableFigures, match="The amount to distribute"):
            run(case_a_terms(), amount)

    @pytest.mark.parametrize(
        ("positions", "words"),
        [
            ((), "nobody to distribute to"),
            ((position("a", 1, on=EXIT + timedelta(1)),), "nobody to distribute to"),
            ((position("a", -1),), "more than nothing"),
            ((position("a", "0.005"),), "whole number of cents"),
            ((position("a", 1), position("a", 2)), "same key"),
        ],
    )
    def test_refuses_positions_that_make_no_sense(self, positions: list[Position], words: str) -> None:
        with pytest.raises(UnworkableFigures, match=words):
            run(case_a_terms(), 1, positions)

    @pytest.mark.parametrize(
        ("past", "words"),
        [
            (PastDistribution(EXIT + timedelta(1), ()), "later than"),
            (PastDistribution(EXIT, (PastLine("nobody"),)), "has no position"),
            (PastDistribution(EXIT, (PastLine("a", profit_split=Decimal(-1)),)), "below nothing"),
            (PastDistribution(EXIT, (PastLine("a", Decimal(500_001)),)), "More capital was returned"),
        ],
    )
    def test_refuses_history_that_makes_no_sense(self, past: PastDistribution, words: str) -> None:
        with pytest.raises(UnworkableFigures, match=words):
            run(case_a_terms(), 1, history=[past])
