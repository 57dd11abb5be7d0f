"""How old what has no partner is, in business days: a bank that has not answered in a week has a question to answer."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from django.db.models import Count, F, Q, Sum

from escrow.matching import Item
from escrow.models import EscrowAccount
from escrow.queries import reconciliations
from realco.business_days import add_business_days

ZERO = Decimal("0.00")
BOUNDS = (1, 5, 30)
NAMES = ("0–1", "2–5", "6–30", "over 30")
OLD = 2
"""The first band that is too old: more than five business days."""


@dataclass(frozen=True, slots=True)
class Band:
    """How many bank lines and BANK entries of one age have no partner, and what they come to, US dollars."""

    name: str
    lines: int
    lines_total: Decimal
    entries: int
    entries_total: Decimal


def of_account(account: EscrowAccount, *, as_of: date) -> list[Band]:
    """Return what of the account has no partner by its age at the end of a day; two queries."""
    limits = first_days(as_of)
    lines, entries = (
        rows.order_by().aggregate(
            **{f"number_{place}": Count("pk", filter=within) for place, within in enumerate(_bands(day, limits))},
            **{f"total_{place}": Sum(amount, filter=within) for place, within in enumerate(_bands(day, limits))},
        )
        for rows, day, amount in (
            (reconciliations.lines_without_match(account), "value_date", F("amount")),
            (reconciliations.entries_without_match(account), "effective_date", F("amount")),
        )
    )
    return [
        Band(
            name, lines[f"number_{place}"], lines[f"total_{place}"] or ZERO, entries[f"number_{place}"],
            entries[f"total_{place}"] or ZERO,
        )
        for place, name in enumerate(NAMES)
    ]  # fmt: skip


def of_items(items: Sequence[Item], *, as_of: date) -> list[int]:
    """Count items by their age at the end of a day, band by band."""
    limits = first_days(as_of)
    counts = [0] * len(NAMES)
    for item in items:
        counts[sum(item.day < first for first in limits)] += 1
    return counts


def first_days(as_of: date) -> list[date]:
    """Return the first day of each band but the last: from it on, at most 1, 5 and 30 business days have passed."""
    return [add_business_days(as_of + timedelta(days=1), -(bound + 1)) for bound in BOUNDS]


def within(day: str, band: int, *, as_of: date) -> Q:
    """Return the condition that a column of days lies in a band."""
    return _bands(day, first_days(as_of))[band]


def _bands(day: str, limits: Sequence[date]) -> list[Q]:
    youngest, young, old = limits
    return [
        Q(**{f"{day}__gte": youngest}),
        Q(**{f"{day}__gte": young, f"{day}__lt": youngest}),
        Q(**{f"{day}__gte": old, f"{day}__lt": young}),
        Q(**{f"{day}__lt": old}),
    ]
