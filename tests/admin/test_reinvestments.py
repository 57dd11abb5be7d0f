"""Staff pages of reinvestment: shown before it is signed, withdrawn and reversed with a reason."""

from typing import Any

import pytest
from django.urls import reverse

from distributions.models import Distribution, Reinvestment
from realco import clock
from realco.business_days import banking_date
from tests.admin.conftest import client_of
from tests.distributions.reinvesting import Scene, execute, make_scene, move, row_of
from tests.stages import staged

pytestmark = [pytest.mark.django_db, pytest.mark.slow]


@staged
def scene() -> Scene:
    return make_scene(at=clock.now())


def take(scene: Scene, row: Any, name: str) -> Any:
    """Open a step's form as the operator and confirm it with a reason."""
    client = client_of(scene.deal.operator)
    url = reverse(f"admin:distributions_{row._meta.model_name}_step", args=[row.pk, name])
    page = client.get(url)
    assert page.status_code == 200, page.headers
    return client.post(url, {"version": page.context["version"], "reason": "As agreed by telephone"}, follow=True)


def page_of(scene: Scene, row: Any) -> str:
    url = reverse(f"admin:distributions_{row._meta.model_name}_change", args=[row.pk])
    page = client_of(scene.deal.operator).get(url)
    assert page.status_code == 200
    return page.content.decode()


def test_it_is_shown_before_it_is_signed(scene: Scene) -> None:
    scene.elect()
    distribution = scene.deal.submit("30000.00", on=banking_date(scene.at), at=scene.at)
    url = reverse("admin:distributions_distribution_step", args=[distribution.pk, "approve"])

    page = client_of(scene.deal.approver).get(url).content.decode()

    assert "Reinvested into other offerings" in page
    assert "$15,000.00" in page
    assert str(scene.target) in page


def test_a_distributions_page_says_what_became_of_it(scene: Scene) -> None:
    scene.elect()
    allocation = execute(scene)
    move(allocation, at=scene.at)

    page = page_of(scene, Distribution.objects.get())

    assert "Reinvested into other offerings" in page
    assert str(scene.target) in page


def test_nothing_is_shown_where_nobody_elected(scene: Scene) -> None:
    execute(scene)
    assert "Reinvested into other offerings" not in page_of(scene, Distribution.objects.get())


def test_an_election_is_withdrawn_with_a_reason(scene: Scene) -> None:
    election = scene.elect()
    assert "100%" in page_of(scene, election) or "all" in page_of(scene, election)

    take(scene, election, "withdraw")

    election.refresh_from_db()
    assert (election.status, election.ended_reason) == ("WITHDRAWN", "As agreed by telephone")


def test_a_reinvestment_is_reversed(scene: Scene) -> None:
    scene.elect()
    allocation = execute(scene)
    move(allocation, at=scene.at)
    row = Reinvestment.objects.get()
    assert str(scene.target) in page_of(scene, row)

    take(scene, row, "reverse")

    assert row_of(allocation).status == "REVERSED"


@pytest.mark.parametrize("model", ["reinvestment", "reinvestmentelection"])
def test_lists(scene: Scene, model: str) -> None:
    scene.elect()
    execute(scene)
    page = client_of(scene.deal.operator).get(reverse(f"admin:distributions_{model}_changelist"))
    assert page.status_code == 200
    assert str(scene.target) in page.content.decode()
