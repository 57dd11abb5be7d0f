"""Day counts: the worked table, the ends of months, and what every convention keeps to."""

from datetime import date, timedelta
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distributions.day_counts import PARTS_OF_A_YEAR, DayCount, year_fraction

ACTUAL = [DayCount.ACT_365, DayCount.ACT_360, DayCount.ACT_ACT_ISDA]
THREE_YEARS = (date(2023, 1, 1), date(2025, 12, 31))
LEAP_FEBRUARY = (date(2024, 1, 31), date(2024, 2, 29))

day_counts = st.sampled_from(list(DayCount))
days = st.dates(date(1990, 1, 1), date(2060, 12, 31))


class TestYearFraction:
    @pytest.mark.parametrize(
        ("day_count", "period", "cents"),
        [
            (DayCount.ACT_365, THREE_YEARS, 240_000_00),
            (DayCount.ACT_360, THREE_YEARS, 243_333_33),
            (DayCount.ACT_ACT_ISDA, THREE_YEARS, 239_780_82),
            (DayCount.THIRTY_360_US, THREE_YEARS, 240_000_00),
            (DayCount.THIRTY_E_360, THREE_YEARS, 239_777_78),
            (DayCount.ACT_365, LEAP_FEBRUARY, 6_356_16),
            (DayCount.ACT_360, LEAP_FEBRUARY, 6_444_44),
            (DayCount.ACT_ACT_ISDA, LEAP_FEBRUARY, 6_338_80),
            (DayCount.THIRTY_360_US, LEAP_FEBRUARY, 6_444_44),
            (DayCount.THIRTY_E_360, LEAP_FEBRUARY, 6_444_44),
        ],
    )
    def test_gives_the_worked_figures_of_a_million_at_eight_percent(
        self, day_count: DayCount, period: tuple[date, date], cents: int
    ) -> None:
        exact = 80_000_00 * year_fraction(*period, day_count)

        assert round(exact) == cents

    @pytest.mark.parametrize(
        ("start", "end", "american", "european"),
        [
            (date(2023, 2, 28), date(2024, 2, 29), 360, 361),
            (date(2023, 2, 28), date(2024, 2, 28), 358, 360),
            (date(2024, 2, 28), date(2024, 2, 29), 1, 1),
            (date(2024, 2, 29), date(2024, 3, 31), 30, 31),
            (date(2023, 1, 15), date(2023, 3, 31), 76, 75),
            (date(2023, 1, 30), date(2023, 3, 31), 60, 60),
            (date(2023, 1, 31), date(2023, 3, 30), 60, 60),
        ],
    )
    def test_ends_thirty_day_months_as_each_convention_does(
        self, start: date, end: date, american: int, european: int
    ) -> None:
        assert year_fraction(start, end, DayCount.THIRTY_360_US) * 360 == american
        assert year_fraction(start, end, DayCount.THIRTY_E_360) * 360 == european

    def test_weighs_days_of_a_leap_year_by_366(self) -> None:
        fraction = year_fraction(date(2023, 12, 31), date(2024, 1, 2), DayCount.ACT_ACT_ISDA)

        assert fraction == Fraction(1, 365) + Fraction(1, 366)

    def test_refuses_a_period_that_ends_before_it_starts(self) -> None:
        with pytest.raises(ValueError, match="cannot end"):
            year_fraction(date(2024, 1, 2), date(2024, 1, 1), DayCount.ACT_365)

    @given(day_counts, days, st.integers(0, 3000), st.integers(0, 40))
    def test_never_falls_as_time_passes(self, day_count: DayCount, start: date, far: int, more: int) -> None:
        end = start + timedelta(far)

        earlier = year_fraction(start, end, day_count)
        later = year_fraction(start, end + timedelta(more), day_count)

        assert 0 <= earlier <= later

    @given(day_counts, days, st.integers(0, 3000))
    def test_is_whole_parts_of_a_year(self, day_count: DayCount, start: date, far: int) -> None:
        fraction = year_fraction(start, start + timedelta(far), day_count)

        assert PARTS_OF_A_YEAR[day_count] % fraction.denominator == 0

    @given(st.sampled_from(ACTUAL), days, st.integers(0, 2000), st.integers(0, 2000))
    def test_adds_up_where_actual_days_are_counted(
        self, day_count: DayCount, start: date, first: int, second: int
    ) -> None:
        middle, end = start + timedelta(first), start + timedelta(first + second)

        parts = year_fraction(start, middle, day_count) + year_fraction(middle, end, day_count)

        assert parts == year_fraction(start, end, day_count)
