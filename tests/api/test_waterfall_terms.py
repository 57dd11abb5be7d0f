"""Waterfall terms over REST, from the draft to its activation."""

from typing import Any

import pytest

from distributions.models import WaterfallTerms
from distributions.templates import three_hurdle_promote
from distributions.terms_data import as_data
from realco.models import Offering, User
from tests import factories
from tests.api.conftest import ClientOf

pytestmark = pytest.mark.django_db
URL = "/api/v1/waterfall-terms"


def order(offering: Offering, **changes: object) -> dict[str, object]:
    return {
        "offering_id": str(offering.pk),
        "effective_from": "2026-01-01",
        "template": "preferred_and_catch_up",
        **changes,
    }


def example(**changes: object) -> dict[str, object]:
    return {**factories.example_of("preferred_and_catch_up"), **changes}


@pytest.fixture
def drafted(client_of: ClientOf, offering: Offering, operator: User) -> dict[str, Any]:
    response = client_of(operator).post(URL, order(offering), format="json")
    assert response.status_code == 201, response.json()
    body: dict[str, Any] = response.json()
    return body


class TestDraft:
    def test_counts_for_nothing(self, drafted: dict[str, Any]) -> None:
        assert (drafted["status"], drafted["version"], drafted["activated_at"]) == ("DRAFT", 1, None)
        assert [tier["kind"] for tier in drafted["terms"]["tiers"]][-1] == "SPLIT"

    def test_takes_terms_as_data(self, client_of: ClientOf, offering: Offering, operator: User) -> None:
        data = as_data(three_hurdle_promote())
        body = order(offering, terms=data)
        del body["template"]

        response = client_of(operator).post(URL, body, format="json")

        assert (response.status_code, response.json()["terms"]) == (201, data)

    @pytest.mark.parametrize(
        "changes",
        [
            {"template": "case_z"},
            {"terms": {"format": "waterfall-terms/1"}},
            {"effective_from": "0001-01-01"},
            {"surprise": 1},
        ],
    )
    def test_says_what_it_cannot_read(
        self, client_of: ClientOf, offering: Offering, operator: User, changes: dict[str, object]
    ) -> None:
        response = client_of(operator).post(URL, order(offering, **changes), format="json")

        assert (response.status_code, response.json()["error"]["code"]) == (400, "VALIDATION_ERROR")

    @pytest.mark.parametrize("data", [{}, {"format": "waterfall-terms/1", "tiers": 1}, {"format": [1]}])
    def test_refuses_what_is_no_terms(
        self, client_of: ClientOf, offering: Offering, operator: User, data: dict[str, object]
    ) -> None:
        body = order(offering, terms=data)
        del body["template"]

        assert client_of(operator).post(URL, body, format="json").status_code == 400

    def test_refuses_who_may_not(self, client_of: ClientOf, offering: Offering, approver: User, investor: User) -> None:
        assert client_of(approver).post(URL, order(offering), format="json").status_code == 403
        assert client_of(investor).post(URL, order(offering), format="json").status_code in (403, 404)


class TestList:
    def test_is_for_staff(self, client_of: ClientOf, drafted: dict[str, Any], approver: User, investor: User) -> None:
        assert [row["id"] for row in client_of(approver).get(URL).json()["results"]] == [drafted["id"]]
        assert client_of(approver).get(URL, {"status": "ACTIVE"}).json()["results"] == []
        assert client_of(investor).get(URL).json()["results"] == []
        response = client_of(investor).get(f"{URL}/{drafted['id']}")
        assert (response.status_code, response.json()["error"]["code"]) == (404, "WATERFALL_TERMS_NOT_FOUND")


class TestExamples:
    def test_are_held_against_the_terms_at_once(
        self, client_of: ClientOf, drafted: dict[str, Any], approver: User
    ) -> None:
        client = client_of(approver)

        body = client.post(f"{URL}/{drafted['id']}/examples", example(), format="json").json()

        assert body["reproduces"] is True
        assert body["examples"][0]["figures"][1] == {
            "what": "Sponsor", "expected": "140000.00", "computed": "140000.00", "difference": "0.00",
        }  # fmt: skip
        assert client.get(f"{URL}/{drafted['id']}/check").json() == body

    @pytest.mark.parametrize(
        "changes",
        [
            {"sponsor": "1"}, {"on": "x"}, {"contributions": []}, {"contributions": [["Ann"]]}, {"expected": "Ann"},
            {"contributions": [["\u0000", "2023-01-01", "1"]]}, {"amount": "1e30"}, {"tiers": [["1", "2"]]},
        ],
    )  # fmt: skip
    def test_refuses_what_is_none(
        self, client_of: ClientOf, drafted: dict[str, Any], operator: User, changes: dict[str, object]
    ) -> None:
        response = client_of(operator).post(f"{URL}/{drafted['id']}/examples", example(**changes), format="json")

        assert response.status_code == 400


class TestActivate:
    def test_brings_into_force_by_a_second_person(
        self, client_of: ClientOf, drafted: dict[str, Any], operator: User, approver: User
    ) -> None:
        checked = client_of(operator).post(f"{URL}/{drafted['id']}/examples", example(), format="json").json()

        response = client_of(approver).post(
            f"{URL}/{drafted['id']}/activate", {"content_hash": checked["content_hash"]}, format="json"
        )

        assert (response.status_code, response.json()["status"]) == (200, "ACTIVE")
        assert WaterfallTerms.objects.get().activated_by == approver

    def test_refuses_another_hash_no_example_and_the_drafter(
        self, client_of: ClientOf, drafted: dict[str, Any], operator: User, approver: User
    ) -> None:
        url, seen = f"{URL}/{drafted['id']}/activate", {"content_hash": drafted["content_hash"]}

        assert client_of(approver).post(url, seen, format="json").status_code == 400
        client_of(operator).post(f"{URL}/{drafted['id']}/examples", example(), format="json")
        assert client_of(approver).post(url, seen, format="json").status_code == 422
        operator.groups.add(factories.make_group("Approvers"))
        person = User.objects.get(pk=operator.pk)
        assert client_of(person).post(url, seen, format="json").status_code == 403

    def test_names_the_figure_that_differs(
        self, client_of: ClientOf, drafted: dict[str, Any], operator: User, approver: User
    ) -> None:
        wrong = example(expected=[["Investors", "1560000.01"]], sponsor="139999.99")
        checked = client_of(operator).post(f"{URL}/{drafted['id']}/examples", wrong, format="json").json()

        response = client_of(approver).post(
            f"{URL}/{drafted['id']}/activate", {"content_hash": checked["content_hash"]}, format="json"
        )

        assert "Investors should get $1,560,000.01" in response.json()["error"]["message"]


class TestWithdraw:
    def test_puts_a_draft_aside(self, client_of: ClientOf, drafted: dict[str, Any], operator: User) -> None:
        url = f"{URL}/{drafted['id']}/withdraw"

        response = client_of(operator).post(url, {"reason": "Old agreement"}, format="json")

        assert (response.status_code, response.json()["status"]) == (200, "WITHDRAWN")
        assert client_of(operator).post(url, {"reason": "Again"}, format="json").status_code == 422
