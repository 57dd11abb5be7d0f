"""Receipts of what changed hands: seller's and buyer's worked out again, each from its own receipt alone."""

import copy
import json
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given

from distributions import receipt_replays
from distributions.derivations import SPONSOR, derive
from distributions.grains import GRAIN
from distributions.receipt_files import NotAReceipt
from distributions.receipt_wholes import ReceiptBroken
from distributions.templates import case_a_terms, three_hurdle_promote
from distributions.waterfall import (
    Compounding,
    MultipleHurdle,
    PastDistribution,
    Position,
    PreferredReturn,
    ReturnOfCapital,
    Split,
    Terms,
    Transfer,
    calculate,
)
from tests.distributions.drawn import Case, amounts, handed_over, lawful
from tests.distributions.test_receipts import ALIKE, EXIT, PEOPLE, paid_flows, read, receipts, ways_in

FIRST, SOLD, RESOLD, SECOND = date(2024, 1, 1), date(2024, 3, 15), date(2024, 7, 1), date(2024, 12, 31)
BUYER = Position("d", ())
FOUR = [*PEOPLE, BUYER]
PART = Transfer(SOLD, "a", "d", Decimal("0.4"))


def story(terms: Any, people: list[Position], transfers: tuple[Transfer, ...]) -> list[PastDistribution]:
    """A distribution before anything changed hands, and one after that."""
    first = calculate(terms, people, [], Decimal("50000.01"), FIRST).as_past()
    before = tuple(one for one in transfers if one.on <= SECOND)
    second = calculate(terms, people, [first], Decimal("400000.02"), SECOND, transfers=before).as_past()
    return [first, second]


def files_of(
    transfers: tuple[Transfer, ...], terms: Any = None, people: list[Position] = FOUR
) -> dict[str, dict[str, Any]]:
    terms = terms or case_a_terms()
    return receipts(terms, people, story(terms, people, transfers), Decimal("1234567.89"), EXIT, transfers)


def same(files: dict[str, dict[str, Any]], terms: Any, transfers: tuple[Transfer, ...], people: Any = FOUR) -> None:
    """Every receipt holds, gives what the engine gives, and takes the steps that it takes with everybody there."""
    history = story(terms, people, transfers)
    result = calculate(terms, people, history, Decimal("1234567.89"), EXIT, transfers=transfers)
    derived = derive(terms, people, history, Decimal("1234567.89"), EXIT, transfers=transfers)
    for share in result.shares:
        content = read(files[share.key])
        assert receipt_replays.verify(content) == []
        assert Decimal(content["receipt"]["result"]["total"]) == share.total
        alike(content["working"], derived[share.key], transfers)
    assert receipt_replays.verify(read(files[SPONSOR])) == []


def joined(accruals: list[dict[str, Any]], days: set[str]) -> list[dict[str, Any]]:
    """Accruals whose spans go on over the days of transfers: a receipt does not tell of those of other people."""
    told = []
    for accrual in accruals:
        spans: list[dict[str, Any]] = []
        for span in accrual["spans"]:
            before = next((one for one in spans if one["to"] in days and _goes_on(one, span)), None)
            if before is None:
                spans.append(dict(span))
                continue
            before |= {name: span[name] for name in ("to", "unpaid_after", "accrued_after")}
            before["days"] += span["days"]
            years = Fraction(before["years"]) + Fraction(span["years"])
            before["years"] = f"{years.numerator}/{years.denominator}"
            before["amount"] = str(int(before["amount"]) + int(span["amount"]))
        told.append({**accrual, "spans": sorted(spans, key=lambda one: json.dumps(one, sort_keys=True))})
    return told


def _goes_on(one: dict[str, Any], span: dict[str, Any]) -> bool:
    same = ("clock", "clock"), ("base", "base"), ("to", "from")
    grains = ("unpaid_after", "unpaid_before"), ("accrued_after", "accrued_before")
    return all(one[name] == span[other] for name, other in (*same, *grains))


def alike(working: dict[str, Any], derived: dict[str, Any], transfers: tuple[Transfer, ...]) -> None:
    days = {one.on.isoformat() for one in transfers}
    for name in ALIKE:
        if name == "hurdles":
            assert working[name] == paid_flows(derived[name])
        elif name == "accruals":
            assert joined(working[name], days) == joined(derived[name], days)
        else:
            assert working[name] == derived[name], name


