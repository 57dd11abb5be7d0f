"""Counts and sums of payments over a bounded time, so that no question reads seven years of rows."""

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from django.db.models import Count, QuerySet, Sum
from rest_framework.exceptions import ValidationError

from finance.models import Transaction

DEFAULT_DAYS = 30
MAX_DAYS = 366


def days(first: date | None, last: date | None, *, at: datetime) -> tuple[date, date]:
    """
    Return the days a question is about: thirty until now, unless it says otherwise.

    :raises ValidationError: if there are more than MAX_DAYS of them
    """
    last = last or max(at.astimezone(UTC).date(), first or date.min)
    first = first or last - timedelta(days=DEFAULT_DAYS - 1)
    if (last - first).days >= MAX_DAYS:
        raise ValidationError({"first_day": [f"Ask for at most {MAX_DAYS} days at a time."]})
    return first, last


def count(payments: QuerySet[Transaction], *, first: date, last: date) -> dict[str, Any]:
    """Count and sum the payments made between two days, both included, in one query."""
    rows: list[Any] = list(
        payments.filter(
            created_at__gte=datetime.combine(first, time(), tzinfo=UTC),
            created_at__lt=datetime.combine(last + timedelta(days=1), time(), tzinfo=UTC),
        )
        .order_by("status", "type")
        .values("status", "type")
        .annotate(count=Count("pk"), amount=Sum("amount"))
    )
    return {
        "first_day": first,
        "last_day": last,
        "count": sum(row["count"] for row in rows),
        "amount": sum((row["amount"] for row in rows), Decimal("0.00")),
        "by_status": _grouped(rows, "status"),
        "by_type": _grouped(rows, "type"),
    }


def _grouped(rows: list[Any], name: str) -> list[dict[str, Any]]:
    groups: dict[str, dict[str, Any]] = {}
    for row in rows:
        group = groups.setdefault(row[name], {name: row[name], "count": 0, "amount": Decimal("0.00")})
        group["count"] += row["count"]
        group["amount"] += row["amount"]
    return [groups[key] for key in sorted(groups)]
