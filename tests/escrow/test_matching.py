"""Matching: never a guess, never one side twice, the same in any order, and a break is never hidden by another."""

import random
from collections import Counter
from datetime import date, timedelta
from decimal import Decimal
from uuid import UUID, uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from escrow import match_stages, match_suggestions, match_sums, matching
from escrow.matching import AUTOMATIC, Item, Known, Match, by_amount, by_likeness, by_reference
from escrow.models.bank_matches import MatchMethod
from tests.escrow import bank_noise
from tests.escrow.money import MONDAY, THURSDAY, TUESDAY

D = Decimal
Pairs = list[tuple[tuple[UUID, ...], tuple[UUID, ...]]]


def item(amount: str, *references: str, day: date = TUESDAY, text: str = "", given: str | None = None) -> Item:
    first = references[0] if references else ""
    return Item(uuid4(), day, D(amount), references, text=text, given=first if given is None else given)


def parts(matches: list[Match]) -> Pairs:
    return [(match.line_ids, match.entry_ids) for match in matches]


def pair(line: Item, entry: Item) -> Pairs:
    return [((line.id,), (entry.id,))]


def run(lines: list[Item], entries: list[Item], known: Known | None = None) -> list[Match]:
    return match_stages.run(lines, entries, lambda *_: known or Known())


class TestByReference:
    def test_needs_reference_and_amount(self) -> None:
        line, entry = item("5", "A", "bank-1"), item("5", "A")
        assert parts(by_reference([line], [item("6", "A"), item("5", "B"), entry])) == pair(line, entry)

    def test_a_doubled_line_finds_one_entry(self) -> None:
        first, again, entry = item("5", "A"), item("5", "A", day=THURSDAY), item("5", "A")
        assert parts(by_reference([again, first], [entry])) == pair(first, entry)

    def test_a_payment_and_its_return_are_told_apart_by_sign(self) -> None:
        came, went = item("5", "A"), item("-5", "A")
        entries = [item("-5", "A"), item("5", "A")]
        found = parts(by_reference([came, went], entries))
        assert sorted(found) == sorted(pair(came, entries[1]) + pair(went, entries[0]))

    def test_does_not_follow_two_references_to_two_payments(self) -> None:
        assert by_reference([item("5", "A", "B")], [item("5", "A"), item("5", "B")]) == []

    def test_a_word_that_everybody_uses_is_no_reference(self) -> None:
        assert by_reference([item("5", "RENT") for _ in range(9)], [item("5", "RENT")]) == []

    def test_last_quarter_s_payment_is_not_this_one(self) -> None:
        assert by_reference([item("5", "RENT-12")], [item("5", "RENT-12", day=TUESDAY - timedelta(days=40))]) == []


class TestByLikeness:
    @pytest.mark.parametrize("written", ["sbx00000123", "SBX-0000012", "ACH CREDIT SBX-00000123 REF"])
    def test_knows_a_reference_that_is_written_differently(self, written: str) -> None:
        as_text = " " in written
        line = item("5", text=written) if as_text else item("5", written)
        entry = item("5", "SBX-00000123")
        assert parts(by_likeness([line], [entry, item("5", "SBX-00009999")], Known())) == pair(line, entry)

    def test_does_not_choose_between_two_that_are_cut_off_alike(self) -> None:
        entries = [item("5", "SBX-00000123"), item("5", "SBX-00000124")]
        assert by_likeness([item("5", "SBX-0000012")], entries, Known()) == []

    def test_needs_the_same_amount(self) -> None:
        assert by_likeness([item("6", "sbx00000123")], [item("5", "SBX-00000123")], Known()) == []


class TestByAmount:
    def match(self, lines: list[Item], entries: list[Item], books: str = "", bank: str = "", usual: int = 1) -> Pairs:
        known = Known(set(books.split()), set(bank.split()), {D("5"): usual})
        return parts(by_amount(lines, entries, known))

    def test_pairs_what_is_unique_within_three_business_days(self) -> None:
        line, entry = item("5", day=THURSDAY + timedelta(days=1)), item("5", "SBX-1", day=TUESDAY)
        assert self.match([line], [entry]) == pair(line, entry)
        assert self.match([line], [item("5", day=MONDAY)]) == []

    def test_does_not_choose_between_two(self) -> None:
        assert self.match([item("5")], [item("5"), item("5")]) == []
        assert self.match([item("5"), item("5")], [item("5")]) == []

    def test_leaves_alone_what_carries_the_other_side_s_reference(self) -> None:
        assert self.match([item("5", "SBX-1")], [item("5", "SBX-2")], books="SBX-1") == []
        assert self.match([item("5", "SBX-1")], [item("5", "SBX-2")], bank="SBX-2") == []

    def test_a_line_that_was_given_another_reference_is_somebody_else_s(self) -> None:
        assert self.match([item("5", "WIRE-77")], [item("5", "SBX-2")]) == []
        line, entry = item("5", "B0099", given=""), item("5", "SBX-2")
        assert self.match([line], [entry]) == pair(line, entry)

    def test_a_usual_amount_is_no_evidence_without_a_name(self) -> None:
        assert self.match([item("5")], [item("5", "SBX-1")], usual=4) == []
        line = item("5", text="ACH CREDIT IVY INVESTOR")
        entry = item("5", "SBX-1", text="SBX-1 Deposit settled Ivy Investor")
        other = item("5", "SBX-2", text="SBX-2 Deposit settled Otto Other")
        assert self.match([line], [entry, other], usual=4) == pair(line, entry)


