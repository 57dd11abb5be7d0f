"""
Pairing bank lines with entries of the BANK account, without guessing.

Pure: figures in, matches out, the same whatever order they come in. First by reference and amount, then by
references that are alike, then by amount and day, then sums (``escrow.match_sums``). A match is made only
where the evidence can mean one thing; whatever could mean two is left to a person.
"""

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from functools import lru_cache
from uuid import UUID

from realco.business_days import business_days_between

TOLERANCE = 3
"""How many business days an amount alone may lie apart."""
WIDE = 10
"""How many business days may lie between two sides with one reference."""
AUTOMATIC = Decimal("0.800")
"""The least confidence at which reconciliation matches by itself."""
USUAL = 3
"""An amount seen more often than this, on either side, is no evidence by itself."""
ALIKE_FROM = 6
"""The shortest reference, without punctuation, that may be found inside another."""
_INTERCHANGEABLE = 4
_EPOCH = date(2000, 1, 3)
_BREAKS = re.compile(r"[\s/,;|+&()\[\]:]+")
_NOT_PLAIN = re.compile(r"[^A-Z0-9]")
_NAME = re.compile(r"[A-Z][A-Z'’]{2,}")
_SAYS_NOTHING = frozenset(
    """ACCEPTED ACCOUNT ACH AND BANK CALL CAPITAL CARD CHECK COMPANY CONSTRUCTION CORP CREDIT DEBIT DEPOSIT DISTRIBUTION
    DRAW ESCROW FEE FOR FROM INBOUND INC INCOMING LLC OFFERING ORIG OUTBOUND OUTGOING PAID PAYMENT PAYOUT PLATFORM
    RECEIPT RECEIVED REF REFUND RETURN RETURNED SETTLED THE TRANSFER TRN UNKNOWN WIRE WITHDRAWAL""".split()  # noqa: SIM905
)


@dataclass(frozen=True, slots=True)
class Item:
    """
    A bank line or a BANK entry: positive when money came in.

    ``references`` are the names it goes by; ``given`` is the one that the other side was told, if any.
    ``journal`` and ``reverses`` are an entry's journal entry, and the one that it reverses.
    """

    id: UUID
    day: date
    amount: Decimal
    references: tuple[str, ...]
    text: str = ""
    given: str = ""
    journal: UUID | None = None
    reverses: UUID | None = None

    @property
    def key(self) -> tuple[date, Decimal, tuple[str, ...], UUID]:
        """What items are put in order by, so that the order they came in does not matter."""
        return (self.day, self.amount, self.references, self.id)


@dataclass(frozen=True, slots=True)
class Known:
    """
    What both sides know beyond the items compared, matched ones included.

    ``in_books`` are references of lines that some BANK entry carries, ``at_bank`` those of entries that some
    line carries; ``usual`` says how often an amount occurs, on the side where it occurs more often.
    """

    in_books: AbstractSet[str] = frozenset()
    at_bank: AbstractSet[str] = frozenset()
    usual: Mapping[Decimal, int] = field(default_factory=dict)

    def is_telling(self, amount: Decimal) -> bool:
        """Whether an amount is so rare that two of it are probably one."""
        return self.usual.get(amount, 0) <= USUAL


@dataclass(frozen=True, slots=True)
class Match:
    """Lines and entries that belong together, how that was found, how sure it is, and why, in words."""

    line_ids: tuple[UUID, ...]
    entry_ids: tuple[UUID, ...]
    method: str
    confidence: Decimal
    reason: str


def one_to_one(line: Item, entry: Item, method: str, confidence: str, reason: str) -> Match:
    """Pair one line with one entry."""
    return Match((line.id,), (entry.id,), method, Decimal(confidence), reason)


# ---- stages --------------------------------------------------------------------------------------------------


def offsets(entries: Sequence[Item]) -> list[Match]:
    """Pair entries with their reversals: the bank saw neither, and together they are nothing."""
    reversals = {entry.reverses: entry for entry in entries if entry.reverses is not None}
    return [
        Match(
            (), tuple(sorted((entry.id, reversals[entry.journal].id))), "OFFSET", Decimal("1.000"),
            "An entry and its reversal, neither of which the bank has seen.",
        )
        for entry in entries
        if entry.journal in reversals and reversals[entry.journal].amount == -entry.amount
    ]  # fmt: skip


