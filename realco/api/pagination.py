"""
Pages by key: a page begins after the last row of the one before, wherever that row has moved to.

Rows are ordered by time, then id, newest first. There is no count and no page number: at ten million
rows an offset costs a second, a key costs nothing.
"""

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar
from uuid import UUID

from django.db.models import Model, QuerySet

Row = TypeVar("Row", bound=Model)

DEFAULT_SIZE = 50
MAX_SIZE = 100


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where a page ends: the time and id of its last row. Opaque to those who pass it back."""

    created_at: datetime
    id: UUID

    def __str__(self) -> str:
        text = f"{self.created_at.isoformat()}~{self.id}"
        return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")

    @classmethod
    def read(cls, text: str) -> "Cursor | None":
        """Return the cursor that was written so, or None if it is none of ours."""
        try:
            plain = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode()
            moment, _, key = plain.partition("~")
            cursor = cls(datetime.fromisoformat(moment), UUID(key))
        except (ValueError, binascii.Error):
            return None
        return cursor if cursor.created_at.tzinfo is not None else None


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """Some rows, newest first, and the cursor of the next page if there is one."""

    rows: Sequence[Row]
    next_cursor: Cursor | None


def page(rows: QuerySet[Row], *, after: Cursor | None, size: int) -> Page[Row]:
    """Return the page of at most ``size`` rows that follows the cursor; rows need ``created_at`` and a UUID key."""
    if after is not None:
        # Written so that the index on (created_at, id) bounds the scan; an OR of the two columns would not.
        rows = rows.filter(created_at__lte=after.created_at).exclude(created_at=after.created_at, id__gte=after.id)
    found: list[Any] = list(rows.order_by("-created_at", "-id")[: size + 1])
    shown = found[:size]
    is_last = len(found) <= size
    return Page(shown, None if is_last else Cursor(shown[-1].created_at, shown[-1].pk))
