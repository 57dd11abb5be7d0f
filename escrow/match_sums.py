"""
Several lines for one entry, and one line for several entries: sums, searched for within bounds.

Pure, and as careful as ``escrow.matching``: a sum is taken only when its parts belong together by something
besides the arithmetic (one reference, references named in the text, one person's name), or when all amounts
are rare; when exactly one set of parts comes to it; and when no other sum wants one of the parts. A search
that runs out of steps has found nothing.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from escrow.matching import TOLERANCE, WIDE, Item, Known, Match, Spoken, apart, free, share_a_name

MOST_PARTS = 6
"""How many parts a sum has at most."""
MOST_CANDIDATES = 24
"""Among more candidates than this no sum is looked for: too many would fit by chance."""
STEPS = 20_000
"""How many partial sums one search tries."""
_FEW = 12
_ROUND = Decimal(100)


@dataclass(frozen=True, slots=True)
class Sum:
    """One item of one side that several of the other come to; ``is_line`` says which side it is of."""

    whole: Item
    parts: tuple[Item, ...]
    is_line: bool

    def as_match(self, confidence: str, reason: str) -> Match:
        """Write it down as a match."""
        parts = tuple(sorted(part.id for part in self.parts))
        whole = (self.whole.id,)
        lines, entries = (whole, parts) if self.is_line else (parts, whole)
        return Match(lines, entries, "ONE_TO_MANY" if self.is_line else "MANY_TO_ONE", Decimal(confidence), reason)


def by_one_reference(lines: Sequence[Item], entries: Sequence[Item]) -> list[Match]:
    """Match all lines with one reference with the one entry that has it and their sum; and the other way round."""
    found = [*_of_one_reference(entries, lines, is_line=False), *_of_one_reference(lines, entries, is_line=True)]
    return [
        one.as_match("0.950", f"{len(one.parts)} {_parts(one)} under one reference come to the {_whole(one)}.")
        for one in _undisputed(found)
    ]


def by_names(lines: Sequence[Item], entries: Sequence[Item]) -> list[Match]:
    """Match a line with the entries that its references and text name, and an entry with the lines that name it."""
    found: list[Sum] = []
    spoken = Spoken(entries)
    naming: dict[UUID, list[Item]] = defaultdict(list)
    by_id = {entry.id: entry for entry in entries}
    for line in sorted(lines, key=lambda item: item.key):
        named = [entry for entry in spoken.named_by(line) if _fits(line, entry, WIDE)]
        for entry in named:
            naming[entry.id].append(line)
        found.extend(_sum_of(line, named, is_line=True))
    for key, some in naming.items():
        found.extend(_sum_of(by_id[key], some, is_line=False))
    return [
        one.as_match("0.930", f"{len(one.parts)} {_parts(one)} come to the {_whole(one)}; their references name it.")
        for one in _undisputed(found)
    ]


def by_people(lines: Sequence[Item], entries: Sequence[Item], known: Known) -> list[Match]:
    """Match sums of one person's lines or entries within three business days."""
    return [
        one.as_match(
            "0.850", f"{len(one.parts)} {_parts(one)} with the same name in the text come to the {_whole(one)}; "
            "no others do.",
        )
        for one in _undisputed(_sums(lines, entries, known, share_a_name, MOST_CANDIDATES, MOST_PARTS))
    ]  # fmt: skip


def by_rare_amounts(lines: Sequence[Item], entries: Sequence[Item], known: Known) -> list[Match]:
    """Match sums of two or three amounts, none of them usual or round, that nothing else near that day comes to."""

    def is_rare(amount: Decimal) -> bool:
        return known.is_telling(amount) and bool(amount % _ROUND)

    some_lines = [line for line in lines if is_rare(line.amount) and not line.given]
    some_entries = [entry for entry in entries if is_rare(entry.amount)]
    return [
        one.as_match("0.800", f"{len(one.parts)} {_parts(one)} come to the {_whole(one)} to the cent; no others do.")
        for one in _undisputed(_sums(some_lines, some_entries, known, lambda one, other: True, _FEW, 3))
    ]


