"""Whether we may deal with people now: what stands against each, as the database itself says it."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import connection

UNSCREENED = "unscreened"


@dataclass(frozen=True, slots=True)
class Obstacle:
    """One thing that stands against dealing with a person: a code, and a sentence for staff."""

    person_id: UUID
    code: str
    obstacle: str


def obstacles(people: Collection[UUID], *, at: datetime) -> list[Obstacle]:
    """
    Return what stands against dealing with these people at a moment; nothing for those we may deal with.

    Identity known and not expired, no restriction, nothing under review, no confirmed match, and screened
    since the sanctions list was last loaded, at most 31 days ago. One query.
    """
    if not people:
        return []
    with connection.cursor() as cursor:
        cursor.execute("SELECT person, code, obstacle FROM compliance_obstacles(%s, %s)", [list(people), at])
        return [Obstacle(*row) for row in cursor.fetchall()]


def unscreened(people: Collection[UUID], *, at: datetime) -> list[UUID]:
    """Return those against whom nothing stands but that they have to be screened again, in order."""
    against: dict[UUID, set[str]] = {}
    for one in obstacles(people, at=at):
        against.setdefault(one.person_id, set()).add(one.code)
    return sorted(person_id for person_id, codes in against.items() if codes == {UNSCREENED})
