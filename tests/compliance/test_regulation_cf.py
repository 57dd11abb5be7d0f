"""What Regulation Crowdfunding allows somebody to invest in twelve months (17 CFR 227.100)."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compliance.regulation_cf import Figures, allowance, room

FIGURES = Figures(floor=Decimal("2500.00"), ceiling=Decimal("124000.00"))
MONEY = st.decimals(0, 10**9, places=2)


class TestRoom:
    @pytest.mark.parametrize(
        ("income", "worth", "used", "left"),
        [
            ("30000", "10000", "0", "2500.00"),
            ("60000", "80000", "0", "4000.00"),
            ("50000", "60000", "1000", "2000.00"),
            ("124000", "124000", "0", "12400.00"),
            ("123999", "900000", "0", "45000.00"),
            ("150000", "900000", "85000", "5000.00"),
            ("3000000", "3000000", "0", "124000.00"),
            ("0", "9000000", "0", "124000.00"),
            ("30000", "10000", "2500.01", "0.00"),
            ("50000.30", "0", "0", "2500.01"),
        ],
    )
    def test_is_what_the_regulation_says(self, income: str, worth: str, used: str, left: str) -> None:
        found = room(Decimal(income), Decimal(worth), Decimal(used), FIGURES)
        assert found == Decimal(left)
        assert str(found) == left

    def test_is_the_floor_for_somebody_whose_means_are_not_known(self) -> None:
        assert room(None, None, Decimal("0.00"), FIGURES) == Decimal("2500.00")


class TestAllowance:
    @given(MONEY, MONEY)
    def test_is_never_below_the_floor_nor_above_the_ceiling(self, income: Decimal, worth: Decimal) -> None:
        assert FIGURES.floor <= allowance(income, worth, FIGURES) <= FIGURES.ceiling

    @given(MONEY, MONEY)
    def test_does_not_care_which_is_income_and_which_is_worth(self, income: Decimal, worth: Decimal) -> None:
        assert allowance(income, worth, FIGURES) == allowance(worth, income, FIGURES)

    @given(MONEY, MONEY, MONEY)
    def test_never_shrinks_as_means_grow(self, income: Decimal, worth: Decimal, more: Decimal) -> None:
        assert allowance(income + more, worth, FIGURES) >= allowance(income, worth, FIGURES)
