"""Derivations: every figure behind an investor's amount, the same each time, for one or for all."""

import json
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from distributions.derivations import SPONSOR, derive
from distributions.grains import GRAIN
from distributions.templates import case_a_terms, three_hurdle_promote
from distributions.terms_data import from_data
from distributions.waterfall import (
    PastDistribution,
    PastLine,
    Position,
    PreferredReturn,
    Split,
    Terms,
    Transfer,
    UnworkableFigures,
)

START, MIDDLE, EXIT = date(2023, 1, 1), date(2024, 1, 1), date(2025, 12, 31)
PEOPLE = [
    Position(key, ((START, Decimal(amount)),)) for key, amount in (("a", 500_000), ("b", 300_000), ("c", 200_000))
]
PAID = PastDistribution(
    MIDDLE,
    tuple(PastLine(key, preferred_return=Decimal(part)) for key, part in (("a", 25_000), ("b", 15_000), ("c", 10_000))),
)


def derived(key: str = "a", terms: Terms | None = None, amount: str = "1700000.00") -> dict[str, Any]:
    return derive(terms or case_a_terms(), PEOPLE, [PAID], Decimal(amount), EXIT, keys=[key])[key]


def in_cents(grains: str) -> Fraction:
    return Fraction(int(grains), GRAIN)


class TestAccruals:
    def test_are_told_by_span_of_days(self) -> None:
        [accrual] = derived()["accruals"]

        spans = [(span["from"], span["to"], span["days"], span["base"]) for span in accrual["spans"]]
        assert spans == [("2023-01-01", "2024-01-01", 365, "500000.00"), ("2024-01-01", "2025-12-31", 730, "500000.00")]
        assert [in_cents(span["amount"]) for span in accrual["spans"]] == [40_000_00, 80_000_00]
        assert in_cents(accrual["owed"]) == 95_000_00

    def test_can_be_worked_again_by_hand(self) -> None:
        [accrual] = derived()["accruals"]

        for span in accrual["spans"]:
            by_hand = Fraction(span["base"]) * 100 * Fraction(span["rate"]) * Fraction(span["years"])
            assert by_hand == in_cents(span["amount"])

    def test_show_what_lapsed(self) -> None:
        terms = Terms((PreferredReturn(Decimal("0.08"), cumulative=False), Split(Decimal(1), Decimal(0))))

        [accrual] = derived(terms=terms)["accruals"]

        assert [in_cents(span["accrued_after"]) for span in accrual["spans"]] == [40_000_00, 40_000_00]
        assert in_cents(accrual["spans"][1]["accrued_before"]) == 15_000_00

    def test_of_irr_hurdles_are_told_flow_by_flow(self) -> None:
        first, *_ = derived(terms=three_hurdle_promote())["hurdles"]

        assert [(flow["on"], flow["amount"], flow["days"]) for flow in first["flows"]] == [
            ("2023-01-01", "500000.00", 1095),
            ("2024-01-01", "-25000.00", 730),
        ]
        assert sum(int(flow["grown"]) for flow in first["flows"]) == int(first["lacking"])


class TestCents:
    def test_are_the_exact_share_and_what_rounding_did(self) -> None:
        one = derived(amount="100000.01")

        [first, *_] = one["tiers"]
        share = Fraction(first["investors_take"]) * int(first["weight"]) / int(first["weight_of_all"])
        assert Fraction(first["exact"]) == share == Fraction(10_000_001, 2)
        assert one["cents"]["total"] == one["cents"]["floor"] + one["cents"]["leftover_cent"]
        assert one["total"] == str(Decimal(one["cents"]["total"]).scaleb(-2))

    def test_of_everybody_add_up_to_the_amount(self) -> None:
        everybody = derive(case_a_terms(), PEOPLE, [PAID], Decimal("1234567.89"), EXIT)

        assert sum(Decimal(one["total"]) for one in everybody.values()) == Decimal("1234567.89")
        assert set(everybody) == {"a", "b", "c", SPONSOR}


class TestForm:
    def test_is_the_same_each_time_whatever_else_was_asked_for(self) -> None:
        everybody = derive(case_a_terms(), PEOPLE[::-1], [PAID], Decimal(1_700_000), EXIT)

        assert json.dumps(everybody["b"]) == json.dumps(derived("b"))

    def test_holds_the_terms(self) -> None:
        assert from_data(json.loads(json.dumps(derived()))["terms"]) == case_a_terms()

    def test_names_transfers_that_concern_the_investor(self) -> None:
        people = [*PEOPLE, Position("d", ())]
        sold = [Transfer(date(2024, 1, 2), "c", "d", Decimal("0.5"))]

        told = derive(case_a_terms(), people, [PAID], Decimal(1_700_000), EXIT, transfers=sold)

        assert told["d"]["transfers"] == [{"on": "2024-01-02", "seller": "c", "buyer": "d", "part": "0.5"}]
        assert told["a"]["transfers"] == []
        assert told["d"]["total"] == told["c"]["total"]

    def test_is_refused_for_a_stranger(self) -> None:
        with pytest.raises(UnworkableFigures, match="nobody has no position"):
            derived("nobody")
