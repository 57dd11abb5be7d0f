"""Waterfall terms at their pages: drafted in a form without scripts, held against examples, activated by another."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from distributions import templates
from distributions.models import WaterfallExample, WaterfallTerms
from distributions.operations import terms
from distributions.queries import terms as queries
from distributions.terms import ClassedTerms, InvestorClass
from distributions.waterfall import BetweenClasses
from escrow.models import Investment
from realco import clock
from realco.business_days import banking_date
from realco.models import AuditEvent, Offering, User
from tests import factories
from tests.admin.conftest import client_of
from tests.distributions import deals
from tests.stages import staged

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
PAGES = ("change", "edit", "example", "effects", "compare", "classes")
EXAMPLE = {
    "source": "Exhibit C, page 41",
    "on": "2025-12-31",
    "amount": "1,700,000.00",
    "contributions": "Ann; 2023-01-01; 600,000.00\nBen\t2023-01-01\t400000\n\n",
    "earlier": "",
    "expected": "Ann; 936,000.00\nBen; $624,000.00",
    "sponsor": "140,000.00",
    "tiers": "Tier 3; 80000; 80000",
}


@staged
def version(offering: Offering, operator: User) -> WaterfallTerms:
    return draft(offering, operator)


def draft(offering: Offering, operator: User, template: str = "preferred_and_catch_up") -> WaterfallTerms:
    return terms.draft_from_template(
        offering, template=template, effective_from=date(2026, 1, 1), by=operator, at=clock.now()
    )


def address(version: WaterfallTerms, page: str) -> str:
    return reverse(f"admin:distributions_waterfallterms_{page}", args=[version.pk])


def sent(client: Client, version: WaterfallTerms) -> dict[str, Any]:
    """What the form of a draft's tiers would send if nothing were changed."""
    return fields_of(client.get(address(version, "edit")))


def fields_of(page: Any) -> dict[str, Any]:
    editor = page.context["editor"]
    data: dict[str, Any] = {"count": len(editor.tiers), "act": "save"}
    for form in (editor.head, *editor.tiers):
        for field in form:
            value = field.value()
            if value not in (None, False):
                data[field.html_name] = "on" if value is True else value
    return data


def kinds(page: Any) -> list[str]:
    return [str(form.tier_kind) for form in page.context["editor"].tiers]


class TestDrafting:
    def test_begins_from_each_template(self, operator_client: Client, offering: Offering) -> None:
        for name, make in terms.TEMPLATES.items():
            answer = operator_client.post(
                reverse("admin:distributions_waterfallterms_task", args=["new"]),
                {"offering": str(offering.pk), "template": name, "effective_from": "2026-01-01", "note": "Agreement"},
            )

            made = WaterfallTerms.objects.get(pk=answer["Location"].split("/")[-3])
            assert (made.status, queries.as_engine(made)) == ("DRAFT", make())

    def test_goes_on_with_the_tiers_by_its_main_button(
        self, operator_client: Client, approver_client: Client, version: WaterfallTerms
    ) -> None:
        page = operator_client.get(address(version, "change")).content.decode()
        step = reverse("admin:distributions_waterfallterms_step", args=[version.pk, "copy"])

        assert f'<a class="button" href="{address(version, "edit")}">Change the tiers</a>' in page
        assert f'<a class="button quiet" href="{step}">New draft from this</a>' in page
        assert page.count("Change the tiers") == 1
        activate = reverse("admin:distributions_waterfallterms_step", args=[version.pk, "activate"])
        assert f'<a class="button" href="{activate}">' in approver_client.get(address(version, "change")).text

    def test_is_not_for_approvers(self, approver_client: Client, version: WaterfallTerms) -> None:
        assert approver_client.get(address(version, "edit")).status_code == 403
        task = reverse("admin:distributions_waterfallterms_task", args=["new"])
        assert approver_client.get(task).status_code == 403

    @pytest.mark.parametrize("page", PAGES)
    def test_is_closed_to_investors(self, version: WaterfallTerms, investor: User, page: str) -> None:
        assert client_of(investor).get(address(version, page)).status_code in (302, 403)

    def test_knows_no_terms_that_there_are_not(self, operator_client: Client) -> None:
        nothing = "0191f3c2-7c4e-7a8e-9a1b-000000000000"
        for page in PAGES[1:]:
            there = reverse(f"admin:distributions_waterfallterms_{page}", args=[nothing])
            assert operator_client.get(there).status_code == 404


