"""Late-closing premiums over REST: paid on by a draft under a key, once, and told from other distributions."""

import pytest

from distributions.models import Distribution
from tests.api.conftest import ClientOf, fingerprint
from tests.distributions.calls import make_called_deal
from tests.distributions.deals import Deal
from tests.distributions.premiums import LATER, arrived, called, paid

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
URL = "/api/v1/capital-calls"


@pytest.fixture
def deal() -> Deal:
    return make_called_deal()


def test_draws_up_a_draft_under_a_key(client_of: ClientOf, deal: Deal) -> None:
    call = arrived(deal)
    url = f"{URL}/{call.pk}/premiums"
    client = client_of(deal.operator)

    made = client.post(url, HTTP_IDEMPOTENCY_KEY="on-1")

    body = made.json()
    assert (made.status_code, body["nature"], body["status"], body["premium_total"]) == (
        201,
        "PREMIUM",
        "DRAFT",
        "65.75",
    )
    before = fingerprint()
    assert client.post(url, HTTP_IDEMPOTENCY_KEY="on-1").json() == body
    again = client.post(url, HTTP_IDEMPOTENCY_KEY="on-2")
    assert (again.status_code, "It is in DIST" in again.json()["error"]["message"]) == (400, True)
    assert fingerprint() == before
    [share] = client.get(f"{URL}/{call.pk}/equalisation").json()["results"]
    assert share["distribution_id"] == body["id"]
    preview = client.get(f"/api/v1/distributions/{body['id']}/preview").json()
    assert [one["premium_amount"] for one in preview["allocations"]] == ["32.88", "19.72", "13.15"]
    assert preview["terms"] is None


def test_goes_the_way_of_every_distribution(client_of: ClientOf, deal: Deal) -> None:
    call = arrived(deal)
    made = client_of(deal.operator).post(f"{URL}/{call.pk}/premiums", HTTP_IDEMPOTENCY_KEY="on-1").json()
    url = f"/api/v1/distributions/{made['id']}"
    submitted = client_of(deal.operator).post(f"{url}/submit")
    assert submitted.status_code == 200, submitted.json()
    signed = client_of(deal.approver).post(
        f"{url}/approve", {"content_hash": submitted.json()["content_hash"]}, format="json"
    )
    assert (signed.status_code, signed.json()["status"]) == (200, "APPROVED")
    natures = client_of(deal.operator).get("/api/v1/distributions?nature=PREMIUM").json()["results"]
    assert [one["id"] for one in natures] == [made["id"]]
    assert client_of(deal.operator).get("/api/v1/distributions?nature=WATERFALL").json()["results"] == []


def test_is_for_who_may_and_needs_something_that_arrived(client_of: ClientOf, deal: Deal) -> None:
    call = called(deal)
    url = f"{URL}/{call.pk}/premiums"
    for person, status in ((deal.approver, 403), (deal.investors[0], 403), (deal.operator, 400)):
        assert client_of(person).post(url, HTTP_IDEMPOTENCY_KEY="a").status_code == status
    assert client_of(deal.operator).post(url).status_code == 400
    assert not Distribution.objects.exists()


def test_a_payee_reads_their_own(client_of: ClientOf, deal: Deal) -> None:
    distribution = paid(deal, arrived(deal))
    client = client_of(deal.investors[1])
    [mine] = client.get(f"/api/v1/distributions/{distribution.pk}/allocations").json()["results"]
    assert (mine["premium_amount"], mine["total_amount"], mine["profit_split"]) == ("19.72", "19.72", "0.00")
    [account] = client.get(f"/api/v1/offerings/{deal.offering.pk}/capital-accounts?on={LATER.date()}").json()["results"]
    assert (account["premium"], account["returned"]) == ("19.72", "0.00")
