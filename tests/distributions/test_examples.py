"""Worked examples: read as an agreement has them, and held against terms to the cent."""

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal

import pytest

from distributions import examples, templates
from distributions import terms as engine
from distributions.examples import UnworkableExample, from_data, hold_against
from distributions.models import WaterfallTerms
from distributions.operations import terms, waterfall_examples
from distributions.operations.terms import NotDraft
from distributions.queries import terms as queries
from realco.errors import NotPermitted
from realco.models import AuditEvent, Offering, User
from tests import factories
from tests.stages import staged

D = Decimal
# WATERFALL.md, cases A and C.
CASE_A = {
    "source": "Exhibit C, page 41",
    "on": "2025-12-31",
    "amount": "1,700,000.00",
    "contributions": [
        ["Ann", "2023-01-01", "500000"], ["Ben", "2023-01-01", "300000"], ["Cy", "2023-01-01", "200000"],
    ],
    "expected": [["Ann", "780000"], ["Ben", "468000"], ["Cy", "312000"]],
    "sponsor": "140000",
    "tiers": [
        ["1", "240000", "0"], ["2", "1000000", "0"], ["3", "80000", "80000"], ["4", "240000", "60000"],
    ],
}  # fmt: skip
CASE_C = {
    "source": "Exhibit D",
    "on": "2025-12-31",
    "amount": "1800000",
    "contributions": [["Fund", "2023-01-01", "1000000"]],
    "earlier": [["2024-12-31", "60000"], ["2024-01-01", "50000"]],
    "expected": [["Fund", "1660187.21"]],
    "sponsor": "139812.79",
    "tiers": [["1", "1136592", "0"], ["3", "227604", "56901"]],
}


class TestHoldAgainst:
    @pytest.mark.parametrize(
        ("data", "made"), [(CASE_A, templates.case_a_terms()), (CASE_C, templates.three_hurdle_promote())]
    )
    def test_reproduces_the_worked_figures(self, data: Mapping[str, object], made: engine.Terms) -> None:
        outcome = hold_against(made, from_data(data))

        assert outcome.reproduces
        assert all(figure.difference == 0 for figure in outcome.figures)

    def test_puts_each_figure_beside_the_expected(self) -> None:
        outcome = hold_against(templates.straight_split(), from_data({**CASE_A, "tiers": []}))

        # Capital, then 80/20 of the 700,000 left.
        assert [(figure.what, figure.computed) for figure in outcome.figures] == [
            ("Ann", D("780000.00")), ("Ben", D("468000.00")), ("Cy", D("312000.00")), ("Sponsor", D("140000.00")),
        ]  # fmt: skip

    def test_finds_a_cent(self) -> None:
        changed = {
            **CASE_A,
            "tiers": [],
            "expected": [["Ann", "780000.01"], *CASE_A["expected"][1:]],
            "sponsor": "139999.99",
        }

        first = hold_against(templates.case_a_terms(), from_data(changed)).first_difference

        assert first is not None
        assert (first.what, first.difference) == ("Ann", D("-0.01"))

    def test_says_which_tier_there_is_not(self) -> None:
        outcome = hold_against(templates.straight_split(), from_data({**CASE_A, "tiers": [["4", "0", "0"]]}))

        assert (outcome.reproduces, outcome.problem) == (False, "There is no tier 4; the terms have 2.")

    def test_works_classes(self) -> None:
        made = engine.ClassedTerms(
            (
                engine.InvestorClass("A", templates.straight_split(D("0.10"))),
                engine.InvestorClass("B", templates.straight_split(D("0.20"))),
            ),
            engine.BetweenClasses.PRO_RATA,
        )
        example = from_data(
            {
                "source": "6.3", "on": "2025-12-31", "amount": "3000",
                "contributions": [["Ann", "2023-01-01", "500", "A"], ["Ben", "2023-01-01", "500", "B"]],
                "expected": [["Ann", "1400"], ["Ben", "1300"]], "sponsor": "300",
            }
        )  # fmt: skip

        assert hold_against(made, example).reproduces

    def test_says_what_cannot_be_worked(self) -> None:
        example = from_data({**CASE_A, "contributions": [[n, "2026-06-01", "1"] for n in ("Ann", "Ben", "Cy")]})

        assert "Nobody had contributed" in hold_against(templates.case_a_terms(), example).problem


