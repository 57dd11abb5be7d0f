"""Drift: stored balances and past lines held against the replay."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

from distributions.drift import SPONSOR, StoredBalance, drift_of_balances, drift_of_history
from distributions.waterfall import PastDistribution, PastLine, Position, calculate, case_a_terms, original_four_tiers

START, MIDDLE, EXIT = date(2023, 1, 1), date(2024, 1, 1), date(2025, 12, 31)
PEOPLE = [
    Position(key, ((START, Decimal(amount)),)) for key, amount in (("a", 500_000), ("b", 300_000), ("c", 200_000))
]
FIRST = calculate(case_a_terms(), PEOPLE, (), Decimal(100_000), MIDDLE).as_past()
RIGHT = StoredBalance(
    "a",
    contributed=Decimal("500000.00"),
    unreturned_capital=Decimal("490000.00"),
    returned_capital=Decimal("10000.00"),
    preferred_owed=Decimal("78400.00"),
    preferred_paid=Decimal("40000.00"),
    profits_paid=Decimal("0.00"),
)


def of_a(stored: StoredBalance) -> list[str]:
    rest = [StoredBalance("b"), StoredBalance("c")]
    return [str(one) for one in drift_of_balances(case_a_terms(), PEOPLE, [FIRST], EXIT, [stored, *rest])]


class TestBalances:
    def test_that_are_right_show_none(self) -> None:
        assert of_a(RIGHT) == []

    def test_that_are_wrong_are_named_with_both_figures(self) -> None:
        wrong = replace(RIGHT, unreturned_capital=Decimal("490000.01"), preferred_owed=Decimal(0))

        assert of_a(wrong) == [
            "a: unreturned_capital is kept as 490000.01, the history makes it 490000.00.",
            "a: preferred_owed is kept as 0, the history makes it 78400.00.",
        ]

    def test_nobody_keeps_or_nobody_has_show_up(self) -> None:
        stored = [RIGHT, StoredBalance("b"), StoredBalance("ghost", contributed=Decimal(5))]

        drifts = drift_of_balances(case_a_terms(), PEOPLE, [FIRST], EXIT, stored)

        assert [(one.key, one.figure, one.by) for one in drifts] == [
            ("c", "contributed", Decimal(-200_000)),
            ("ghost", "contributed", Decimal(5)),
        ]


class TestHistory:
    def test_of_these_terms_shows_none(self) -> None:
        second = calculate(case_a_terms(), PEOPLE, [FIRST], Decimal("1234567.89"), EXIT).as_past()

        assert drift_of_history(case_a_terms(), PEOPLE, [FIRST, second]) == []

    def test_first_come_first_served_shows_who_got_whose_capital(self) -> None:
        # The original's fault: on 400,000 of capital the first investor got everything.
        past = PastDistribution(START, (PastLine("a", return_of_capital=Decimal(400_000)),))

        drifts = drift_of_history(original_four_tiers(), PEOPLE, [past])

        assert [(one.key, one.paid, one.entitled) for one in drifts] == [
            ("a", Decimal(400_000), Decimal(200_000)),
            ("b", Decimal(0), Decimal(120_000)),
            ("c", Decimal(0), Decimal(80_000)),
        ]

    def test_a_wrong_promote_is_the_sponsors(self) -> None:
        past = replace(FIRST, lines=tuple(FIRST.lines)[:2], sponsor_profit_split=Decimal(20_000))

        [lacking, promote] = drift_of_history(case_a_terms(), PEOPLE, [past])

        assert (lacking.key, lacking.by) == ("c", Decimal(-20_000))
        assert (promote.key, promote.by) == (SPONSOR, Decimal(20_000))

    def test_one_wrong_line_is_not_told_twice(self) -> None:
        wrong = replace(FIRST, lines=tuple(FIRST.lines)[:2])
        after = calculate(case_a_terms(), PEOPLE, [wrong], Decimal(50_000), EXIT).as_past()

        assert {one.on for one in drift_of_history(case_a_terms(), PEOPLE, [wrong, after])} == {MIDDLE}