class TestReplay:
    @pytest.mark.slow
    @lawful
    @given(handed_over(), amounts)
    def test_of_any_deal_takes_the_steps_of_the_engine_to_the_same_amounts(self, case: Case, amount: Decimal) -> None:
        result = case.run(amount)
        derived = derive(case.terms, case.people, case.history, amount, case.on, transfers=case.transfers)

        files = receipts(case.terms, case.people, case.history, amount, case.on, case.transfers)

        assert [receipt_replays.verify(read(content)) for content in files.values()] == [[]] * (len(case.people) + 1)
        for share in result.shares:
            assert Decimal(files[share.key]["receipt"]["result"]["total"]) == share.total
            alike(files[share.key]["working"], derived[share.key], case.transfers)

    @pytest.mark.parametrize("part", ["0.4", "1", "0.3333333333"])
    @pytest.mark.parametrize("terms", [case_a_terms(), three_hurdle_promote()], ids=["preferred", "irr"])
    def test_of_a_transfer_between_two_distributions(self, terms: Terms, part: str) -> None:
        transfers = (Transfer(SOLD, "a", "d", Decimal(part)),)

        same(files_of(transfers, terms), terms, transfers)

    @pytest.mark.parametrize("terms", [case_a_terms(), three_hurdle_promote()], ids=["preferred", "irr"])
    def test_of_two_transfers_in_a_row(self, terms: Terms) -> None:
        people = [*FOUR, Position("e", ())]
        transfers = (PART, Transfer(RESOLD, "d", "e", Decimal("0.75")))

        files = files_of(transfers, terms, people)

        same(files, terms, transfers, people)
        assert [list(one) for one in files["d"]["receipt"]["own"]["changed_hands"]] == [
            ["on", "taken_over"],
            ["on", "handed_over"],
        ]

    def test_of_what_is_bought_back_after_a_distribution(self) -> None:
        transfers = (PART, Transfer(date(2025, 2, 3), "d", "a", Decimal(1)))

        same(files_of(transfers), case_a_terms(), transfers)

    def test_of_a_buyer_who_had_put_in_money_on_another_day(self) -> None:
        people = [*PEOPLE, Position("d", ((date(2023, 5, 5), Decimal("77777.77")), (RESOLD, Decimal("1000.00"))))]

        same(files_of((PART,), None, people), case_a_terms(), (PART,), people)

    def test_of_a_multiple_counts_the_cash_that_was_received_before(self) -> None:
        terms = Terms((ReturnOfCapital(), MultipleHurdle(Decimal("1.4")), Split(Decimal("0.5"), Decimal("0.5"))))

        files = files_of((PART,), terms)

        same(files, terms, (PART,))
        assert files["d"]["receipt"]["own"]["changed_hands"][0]["taken_over"]["cash"] != "0.00"

    def test_of_everybody_sets_clocks_when_something_changed_hands(self) -> None:
        """What compounds is rounded to the grain then, for all of the class."""
        daily = PreferredReturn(Decimal("0.0777"), compounding=Compounding.DAILY)
        terms = Terms((daily, ReturnOfCapital(), Split(Decimal("0.7"), Decimal("0.3"))))

        files = files_of((PART,), terms)

        same(files, terms, (PART,))
        assert files["b"]["receipt"]["whole"]["classes"][0]["clocks_set"] == [SOLD.isoformat()]