class TestOffsets:
    def test_pairs_an_entry_with_its_reversal(self) -> None:
        first = Item(uuid4(), MONDAY, D("5"), ("A",), journal=uuid4())
        back = Item(uuid4(), TUESDAY, D("-5"), ("B",), journal=uuid4(), reverses=first.journal)
        [match] = matching.offsets([back, first, item("5", "C")])
        assert (match.line_ids, set(match.entry_ids)) == ((), {first.id, back.id})


class TestSums:
    def test_lines_under_one_reference_come_to_its_entry(self) -> None:
        lines, entry = [item("2", "A", "b1"), item("3", "A", "b2")], item("5", "A")
        [match] = match_sums.by_one_reference(lines, [entry, item("5", "B")])
        assert (set(match.line_ids), match.entry_ids) == ({line.id for line in lines}, (entry.id,))
        assert match.method == "MANY_TO_ONE"

    def test_a_line_that_names_its_entries_comes_to_them(self) -> None:
        entries = [item("2", "SBX-00000001"), item("3", "SBX-00000002")]
        line = item("5", text="BATCH SBX-00000001 SBX-00000002")
        [match] = match_sums.by_names([line], [*entries, item("5", "SBX-00000003")])
        assert (match.line_ids, set(match.entry_ids)) == ((line.id,), {entry.id for entry in entries})

    def test_does_not_take_some_of_those_named(self) -> None:
        entries = [item(amount, f"SBX-0000000{amount}") for amount in ("2", "3", "4")]
        line = item("5", text="BATCH SBX-00000002 SBX-00000003 SBX-00000004")
        assert match_sums.by_names([line], entries) == []

    def test_one_person_s_entries_come_to_a_line(self) -> None:
        line = item("1500.00", text="ACH BATCH IVY INVESTOR")
        entries = [item(amount, f"S-{amount}", text="settled Ivy Investor") for amount in ("500.00", "1000.00")]
        other = [item("500.00", "S-x", text="settled Otto Other"), item("1000.00", "S-y", text="settled Otto Other")]
        [match] = match_sums.by_people([line], entries + other, Known())
        assert set(match.entry_ids) == {entry.id for entry in entries}

    def test_does_not_choose_between_two_sums(self) -> None:
        """What a greedy search would match: it takes the first that fits."""
        line = item("1500.00", text="IVY INVESTOR")
        amounts = ("500.00", "1000.00", "700.00", "800.00")
        entries = [item(amount, f"S-{amount}", text="Ivy Investor") for amount in amounts]
        assert match_sums.by_people([line], entries, Known()) == []

    def test_two_lines_do_not_share_a_part(self) -> None:
        lines = [item("1500.00", text="IVY INVESTOR"), item("1500.00", text="IVY INVESTOR", day=THURSDAY)]
        entries = [item("500.00", "S-1", text="Ivy Investor"), item("1000.00", "S-2", text="Ivy Investor")]
        assert match_sums.by_people(lines, entries, Known()) == []

    def test_rare_amounts_need_no_name_but_round_ones_do(self) -> None:
        line, entries = item("312.34"), [item("100.11", "S-1"), item("212.23", "S-2")]
        [match] = match_sums.by_rare_amounts([line], entries, Known())
        assert (match.confidence, set(match.entry_ids)) == (AUTOMATIC, {entry.id for entry in entries})
        assert match_sums.by_rare_amounts([item("300")], [item("100", "S-1"), item("200", "S-2")], Known()) == []

    def test_a_search_that_runs_out_of_steps_has_found_nothing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        items = [item(str(amount), f"S-{amount}") for amount in range(101, 125)]
        whole = sum((one.amount for one in items[:6]), D(0))
        monkeypatch.setattr(match_sums, "STEPS", 20)
        assert match_sums.sums_to(whole, items) == []

    @settings(deadline=None)
    @given(st.lists(st.integers(1, 30), min_size=2, max_size=8), st.integers(2, 60))
    def test_finds_every_set_that_there_is(self, cents: list[int], goal: int) -> None:
        items = [item(str(amount)) for amount in cents]
        found = {frozenset(one.id for one in some) for some in match_sums.sums_to(D(goal), items, wanted=10_000)}
        every = set()
        for mask in range(1, 2 ** len(items)):
            some = [one for place, one in enumerate(items) if mask >> place & 1]
            if 2 <= len(some) <= match_sums.MOST_PARTS and sum(one.amount for one in some) == goal:
                every.add(frozenset(one.id for one in some))
        assert found == every


