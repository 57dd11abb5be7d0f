"""Columns that several of the escrow pages show."""

from typing import Any

from django.contrib import admin
from django.db.models import Prefetch

from escrow.models import BankMatchLine
from realco.admin_pages import link

LIVING = Prefetch(
    "match_lines", BankMatchLine.objects.filter(is_living=True).select_related("match"), to_attr="living_matches"
)
"""What pages of bank lines prefetch, so that `explained` asks nothing."""


@admin.display(description="event")
def event(entry: Any) -> Any:
    """Name a ledger entry's event and lead to its journal entry."""
    return link(entry.journal_entry, entry.journal_entry.get_event_display())


@admin.display(description="as of")
def as_of(proof: Any) -> Any:
    """Name a reconciliation by its day."""
    return link(proof, str(proof.as_of_date))


@admin.display(description="matched")
def explained(line: Any) -> Any:
    """Name the match that explains a bank line, and lead to it."""
    living = living_match(line)
    return link(living, living.get_method_display()) if living is not None else "–"


def living_match(line: Any) -> Any:
    """Return the match that explains a bank line, if there is one."""
    if not hasattr(line, "living_matches"):
        line.living_matches = list(line.match_lines.filter(is_living=True).select_related("match"))
    return line.living_matches[0].match if line.living_matches else None


@admin.display(description="undone")
def undone(match: Any) -> Any:
    """Lead to the match that undid this one, if there is one."""
    return link(getattr(match, "reversed_by", None), "Yes")
