"""The windows of 17 CFR 227.304 at their edges, and the database's arithmetic beside Python's."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import connection

from escrow import windows
from realco.business_days import BANKING_ZONE, add_business_days, is_business_day
from realco.models.offerings import Exemption

OPENED = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
DEADLINE = datetime(2026, 6, 1, 4, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
EARLY = datetime(2026, 4, 10, 15, 0, tzinfo=UTC)
LATER = datetime(2026, 4, 30, 15, 0, tzinfo=UTC)


def window(*early: datetime, exemption: str = Exemption.REG_CF) -> windows.Window:
    return windows.window_of(exemption, OPENED, DEADLINE, early)


class TestCancelling:
    def test_ends_48_hours_before_the_deadline_to_the_minute(self) -> None:
        end = DEADLINE - timedelta(hours=48)
        assert window().cancellable_until(OPENED) == end
        assert window().is_cancellable(OPENED, end - MINUTE)
        assert not window().is_cancellable(OPENED, end)

    def test_ends_48_hours_before_the_first_early_closing_that_takes_the_commitment(self) -> None:
        both = window(LATER, EARLY)
        assert both.cancellable_until(EARLY) == EARLY - timedelta(hours=48)
        assert both.cancellable_until(EARLY + MINUTE) == LATER - timedelta(hours=48)
        assert both.cancellable_until(LATER + MINUTE) == DEADLINE - timedelta(hours=48)

    def test_counts_hours_and_not_what_new_york_s_clocks_show(self) -> None:
        """On 8 March 2026 the clocks go forward: 48 hours before Monday at noon is Saturday at eleven."""
        monday_noon = datetime(2026, 3, 9, 16, 0, tzinfo=UTC)
        one = windows.window_of(Exemption.REG_CF, OPENED - timedelta(days=30), monday_noon, ())
        until = one.cancellable_until(OPENED)
        assert until == datetime(2026, 3, 7, 16, 0, tzinfo=UTC)
        assert until.astimezone(BANKING_ZONE).hour == 11

    def test_has_no_end_of_its_own_under_regulation_d(self) -> None:
        one = window(exemption=Exemption.REG_D_506C)
        assert one.cancellable_until(OPENED) is None
        assert one.is_cancellable(OPENED, DEADLINE + MINUTE)


class TestReleasing:
    def test_takes_everything_from_48_hours_before_the_deadline_on(self) -> None:
        start = DEADLINE - timedelta(hours=48)
        assert window().takes_commitments_until(start - MINUTE) is None
        assert window().takes_commitments_until(start) == start

    def test_takes_what_was_committed_up_to_the_latest_early_closing_that_has_come(self) -> None:
        both = window(EARLY, LATER)
        assert both.takes_commitments_until(EARLY - MINUTE) is None
        assert both.takes_commitments_until(EARLY) == EARLY
        assert both.takes_commitments_until(LATER - MINUTE) == EARLY
        assert both.takes_commitments_until(LATER + MINUTE) == LATER

    def test_is_possible_at_any_time_under_regulation_d(self) -> None:
        assert window(exemption=Exemption.REG_D_506B).takes_commitments_until(OPENED) == OPENED


class TestAnnouncing:
    @pytest.mark.parametrize(
        ("noticed", "earliest"),
        [
            (datetime(2026, 5, 4, 14, 30, tzinfo=UTC), datetime(2026, 5, 11, 14, 30, tzinfo=UTC)),
            (datetime(2026, 5, 2, 14, 30, tzinfo=UTC), datetime(2026, 5, 8, 14, 30, tzinfo=UTC)),
            # Memorial Day, 25 May, does not count.
            (datetime(2026, 5, 20, 14, 30, tzinfo=UTC), datetime(2026, 5, 28, 14, 30, tzinfo=UTC)),
            # Independence Day 2026 is a Saturday and is not moved: Friday 3 July counts.
            (datetime(2026, 6, 29, 14, 30, tzinfo=UTC), datetime(2026, 7, 6, 14, 30, tzinfo=UTC)),
            # The clocks go back on 1 November 2026: the same hour in New York is an hour later in UTC.
            (datetime(2026, 10, 28, 14, 30, tzinfo=UTC), datetime(2026, 11, 4, 15, 30, tzinfo=UTC)),
            # At 1 in the morning UTC it is still the day before in New York.
            (datetime(2026, 5, 5, 1, 0, tzinfo=UTC), datetime(2026, 5, 12, 1, 0, tzinfo=UTC)),
        ],
    )
    def test_is_five_business_days_ahead(self, noticed: datetime, earliest: datetime) -> None:
        assert windows.earliest_early_closing(OPENED, noticed) == earliest

    def test_waits_until_the_offering_was_open_for_21_days(self) -> None:
        assert windows.earliest_early_closing(OPENED, OPENED) == OPENED + timedelta(hours=504)


@pytest.mark.django_db
class TestTheDatabase:
    def test_knows_the_same_business_days(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT d::date, realco_is_business_day(d::date)"
                " FROM generate_series('2022-01-01'::date, '2045-12-31'::date, interval '1 day') d"
            )
            wrong = [day for day, is_one in cursor.fetchall() if is_one != is_business_day(day)]
        assert wrong == []

    def test_counts_business_days_alike(self) -> None:
        days = [date(2026, 1, 1) + timedelta(days=ahead) for ahead in range(400)]
        with connection.cursor() as cursor:
            cursor.execute("SELECT realco_add_business_days(d, 5) FROM unnest(%s::date[]) d", [days])
            counted = [row[0] for row in cursor.fetchall()]
        assert counted == [add_business_days(day, 5) for day in days]
