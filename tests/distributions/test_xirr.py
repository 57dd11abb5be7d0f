"""XIRR: right, however large or many the flows, and plain about there being no rate, or several."""

import random
from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distributions.xirr import Finding, xirr
from tests.distributions.drawn import lawful

START = date(2023, 1, 1)


def flows(*amounts: tuple[int, str]) -> list[tuple[date, Decimal]]:
    return [(START + timedelta(day), Decimal(amount)) for day, amount in amounts]


class TestXirr:
    def test_finds_the_rate_of_case_c(self) -> None:
        found = xirr(flows((0, "-1000000"), (365, "50000"), (730, "60000"), (1095, "1660187.21")))

        assert found.finding is Finding.ONE
        assert found.is_proven
        assert found.rates[0].quantize(Decimal("1e-9")) == Decimal("0.218119736")

    @pytest.mark.parametrize("scale", ["0.01", "84", "84000000", "1e12"])
    def test_does_not_depend_on_the_size_of_the_flows(self, scale: str) -> None:
        amounts = [(0, "-1"), (100, "-0.5"), (400, "0.7"), (800, "1.1")]

        found = xirr([(day, amount * Decimal(scale)) for day, amount in flows(*amounts)])

        assert found.rates == xirr(flows(*amounts)).rates

    def test_does_not_fail_at_84_million_with_thousands_of_flows(self) -> None:
        # The case on which solvers that start from a guess diverge: pyxirr's issue 75.
        rng = random.Random(75)
        paid_in = [(day, f"-{rng.randrange(84_000_000_00)}e-2") for day in range(500)]
        received = [(500 + day, f"{rng.randrange(9_000_000_00)}e-2") for day in range(2500)]

        found = xirr(flows(*paid_in, *received))

        assert found.finding is Finding.ONE
        assert found.rate is not None
        worth = sum(
            float(amount) * (1 + float(found.rate)) ** (-(day - START).days / 365)
            for day, amount in flows(*paid_in, *received)
        )
        assert abs(worth) < 1

    @lawful
    @given(
        st.integers(-99, 300).map(lambda percent: Decimal(percent) / 100),
        st.lists(st.tuples(st.integers(0, 3000), st.integers(1, 84_000_000_00)), min_size=1, max_size=8),
    )
    def test_finds_the_rate_by_which_the_last_flow_was_made(
        self, rate: Decimal, paid_in: list[tuple[int, int]]
    ) -> None:
        grown = sum((Decimal(cents) * (1 + rate) ** (Decimal(3650 - day) / 365) for day, cents in paid_in), Decimal(0))

        found = xirr([*flows(*((day, str(-cents)) for day, cents in paid_in)), (START + timedelta(3650), grown)])

        assert found.rate is not None
        assert abs(found.rate - rate) < Decimal("1e-10")

    @pytest.mark.parametrize(
        ("amounts", "least", "most"),
        [
            ([(0, "-1"), (1, "2")], "1e109", "1e110"),
            ([(0, "-84000000"), (730, "0.01")], "-0.99999", "-0.99998"),
            ([(0, "-0.01"), (365, "9999999999999")], "999999999999898", "999999999999900"),
        ],
    )
    def test_finds_rates_beyond_all_measure(self, amounts: list[tuple[int, str]], least: str, most: str) -> None:
        found = xirr(flows(*amounts))

        assert found.rate is not None
        assert Decimal(least) <= found.rate <= Decimal(most)

    @pytest.mark.parametrize(
        ("amounts", "words"),
        [
            ([], "no flows"),
            ([(0, "-1")], "only paid in"),
            ([(0, "-1"), (5, "-2")], "only paid in"),
            ([(3, "2")], "only received"),
            ([(3, "2"), (3, "-2")], "no flows"),
        ],
    )
    def test_says_when_there_is_none(self, amounts: list[tuple[int, str]], words: str) -> None:
        found = xirr(flows(*amounts))

        assert found.finding is Finding.NONE
        assert found.rate is None
        assert words in found.why

    def test_says_when_flows_that_change_sign_twice_have_none(self) -> None:
        found = xirr(flows((0, "-100"), (365, "50"), (730, "-100")))

        assert (found.finding, found.rates) == (Finding.NONE, ())

    def test_gives_all_when_there_are_several(self) -> None:
        found = xirr(flows((0, "-1000"), (365, "2300"), (730, "-1320")))

        assert found.finding is Finding.SEVERAL
        assert found.rates == (Decimal("0.1"), Decimal("0.2"))
        assert found.rate is None

    def test_is_not_misled_by_a_late_call(self) -> None:
        found = xirr(flows((0, "-1000"), (100, "100"), (365, "-500"), (1095, "2000")))

        assert found.finding is Finding.ONE
        assert not found.is_proven
