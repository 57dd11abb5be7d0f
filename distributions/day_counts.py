"""
Day counts: how much of a year lies between two days.

Every answer is an exact fraction. A convention is a promise made in the offering's
papers, so none is assumed; the same money over the same days differs by hundreds of
dollars between them.
"""

import calendar
from datetime import date
from enum import StrEnum
from fractions import Fraction


class DayCount(StrEnum):
    """The conventions known here; the values are what is stored with the terms."""

    ACT_365 = "ACT_365"
    ACT_360 = "ACT_360"
    ACT_ACT_ISDA = "ACT_ACT_ISDA"
    THIRTY_360_US = "30_360"
    THIRTY_E_360 = "30E_360"


# Every year fraction of a convention is a whole number of these parts of a year.
PARTS_OF_A_YEAR = {
    DayCount.ACT_365: 365,
    DayCount.ACT_360: 360,
    DayCount.ACT_ACT_ISDA: 365 * 366,
    DayCount.THIRTY_360_US: 360,
    DayCount.THIRTY_E_360: 360,
}


def year_fraction(start: date, end: date, day_count: DayCount) -> Fraction:
    """
    Return the part of a year from one day to another, the first day counted, the last not.

    :raises ValueError: if the end lies before the start
    """
    if end < start:
        raise ValueError(f"A period cannot end on {end} before it starts on {start}.")
    if day_count is DayCount.ACT_365:
        return Fraction((end - start).days, 365)
    if day_count is DayCount.ACT_360:
        return Fraction((end - start).days, 360)
    if day_count is DayCount.ACT_ACT_ISDA:
        return _actual_actual(start, end)
    if day_count is DayCount.THIRTY_360_US:
        return Fraction(_days_30_360_us(start, end), 360)
    return Fraction(_days_30e_360(start, end), 360)


def _actual_actual(start: date, end: date) -> Fraction:
    """Split the period at calendar years, each day weighing 1/365 or 1/366 (ISDA 2006, 4.16(b))."""
    if start.year == end.year:
        return Fraction((end - start).days, _days_in(start.year))
    opening = Fraction((date(start.year, 12, 31) - start).days + 1, _days_in(start.year))
    closing = Fraction((end - date(end.year, 1, 1)).days, _days_in(end.year))
    return opening + (end.year - start.year - 1) + closing


def _days_30_360_us(start: date, end: date) -> int:
    """Count days of twelve thirty-day months, with the rule for the end of February."""
    first, last = start.day, end.day
    if _ends_february(start):
        if _ends_february(end):
            last = 30
        first = 30
    if last == 31 and first >= 30:
        last = 30
    first = min(first, 30)
    return _days_of_thirty(start, end) + last - first


def _days_30e_360(start: date, end: date) -> int:
    """Count days of twelve thirty-day months, every 31st being a 30th (ISDA 2006, 4.16(g))."""
    return _days_of_thirty(start, end) + min(end.day, 30) - min(start.day, 30)


def _days_of_thirty(start: date, end: date) -> int:
    return (end.year - start.year) * 360 + (end.month - start.month) * 30


def _days_in(year: int) -> int:
    return 366 if calendar.isleap(year) else 365


def _ends_february(day: date) -> bool:
    return day.month == 2 and day.day == calendar.monthrange(day.year, 2)[1]
