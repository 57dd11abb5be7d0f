"""What every list understands and answers with: a cursor, a size, and days."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from drf_spectacular.utils import inline_serializer
from rest_framework import serializers

from realco.api.pagination import DEFAULT_SIZE, MAX_SIZE, Cursor
from realco.api.serializers.fields import StrictSerializer

FIRST_YEAR, LAST_YEAR = 2000, 2199


class CursorField(serializers.CharField):
    """The ``next_cursor`` of the page before."""

    def to_internal_value(self, data: Any) -> Any:
        """
        Read a cursor.

        :raises ValidationError: if it is not one that was given out
        """
        cursor = Cursor.read(super().to_internal_value(data))
        if cursor is None:
            raise serializers.ValidationError("This is not a cursor; pass next_cursor on as it was given.")
        return cursor


class DayField(serializers.DateField):
    """A calendar day, such as 2026-03-31, within the years that the books can know."""

    def to_internal_value(self, value: Any) -> date:
        """
        Read a day.

        :raises ValidationError: if it is none, or lies outside the years known here
        """
        day = super().to_internal_value(value)
        if not FIRST_YEAR <= day.year <= LAST_YEAR:
            raise serializers.ValidationError(f"Give a day between {FIRST_YEAR} and {LAST_YEAR}.")
        return day


class PageQuerySerializer(StrictSerializer):
    """Which page of a list, and how long."""

    page_size = serializers.IntegerField(required=False, default=DEFAULT_SIZE, min_value=1, max_value=MAX_SIZE)
    cursor = CursorField(required=False, default=None, help_text="The `next_cursor` of the page before.")


class DaysQuerySerializer(StrictSerializer):
    """Between which days, both included, in UTC."""

    first_day = DayField(required=False, default=None, help_text="Made on this day or later, UTC.")
    last_day = DayField(required=False, default=None, help_text="Made on this day or earlier, UTC.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """
        Check the days against each other.

        :raises ValidationError: if the last is before the first
        """
        first, last = attrs.get("first_day"), attrs.get("last_day")
        if first and last and last < first:
            raise serializers.ValidationError({"last_day": ["The last day is before the first."]})
        return attrs


def days_of(content: dict[str, Any]) -> dict[str, datetime]:
    """Take the days out of a query, and return them as conditions on ``created_at`` that an index can serve."""
    first, last = content.pop("first_day", None), content.pop("last_day", None)
    wanted = {}
    if first:
        wanted["created_at__gte"] = datetime.combine(first, time(), tzinfo=UTC)
    if last:
        wanted["created_at__lt"] = datetime.combine(last + timedelta(days=1), time(), tzinfo=UTC)
    return wanted


def page_of(name: str, row: type[serializers.BaseSerializer[Any]]) -> Any:
    """Return the schema of a page of rows."""
    return inline_serializer(name, {"results": row(many=True), "next_cursor": serializers.CharField(allow_null=True)})
