"""Capital calls and capital accounts over REST."""

from datetime import timedelta
from uuid import uuid4

import pytest

from realco import clock
from tests.api.conftest import ClientOf
from tests.distributions.calls import NOTICED, item_of, make_called_deal, noticed, pay
from tests.distributions.deals import Deal
from tests.stages import staged

pytestmark = pytest.mark.django_db
CALLS = "/api/v1/capital-calls"


@staged
def deal() -> Deal:
    return make_called_deal()


def test_staff_see_every_call_and_item(client_of: ClientOf, deal: Deal) -> None:
    call = noticed(deal, "80000.00")
    client = client_of(deal.operator)

    [found] = client.get(CALLS, {"status": "NOTICED"}).json()["results"]
    assert (found["id"], found["total_amount"], found["interest_rate"]) == (str(call.pk), "80000.00", "0.120000")
    items = client.get(f"{CALLS}/{call.pk}/items").json()["results"]
    assert sorted(item["amount"] for item in items) == ["16000.00", "24000.00", "40000.00"]


def test_investors_see_their_own(client_of: ClientOf, deal: Deal) -> None:
    call = noticed(deal, "80000.00")
    client = client_of(deal.investors[1])
    [item] = client.get(f"{CALLS}/{call.pk}/items").json()["results"]
    assert item["investor_id"] == str(deal.investors[1].pk)
    stranger = client_of(deal.offering.organization.owner)
    assert stranger.get(CALLS).json()["results"] == []
    assert stranger.get(f"{CALLS}/{call.pk}/items").status_code == 404


def test_accounts_as_of_a_day(client_of: ClientOf, deal: Deal) -> None:
    pay(deal, item_of(noticed(deal, "80000.00"), deal.investors[0]))
    url = f"/api/v1/offerings/{deal.offering.pk}/capital-accounts"

    body = client_of(deal.operator).get(url, {"on": (NOTICED + timedelta(days=30)).date().isoformat()}).json()
    assert [one["contributed"] for one in body["results"]] == ["540000.00", "300000.00", "200000.00"]
    assert [one["uncalled"] for one in body["results"]] == ["210000.00", "126000.00", "84000.00"]
    [own] = client_of(deal.investors[0]).get(url).json()["results"]
    assert own["investor_id"] == str(deal.investors[0].pk)
    assert client_of(deal.operator).get(f"/api/v1/offerings/{uuid4()}/capital-accounts").status_code == 404
    assert client_of(deal.operator).get(url, {"on": "soon"}).status_code == 400
    assert clock.now() > NOTICED
