"""Loading a sanctions list: all of it or nothing, and only what has changed since the last time."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from django.db import connection, transaction

from compliance import names, ofac
from compliance.models import SanctionedName, SanctionedParty, SanctionsImport
from compliance.ofac import LIST_NAME, Party
from realco import audit
from realco.errors import Refusal

Progress = Callable[[str], None]

_ROWS_AT_ONCE = 5000
_UPDATE = """
    UPDATE sanctioned_parties AS party
       SET name = new.name, party_type = new.party_type, programs = new.programs, remarks = new.remarks,
           content_hash = new.content_hash, removed_at = NULL
      FROM unnest(%s::uuid[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[])
           AS new (id, name, party_type, programs, remarks, content_hash)
     WHERE party.id = new.id
"""
_SMALL_LOSS = 20
_LOSS_OF = 5  # No more than a fifth of the list leaves it at once, unless somebody says so.


class ImportRunning(Refusal):
    """Somebody is importing the same list now."""


class ListShrank(Refusal):
    """So many parties are missing from the files that they are more likely cut off than that short."""


def import_directory(
    path: Path, *, at: datetime, allow_shrink: bool = False, progress: Progress = lambda _: None
) -> SanctionsImport:
    """
    Load OFAC's csv files from a directory, and return the import that describes the list as it is now.

    Parties are added, changed or marked as removed, by the number the list gives them; those that
    left the list are kept. A list equal to the last one imported changes nothing and returns that
    import. It is a job of the system, with no permission of its own.

    :raises SanctionsFileBroken: naming file and line; nothing has changed then
    :raises ListShrank: if more than a fifth of the list would leave it, and ``allow_shrink`` is not given
    :raises ImportRunning: if the list is being imported by somebody else
    """
    progress(f"Reading {path} …")
    parties = ofac.read_directory(path)
    list_hash = ofac.content_hash(parties)
    progress(f"Read {len(parties):,} parties.")
    with audit.acting("sanctions.import", reason=f"{LIST_NAME} {list_hash[:12]}"), transaction.atomic():
        _lock_list()
        latest = SanctionsImport.objects.filter(list_name=LIST_NAME).first()
        if latest is not None and latest.content_hash == list_hash:
            return latest
        return _apply(parties, list_hash, at=at, allow_shrink=allow_shrink, progress=progress)


def _apply(
    parties: list[Party], list_hash: str, *, at: datetime, allow_shrink: bool, progress: Progress
) -> SanctionsImport:
    known = {row.entity_number: row for row in SanctionedParty.objects.filter(list_name=LIST_NAME)}
    listed = {party.entity_number for party in parties}
    active = [row for row in known.values() if row.removed_at is None]
    gone = [row for row in active if row.entity_number not in listed]
    if not allow_shrink and len(gone) > max(_SMALL_LOSS, len(active) // _LOSS_OF):
        raise ListShrank(
            f"{len(gone):,} of {len(active):,} parties are missing from these files, which looks like files that "
            "were cut off. Check them; if the list really shrank, allow it.",
            missing=len(gone),
        )
    new = [party for party in parties if party.entity_number not in known]
    changed = [
        party
        for party in parties
        if (row := known.get(party.entity_number)) is not None
        and (row.content_hash != party.content_hash or row.removed_at is not None)
    ]
    progress(f"Writing {len(new):,} new, {len(changed):,} changed and {len(gone):,} removed parties …")
    rows = _add(new, at) | _change(changed, known)
    _remove(gone, at)
    _write_names([*new, *changed], rows)
    if len(rows) > _ROWS_AT_ONCE // 5:
        _analyse()
    return SanctionsImport.objects.create(
        list_name=LIST_NAME,
        content_hash=list_hash,
        parties=len(parties),
        names=sum(len(party.names) for party in parties),
        added=len(new),
        changed=len(changed),
        removed=len(gone),
        imported_at=at,
    )


def _lock_list() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(hashtext('compliance.sanctions.import'))")
        if cursor.fetchone() != (True,):
            raise ImportRunning("A sanctions list is being imported right now; try again when that is done.")


def _add(parties: list[Party], at: datetime) -> dict[str, SanctionedParty]:
    rows = [
        SanctionedParty(
            list_name=LIST_NAME,
            entity_number=party.entity_number,
            name=party.name,
            party_type=party.party_type,
            programs=party.programs,
            remarks=party.full_remarks,
            content_hash=party.content_hash,
            listed_at=at,
        )
        for party in parties
    ]
    SanctionedParty.objects.bulk_create(rows, batch_size=_ROWS_AT_ONCE)
    return {row.entity_number: row for row in rows}


def _change(parties: list[Party], known: dict[str, SanctionedParty]) -> dict[str, SanctionedParty]:
    """Bring known parties up to date, those that return to the list among them; their old names go."""
    rows = {party.entity_number: known[party.entity_number] for party in parties}
    keys = [row.pk for row in rows.values()]
    contents = [
        (party.name, party.party_type, party.programs, party.full_remarks, party.content_hash) for party in parties
    ]
    with connection.cursor() as cursor:
        cursor.execute(_UPDATE, [keys, *([content[column] for content in contents] for column in range(5))])
    SanctionedName.objects.filter(party__in=keys).delete()
    return rows


def _remove(rows: list[SanctionedParty], at: datetime) -> None:
    SanctionedParty.objects.filter(pk__in=[row.pk for row in rows]).update(removed_at=at)


def _write_names(parties: list[Party], rows: dict[str, SanctionedParty]) -> None:
    SanctionedName.objects.bulk_create(
        [
            SanctionedName(
                party=rows[party.entity_number], name=name, normalized=names.key(name), is_primary=name == party.name
            )
            for party in parties
            for name in party.names
        ],
        batch_size=_ROWS_AT_ONCE,
    )


def _analyse() -> None:
    """Let the planner know the new rows at once: until then it would not use the index of names."""
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE sanctioned_parties, sanctioned_names")