def by_reference(lines: Sequence[Item], entries: Sequence[Item]) -> list[Match]:
    """
    Pair lines and entries with one reference in common and the same amount, within ten business days.

    A line that is stated twice finds no second entry and stays over, and so does an entry posted twice.
    Where references lead to several partners that are not the same to each other, nothing is paired.
    """
    matches: list[Match] = []
    for some_lines, some_entries in _connected(lines, entries):
        if len(some_lines) == len(some_entries) == 1:
            [line], [entry] = some_lines, some_entries
            if apart(line, entry) <= WIDE:
                matches.append(one_to_one(line, entry, "REFERENCE", "1.000", "The same reference and amount."))
        elif max(len(some_lines), len(some_entries)) <= _INTERCHANGEABLE and set.intersection(
            *(set(item.references) for item in (*some_lines, *some_entries))
        ):
            matches.extend(
                one_to_one(
                    line, entry, "REFERENCE", "0.950",
                    f"The same reference and amount; {len(some_lines)} lines and {len(some_entries)} entries have "
                    "them, paired by the nearest day.",
                )
                for line, entry in _nearest(some_lines, some_entries)
            )  # fmt: skip
    return matches


def by_likeness(lines: Sequence[Item], entries: Sequence[Item], known: Known) -> list[Match]:
    """
    Pair what has the same amount and references that are alike: cut off, written differently, or in the text.

    Both must be the only one for the other.
    """
    spoken = Spoken(free(entries, known.at_bank))
    candidates = {
        line.id: [
            entry for entry in spoken.named_by(line) if entry.amount == line.amount and apart(line, entry) <= WIDE
        ]
        for line in free(lines, known.in_books)
    }
    return [
        one_to_one(line, entry, "REFERENCE", "0.960", f"The same amount, and its reference is like “{_said(entry)}”.")
        for line, entry in _mutual(lines, candidates)
    ]


def by_amount(lines: Sequence[Item], entries: Sequence[Item], known: Known) -> list[Match]:
    """
    Pair what is left by amount and day, where that can mean only one thing.

    A line whose reference is in the books is about that entry and no other, even if the amounts differ, and
    so is an entry whose reference the bank has stated: they are breaks for a person to look at, and pairing
    them with something else would hide two of them. An amount that is usual is no evidence without a name
    in common, and a line that was given another reference is somebody else's.
    """
    waiting: dict[Decimal, list[Item]] = defaultdict(list)
    for entry in free(entries, known.at_bank):
        waiting[entry.amount].append(entry)
    near = {
        line.id: [entry for entry in waiting.get(line.amount, ()) if apart(line, entry) <= TOLERANCE]
        for line in free(lines, known.in_books)
    }
    named = {
        line.id: [entry for entry in near[line.id] if share_a_name(line, entry)] for line in lines if near.get(line.id)
    }
    matches = [
        one_to_one(
            line, entry, "AMOUNT", "0.900", f"The same amount {_days(line, entry)}, and the same name in the text."
        )
        for line, entry in _mutual(lines, named)
        if not contradict(line, entry)
    ]  # fmt: skip
    taken = {key for match in matches for key in (*match.line_ids, *match.entry_ids)}
    alone = {key: found for key, found in near.items() if key not in taken and taken.isdisjoint(e.id for e in found)}
    matches += [
        one_to_one(
            line, entry, "AMOUNT", "0.850",
            f"The same amount {_days(line, entry)}; no other line or entry has it near that day.",
        )
        for line, entry in _mutual(lines, alone)
        if known.is_telling(line.amount) and not contradict(line, entry)
    ]  # fmt: skip
    return matches


def without(items: Sequence[Item], matches: Iterable[Match]) -> list[Item]:
    """Return the items that none of the matches takes."""
    taken = {key for match in matches for key in (*match.line_ids, *match.entry_ids)}
    return [item for item in items if item.id not in taken]


# ---- evidence ------------------------------------------------------------------------------------------------


def apart(one: Item, other: Item) -> int:
    """Count the business days between two items."""
    return abs(_business_day(one.day) - _business_day(other.day))


def share_a_name(line: Item, entry: Item) -> bool:
    """Whether two words of a person's or firm's name stand in the text of both."""
    return len(_names(line.text) & _names(entry.text)) >= 2


def plain(reference: str) -> str:
    """Write a reference without punctuation, in capitals."""
    return _NOT_PLAIN.sub("", reference.upper())


class Spoken:
    """Entries by the names a bank line could call them, whole or cut off."""

    def __init__(self, entries: Collection[Item]) -> None:
        self._by_name: dict[str, list[Item]] = defaultdict(list)
        self._by_beginning: dict[str, list[Item]] = defaultdict(list)
        for entry in entries:
            for name in {plain(reference) for reference in entry.references}:
                if len(name) >= ALIKE_FROM:
                    self._by_name[name].append(entry)
                    for length in range(max(ALIKE_FROM, len(name) - 4), len(name)):
                        self._by_beginning[name[:length]].append(entry)

    def named_by(self, line: Item) -> list[Item]:
        """Return the entries that a line's references or text name, in order; whole names before cut ones."""
        words = spoken_words(line)
        found = {entry.id: entry for word in words for entry in self._by_name.get(word, ())}
        if not found:
            found = {entry.id: entry for word in words for entry in self._by_beginning.get(word, ())}
        return sorted(found.values(), key=lambda item: item.key)


