"""Receipts: each payee's amount, worked out again from its own receipt alone, to the same hash."""

import copy
import json
from collections.abc import Callable, Sequence
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings

from distributions import receipt_files, receipt_replays
from distributions.derivations import SPONSOR, derive
from distributions.receipt_files import MOST_BYTES, NotAReceipt
from distributions.receipt_wholes import ReceiptBroken
from distributions.receipts import note
from distributions.templates import case_a_terms, three_hurdle_promote
from distributions.waterfall import (
    CapitalBase,
    Compounding,
    PastDistribution,
    Position,
    PreferredReturn,
    ProfitBasis,
    ReturnOfCapital,
    Split,
    Terms,
    Transfer,
    calculate,
)
from tests.distributions.drawn import Case, amounts, cases

START, EXIT = date(2023, 1, 1), date(2025, 12, 31)
PEOPLE = [
    Position(key, ((START, Decimal(amount)),)) for key, amount in (("a", 500_000), ("b", 300_000), ("c", 200_000))
]
ALIKE = ("contributed", "unreturned_before", "accruals", "hurdles", "tiers")


def receipts(
    terms: Any,
    people: list[Position],
    history: list[PastDistribution],
    amount: Decimal,
    on: date,
    transfers: Sequence[Transfer] = (),
) -> dict[str, dict[str, Any]]:
    """The file of every payee."""
    noted = note(terms, people, history, amount, on, transfers)
    files = {}
    for key, own in noted.own.items():
        receipt = {
            "distribution": {"number": "DIST-2026-0001"},
            "allocation": f"allocation of {key}",
            "payee": key,
            "whole": noted.whole,
            "own": own,
            "result": noted.results[key],
            "allocated": {},
        }
        files[key] = receipt_files.compose(receipt, receipt_replays.replay(receipt).working)
    return files


