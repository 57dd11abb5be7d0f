"""The stages of matching in their order, each on what the stages before it left over."""

from collections.abc import Callable, Sequence

from escrow import match_sums, matching
from escrow.matching import Item, Known, Match

Stage = Callable[[Sequence[Item], Sequence[Item], Known], list[Match]]
STAGES: tuple[tuple[str, Stage], ...] = (
    ("offsets", lambda lines, entries, known: matching.offsets(entries)),
    ("reference", lambda lines, entries, known: matching.by_reference(lines, entries)),
    ("sums under one reference", lambda lines, entries, known: match_sums.by_one_reference(lines, entries)),
    ("alike references", matching.by_likeness),
    ("sums of named references", lambda lines, entries, known: match_sums.by_names(lines, entries)),
    ("amount and day", matching.by_amount),
    ("sums of one person", match_sums.by_people),
    ("sums of rare amounts", match_sums.by_rare_amounts),
)
_BY_ITSELF = 3
"""How many stages need nothing but the items themselves; most items are gone before the others are asked."""


def run(
    lines: Sequence[Item],
    entries: Sequence[Item],
    ask: Callable[[Sequence[Item], Sequence[Item]], Known],
    watch: Callable[[str, list[Match]], None] | None = None,
) -> list[Match]:
    """
    Return everything that can be matched without a guess.

    ``ask`` is called once for what both sides know of what the references have left over; ``watch`` is told
    each stage's matches, for measuring.
    """
    found: list[Match] = []
    known = Known()
    for number, (name, stage) in enumerate(STAGES):
        if number == _BY_ITSELF:
            known = ask(lines, entries)
        matches = stage(lines, entries, known)
        lines, entries = matching.without(lines, matches), matching.without(entries, matches)
        found.extend(matches)
        if watch is not None:
            watch(name, matches)
    return found
