"""Columns that several of the escrow pages show."""

from typing import Any

from django.contrib import admin

from realco.admin_pages import link


@admin.display(description="event")
def event(entry: Any) -> Any:
    """Name a ledger entry's event and lead to its journal entry."""
    return link(entry.journal_entry, entry.journal_entry.get_event_display())


@admin.display(description="as of")
def as_of(proof: Any) -> Any:
    """Name a reconciliation by its day."""
    return link(proof, str(proof.as_of_date))