def paid_flows(hurdles: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Hurdles without the flows of nothing, which no receipt has."""
    return [{**one, "flows": [flow for flow in one["flows"] if flow["amount"] != "0.00"]} for one in hurdles]


def read(content: Any) -> dict[str, Any]:
    return receipt_files.read(json.dumps(content).encode())


@pytest.fixture
def content() -> dict[str, Any]:
    """The first investor's receipt of a second distribution, in which odd cents are left over."""
    first = calculate(case_a_terms(), PEOPLE, [], Decimal("100000.00"), date(2024, 1, 1)).as_past()
    return read(receipts(case_a_terms(), PEOPLE, [first], Decimal("1234567.89"), EXIT)["a"])


class TestReplay:
    @pytest.mark.slow
    @given(cases(), amounts)
    @settings(max_examples=60, deadline=None)
    def test_of_any_deal_gives_what_the_engine_gave(self, case: Case, amount: Decimal) -> None:
        result = case.run(amount)

        files = receipts(case.terms, case.people, case.history, amount, case.on)

        assert [receipt_replays.verify(read(content)) for content in files.values()] == [[]] * (len(case.people) + 1)
        for share in result.shares:
            found = files[share.key]["receipt"]["result"]
            assert Decimal(found["total"]) == share.total
            assert [int(Decimal(part).scaleb(2)) for part in found["by_tier"] if part != "0.00"] == [
                part for part in share.by_tier if part
            ]
            assert Decimal(found["return_of_capital"]) == share.return_of_capital
            assert Decimal(found["preferred_return"]) == share.preferred_return
        sponsor = files[SPONSOR]["receipt"]["result"]
        assert Decimal(sponsor["sponsor_catch_up"]) == result.sponsor.catch_up
        assert Decimal(sponsor["total"]) == result.sponsor.total

    @pytest.mark.slow
    @given(cases(), amounts)
    @settings(max_examples=60, deadline=None)
    def test_takes_the_same_steps_as_with_everybody_there(self, case: Case, amount: Decimal) -> None:
        derived = derive(case.terms, case.people, case.history, amount, case.on)
        for key, content in receipts(case.terms, case.people, case.history, amount, case.on).items():
            names = ALIKE if key != SPONSOR else ()
            for name in names:
                told = paid_flows(derived[key][name]) if name == "hurdles" else derived[key][name]
                assert content["working"][name] == told, name
            for name, figure in derived[key]["cents"].items():
                assert content["working"]["cents"][name] == figure, name

    def test_counts_ownership_in_a_unit_that_all_share(self) -> None:
        terms = Terms((ReturnOfCapital(), Split(Decimal("0.7"), Decimal("0.3"))), ProfitBasis.OWNERSHIP)
        owned = (Decimal("0.5"), Decimal("0.333333"), Decimal("0.166667"))
        people = [Position(one.key, one.contributions, part) for one, part in zip(PEOPLE, owned, strict=True)]

        files = receipts(terms, people, [], Decimal("1500000.01"), EXIT)

        assert [receipt_replays.verify(read(content)) for content in files.values()] == [[]] * 4

    def test_sets_clocks_when_others_were_paid(self) -> None:
        """What compounds is rounded when money moves, whoever it moves to."""
        terms = Terms(
            (
                PreferredReturn(Decimal("0.0777"), CapitalBase.UNRETURNED, compounding=Compounding.DAILY),
                ReturnOfCapital(),
                Split(Decimal("0.7"), Decimal("0.3")),
            )
        )
        late = Position("z", ((date(2024, 6, 1), Decimal("7777.77")),))
        history: list[PastDistribution] = []
        for on in (date(2024, 3, 5), date(2024, 9, 9), date(2025, 2, 2)):
            history.append(calculate(terms, [*PEOPLE, late], history, Decimal("1234.56"), on).as_past())

        derived = derive(terms, [*PEOPLE, late], history, Decimal("5000.00"), EXIT)
        files = receipts(terms, [*PEOPLE, late], history, Decimal("5000.00"), EXIT)

        assert files["z"]["working"]["accruals"] == derived["z"]["accruals"]

    def test_pays_the_part_of_fractions_of_a_cent_that_all_are_owed_together(self) -> None:
        """Of what the same day's first run left, some had a fraction too much and others as much too little."""
        people = [
            Position(key, ((START, Decimal(amount)),)) for key, amount in zip("abc", (1001, 1002, 1004), strict=True)
        ]
        on = date(2024, 3, 3)
        first = calculate(case_a_terms(), people, [], Decimal("5000.00"), on).as_past()

        files = receipts(case_a_terms(), people, [first], Decimal("100.00"), on)

        derived = derive(case_a_terms(), people, [first], Decimal("100.00"), on)
        part = files["a"]["receipt"]["whole"]["classes"][0]["tiers"][0]["part_of_fractions"]
        assert 0 < Fraction(part) < 1
        for key, content in files.items():
            assert receipt_replays.verify(read(content)) == []
            assert key == SPONSOR or content["working"]["tiers"] == derived[key]["tiers"]

    def test_names_nobody_else_and_no_amount_of_theirs(self) -> None:
        people = [Position(f"investor-{n}", ((START, Decimal(1000 + 7 * n)),)) for n in range(5)]
        content = receipts(case_a_terms(), people, [], Decimal("9999.99"), EXIT)["investor-2"]

        written = json.dumps(content)
        assert "investor-1" not in written
        assert "1007.00" not in written


Forge = Callable[[dict[str, Any]], None]


def _more_capital(content: dict[str, Any]) -> None:
    content["receipt"]["own"]["contributions"][0][1] = "500001.00"


def _another_total(content: dict[str, Any]) -> None:
    content["receipt"]["result"]["total"] = "900000.00"


def _another_span(content: dict[str, Any]) -> None:
    content["working"]["accruals"][0]["spans"][0]["base"] = "1.00"


def _another_hash(content: dict[str, Any]) -> None:
    content["sha256"] = "0" * 64


class TestVerify:
    def test_finds_nothing_in_a_true_one(self, content: dict[str, Any]) -> None:
        assert receipt_replays.verify(content) == []

    @pytest.mark.parametrize(
        ("forge", "figure"),
        [
            (_another_total, "result.total"),
            (_another_span, "working.accruals[1].spans[1].base"),
            (_another_hash, "sha256"),
            (_more_capital, "working.contributed"),
        ],
    )
    def test_says_which_figure_differs(self, content: dict[str, Any], forge: Forge, figure: str) -> None:
        forge(content)

        assert figure in [difference.figure for difference in receipt_replays.verify(read(content))]

    def test_notices_a_change_of_whatever_the_result_does_not_follow_from(self, content: dict[str, Any]) -> None:
        content["receipt"]["distribution"]["number"] = "DIST-2026-0002"

        assert [one.figure for one in receipt_replays.verify(content)] == ["sha256"]

    @pytest.mark.parametrize(
        ("way", "value", "words"),
        [
            (("whole", "amount"), "1234567.88", "tiers take"),
            (("whole", "classes", 0, "tiers", 0, "weight_of_all"), "5", "more than that of all"),
            (("whole", "classes", 0, "tiers", 2, "sponsor_takes"), "0/1", "tiers take"),
            (("whole", "classes", 0, "tiers", 0, "kind"), "SPLIT", "in the terms"),
            (("whole", "classes", 0, "name"), "B", "classes"),
            (("own", "odd_cents"), [1, 1, 1, 1], "odd cent"),
            (("own", "paid_before"), [[7, "2024-01-01", "1.00", "0.00", "0.00"]], "no earlier distribution"),
            (("own", "contributions"), [["2022-01-01", "5.00"]], "could have had"),
        ],
    )
    def test_refuses_figures_that_contradict_each_other(
        self, content: dict[str, Any], way: tuple[str | int, ...], value: Any, words: str
    ) -> None:
        place: Any = content["receipt"]
        for step in way[:-1]:
            place = place[step]
        place[way[-1]] = value

        with pytest.raises(ReceiptBroken, match=words):
            receipt_replays.verify(read(content))

    def test_tells_true_from_one(self) -> None:
        assert receipt_replays.compare({"a": 1}, {"a": True}, "x")[0].figure == "x.a"


class TestRead:
    @pytest.mark.parametrize(
        "data",
        [
            b"", b"[]", b"{}", b"null", b"\xff\xfe", b'{"format": "other/1"}', b'{"format": NaN}', b"[" * 100_000,
            b'{"format": "realco-receipt/1", "format": "realco-receipt/1"}', b'{"a": 1.5}', b'{"a": 1e999}',
            b'{"format": "realco-receipt/1"}', b'{"a": ' + b"9" * 5000 + b"}", b" " * (MOST_BYTES + 1),
        ],
    )  # fmt: skip
    def test_refuses_what_is_no_receipt(self, data: bytes) -> None:
        with pytest.raises(NotAReceipt):
            receipt_files.read(data)

    @pytest.mark.parametrize("name", ["receipt", "working", "sha256"])
    @pytest.mark.parametrize("value", [None, 5, [], "x" * 5000])
    def test_refuses_parts_of_another_kind(self, content: dict[str, Any], name: str, value: Any) -> None:
        with pytest.raises(NotAReceipt):
            read({**content, name: value})

    def test_survives_any_value_anywhere(self, content: dict[str, Any]) -> None:
        """Whatever stands in the place of a figure is refused in words or found to differ."""
        for way in list(ways_in(content["receipt"])):
            values: tuple[Any, ...] = (None, True, -1, "x", "1/0", "-5.00", [], {}, ["x"], "9" * 3000, "9999-12-31")
            for value in values:
                forged = copy.deepcopy(content)
                place: Any = forged["receipt"]
                for step in way[:-1]:
                    place = place[step]
                if place[way[-1]] == value and type(place[way[-1]]) is type(value):
                    continue
                place[way[-1]] = value
                try:
                    assert receipt_replays.verify(read(forged)) != []
                except (NotAReceipt, ReceiptBroken):
                    pass


def ways_in(content: Any, before: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    inside = content.items() if isinstance(content, dict) else enumerate(content) if isinstance(content, list) else ()
    ways = [before] if before else []
    for name, value in inside:
        ways += ways_in(value, (*before, name))
    return ways


class TestHash:
    def test_is_of_canonical_json_with_the_whole_as_its_own_hash(self, content: dict[str, Any]) -> None:
        receipt = content["receipt"]
        whole = receipt_files.digest(receipt["whole"])

        assert (
            content["sha256"]
            == receipt_files.receipt_hash(receipt)
            == receipt_files.receipt_hash(receipt, whole_hash=whole)
        )

    def test_of_irr_hurdles_holds_as_well(self) -> None:
        files = receipts(three_hurdle_promote(), PEOPLE, [], Decimal("1800000.00"), EXIT)

        assert [receipt_replays.verify(read(content)) for content in files.values()] == [[]] * 4