class TestEditing:
    @pytest.mark.parametrize("name", list(terms.TEMPLATES))
    def test_saves_what_it_shows(self, operator_client: Client, offering: Offering, operator: User, name: str) -> None:
        version = draft(offering, operator, name)

        operator_client.post(address(version, "edit"), sent(operator_client, version))

        assert queries.as_engine(WaterfallTerms.objects.get()) == terms.TEMPLATES[name]()

    def test_moves_adds_and_removes_and_keeps_nothing_yet(
        self, operator_client: Client, version: WaterfallTerms
    ) -> None:
        there, data = address(version, "edit"), sent(operator_client, version)
        data["tier-1-rate"] = "9.5"

        page = operator_client.post(there, {**data, "act": "down-1"})
        assert kinds(page) == ["RETURN_OF_CAPITAL", "PREFERRED_RETURN", "CATCH_UP", "SPLIT"]
        assert fields_of(page)["tier-2-rate"] == "9.5"
        page = operator_client.post(there, {**fields_of(page), "act": "remove-3"})
        page = operator_client.post(there, {**fields_of(page), "act": "add", "add_kind": "IRR_HURDLE"})
        assert kinds(page) == ["RETURN_OF_CAPITAL", "PREFERRED_RETURN", "IRR_HURDLE", "SPLIT"]
        assert queries.as_engine(WaterfallTerms.objects.get()) == templates.case_a_terms()

        answer = operator_client.post(there, fields_of(page))

        assert answer["Location"] == address(version, "change")
        stored = list(WaterfallTerms.objects.get().tiers.values_list("kind", "rate"))
        assert stored[1:3] == [("PREFERRED_RETURN", Decimal("0.095")), ("IRR_HURDLE", Decimal("0.12"))]

    @pytest.mark.parametrize(
        ("field", "value", "words"),
        [
            ("tier-1-rate", "800", "from 0 to 100"),
            ("tier-1-rate", "eight", "Give a percentage"),
            ("tier-1-rate", "NaN", "Give a percentage"),
            ("tier-1-rate", "0.00000000001", "ten decimals"),
            ("tier-1-rate", "", "required"),
            ("tier-1-rate", "0", "leave it out"),
            ("tier-1-sponsor_share", "100", "pays them nothing"),
            ("tier-3-sponsor_share", "20", "greater than the target"),
            ("tier-3-sponsor_target", "0", "leave it out"),
            ("tier-4-sponsor_share", "-1", "from 0 to 100"),
            ("tier-1-accrues_from", "1st of May", "valid date"),
            ("tier-1-day_count", "ACT/ACT", "not one of the available choices"),
        ],
    )
    def test_shows_a_refusal_beside_its_field(
        self, operator_client: Client, version: WaterfallTerms, field: str, value: str, words: str
    ) -> None:
        page = operator_client.post(address(version, "edit"), {**sent(operator_client, version), field: value})

        number, name = int(field[5]), field[7:]
        form = page.context["editor"].tiers[number - 1]
        assert words in " ".join(form.errors[name])
        assert queries.as_engine(WaterfallTerms.objects.get()) == templates.case_a_terms()

    def test_says_what_is_wrong_with_all_of_them(self, operator_client: Client, version: WaterfallTerms) -> None:
        data = {**sent(operator_client, version), "count": 3}

        page = operator_client.post(address(version, "edit"), data)

        assert "last tier must be a split" in page.content.decode()

    def test_keeps_classes(self, operator_client: Client, version: WaterfallTerms) -> None:
        data = sent(operator_client, version)
        data |= {f"tier-{number}-class_name": "A" for number in (1, 2, 3, 4)}
        page = operator_client.post(address(version, "edit"), {**data, "act": "add", "add_kind": "SPLIT"})
        data = {**fields_of(page), "tier-5-class_name": "B", "between_classes": "SENIOR"}

        operator_client.post(address(version, "edit"), data)

        made = queries.as_engine(WaterfallTerms.objects.get())
        assert isinstance(made, ClassedTerms)
        assert ([one.name for one in made.classes], made.between) == (["A", "B"], BetweenClasses.SENIOR)

    @pytest.mark.parametrize("act", ["up-1", "down-4", "remove-99", "up-x", "", "add", "fly-1", "remove-²"])
    def test_survives_any_button(self, operator_client: Client, version: WaterfallTerms, act: str) -> None:
        data = {**sent(operator_client, version), "act": act}

        assert operator_client.post(address(version, "edit"), data).status_code == 200

    @pytest.mark.parametrize("count", ["-1", "99999999", "x", "", "²", "40"])
    def test_survives_any_count(self, operator_client: Client, version: WaterfallTerms, count: str) -> None:
        data = {**sent(operator_client, version), "count": count}

        assert operator_client.post(address(version, "edit"), data).status_code == 200

    def test_is_refused_to_others_than_the_drafter(self, version: WaterfallTerms) -> None:
        other = client_of(factories.make_user("Otto Other", "Operations", is_staff=True))

        page = other.post(address(version, "edit"), sent(other, version))

        assert "alone changes it" in page.content.decode()