def spoken_words(item: Item) -> set[str]:
    """Return what could be references in an item's references and text, each plain, whole and in its parts."""
    texts = (*item.references, item.text)
    words = {plain(reference) for reference in item.references}
    words.update(plain(word) for text in texts for word in _BREAKS.split(text))
    return {word for word in words if len(word) >= ALIKE_FROM}


def contradict(line: Item, entry: Item) -> bool:
    """Whether the line was given a reference that is not the entry's, nor like it."""
    if not line.given or not entry.given:
        return False
    one, other = plain(line.given), plain(entry.given)
    return one != other and not one.startswith(other) and not other.startswith(one)


def free(items: Iterable[Item], known: AbstractSet[str]) -> list[Item]:
    """Return the items that are not about something the other side knows."""
    return [item for item in items if known.isdisjoint(item.references)]


def _connected(lines: Sequence[Item], entries: Sequence[Item]) -> list[tuple[list[Item], list[Item]]]:
    """Group lines and entries that hang together by a reference and an amount, each side in order."""
    by_key: dict[tuple[str, Decimal], list[int]] = defaultdict(list)
    for number, entry in enumerate(entries):
        for reference in set(entry.references):
            by_key[reference, entry.amount].append(number)
    partners: list[set[int]] = []
    wanted = [0] * len(entries)
    for line in lines:
        found = {number for reference in line.references for number in by_key.get((reference, line.amount), ())}
        partners.append(found)
        for number in found:
            wanted[number] += 1
    groups = []
    several = []
    for place, found in enumerate(partners):
        # Nearly all are one line and one entry; only the others have to be joined.
        if len(found) == 1 and wanted[only := next(iter(found))] == 1:
            groups.append(([lines[place]], [entries[only]]))
        elif found:
            several.append(place)
    return groups + _joined(several, partners, lines, entries)


def _joined(
    places: Sequence[int], partners: Sequence[AbstractSet[int]], lines: Sequence[Item], entries: Sequence[Item]
) -> list[tuple[list[Item], list[Item]]]:
    """Join lines that have a partner in common, with all their partners, however far it goes."""
    group_of: dict[int, int] = {}
    members: dict[int, list[int]] = {}
    for place in places:
        earlier = {group_of[number] for number in partners[place] if number in group_of}
        together = [place, *(other for group in earlier for other in members.pop(group))]
        members[place] = together
        for other in together:
            group_of.update(dict.fromkeys(partners[other], place))
    return [
        (
            sorted((lines[place] for place in some), key=_key),
            sorted({number: entries[number] for place in some for number in partners[place]}.values(), key=_key),
        )
        for some in members.values()
    ]


def _key(item: Item) -> tuple[date, Decimal, tuple[str, ...], UUID]:
    return item.key


def _nearest(lines: Sequence[Item], entries: Sequence[Item]) -> list[tuple[Item, Item]]:
    """Pair interchangeable lines and entries, the nearest days first."""
    pairs = sorted(
        ((apart(line, entry), line.key, entry.key, line, entry) for line in lines for entry in entries),
        key=lambda pair: pair[:3],
    )
    taken: set[UUID] = set()
    found = []
    for days, _, _, line, entry in pairs:
        if days <= WIDE and line.id not in taken and entry.id not in taken:
            taken |= {line.id, entry.id}
            found.append((line, entry))
    return found


def _mutual(lines: Sequence[Item], candidates: Mapping[UUID, Sequence[Item]]) -> list[tuple[Item, Item]]:
    """Return the pairs in which each is the only candidate of the other, in order."""
    wanted: dict[UUID, int] = defaultdict(int)
    for found in candidates.values():
        for entry in found:
            wanted[entry.id] += 1
    return [
        (line, candidates[line.id][0])
        for line in sorted((line for line in lines if line.id in candidates), key=lambda item: item.key)
        if len(candidates[line.id]) == 1 and wanted[candidates[line.id][0].id] == 1
    ]


@lru_cache(maxsize=20_000)
def _business_day(day: date) -> int:
    return business_days_between(_EPOCH, day)


@lru_cache(maxsize=50_000)
def _names(text: str) -> frozenset[str]:
    return frozenset(_NAME.findall(text.upper())) - _SAYS_NOTHING


def _days(line: Item, entry: Item) -> str:
    days = apart(line, entry)
    return "on the same day" if not days else f"{days} business day{'s' if days > 1 else ''} apart"


def _said(item: Item) -> str:
    return item.references[0] if item.references else str(item.id)
