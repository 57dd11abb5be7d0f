"""
What may belong together although it is not sure: ranked, with reasons, for a person to decide.

Pure, like ``escrow.matching``. A suggestion's amounts agree exactly; how sure it is depends on days, names,
references and on how many others would fit as well. It is never made a match by itself.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from decimal import Decimal
from uuid import UUID

from escrow.match_sums import MOST_CANDIDATES, sums_to
from escrow.matching import AUTOMATIC, TOLERANCE, Item, Known, Match, apart, contradict, plain, share_a_name

ALONE = Decimal("0.600")
"""From this confidence on, one person may match a line with an entry; below it, a second one signs."""
FAR = 20
"""How many business days apart a suggestion may lie."""
MOST = 20
_A_SIDE = 500
_CENT = Decimal("0.001")
_ZERO = Decimal("0.000")


def suggest(lines: Sequence[Item], entries: Sequence[Item], known: Known, *, most: int = MOST) -> list[Match]:
    """
    Return what may belong together among the oldest of what is left, the surest first.

    Pairs of one amount first of all; then, for what has no such partner, sums of a few within three
    business days.
    """
    some_lines = sorted(lines, key=lambda item: item.key)[:_A_SIDE]
    some_entries = sorted(entries, key=lambda item: item.key)[:_A_SIDE]
    by_amount: dict[Decimal, list[Item]] = defaultdict(list)
    for entry in some_entries:
        by_amount[entry.amount].append(entry)
    pairs = [
        (line, entry)
        for line in some_lines
        for entry in by_amount.get(line.amount, ())
        if apart(line, entry) <= FAR
    ]  # fmt: skip
    of_line, of_entry = _counted(line.id for line, _ in pairs), _counted(entry.id for _, entry in pairs)
    found = [judge([line], [entry], known, rivals=of_line[line.id] + of_entry[entry.id] - 2) for line, entry in pairs]
    alone_lines = [line for line in some_lines if line.id not in of_line]
    alone_entries = [entry for entry in some_entries if entry.id not in of_entry]
    found += _sums(alone_lines, alone_entries, known)
    return sorted(found, key=lambda one: (-one.confidence, one.line_ids, one.entry_ids))[:most]


def judge(lines: Sequence[Item], entries: Sequence[Item], known: Known, *, rivals: int = 0) -> Match:
    """
    Say how sure it is that these belong together, whose amounts agree, and why.

    ``rivals`` is how many other pairs of the same amount compete with this one.
    """
    if len(lines) != 1 or len(entries) != 1:
        return Match(
            tuple(sorted(line.id for line in lines)), tuple(sorted(entry.id for entry in entries)),
            "MANUAL", _capped(Decimal("0.400")), f"{len(lines)} and {len(entries)} that come to the same.",
        )  # fmt: skip
    [line], [entry] = lines, entries
    days = apart(line, entry)
    sure = Decimal("0.700") - Decimal("0.020") * days - Decimal("0.050") * min(rivals, 6)
    said = ["the same amount", "the same day" if not days else f"{days} business day{'s' if days > 1 else ''} apart"]
    if share_a_name(line, entry):
        sure += Decimal("0.080")
        said.append("the same name")
    if {plain(name) for name in line.references} & {plain(name) for name in entry.references}:
        sure += Decimal("0.100")
        said.append("the same reference")
    elif contradict(line, entry):
        sure -= Decimal("0.080")
        said.append("but other references")
    if rivals:
        said.append(f"{rivals} other pair{'s' if rivals > 1 else ''} would fit")
    elif not known.is_telling(line.amount):
        sure -= Decimal("0.050")
        said.append("a usual amount")
    return Match((line.id,), (entry.id,), "MANUAL", _capped(sure), f"{', '.join(said).capitalize()}.")


def _sums(lines: Sequence[Item], entries: Sequence[Item], known: Known) -> list[Match]:
    found = []
    for wholes, parts, is_line in ((lines, entries, True), (entries, lines, False)):
        for whole in wholes:
            near = [
                part
                for part in parts
                if (part.amount > 0) == (whole.amount > 0) and apart(part, whole) <= TOLERANCE
            ]  # fmt: skip
            if not 2 <= len(near) <= MOST_CANDIDATES:
                continue
            sets = sums_to(whole.amount, near, most=4, wanted=3)
            for some in sets:
                sure = _capped(
                    Decimal("0.550") - Decimal("0.100") * (len(some) - 2) - Decimal("0.150") * (len(sets) - 1)
                )
                keys = tuple(sorted(part.id for part in some))
                words = f"{len(some)} {'entries' if is_line else 'lines'} come to it"
                words += f"; {len(sets) - 1} other sets do as well." if len(sets) > 1 else ", and no others do."
                lines_of, entries_of = ((whole.id,), keys) if is_line else (keys, (whole.id,))
                found.append(Match(lines_of, entries_of, "MANUAL", sure, words))
    return found


def _counted(keys: Iterable[UUID]) -> dict[UUID, int]:
    counts: dict[UUID, int] = defaultdict(int)
    for key in keys:
        counts[key] += 1
    return counts


def _capped(sure: Decimal) -> Decimal:
    """Keep a person's confidence between nothing and what reconciliation would match by itself."""
    return max(_ZERO, min(sure, AUTOMATIC - _CENT)).quantize(_CENT)
