"""Overrides of a line over REST: decided by one person, confirmed or refused by another."""

from typing import Any
from uuid import uuid4

import pytest

from distributions.models import Distribution
from distributions.operations import distributions
from tests.api.conftest import ClientOf, fingerprint
from tests.distributions.deals import NOW, Deal, make_deal, standing
from tests.stages import staged

pytestmark = pytest.mark.django_db


@staged
def deal() -> Deal:
    deal = make_deal()
    deal.earn("1000.00")
    return deal


@staged
def draft(deal: Deal) -> Distribution:
    return deal.draw_up("1000.00")


def url(distribution: Distribution, step: str = "") -> str:
    return f"/api/v1/distributions/{distribution.pk}/overrides{step}"


def order(deal: Deal, draft: Distribution, **changes: object) -> dict[str, object]:
    rows = {row.investor_id: str(row.pk) for row in standing(draft)}
    return {
        "allocation_id": rows[deal.investors[0].pk],
        "part": "preferred_return",
        "amount": "510.00",
        "against_id": rows[deal.investors[1].pk],
        "reason": "Side letter",
        **changes,
    }


@pytest.fixture
def decided(client_of: ClientOf, deal: Deal, draft: Distribution) -> list[dict[str, Any]]:
    response = client_of(deal.operator).post(url(draft), order(deal, draft), format="json")
    assert response.status_code == 201, response.json()
    found: list[dict[str, Any]] = response.json()["results"]
    return found


class TestOverride:
    def test_answers_with_both_lines_as_they_are_now(self, deal: Deal, decided: list[dict[str, Any]]) -> None:
        amounts = {row["investor_id"]: row["total_amount"] for row in decided}
        assert amounts == {str(deal.investors[0].pk): "510.00", str(deal.investors[1].pk): "290.00"}
        assert {row["calculated"]["preferred_return"] for row in decided} == {"500.00", "300.00"}
        assert {(row["reason"], row["decided_by_id"], row["confirmed_by_id"]) for row in decided} == {
            ("Side letter", str(deal.operator.pk), None)
        }

    def test_asked_twice_acts_once(self, client_of: ClientOf, deal: Deal, draft: Distribution) -> None:
        body = order(deal, draft)
        client_of(deal.operator).post(url(draft), body, format="json")
        before = fingerprint()
        response = client_of(deal.operator).post(url(draft), body, format="json")
        assert (response.status_code, response.json()["error"]["code"]) == (400, "VALIDATION_ERROR")
        assert fingerprint() == before

    @pytest.mark.parametrize(
        ("changes", "words"),
        [
            ({"amount": "-1.00"}, "more than zero"),
            ({"amount": "800.01"}, "cannot be taken off"),
            ({"amount": "510.001"}, "two decimals"),
            ({"amount": 510.5}, "a float loses cents"),
            ({"currency": "EUR"}, "Only USD"),
            ({"part": "net_amount"}, "not a valid choice"),
            ({"part": "sponsor_catch_up"}, "cannot get"),
            ({"against_id": str(uuid4())}, "Name two lines"),
            ({"reason": " "}, "blank"),
            ({"reson": "x"}, "not known here"),
        ],
    )
    def test_refuses_in_words(
        self, client_of: ClientOf, deal: Deal, draft: Distribution, changes: dict[str, object], words: str
    ) -> None:
        before = fingerprint()
        response = client_of(deal.operator).post(url(draft), order(deal, draft, **changes), format="json")
        error = response.json()["error"]
        assert (response.status_code, error["code"]) == (400, "VALIDATION_ERROR")
        assert words in error["message"]
        assert fingerprint() == before

    def test_takes_all_of_a_part(self, client_of: ClientOf, deal: Deal, draft: Distribution) -> None:
        response = client_of(deal.operator).post(url(draft), order(deal, draft, amount="0.00"), format="json")
        assert (response.status_code, response.json()["error"]["code"]) == (400, "VALIDATION_ERROR")
        assert "cannot be taken off" in response.json()["error"]["message"]

    def test_is_for_who_may_and_of_drafts(self, client_of: ClientOf, deal: Deal, draft: Distribution) -> None:
        body = order(deal, draft)
        assert client_of(deal.approver).post(url(draft), body, format="json").status_code == 403
        assert client_of(deal.investors[0]).post(url(draft), body, format="json").status_code == 404
        assert client_of(deal.operator).post(url(Distribution(pk=uuid4())), body, format="json").status_code == 404
        client_of(deal.operator).post(f"/api/v1/distributions/{draft.pk}/submit")
        response = client_of(deal.operator).post(url(draft), body, format="json")
        assert (response.status_code, response.json()["error"]["code"]) == (422, "INVALID_STATE_TRANSITION")


class TestConfirm:
    def test_is_for_a_second_person(
        self, client_of: ClientOf, deal: Deal, draft: Distribution, decided: list[dict[str, Any]]
    ) -> None:
        response = client_of(deal.operator).post(url(draft, "/confirm"))
        assert (response.status_code, response.json()["error"]["code"]) == (403, "INSUFFICIENT_PERMISSIONS")
        assert client_of(deal.investors[0]).post(url(draft, "/confirm")).status_code == 404

        confirmed = client_of(deal.approver).post(url(draft, "/confirm"))

        assert confirmed.status_code == 200
        assert {row["confirmed_by_id"] for row in confirmed.json()["results"]} == {str(deal.approver.pk)}
        again = client_of(deal.approver).post(url(draft, "/confirm"))
        assert (again.status_code, again.json()["error"]["code"]) == (422, "INVALID_STATE_TRANSITION")


class TestWithdraw:
    def test_gives_back_what_stood_before(
        self, client_of: ClientOf, deal: Deal, draft: Distribution, decided: list[dict[str, Any]]
    ) -> None:
        assert client_of(deal.approver).post(url(draft, "/withdraw"), {}, format="json").status_code == 400

        response = client_of(deal.approver).post(url(draft, "/withdraw"), {"reason": "No such letter"}, format="json")

        assert (response.status_code, response.json()["results"]) == (200, [])
        assert sorted(row.total_amount for row in standing(draft)) == [200, 300, 500]
        again = client_of(deal.approver).post(url(draft, "/withdraw"), {"reason": "Again"}, format="json")
        assert (again.status_code, again.json()["error"]["code"]) == (422, "INVALID_STATE_TRANSITION")


class TestList:
    def test_is_paged_filtered_and_for_staff(
        self, client_of: ClientOf, deal: Deal, draft: Distribution, decided: list[dict[str, Any]]
    ) -> None:
        client = client_of(deal.approver)
        first = client.get(url(draft), {"page_size": 1}).json()
        second = client.get(url(draft), {"page_size": 1, "cursor": first["next_cursor"]}).json()
        assert [row["allocation_id"] for row in first["results"] + second["results"]] == [
            row["allocation_id"] for row in decided
        ]
        assert second["next_cursor"] is None
        assert client.get(url(draft), {"confirmed": "true"}).json()["results"] == []
        assert len(client.get(url(draft), {"confirmed": "false"}).json()["results"]) == 2
        client_of(deal.approver).post(url(draft, "/confirm"))
        deal.sign(distributions.submit(draft, by=deal.operator, at=NOW))
        assert client_of(deal.investors[0]).get(url(draft)).status_code == 403