class TestExamples:
    def test_is_entered_as_the_agreement_has_it(self, approver_client: Client, version: WaterfallTerms) -> None:
        approver_client.post(address(version, "example"), EXAMPLE)

        page = approver_client.get(address(version, "change")).content.decode()
        assert "Example 1, Exhibit C, page 41: comes out to the cent" in page

    def test_shows_what_does_not_come_out(self, operator_client: Client, version: WaterfallTerms) -> None:
        operator_client.post(
            address(version, "example"),
            {**EXAMPLE, "expected": "Ann, 935999.99\nBen, 624000.01"},
        )

        page = operator_client.get(address(version, "change")).content.decode()
        assert "does not come out" in page
        assert "$936,000.00" in page

    @pytest.mark.parametrize(
        ("field", "value", "words"),
        [
            ("source", "", "required"),
            ("amount", "lots", "not an amount"),
            ("contributions", "Ann; 2023-01-01", "Line 1 needs 3 or 4 parts; it has 2"),
            ("contributions", "Ann; 2023-13-01; 5", "not a day"),
            ("earlier", "2024-01-01", "Line 1 needs 2 parts"),
            ("expected", "Ann; 1,560,000.00", "Say what Ben gets"),
            ("sponsor", "many", "not an amount"),
            ("tiers", "3; 80000", "Line 1 needs 3 parts; it has 2"),
        ],
    )
    def test_shows_what_is_wrong_beside_its_field(
        self, operator_client: Client, version: WaterfallTerms, field: str, value: str, words: str
    ) -> None:
        page = operator_client.post(address(version, "example"), {**EXAMPLE, field: value})

        assert words in " ".join(page.context["form"].errors[field])
        assert not WaterfallExample.objects.exists()

    def test_begins_from_another(self, operator_client: Client, version: WaterfallTerms) -> None:
        operator_client.post(address(version, "example"), EXAMPLE)
        row = WaterfallExample.objects.get()

        page = operator_client.get(f"{address(version, 'example')}?like={row.pk}")

        assert "Ann; 2023-01-01; 600000.00" in page.content.decode()

    def test_is_removed(self, operator_client: Client, version: WaterfallTerms) -> None:
        operator_client.post(address(version, "example"), EXAMPLE)
        row = WaterfallExample.objects.get()
        step = reverse("admin:distributions_waterfallexample_step", args=[row.pk, "remove"])
        page = operator_client.get(step)

        answer = operator_client.post(step, {"version": page.context["version"], "reason": "Wrong page"})

        assert answer["Location"] == address(version, "change")
        assert not WaterfallExample.objects.exists()


class TestActivating:
    def take(self, person: User, version: WaterfallTerms) -> Any:
        client, step = (
            client_of(person),
            reverse("admin:distributions_waterfallterms_step", args=[version.pk, "activate"]),
        )
        page = client.get(step)
        if page.status_code != 200:
            return client.get(page["Location"])
        fields = {field.name: field.value() or "" for field in page.context["form"]}
        return client.post(step, {**fields, "version": page.context["version"]})

    def test_brings_into_force(self, operator_client: Client, version: WaterfallTerms, approver: User) -> None:
        operator_client.post(address(version, "example"), EXAMPLE)

        self.take(approver, version)

        version.refresh_from_db()
        assert (version.status, version.activated_by) == ("ACTIVE", approver)

    def test_names_the_first_figure_that_differs(
        self, operator_client: Client, version: WaterfallTerms, approver: User
    ) -> None:
        operator_client.post(address(version, "example"), {**EXAMPLE, "tiers": "3; 80000; 80000.01"})

        page = self.take(approver, version)

        assert "Tier 3, sponsor should get $80,000.01, these terms give $80,000.00" in page.content.decode()

    def test_sends_the_drafter_back(self, operator_client: Client, version: WaterfallTerms, operator: User) -> None:
        operator_client.post(address(version, "example"), EXAMPLE)
        operator.groups.add(factories.make_group("Approvers"))

        page = self.take(User.objects.get(pk=operator.pk), version)

        assert "a second person activates them" in page.content.decode()

    def test_waits_on_the_approvers_first_page(
        self, operator_client: Client, approver_client: Client, version: WaterfallTerms
    ) -> None:
        before = approver_client.get(reverse("admin:index")).content.decode()
        operator_client.post(address(version, "example"), EXAMPLE)

        assert "waterfall terms to activate" in approver_client.get(reverse("admin:index")).content.decode()
        assert operator_client.get(reverse("admin:index")).status_code == 200
        assert before


