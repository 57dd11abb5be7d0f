"""Reinvestment over REST: choosing, withdrawing, and what previews and allocations say of it."""

import pytest
from django.test import Client
from django.urls import reverse

from compliance.operations import profiles
from escrow.models import Investment
from realco import clock
from realco.models import AuditEvent
from tests import factories
from tests.api.conftest import ClientOf
from tests.distributions.reinvesting import Scene, execute, make_scene, move, outbound_of
from tests.stages import staged

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
URL = "/api/v1/reinvestment-elections"


@staged
def scene() -> Scene:
    return make_scene(at=clock.now())


def order(scene: Scene, **changes: object) -> dict[str, object]:
    investment = Investment.objects.get(offering=scene.deal.offering, investor=scene.investor)
    return {
        "investment_id": str(investment.pk),
        "target_offering_id": str(scene.target.pk),
        "basis": "PERCENTAGE",
        "rate": "0.5",
        **changes,
    }


def test_an_investor_chooses_and_withdraws(scene: Scene, client_of: ClientOf) -> None:
    client = client_of(scene.investor)

    made = client.post(URL, order(scene), format="json")
    assert made.status_code == 201
    assert (made.json()["rate"], made.json()["status"]) == ("0.500000", "ACTIVE")
    [found] = client.get(URL, {"status": "ACTIVE"}).json()["results"]
    assert found["id"] == made.json()["id"]
    done = client.post(f"{URL}/{found['id']}/withdraw", {}, format="json")
    assert (done.status_code, done.json()["status"]) == (200, "WITHDRAWN")
    assert client.post(f"{URL}/{found['id']}/withdraw", {}, format="json").status_code == 422


def test_refuses_what_is_not_theirs(scene: Scene, client_of: ClientOf) -> None:
    stranger = client_of(scene.deal.investors[1])
    election = scene.elect()

    assert stranger.post(URL, order(scene), format="json").status_code == 404
    assert stranger.get(URL).json()["results"] == []
    assert stranger.post(f"{URL}/{election.pk}/withdraw", {}, format="json").status_code == 404


def test_staff_see_all_and_withdraw_with_a_reason(scene: Scene, client_of: ClientOf) -> None:
    election = scene.elect()
    client = client_of(scene.deal.operator)

    assert len(client.get(URL).json()["results"]) == 1
    assert client.post(f"{URL}/{election.pk}/withdraw", {}, format="json").status_code == 400
    said = {"reason": "The investor asked by telephone"}
    assert client.post(f"{URL}/{election.pk}/withdraw", said, format="json").json()["ended_reason"] == said["reason"]


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"rate": "1.5"}, 400),
        ({"rate": None}, 400),
        ({"basis": "AMOUNT"}, 400),
        ({"basis": "SOME"}, 400),
        ({"target_offering_id": "019a0000-0000-7000-8000-000000000000"}, 404),
    ],
)
def test_refuses_what_makes_no_sense(
    scene: Scene, client_of: ClientOf, changes: dict[str, object], status: int
) -> None:
    assert client_of(scene.investor).post(URL, order(scene, **changes), format="json").status_code == status


def test_previews_and_allocations_say_what_is_reinvested(scene: Scene, client_of: ClientOf) -> None:
    scene.elect()
    allocation = execute(scene)
    url = f"/api/v1/distributions/{allocation.distribution_id}"
    [planned] = client_of(scene.deal.operator).get(f"{url}/preview").json()["reinvestments"]
    assert (planned["amount"], planned["status"]) == ("15000.00", "MOVING")

    move(allocation, at=scene.at)

    [own] = client_of(scene.investor).get(f"{url}/allocations").json()["results"]
    [part] = own["reinvestments"]
    assert (part["amount"], part["status"], part["transaction_id"]) == (
        "15000.00",
        "DONE",
        str(outbound_of(allocation).pk),
    )
    payment = client_of(scene.investor).get(f"/api/v1/transactions/{part['transaction_id']}").json()
    assert payment["counterpart_id"] == str(outbound_of(allocation).counterpart_id)


def test_an_investor_does_not_read_what_compliance_has_against_them(scene: Scene, client_of: ClientOf) -> None:
    scene.elect()
    allocation = execute(scene)
    officer = factories.make_user("Carl Compliance", "Compliance", is_staff=True)
    profiles.restrict(scene.investor.investor_profile, by=officer, reason="Suspected of laundering", at=scene.at)

    move(allocation, at=scene.at)

    client = client_of(scene.investor)
    leaving = outbound_of(allocation)
    url = f"/api/v1/distributions/{allocation.distribution_id}/allocations"
    addresses = [url, *[f"/api/v1/transactions/{pk}" for pk in (leaving.pk, leaving.counterpart_id)]]
    said = [client.get(address).content.decode() for address in addresses]
    portal = Client()
    portal.force_login(scene.investor)
    said.append(portal.get(reverse("portal:distribution", args=[allocation.pk])).content.decode())
    assert all("We cannot make this payment" in page for page in said)
    assert not any("laundering" in page for page in said)
    assert "laundering" in leaving.internal_memo
    events = AuditEvent.objects.filter(entity_type="transactions", entity_id=str(leaving.pk))
    assert "laundering" in events.get(changes__after__status="CANCELLED").reason
