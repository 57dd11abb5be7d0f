"""Effects: each choice changed alone, in dollars that WATERFALL.md gives."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given

from distributions import effects, templates
from distributions import terms as engine
from distributions.positions import PastDistribution, PastLine, Position, Transfer
from distributions.waterfall import calculate
from tests.distributions import drawn

D = Decimal
PEOPLE = [Position("Fund", ((date(2023, 1, 1), D("1000000.00")),))]
EXIT = date(2025, 12, 31)


def differences(terms: engine.Terms, amount: str) -> dict[tuple[str, str], Decimal]:
    found = effects.effects(terms, PEOPLE, (), D(amount), EXIT)
    return {(row.choice, row.name): row.difference for row in found.rows}


class TestEffects:
    def test_are_nothing_for_the_terms_themselves(self) -> None:
        found = effects.effects(templates.case_a_terms(), PEOPLE, (), D("1300000.00"), EXIT)

        assert (found.investors, found.sponsor) == (D("1270000.00"), D("30000.00"))
        drafted = [row for row in found.rows if row.is_drafted]
        assert {row.choice for row in drafted} == {"Order", "Day count", "Compounding", "Base", "Catch-up"}
        assert all(row.difference == 0 for row in drafted)

    def test_are_those_of_the_worked_figures(self) -> None:
        """Not caught up yet, so half of what the pref takes more is the investors': WATERFALL.md's tables, halved."""
        found = differences(templates.case_a_terms(), "1300000.00")

        assert found["Day count", "ACT/360"] == D("1666.67")
        assert found["Day count", "30E/360"] == D("-111.11")
        assert found["Compounding", "Annual"] == D("9856.00")
        assert found["Compounding", "Daily"] == D("15607.86")
        assert found["Catch-up", "None"] == D("18000.00")

    def test_has_every_choice_once(self) -> None:
        found = effects.variants(templates.case_a_terms())

        counts = {choice: sum(one.choice == choice for one in found) for choice in {one.choice for one in found}}
        assert counts == {"Order": 2, "Day count": 5, "Compounding": 6, "Base": 2, "Catch-up": 3}

    def test_knows_when_the_catch_up_hides_them(self) -> None:
        assert effects.effects(templates.case_a_terms(), PEOPLE, (), D("1700000.00"), EXIT).is_caught_up
        assert not effects.effects(templates.case_a_terms(), PEOPLE, (), D("1300000.00"), EXIT).is_caught_up

    def test_says_which_choice_cannot_be(self) -> None:
        lapsing = engine.Terms((engine.PreferredReturn(D("0.08"), cumulative=False), engine.Split(D("0.8"), D("0.2"))))

        rows = effects.effects(lapsing, PEOPLE, (), D("100000.00"), EXIT).rows

        assert "nothing to compound" in next(row.problem for row in rows if row.name == "Annual")

    def test_count_what_changed_hands(self) -> None:
        """The buyer has had more of the capital back than it ever paid in itself."""
        people = [*PEOPLE, Position("Buyer", ())]
        sold = Transfer(date(2023, 6, 1), "Fund", "Buyer", D(1))
        returned = PastDistribution(date(2024, 1, 1), (PastLine("Buyer", D("500000.00")),))

        found = effects.effects(templates.straight_split(), people, (returned,), D("100000.00"), EXIT, transfers=[sold])

        assert found.investors + found.sponsor == D("100000.00")

    @pytest.mark.parametrize("make", [templates.straight_split, templates.three_hurdle_promote])
    def test_is_without_choices_where_there_is_no_return(self, make: object) -> None:
        assert effects.variants(make()) == []  # type: ignore[operator]

    @drawn.lawful
    @given(drawn.cases(), drawn.amounts)
    def test_what_is_given_is_shared(self, case: drawn.Case, amount: Decimal) -> None:
        found = effects.effects(case.terms, case.people, case.history, amount, case.on)

        assert all(row.investors + row.sponsor == amount for row in found.rows)
        assert all(row.investors - found.investors == row.difference for row in found.rows)


class TestPooled:
    def test_gives_the_same_in_all(self) -> None:
        terms = templates.case_a_terms()
        people = [
            Position(str(n), ((date(2023, 1, 1 + n % 28), D(1000 + n)), (date(2024, 3, 1), D("250.50"))))
            for n in range(40)
        ]
        first = calculate(terms, people, (), D("3000.00"), date(2024, 6, 30))
        history = [first.as_past()]
        exact = calculate(terms, people, history, D("70000.00"), EXIT)

        together, past = effects.pooled(people, history)
        pooled = calculate(terms, together, past, D("70000.00"), EXIT)

        assert len(together) == 1
        assert abs(pooled.sponsor.total - exact.sponsor.total) <= D("0.05")