class TestEffects:
    def test_works_a_made_up_exit_and_writes_nothing(self, operator_client: Client, version: WaterfallTerms) -> None:
        before = AuditEvent.objects.count()
        sample = {"amount": "1,300,000", "on": "2025-12-31", "capital": "1000000", "invested_on": "2023-01-01"}

        page = operator_client.get(address(version, "effects"), sample)

        rows = {(row.choice, row.name): row for row in page.context["effects"].rows}
        assert rows["Compounding", "Annual"].difference == Decimal("9856.00")
        assert "+$9,856.00" in page.content.decode()
        assert AuditEvent.objects.count() == before

    def test_begins_with_a_made_up_million(self, operator_client: Client, version: WaterfallTerms) -> None:
        page = operator_client.get(address(version, "effects"))

        assert page.context["effects"].sponsor > 0

    def test_begins_with_what_investors_put_in(self) -> None:
        deal = deals.make_deal(at=clock.now().replace(year=clock.now().year - 2))
        version = WaterfallTerms.objects.get(offering=deal.offering)

        page = client_of(deal.operator).get(address(version, "effects"))

        assert page.context["investors"] == 3
        assert page.context["form"]["amount"].value() == "1,700,000.00"

    @pytest.mark.parametrize(
        ("field", "value", "words"),
        [
            ("amount", "0", "more than zero"),
            ("amount", "x", "not an amount"),
            ("on", "0001-01-01", "between 1980"),
            ("invested_on", "", "on which day"),
            ("invested_on", "2026-01-01", "later than the exit"),
            ("capital", "", "Nobody has invested"),
        ],
    )
    def test_says_what_is_wrong(
        self, operator_client: Client, version: WaterfallTerms, field: str, value: str, words: str
    ) -> None:
        sample = {"amount": "13", "on": "2025-12-31", "capital": "10", "invested_on": "2023-01-01", field: value}

        page = operator_client.get(address(version, "effects"), sample)

        assert words in " ".join(page.context["form"].errors[field])


class TestComparing:
    def test_marks_what_differs(
        self, operator_client: Client, version: WaterfallTerms, offering: Offering, operator: User
    ) -> None:
        draft(offering, operator, "three_hurdle_promote")

        page = operator_client.get(address(version, "compare"))

        differing = [place.place for place in page.context["places"] if not place.is_same]
        assert differing == ["Tier 1", "Tier 2", "Tier 3", "Tier 4"]

    @pytest.mark.parametrize("wanted", ["x", "0191f3c2-7c4e-7a8e-9a1b-000000000000"])
    def test_survives_any_address(self, operator_client: Client, version: WaterfallTerms, wanted: str) -> None:
        assert operator_client.get(address(version, "compare"), {"with": wanted}).status_code == 200


class TestClasses:
    def test_are_chosen_for_each_investor(self) -> None:
        deal = deals.make_deal(at=clock.now().replace(year=clock.now().year - 2))
        classed = ClassedTerms(
            (InvestorClass("A", templates.straight_split()), InvestorClass("B", templates.straight_split())),
            BetweenClasses.PRO_RATA,
        )
        version = terms.draft(
            deal.offering, terms=classed, effective_from=banking_date(clock.now()), by=deal.operator, at=clock.now()
        )
        client, there = client_of(deal.operator), address(version, "classes")
        page = client.get(there)
        chosen = {field.html_name: "A" for _, field in page.context["rows"]}

        assert client.post(there, {**chosen, "reason": ""}).context["form"].errors["reason"]
        client.post(there, {**chosen, "reason": "Schedule A"})

        assert set(Investment.objects.values_list("class_name", flat=True)) == {"A"}
        assert client.post(there, {**dict.fromkeys(chosen, "Z"), "reason": "x"}).context["form"].errors


class TestQueries:
    @pytest.mark.parametrize("page", PAGES)
    def test_are_as_many_for_much_as_for_little(
        self, operator_client: Client, offering: Offering, operator: User, page: str
    ) -> None:
        small, large = draft(offering, operator), draft(offering, operator, "three_hurdle_promote")
        for number in range(10):
            draft(offering, operator)
            operator_client.post(address(large, "example"), {**EXAMPLE, "source": f"Exhibit {number}"})
        operator_client.post(address(small, "example"), EXAMPLE)

        def queries_of(version: WaterfallTerms) -> int:
            operator_client.get(address(version, page))
            with CaptureQueriesContext(connection) as taken:
                assert operator_client.get(address(version, page)).status_code == 200
            return len(taken)

        assert queries_of(large) == queries_of(small)
