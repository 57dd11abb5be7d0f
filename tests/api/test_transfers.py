"""Transfers of investments over REST."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection

from distributions.models import InvestmentTransfer
from realco import clock
from realco.business_days import banking_date
from realco.models import User
from tests import factories
from tests.api.conftest import ClientOf
from tests.distributions.deals import Deal, make_deal
from tests.stages import staged

pytestmark = pytest.mark.django_db
URL = "/api/v1/investment-transfers"


@staged
def deal() -> Deal:
    return make_deal(at=clock.now() - timedelta(days=400))


@staged
def buyer(deal: Deal) -> User:
    return factories.make_investor("Bella Buyer", verifier=deal.operator, at=clock.now())


def order(deal: Deal, buyer: User, **changes: object) -> dict[str, object]:
    return {
        "investment_id": str(deal.investors[0].investments.get().pk),
        "buyer_id": str(buyer.pk),
        "part": "0.4",
        "effective_date": banking_date(clock.now()).isoformat(),
        "document_reference": "Assignment 7",
        **changes,
    }


@pytest.fixture
def proposed(client_of: ClientOf, deal: Deal, buyer: User) -> dict[str, Any]:
    response = client_of(deal.operator).post(URL, order(deal, buyer), format="json")
    assert response.status_code == 201, response.json()
    body: dict[str, Any] = response.json()
    return body


class TestPropose:
    def test_says_what_would_move(self, deal: Deal, proposed: dict[str, Any]) -> None:
        assert (proposed["status"], proposed["part"], proposed["funded_amount"]) == ("PROPOSED", "0.4", "200000.00")
        assert proposed["proposed_by_id"] == str(deal.operator.pk)

    def test_refuses_a_second_while_one_waits(
        self, client_of: ClientOf, deal: Deal, buyer: User, proposed: dict[str, Any]
    ) -> None:
        response = client_of(deal.operator).post(URL, order(deal, buyer), format="json")
        assert (response.status_code, response.json()["error"]["code"]) == (422, "INVALID_STATE_TRANSITION")

    @pytest.mark.parametrize(
        ("changes", "status"),
        [
            ({"part": "0"}, 400),
            ({"part": "1.1"}, 400),
            ({"part": "-0.4"}, 400),
            ({"part": 0.4}, 400),
            ({"part": "0.00000000001"}, 400),
            ({"effective_date": "2190-01-01"}, 400),
            ({"effective_date": "2001-01-01"}, 400),
            ({"document_reference": ""}, 400),
            ({"buyer_id": str(uuid4())}, 404),
            ({"investment_id": str(uuid4())}, 404),
            ({"surprise": 1}, 400),
        ],
    )
    def test_refuses_in_words(
        self, client_of: ClientOf, deal: Deal, buyer: User, changes: dict[str, object], status: int
    ) -> None:
        response = client_of(deal.operator).post(URL, order(deal, buyer, **changes), format="json")
        assert response.status_code == status, response.json()
        assert response.json()["error"]["message"]
        assert not InvestmentTransfer.objects.exists()

    def test_is_for_who_may(self, client_of: ClientOf, deal: Deal, buyer: User) -> None:
        assert client_of(deal.approver).post(URL, order(deal, buyer), format="json").status_code == 403
        own = order(deal, buyer, buyer_id=str(deal.investors[0].pk))
        assert client_of(deal.investors[0]).post(URL, own, format="json").status_code == 403
        assert client_of(buyer).post(URL, order(deal, buyer), format="json").status_code == 404


class TestDecide:
    def test_another_person_approves_once(
        self, client_of: ClientOf, deal: Deal, buyer: User, proposed: dict[str, Any]
    ) -> None:
        url = f"{URL}/{proposed['id']}"
        assert client_of(deal.operator).post(f"{url}/approve").status_code == 403

        connection.check_constraints()
        done = client_of(deal.approver).post(f"{url}/approve")

        assert (done.status_code, done.json()["status"]) == (200, "EXECUTED")
        assert buyer.investments.get().funded_amount == 200_000
        again = client_of(deal.second_approver).post(f"{url}/approve")
        assert (again.status_code, again.json()["error"]["code"]) == (422, "INVALID_STATE_TRANSITION")

    def test_an_approver_refuses_with_a_reason(self, client_of: ClientOf, deal: Deal, proposed: dict[str, Any]) -> None:
        url = f"{URL}/{proposed['id']}"
        assert client_of(deal.approver).post(f"{url}/cancel", {}, format="json").status_code == 400
        refused = client_of(deal.approver).post(f"{url}/cancel", {"reason": "Not signed"}, format="json").json()
        assert (refused["status"], refused["cancelled_reason"]) == ("CANCELLED", "Not signed")
        assert client_of(deal.approver).post(f"{url}/approve").status_code == 422

    def test_is_seen_by_its_parties_when_it_is_done(
        self, client_of: ClientOf, deal: Deal, buyer: User, proposed: dict[str, Any]
    ) -> None:
        url = f"{URL}/{proposed['id']}"
        assert client_of(buyer).get(url).json()["error"]["code"] == "TRANSFER_NOT_FOUND"
        assert [row["id"] for row in client_of(deal.approver).get(URL).json()["results"]] == [proposed["id"]]
        connection.check_constraints()
        client_of(deal.approver).post(f"{url}/approve")

        own = client_of(buyer).get(url).json()

        assert (own["funded_amount"], own["document_reference"], own["approved_by_id"]) == ("200000.00", None, None)
        assert len(client_of(deal.investors[0]).get(URL).json()["results"]) == 1
        assert client_of(deal.investors[1]).get(URL).json()["results"] == []
        assert client_of(deal.investors[1]).get(url).status_code == 404
        assert client_of(deal.operator).get(URL, {"status": "PROPOSED"}).json()["results"] == []