def sums_to(
    target: Decimal, items: Sequence[Item], *, most: int = MOST_PARTS, wanted: int = 2
) -> list[tuple[Item, ...]]:
    """
    Return up to ``wanted`` sets of two or more items that come to the target; all have its sign.

    If the search runs out of steps, nothing is returned: what it has not seen might fit as well.
    """
    goal = abs(target)
    ordered = sorted(
        (item for item in items if abs(item.amount) < goal), key=lambda item: (-abs(item.amount), item.key)
    )
    amounts = [abs(item.amount) for item in ordered]
    beyond = [Decimal(0)] * (len(amounts) + 1)
    for place in range(len(amounts) - 1, -1, -1):
        beyond[place] = beyond[place + 1] + amounts[place]
    found: list[tuple[Item, ...]] = []
    steps = 0
    pending: list[tuple[int, Decimal, tuple[int, ...]]] = [(0, goal, ())]
    while pending and len(found) < wanted:
        place, rest, chosen = pending.pop()
        if not rest:
            found.append(tuple(ordered[number] for number in chosen))
            continue
        if place == len(amounts) or len(chosen) == most or beyond[place] < rest:
            continue
        steps += 1
        if steps > STEPS:
            return []
        pending.append((place + 1, rest, chosen))
        if amounts[place] <= rest:
            pending.append((place + 1, rest - amounts[place], (*chosen, place)))
    return found


def _of_one_reference(wholes: Sequence[Item], parts: Sequence[Item], *, is_line: bool) -> list[Sum]:
    of_parts, of_wholes = _by_reference(parts), _by_reference(wholes)
    found = []
    for reference, some in of_parts.items():
        whole = of_wholes.get(reference, ())
        if len(whole) == 1 and 2 <= len(some) <= MOST_PARTS and sum(part.amount for part in some) == whole[0].amount:
            near = all(_fits(part, whole[0], WIDE) for part in some)
            found += [Sum(whole[0], tuple(some), is_line)] if near else []
    return found


def _by_reference(items: Iterable[Item]) -> Mapping[str, list[Item]]:
    found: dict[str, list[Item]] = defaultdict(list)
    for item in items:
        for reference in set(item.references):
            found[reference].append(item)
    return found


def _sum_of(whole: Item, parts: Sequence[Item], *, is_line: bool) -> list[Sum]:
    """Return the parts' sum if all of them together come to the whole."""
    if 2 <= len(parts) <= MOST_PARTS and sum(part.amount for part in parts) == whole.amount:
        return [Sum(whole, tuple(parts), is_line)]
    return []


def _sums(
    lines: Sequence[Item],
    entries: Sequence[Item],
    known: Known,
    belong: Callable[[Item, Item], bool],
    most_candidates: int,
    most_parts: int,
) -> list[Sum]:
    """Return the unambiguous sums of either side that belong together, within three business days."""
    lines, entries = free(lines, known.in_books), free(entries, known.at_bank)
    found = []
    for wholes, parts, is_line in ((lines, entries, True), (entries, lines, False)):
        near = _Near(parts)
        for whole in wholes:
            candidates = [part for part in near.to(whole) if belong(whole, part)]
            if 2 <= len(candidates) <= most_candidates:
                sets = sums_to(whole.amount, candidates, most=most_parts)
                found += [Sum(whole, sets[0], is_line)] if len(sets) == 1 else []
    return found


class _Near:
    """Items by day, to look through a few days of them."""

    def __init__(self, items: Iterable[Item]) -> None:
        self._by_day: dict[int, list[Item]] = defaultdict(list)
        for item in items:
            self._by_day[item.day.toordinal()].append(item)

    def to(self, whole: Item) -> list[Item]:
        """Return the items within three business days that could be a part of it."""
        middle = whole.day.toordinal()
        return [
            item
            for day in range(middle - 3 * TOLERANCE, middle + 3 * TOLERANCE + 1)
            for item in self._by_day.get(day, ())
            if _fits(item, whole, TOLERANCE)
        ]


def _fits(part: Item, whole: Item, days: int) -> bool:
    return (part.amount > 0) == (whole.amount > 0) and apart(part, whole) <= days


def _undisputed(found: Iterable[Sum]) -> list[Sum]:
    """Return the sums that share no item with another, in order."""
    different = {(one.is_line, one.whole.id, frozenset(part.id for part in one.parts)): one for one in found}
    claims: dict[UUID, int] = defaultdict(int)
    for one in different.values():
        for item in (one.whole, *one.parts):
            claims[item.id] += 1
    return sorted(
        (one for one in different.values() if all(claims[item.id] == 1 for item in (one.whole, *one.parts))),
        key=lambda one: (one.whole.key, one.is_line),
    )


def _parts(one: Sum) -> str:
    return "entries" if one.is_line else "lines"


def _whole(one: Sum) -> str:
    return "line" if one.is_line else "entry"
