"""Listed parties by name. The lookup is one index probe a name; scoring comes after it, in ``names.compare``."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from django.db.models import QuerySet

from compliance import names
from compliance.models import SanctionedName, SanctionedParty, SanctionsImport

MATCH_SCORE = Decimal("1.0000")
"""The least score that is a possible match."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A listed party that somebody may be: the name asked for, the listed name it resembles, and how much."""

    party: SanctionedParty
    screened_name: str
    listed_name: str
    score: Decimal


def listed_names(keys: Iterable[str]) -> QuerySet[SanctionedName]:
    """Return the names on current lists whose normalised words are one of these."""
    return SanctionedName.objects.filter(normalized__in=sorted(set(keys) - {""}), party__removed_at__isnull=True)


def candidates(screened: Iterable[str]) -> list[Candidate]:
    """
    Return the listed parties these names of one person may mean, each party once, best match first.

    A name of which normalising leaves nothing matches nobody; whoever screens has to look at that.
    """
    by_key: dict[str, str] = {}
    for name in screened:
        by_key.setdefault(names.key(name), name)
    found: dict[object, Candidate] = {}
    rows = listed_names(by_key).select_related("party").order_by("-is_primary", "name", "id")
    for row in rows:
        name = by_key[row.normalized]
        score = names.compare(name, row.name)
        best = found.get(row.party_id)
        if score >= MATCH_SCORE and (best is None or score > best.score):
            found[row.party_id] = Candidate(row.party, name, row.name, score)
    return sorted(found.values(), key=lambda one: (-one.score, one.party.list_name, one.party.entity_number))


def latest_import() -> SanctionsImport | None:
    """Return the newest import of any list; None if there has never been one."""
    return SanctionsImport.objects.order_by("-imported_at", "-id").first()
