"""Matching: never a guess, never one side twice, and a break is never hidden by another."""

from collections import Counter
from datetime import date, timedelta
from decimal import Decimal
from uuid import UUID, uuid4

from hypothesis import given
from hypothesis import strategies as st

from escrow.matching import BY_REFERENCE, Item, by_amount, by_reference
from tests.escrow.money import MONDAY, THURSDAY, TUESDAY

D = Decimal


def item(amount: str, *references: str, day: date = TUESDAY) -> Item:
    return Item(uuid4(), day, D(amount), references)


def pairs(matches: list) -> list[tuple[UUID, UUID]]:  # type: ignore[type-arg]
    return [(match.line_id, match.entry_id) for match in matches]


class TestByReference:
    def test_needs_reference_and_amount(self) -> None:
        line, entry = item("5", "A", "bank-1"), item("5", "A")
        assert pairs(by_reference([line], [item("6", "A"), item("5", "B"), entry])) == [(line.id, entry.id)]

    def test_a_doubled_line_finds_one_entry(self) -> None:
        first, again, entry = item("5", "A"), item("5", "A"), item("5", "A")
        assert pairs(by_reference([first, again], [entry])) == [(first.id, entry.id)]

    def test_a_payment_and_its_return_are_told_apart_by_sign(self) -> None:
        came, went = item("5", "A"), item("-5", "A")
        entries = [item("-5", "A"), item("5", "A")]
        assert pairs(by_reference([came, went], entries)) == [(came.id, entries[1].id), (went.id, entries[0].id)]


class TestByAmount:
    def match(self, lines: list[Item], entries: list[Item], books: str = "", bank: str = "") -> list[tuple[UUID, UUID]]:
        return pairs(by_amount(lines, entries, in_books=set(books.split()), at_bank=set(bank.split())))

    def test_pairs_what_is_unique_within_three_business_days(self) -> None:
        line, entry = item("5", day=THURSDAY + timedelta(days=1)), item("5", "SBX-1", day=TUESDAY)
        assert self.match([line], [entry]) == [(line.id, entry.id)]
        assert self.match([line], [item("5", day=MONDAY)]) == []

    def test_does_not_choose_between_two(self) -> None:
        assert self.match([item("5")], [item("5"), item("5")]) == []
        assert self.match([item("5"), item("5")], [item("5")]) == []

    def test_leaves_alone_what_carries_the_other_side_s_reference(self) -> None:
        assert self.match([item("5", "SBX-1")], [item("5", "SBX-2")], books="SBX-1") == []
        assert self.match([item("5", "SBX-1")], [item("5", "SBX-2")], bank="SBX-2") == []


items = st.lists(
    st.builds(
        Item,
        st.uuids(),
        st.dates(date(2026, 3, 2), date(2026, 3, 13)),
        st.sampled_from([D("5"), D("-5"), D("6")]),
        st.lists(st.sampled_from("ABC"), max_size=2, unique=True).map(tuple),
    ),
    max_size=12,
    unique_by=lambda made: made.id,
)


@given(items, items)
def test_pairs_agree_in_amount_and_nobody_is_paired_twice(lines: list[Item], entries: list[Item]) -> None:
    found = by_reference(lines, entries)
    taken = {match.line_id for match in found}, {match.entry_id for match in found}
    left = [line for line in lines if line.id not in taken[0]], [entry for entry in entries if entry.id not in taken[1]]
    found += by_amount(*left, in_books=set(), at_bank=set())
    amounts = {one.id: one.amount for one in (*lines, *entries)}
    assert all(amounts[match.line_id] == amounts[match.entry_id] for match in found)
    assert max(Counter(match.line_id for match in found).values(), default=1) == 1
    assert max(Counter(match.entry_id for match in found).values(), default=1) == 1
    assert all(match.reason for match in found) and BY_REFERENCE