class TestFromData:
    @pytest.mark.parametrize("data", [CASE_A, CASE_C])
    def test_comes_back_as_it_was(self, data: Mapping[str, object]) -> None:
        assert from_data(examples.as_data(from_data(data))) == from_data(data)

    @pytest.mark.parametrize(
        ("changes", "field", "words"),
        [
            ({"source": " "}, "source", "section and page"),
            ({"on": "31.12.2025"}, "on", "not a day"),
            ({"on": "0001-01-01"}, "on", "between 1980"),
            ({"amount": "0"}, "amount", "at least"),
            ({"amount": "NaN"}, "amount", "whole cents"),
            ({"amount": "1e999"}, "amount", "not an amount"),
            ({"amount": "1.005"}, "amount", "whole cents"),
            ({"contributions": []}, "contributions", "one party"),
            ({"contributions": [["Ann", "2023-01-01"]]}, "contributions", "Line 1 needs 3 or 4 parts; it has 2"),
            ({"contributions": [["sponsor", "2023-01-01", "1"]]}, "contributions", "promote is the sponsor's"),
            (
                {"contributions": [["Ann", "2023-01-01", "1", "A"], ["Ann", "2023-01-01", "1", "B"]]},
                "contributions", "two classes",
            ),
            ({"expected": [["Ann", "780000"]]}, "expected", "Say what Ben gets"),
            ({"expected": [*CASE_A["expected"], ["Zoe", "1"]]}, "expected", "has no contribution"),
            ({"sponsor": "139999.99"}, "expected", "come to 1,699,999.99"),
            ({"sponsor": "-1"}, "expected", "at least"),
            ({"earlier": [["2026-01-01", "5"]]}, "earlier", "later than"),
            ({"tiers": [["1", "5", "0"], ["1", "5", "0"]]}, "tiers", "once"),
            ({"tiers": [["one", "5", "0"]]}, "tiers", "number of a tier"),
            ({"tiers": "1"}, "tiers", "list"),
            ({"contributions": [["Ann", "2023-01-01", "1"]] * 61}, "contributions", "60 lines"),
        ],
    )  # fmt: skip
    def test_says_what_is_wrong_and_where(self, changes: dict[str, object], field: str, words: str) -> None:
        with pytest.raises(UnworkableExample, match=words) as refused:
            from_data({**CASE_A, **changes})

        assert refused.value.field == field


@pytest.mark.django_db
class TestEnter:
    @staged
    def version(self, offering: Offering, operator: User, at: datetime) -> WaterfallTerms:
        return terms.draft_from_template(
            offering, template="preferred_and_catch_up", effective_from=date(2026, 1, 1), by=operator, at=at
        )

    def test_keeps_what_was_entered(self, version: WaterfallTerms, approver: User, at: datetime) -> None:
        waterfall_examples.enter(version, example=CASE_A, by=approver, at=at)

        [(row, outcome)] = queries.checks(WaterfallTerms.objects.get())
        assert (row.entered_by, outcome.example, outcome.reproduces) == (approver, from_data(CASE_A), True)

    def test_changes_what_an_activation_signs(self, version: WaterfallTerms, operator: User, at: datetime) -> None:
        before = queries.content_hash(version)
        waterfall_examples.enter(version, example=CASE_A, by=operator, at=at)

        assert queries.content_hash(WaterfallTerms.objects.get()) != before

    def test_refuses_who_may_not(self, version: WaterfallTerms, investor: User, at: datetime) -> None:
        with pytest.raises(NotPermitted):
            waterfall_examples.enter(version, example=CASE_A, by=investor, at=at)

    def test_names_the_field_that_is_wrong(self, version: WaterfallTerms, operator: User, at: datetime) -> None:
        with pytest.raises(waterfall_examples.UnworkableExample) as refused:
            waterfall_examples.enter(version, example={**CASE_A, "sponsor": "1"}, by=operator, at=at)

        assert refused.value.field == "expected"

    @pytest.mark.parametrize(
        ("changes", "field", "words"),
        [
            ({"on": "2020-01-01"}, "on", "Nothing had been put in by 2020-01-01"),
            ({"earlier": [["2020-01-01", "5"]]}, "earlier", "the first contribution is of 2023-01-01"),
            ({"tiers": [["9", "5", "0"]]}, "tiers", "There is no tier 9; the terms have 4"),
        ],
    )
    def test_refuses_what_no_such_terms_could_reproduce(
        self, version: WaterfallTerms, operator: User, at: datetime,
        changes: dict[str, object], field: str, words: str,
    ) -> None:  # fmt: skip
        with pytest.raises(waterfall_examples.UnworkableExample, match=words) as refused:
            waterfall_examples.enter(version, example={**CASE_A, **changes}, by=operator, at=at)

        assert refused.value.field == field

    def test_refuses_more_than_are_looked_at(self, version: WaterfallTerms, operator: User, at: datetime) -> None:
        for _ in range(waterfall_examples.MOST_EXAMPLES):
            waterfall_examples.enter(version, example=CASE_C, by=operator, at=at)

        with pytest.raises(waterfall_examples.TooManyExamples):
            waterfall_examples.enter(version, example=CASE_C, by=operator, at=at)

    def test_is_removed_for_a_reason_that_is_kept(
        self, version: WaterfallTerms, operator: User, approver: User, at: datetime
    ) -> None:
        row = waterfall_examples.enter(version, example=CASE_A, by=operator, at=at)

        with pytest.raises(terms.ReasonMissing):
            waterfall_examples.remove(row, by=approver, reason="")
        waterfall_examples.remove(row, by=approver, reason="Typed from the wrong page")

        assert not version.examples.exists()
        event = AuditEvent.objects.get(entity_id=str(row.pk), operation="DELETE")
        assert (event.user, event.reason) == (approver, "Typed from the wrong page")

    def test_stays_with_active_terms(self, version: WaterfallTerms, operator: User, at: datetime) -> None:
        factories.activate_terms(version, example=CASE_A, by=operator, at=at)

        with pytest.raises(NotDraft):
            waterfall_examples.remove(version.examples.get(), by=operator, reason="No longer wanted")