class TestWhatIsShown:
    def test_leaves_receipts_of_an_offering_in_which_nothing_changed_hands_as_they_were(self) -> None:
        for content in files_of(()).values():
            assert "changed_hands" not in json.dumps(content)
            assert "clocks_set" not in json.dumps(content)

    def test_tells_the_others_nothing_of_a_transfer_where_nothing_compounds(self) -> None:
        written = json.dumps(files_of((PART,))["b"])

        assert "changed_hands" not in written
        assert SOLD.isoformat() not in written

    def test_names_neither_seller_nor_buyer_to_the_other(self) -> None:
        people = [Position(f"key-of-{one.key}", one.contributions) for one in FOUR]
        transfers = (Transfer(SOLD, "key-of-a", "key-of-d", Decimal("0.4")),)

        files = files_of(transfers, None, people)

        assert "key-of-a" not in json.dumps(files["key-of-d"])
        assert "key-of-d" not in json.dumps(files["key-of-a"])

    def test_gives_the_buyer_what_is_theirs_now_and_not_what_the_seller_had(self) -> None:
        own = files_of((PART,))["d"]["receipt"]["own"]

        [move] = own["changed_hands"]
        assert move["on"] == SOLD.isoformat()
        assert (move["taken_over"]["contributed"], move["taken_over"]["unreturned"]) == ("200000.00", "200000.00")
        assert "500000.00" not in json.dumps(own)
        assert own["contributions"] == []
        assert [line[0] for line in own["paid_before"]] == [2]

    def test_comes_to_the_same_in_the_working_of_both(self) -> None:
        files = files_of((PART,))

        [sold], [bought] = (files[key]["working"]["changed_hands"] for key in ("a", "d"))

        assert (sold["way"], sold["part"], bought["way"], bought["part"]) == ("handed over", "0.4", "taken over", None)
        for name in ("on", "contributed", "unreturned", "owed"):
            assert sold[name] == bought[name]
        # 8 % a year on 500,000 for 439 days, of which 25,000.005 were paid (an odd cent apart): 40 % of that.
        [[_, owed]] = bought["owed"]
        exact = Fraction(500_000 * 8 * 439, 365) - 25_000_00
        assert abs(Fraction(int(owed), GRAIN) - exact * Fraction(2, 5)) <= Fraction(2, 5)


class TestForged:
    @pytest.fixture
    def content(self) -> dict[str, Any]:
        return read(files_of((PART, Transfer(RESOLD, "d", "b", Decimal("0.5"))), three_hurdle_promote())["d"])

    @pytest.mark.parametrize(
        ("name", "value", "words"),
        [
            ("unreturned", "300000.00", "anybody could have held"),
            ("lots", [], "each preferred return"),
            ("lacking_at_first", [], "each preferred return"),
        ],
    )
    def test_takeovers_that_contradict_themselves_are_refused(self, name: str, value: Any, words: str) -> None:
        content = read(files_of((PART,), case_a_terms() if name == "lots" else three_hurdle_promote())["d"])
        content["receipt"]["own"]["changed_hands"][0]["taken_over"][name] = value

        with pytest.raises(ReceiptBroken, match=words):
            receipt_replays.verify(content)

    def test_lots_that_are_not_the_capital_are_refused(self) -> None:
        content = read(files_of((PART,))["d"])
        content["receipt"]["own"]["changed_hands"][0]["taken_over"]["lots"][0][1][0][1] = "200000.01"

        with pytest.raises(ReceiptBroken, match="lots"):
            receipt_replays.verify(content)

    def test_more_taken_over_is_found_to_differ(self) -> None:
        content = read(files_of((PART,))["d"])
        content["receipt"]["own"]["changed_hands"][0]["taken_over"]["lots"][0][1][0][3] = "0"

        assert "sha256" in [one.figure for one in receipt_replays.verify(content)]

    def test_any_value_anywhere_is_refused_in_words_or_found_to_differ(self, content: dict[str, Any]) -> None:
        for way in ways_in(content["receipt"]["own"]["changed_hands"]):
            values: list[Any] = [None, True, -1, "x", "1/0", "-5.00", {}, ["x"], "9" * 3000, "9999-12-31", "0.0"]
            for value in values:
                forged = copy.deepcopy(content)
                place: Any = forged["receipt"]["own"]["changed_hands"]
                for step in way[:-1]:
                    place = place[step]
                place[way[-1]] = value
                try:
                    assert receipt_replays.verify(read(forged)) != []
                except (NotAReceipt, ReceiptBroken):
                    pass

    def test_days_out_of_order_are_refused(self, content: dict[str, Any]) -> None:
        content["receipt"]["own"]["changed_hands"].reverse()

        with pytest.raises(ReceiptBroken, match="order"):
            receipt_replays.verify(content)

    def test_a_day_after_the_distribution_is_refused(self, content: dict[str, Any]) -> None:
        content["receipt"]["own"]["changed_hands"][1]["on"] = "2026-01-01"

        with pytest.raises(ReceiptBroken, match="later"):
            receipt_replays.verify(content)
