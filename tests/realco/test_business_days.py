"""The Federal Reserve's calendar: https://www.federalreserve.gov/aboutthefed/k8.htm."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from realco.business_days import (
    add_business_days,
    banking_date,
    business_days_between,
    is_business_day,
    next_business_day,
)

DAYS = st.dates(date(2020, 1, 1), date(2034, 12, 31))


class TestIsBusinessDay:
    @pytest.mark.parametrize(
        "day",
        [
            date(2026, 1, 1),
            date(2026, 1, 19),
            date(2026, 2, 16),
            date(2026, 5, 25),
            date(2026, 6, 19),
            date(2026, 9, 7),
            date(2026, 10, 12),
            date(2026, 11, 11),
            date(2026, 11, 26),
            date(2026, 12, 25),
        ],
    )
    def test_closes_on_the_holidays_of_2026(self, day: date) -> None:
        assert not is_business_day(day)

    def test_a_saturday_holiday_leaves_friday_open(self) -> None:
        # Independence Day of 2026 and Christmas of 2027 are Saturdays.
        assert is_business_day(date(2026, 7, 3))
        assert is_business_day(date(2027, 12, 24))
        assert is_business_day(date(2021, 12, 31))

    def test_a_sunday_holiday_closes_monday(self) -> None:
        assert not is_business_day(date(2027, 7, 5))
        assert not is_business_day(date(2023, 1, 2))

    def test_banks_open_on_good_friday_and_the_day_after_thanksgiving(self) -> None:
        assert is_business_day(date(2026, 4, 3))
        assert is_business_day(date(2026, 11, 27))

    def test_closes_at_weekends(self) -> None:
        assert not is_business_day(date(2026, 3, 7))
        assert not is_business_day(date(2026, 3, 8))


class TestAddBusinessDays:
    def test_skips_the_weekend_and_the_holiday(self) -> None:
        assert add_business_days(date(2026, 11, 25), 1) == date(2026, 11, 27)
        assert add_business_days(date(2026, 11, 25), 2) == date(2026, 11, 30)

    def test_counts_backwards(self) -> None:
        assert add_business_days(date(2026, 11, 30), -2) == date(2026, 11, 25)

    def test_zero_keeps_a_business_day_and_moves_any_other_forward(self) -> None:
        assert add_business_days(date(2026, 11, 25), 0) == date(2026, 11, 25)
        assert add_business_days(date(2026, 11, 26), 0) == date(2026, 11, 27)

    def test_starts_counting_after_a_weekend(self) -> None:
        assert add_business_days(date(2026, 3, 7), 1) == date(2026, 3, 9)

    def test_next_is_one_further(self) -> None:
        assert next_business_day(date(2026, 12, 31)) == date(2027, 1, 4)


class TestBusinessDaysBetween:
    @given(DAYS, st.integers(0, 200))
    def test_undoes_adding(self, day: date, number: int) -> None:
        start = add_business_days(day, 0)

        assert business_days_between(start, add_business_days(start, number)) == number

    @given(DAYS, st.integers(0, 400))
    def test_agrees_with_counting_day_by_day(self, start: date, length: int) -> None:
        end = start + timedelta(days=length)
        counted = sum(is_business_day(start + timedelta(days=ahead)) for ahead in range(1, length + 1))

        assert business_days_between(start, end) == counted
        assert business_days_between(end, start) == -counted


class TestBankingDate:
    def test_is_the_day_in_new_york(self) -> None:
        assert banking_date(datetime(2026, 1, 15, 4, 59, tzinfo=UTC)) == date(2026, 1, 14)
        assert banking_date(datetime(2026, 1, 15, 5, 0, tzinfo=UTC)) == date(2026, 1, 15)

    def test_knows_summer_time(self) -> None:
        assert banking_date(datetime(2026, 7, 15, 3, 59, tzinfo=UTC)) == date(2026, 7, 14)
        assert banking_date(datetime(2026, 7, 15, 4, 0, tzinfo=UTC)) == date(2026, 7, 15)

    def test_refuses_a_moment_without_a_zone(self) -> None:
        with pytest.raises(ValueError, match="time zone"):
            banking_date(datetime.fromisoformat("2026-01-15T12:00:00"))
