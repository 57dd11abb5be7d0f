"""
Pairing bank lines with entries of the BANK account, without guessing.

Pure: figures in, pairs out. First by reference and amount; then, for what carries no reference that
the other side knows, by amount within three business days, if there is exactly one candidate each way.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from uuid import UUID

from realco.business_days import business_days_between

BY_REFERENCE = "reference and amount"
BY_AMOUNT = "amount within three business days"
TOLERANCE = 3


@dataclass(frozen=True, slots=True)
class Item:
    """A bank line or a BANK entry: positive when money came in. ``references`` are the names it goes by."""

    id: UUID
    day: date
    amount: Decimal
    references: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Match:
    """A pair, and how it was found."""

    line_id: UUID
    entry_id: UUID
    reason: str


def by_reference(lines: Sequence[Item], entries: Sequence[Item]) -> list[Match]:
    """
    Pair lines and entries with one reference in common and the same amount, in the order given.

    A line that is stated twice finds no second entry and stays over, and so does an entry posted twice.
    """
    waiting: dict[tuple[str, Decimal], list[Item]] = defaultdict(list)
    for entry in entries:
        for reference in entry.references:
            waiting[reference, entry.amount].append(entry)
    taken: set[UUID] = set()
    matches = []
    for line in lines:
        found = next(
            (
                entry
                for reference in line.references
                for entry in waiting.get((reference, line.amount), ())
                if entry.id not in taken
            ),
            None,
        )
        if found is not None:
            taken.add(found.id)
            matches.append(Match(line.id, found.id, BY_REFERENCE))
    return matches


def by_amount(
    lines: Sequence[Item], entries: Sequence[Item], *, in_books: AbstractSet[str], at_bank: AbstractSet[str]
) -> list[Match]:
    """
    Pair what is left by amount and day, where that can mean only one thing.

    A line whose reference is in the books (``in_books``) is about that entry and no other, even if the
    amounts differ, and so is an entry whose reference the bank has stated (``at_bank``): they are breaks
    for a person to look at, and pairing them with something else would hide two of them.
    """
    free_lines = [line for line in lines if in_books.isdisjoint(line.references)]
    free_entries = [entry for entry in entries if at_bank.isdisjoint(entry.references)]
    entries_by_amount: dict[Decimal, list[Item]] = defaultdict(list)
    for entry in free_entries:
        entries_by_amount[entry.amount].append(entry)
    candidates = {line.id: list(_near(line, entries_by_amount.get(line.amount, ()))) for line in free_lines}
    wanted: dict[UUID, int] = defaultdict(int)
    for found in candidates.values():
        for entry in found:
            wanted[entry.id] += 1
    return [
        Match(line.id, candidates[line.id][0].id, BY_AMOUNT)
        for line in free_lines
        if len(candidates[line.id]) == 1 and wanted[candidates[line.id][0].id] == 1
    ]


def _near(line: Item, entries: Iterable[Item]) -> Iterator[Item]:
    return (entry for entry in entries if abs(business_days_between(line.day, entry.day)) <= TOLERANCE)