class TestSuggestions:
    def test_are_ranked_and_give_reasons(self) -> None:
        line = item("5", "WIRE-77")
        near, far = item("5", "SBX-1"), item("5", "SBX-2", day=MONDAY - timedelta(days=5))
        first, second = match_suggestions.suggest([line], [far, near], Known())
        assert (first.entry_ids, second.entry_ids) == ((near.id,), (far.id,))
        assert first.reason == "The same amount, the same day, but other references, 1 other pair would fit."
        assert second.confidence < first.confidence < AUTOMATIC

    def test_offer_sums_that_matching_would_not_make(self) -> None:
        line, entries = item("300"), [item("100", "S-1"), item("200", "S-2")]
        [one] = match_suggestions.suggest([line], entries, Known())
        assert (one.line_ids, set(one.entry_ids)) == ((line.id,), {entry.id for entry in entries})
        assert one.confidence < match_suggestions.ALONE

    def test_have_amounts_that_agree(self) -> None:
        data = bank_noise.make(400, seed=5, noise="0.5")
        amounts = {one.id: one.amount for one in (*data.lines, *data.entries)}
        found = match_suggestions.suggest(data.lines, data.entries, Known())
        assert found
        for one in found:
            assert sum(amounts[key] for key in one.line_ids) == sum(amounts[key] for key in one.entry_ids)


items = st.lists(
    st.builds(
        Item,
        st.uuids(),
        st.dates(date(2026, 3, 2), date(2026, 3, 13)),
        st.sampled_from([D("5"), D("-5"), D("6"), D("11"), D("16.03"), D("10.02"), D("6.01")]),
        st.lists(st.sampled_from(["A", "B", "REFERENCE-1", "REFERENCE-2"]), max_size=2, unique=True).map(tuple),
        st.sampled_from(["", "ADA ALBERG", "REFERENCE-1 REFERENCE-2", "IVY INVESTOR ADA ALBERG"]),
    ),
    max_size=12,
    unique_by=lambda made: made.id,
)


class TestAlways:
    @settings(deadline=None)
    @given(items, items, st.randoms(use_true_random=False))
    def test_amounts_agree_nobody_is_matched_twice_and_order_does_not_matter(
        self, lines: list[Item], entries: list[Item], chance: random.Random
    ) -> None:
        entries = [entry for entry in entries if entry.id not in {line.id for line in lines}]
        found = run(lines, entries)
        amounts = {one.id: one.amount for one in (*lines, *entries)}
        for match in found:
            assert sum(amounts[key] for key in match.line_ids) == sum(amounts[key] for key in match.entry_ids)
            assert match.reason and match.method in MatchMethod.values and AUTOMATIC <= match.confidence <= 1
        assert (
            max(Counter(key for match in found for key in (*match.line_ids, *match.entry_ids)).values(), default=1) == 1
        )
        chance.shuffle(lines)
        chance.shuffle(entries)
        assert set(parts(run(lines, entries))) == set(parts(found))

    @pytest.mark.parametrize("noise", ["0.02", "0.40"])
    def test_nothing_is_matched_wrongly(self, noise: str) -> None:
        """The benchmark in small, and with twenty times its noise."""
        data = bank_noise.make(4000, seed=11, noise=noise)
        counts = Counter(one.amount for one in data.lines), Counter(one.amount for one in data.entries)
        known = Known(
            {name for one in data.entries for name in one.references},
            {name for one in data.lines for name in one.references},
            {amount: max(counts[0][amount], counts[1][amount]) for amount in {*counts[0], *counts[1]}},
        )
        score = bank_noise.score(data, run(data.lines, data.entries, known))
        assert score.wrong == ()
        assert score.matchable > 3000
        assert score.share >= D("0.99") or noise != "0.02"
