"""Reinvesting in the portal: chosen, changed, withdrawn, and told where the money is."""

from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse

from distributions.models import ReinvestmentElection
from escrow.models import Investment
from escrow.operations import escrow_accounts
from realco import clock
from realco.models import User
from tests import factories
from tests.distributions.deals import arrive
from tests.distributions.reinvesting import Scene, execute, make_scene, move, outbound_of
from tests.stages import staged

pytestmark = pytest.mark.django_db
SignIn = Callable[[User], Client]
LIST = "portal:reinvestments"


@staged
def scene() -> Scene:
    return make_scene(at=clock.now())


@pytest.fixture
def form_url(scene: Scene) -> str:
    investment = Investment.objects.get(offering=scene.deal.offering, investor=scene.investor)
    return reverse("portal:reinvest", args=[investment.pk])


def text_of(client: Client, url: str) -> str:
    page = client.get(url)
    assert page.status_code == 200
    return page.content.decode()


def test_chooses_and_says_so(scene: Scene, form_url: str, sign_in: SignIn) -> None:
    client = sign_in(scene.investor)
    assert "To your bank" in text_of(client, reverse(LIST))
    assert str(scene.target) in text_of(client, form_url)

    sent = {"target": scene.target.pk, "basis": "PERCENTAGE", "percent": "12.5"}
    answer = client.post(form_url, sent, follow=True).content.decode()

    assert f"12.5% of what {scene.deal.offering} distributes goes into {scene.target}" in answer
    assert f"12.5% into {scene.target}, the rest to your bank" in answer
    assert ReinvestmentElection.objects.get().elected_by == scene.investor


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        ({"basis": "PERCENTAGE"}, "Enter how much."),
        ({"basis": "PERCENTAGE", "percent": "101"}, "less than or equal to 100"),
        ({"basis": "AMOUNT", "amount": "-3"}, "amount"),
        ({"basis": "ALL", "target": "019a0000-0000-7000-8000-000000000000"}, "Choose one of the offerings listed."),
        ({}, "Choose how much."),
    ],
)
def test_says_what_is_wrong(scene: Scene, form_url: str, sign_in: SignIn, sent: dict[str, str], words: str) -> None:
    answer = sign_in(scene.investor).post(form_url, {"target": scene.target.pk, **sent})
    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert not ReinvestmentElection.objects.exists()


def test_withdraws(scene: Scene, sign_in: SignIn) -> None:
    election = scene.elect()
    client = sign_in(scene.investor)
    url = reverse("portal:withdraw_reinvestment", args=[election.pk])

    assert "Withdrawn." in client.post(url, follow=True).content.decode()
    assert "Withdrawn by the investor" in text_of(client, reverse(LIST))
    assert "withdrawn already" in client.post(url, follow=True).content.decode()


def test_is_nobody_elses(scene: Scene, form_url: str, sign_in: SignIn) -> None:
    election = scene.elect()
    client = sign_in(scene.deal.investors[1])

    assert client.get(form_url).status_code == 404
    assert client.post(form_url, {"target": scene.target.pk, "basis": "ALL"}).status_code == 404
    assert client.post(reverse("portal:withdraw_reinvestment", args=[election.pk])).status_code == 404


def test_the_explanation_says_where_each_part_went(scene: Scene, sign_in: SignIn) -> None:
    scene.elect("AMOUNT", amount=4000)
    allocation = execute(scene)
    client = sign_in(scene.investor)
    url = reverse("portal:distribution", args=[allocation.pk])
    assert f"To be reinvested into {scene.target}" in text_of(client, url)

    move(allocation, at=scene.at)
    arrive(allocation, at=scene.at)

    page = text_of(client, url)
    assert f"$4,000.00 was reinvested into {scene.target}" in page
    assert "Paid to your bank" in page
    assert "$11,000.00" in page
    assert f"reinvested into {scene.target}" in text_of(client, reverse("portal:capital"))
    deposit = outbound_of(allocation).counterpart
    assert deposit is not None
    assert "The distribution it came from" in text_of(client, reverse("portal:transaction", args=[deposit.pk]))
    statement = client.get(reverse("portal:distribution_statement", args=[allocation.pk]))
    assert statement.status_code == 200


def test_it_says_why_it_is_cash(scene: Scene, sign_in: SignIn) -> None:
    scene.elect()
    officer = factories.make_user("Carl Compliance", "Compliance", is_staff=True)
    escrow_accounts.freeze(scene.target_escrow, by=officer, reason="A court order", at=scene.at)
    allocation = execute(scene)

    page = text_of(sign_in(scene.investor), reverse("portal:distribution", args=[allocation.pk]))

    assert "That was not possible, so it is paid to your bank" in page
    assert "frozen" in page
