"""What staff see of a person's distributions, and the statements of their quarters."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.urls import reverse

from realco import clock
from tests import factories
from tests.admin.conftest import client_of
from tests.distributions.deals import Deal, make_deal

pytestmark = pytest.mark.django_db


@pytest.fixture
def deal() -> Deal:
    deal = make_deal(at=clock.now() - timedelta(days=400))
    deal.earn("10000.00", at=clock.now())
    return deal


def test_of_a_quarter_are_the_investors_own(deal: Deal) -> None:
    distribution = deal.execute("1000.00", on=clock.now().date(), at=clock.now())
    paid, today = deal.investors[1], clock.now().date()
    address = reverse("admin:distributions_allocation_investor", args=[paid.pk])
    client = client_of(deal.approver)
    assert address in client.get(reverse("admin:realco_user_change", args=[paid.pk])).content.decode()
    words = client.get(address).content.decode()
    quarter = f"{today.year} Q{(today.month + 2) // 3}"
    for said in (quarter, "$300.00", distribution.distribution_number):
        assert said in words

    url = reverse("admin:distributions_allocation_quarter", args=[paid.pk, today.year, (today.month + 2) // 3])
    answer = client.get(url)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/pdf")
    assert answer.content.startswith(b"%PDF")


def test_are_for_staff_who_may_see_distributions(deal: Deal) -> None:
    person = deal.investors[1]
    urls = [
        reverse("admin:distributions_allocation_investor", args=[person.pk]),
        reverse("admin:distributions_allocation_quarter", args=[person.pk, 2026, 1]),
    ]
    nobody = factories.make_user("Sam Staff", is_staff=True)
    for url in urls:
        assert client_of(nobody).get(url).status_code == 403
        assert client_of(person).get(url).status_code == 302
    client = client_of(deal.operator)
    assert client.get(reverse("admin:distributions_allocation_investor", args=[uuid4()])).status_code == 404
    assert client.get(reverse("admin:distributions_allocation_quarter", args=[person.pk, 2026, 5])).status_code == 404
