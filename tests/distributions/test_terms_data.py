"""Terms as data: every template there and back, and a sentence for whatever is wrong."""

import json
from collections.abc import Callable
from copy import deepcopy
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from distributions import templates
from distributions.terms_data import as_data, from_data
from distributions.waterfall import (
    BetweenClasses,
    CapitalBase,
    ClassedTerms,
    Compounding,
    DayCount,
    InvestorClass,
    MultipleHurdle,
    PreferredReturn,
    ProfitBasis,
    Split,
    Terms,
    UnworkableTerms,
)

TEMPLATES = (
    templates.straight_split,
    templates.preferred_and_split,
    templates.original_four_tiers,
    templates.preferred_and_catch_up,
    templates.three_hurdle_promote,
)
EVERY_CHOICE = Terms(
    (
        PreferredReturn(
            Decimal("0.0825"),
            CapitalBase.ORIGINAL,
            DayCount.THIRTY_E_360,
            Compounding.MONTHLY,
            date(2023, 3, 31),
            lp_share=Decimal("0.95"),
            gp_share=Decimal("0.05"),
        ),
        MultipleHurdle(Decimal("1.75"), Decimal("0.9"), Decimal("0.1")),
        Split(Decimal("0.5"), Decimal("0.5")),
    ),
    ProfitBasis.OWNERSHIP,
)
CLASSED = ClassedTerms(
    (InvestorClass("A", templates.straight_split()), InvestorClass("B", templates.case_a_terms())),
    BetweenClasses.IN_STEP,
)


def altered(change: Callable[[Any], None]) -> Any:
    data = deepcopy(as_data(templates.case_a_terms()))
    change(data)
    return data


class TestThereAndBack:
    @pytest.mark.parametrize("make", TEMPLATES)
    def test_templates(self, make: Callable[[], Terms]) -> None:
        assert from_data(json.loads(json.dumps(as_data(make())))) == make()

    @pytest.mark.parametrize("terms", [EVERY_CHOICE, CLASSED])
    def test_every_choice(self, terms: Terms | ClassedTerms) -> None:
        assert from_data(json.loads(json.dumps(as_data(terms)))) == terms

    def test_the_same_terms_are_the_same_data(self) -> None:
        assert as_data(templates.straight_split(Decimal("0.20"))) == as_data(
            templates.straight_split(Decimal("0.2000"))
        )

    def test_usual_values_may_be_left_out(self) -> None:
        data = as_data(templates.preferred_and_split())
        data["tiers"][0] = {"kind": "PREFERRED_RETURN", "rate": "0.08"}

        assert from_data(data) == templates.preferred_and_split()


class TestRefusals:
    @pytest.mark.parametrize(
        ("data", "words"),
        [
            (None, "by name and value"),
            ([], "by name and value"),
            ({}, "format is “waterfall-terms/1”; it is missing"),
            (altered(lambda data: data.update(format="waterfall-terms/2")), "waterfall-terms/2"),
            (altered(lambda data: data.update(note="?")), "note is not known here"),
            (altered(lambda data: data.pop("tiers")), "tiers must be a list"),
            (altered(lambda data: data.update(tiers="SPLIT")), "tiers must be a list"),
            (altered(lambda data: data.update(profits_by="LUCK")), "cannot be “LUCK”"),
            (altered(lambda data: data["tiers"].pop()), "last tier must be a split"),
            (altered(lambda data: data["tiers"][0].update(kind="BONUS")), "tier 1: “BONUS” is no kind"),
            (altered(lambda data: data["tiers"][0].update(day_count="ACT/364")), "tier 1: day_count cannot be"),
            (
                altered(lambda data: data["tiers"][0].update(rate=Decimal("0.08"))),
                'text such as "0.08"; it is the number 0.08',
            ),
            (altered(lambda data: data["tiers"][0].update(rate="eight")), "is no number"),
            (altered(lambda data: data["tiers"][0].update(rate="NaN")), "between 0 and 1"),
            (altered(lambda data: data["tiers"][0].update(rate="-0.08")), "between 0 and 1"),
            (altered(lambda data: data["tiers"][0].update(accrues_from="1/2/2023")), "must be a day such as"),
            (altered(lambda data: data["tiers"][0].update(cumulative="no")), "true or false"),
            (altered(lambda data: data["tiers"][2].pop("target")), "tier 3: target is missing"),
            (altered(lambda data: data["tiers"][2].update(target="0.5")), "greater than the target"),
            (altered(lambda data: data["tiers"][3].update(gp_share="0.3")), "add up to 100%"),
        ],
    )
    def test_say_where_and_what(self, data: object, words: str) -> None:
        with pytest.raises(UnworkableTerms, match=words):
            from_data(data)

    def test_of_classes_say_which(self) -> None:
        data = as_data(CLASSED)
        data["classes"][1]["tiers"].pop()

        with pytest.raises(UnworkableTerms, match="Class “B”: The last tier must be a split"):
            from_data(data)

    def test_of_a_class_without_a_name(self) -> None:
        data = as_data(CLASSED)
        del data["classes"][0]["name"]

        with pytest.raises(UnworkableTerms, match="Class 1 needs a name"):
            from_data(data)
