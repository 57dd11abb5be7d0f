"""
The days on which American banks settle: the Federal Reserve's calendar, in New York's time.

A holiday on a Sunday is kept on the Monday after; one on a Saturday is not moved, so the Friday
before it is a business day. The calendar is known from 1999 on.
"""

import functools
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from holidays import financial_holidays

BANKING_ZONE = ZoneInfo("America/New_York")
_DAY = timedelta(days=1)


def banking_date(at: datetime) -> date:
    """
    Give the day it is in New York at a moment, which is the day the moment counts for at a bank.

    :raises ValueError: if the moment has no time zone
    """
    if at.tzinfo is None:
        raise ValueError("A moment without a time zone has no banking date.")
    return at.astimezone(BANKING_ZONE).date()


def is_business_day(day: date) -> bool:
    """Say whether the Federal Reserve settles payments on a day."""
    return day.weekday() < 5 and day not in _holidays(day.year)


def next_business_day(day: date) -> date:
    """Give the first business day after a day."""
    return add_business_days(day, 1)


def add_business_days(day: date, number: int) -> date:
    """
    Count business days from a day: forwards, or backwards when the number is negative.

    The day itself is not counted, whether it is a business day or not. Zero gives the day itself if it
    is a business day, else the next one.
    """
    step = -_DAY if number < 0 else _DAY
    left = abs(number)
    if left == 0:
        return day if is_business_day(day) else add_business_days(day, 1)
    while left:
        day += step
        left -= is_business_day(day)
    return day


def business_days_between(start: date, end: date) -> int:
    """
    Count the business days after one day up to and including another; negative if it is earlier.

    From a business day, `add_business_days(start, n)` is n business days away.
    """
    if end < start:
        return -business_days_between(end, start)
    weeks, days = divmod((end - start).days, 7)
    weekdays = weeks * 5 + sum((start + _DAY * ahead).weekday() < 5 for ahead in range(1, days + 1))
    closed = sum(
        start < holiday <= end
        for year in range(start.year, end.year + 1)
        for holiday in _holidays(year)
        if holiday.weekday() < 5
    )
    return weekdays - closed


@functools.cache
def _holidays(year: int) -> frozenset[date]:
    return frozenset(day for day in financial_holidays("XFED", years=year) if day.year == year)
