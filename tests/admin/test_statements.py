"""What staff see of a person's distributions, and the statements of their quarters."""

import hashlib
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import DatabaseError, transaction
from django.urls import reverse

from distributions.models import PersonalReading
from distributions.operations import personal_readings
from realco import clock
from realco.business_days import banking_date
from realco.errors import NotPermitted
from realco.models import AuditEvent
from tests import factories
from tests.admin.conftest import client_of
from tests.distributions.deals import Deal, make_deal
from tests.stages import staged

pytestmark = pytest.mark.django_db


@staged
def deal() -> Deal:
    deal = make_deal(at=clock.now() - timedelta(days=400))
    deal.earn("10000.00", at=clock.now())
    return deal


def test_of_a_quarter_are_the_investors_own(deal: Deal) -> None:
    distribution = deal.execute("1000.00", on=banking_date(clock.now()), at=clock.now())
    paid, today = deal.investors[1], banking_date(clock.now())
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
    for year, number in ((2026, 5), (2099, 1)):
        url = reverse("admin:distributions_allocation_quarter", args=[person.pk, year, number])
        assert client.get(url).status_code == 404


def test_who_had_them_is_written_down(deal: Deal) -> None:
    deal.execute("1000.00", on=banking_date(clock.now()), at=clock.now())
    paid, today = deal.investors[1], banking_date(clock.now())
    quarter = (today.month + 2) // 3
    client = client_of(deal.approver)
    client.get(reverse("admin:distributions_allocation_investor", args=[paid.pk]))
    file = client.get(reverse("admin:distributions_allocation_quarter", args=[paid.pk, today.year, quarter])).content

    page, statement = PersonalReading.objects.order_by("created_at", "pk")
    assert {(row.read_by, row.subject) for row in (page, statement)} == {(deal.approver, paid)}
    assert (page.kind, page.content_hash) == ("DISTRIBUTIONS", "")
    assert (statement.kind, statement.detail) == ("QUARTER_STATEMENT", f"{today.year} Q{quarter}")
    assert statement.content_hash == hashlib.sha256(file).hexdigest()
    event = AuditEvent.objects.get(entity_type="personal_readings", entity_id=str(statement.pk))
    assert (event.action, event.user) == ("personal.read", deal.approver)
    listed = client_of(deal.operator).get(reverse("admin:distributions_personalreading_changelist")).content.decode()
    assert f"{today.year} Q{quarter}" in listed


def test_refused_they_are_not_written_down(deal: Deal) -> None:
    url = reverse("admin:distributions_allocation_investor", args=[deal.investors[1].pk])
    client_of(factories.make_user("Sam Staff", is_staff=True)).get(url)
    client_of(deal.operator).get(reverse("admin:distributions_allocation_investor", args=[uuid4()]))
    assert not PersonalReading.objects.exists()


def test_what_was_written_down_stays(deal: Deal) -> None:
    row = personal_readings.note("DISTRIBUTIONS", subject=deal.investors[0], by=deal.operator, at=clock.now())
    for attack in (lambda: PersonalReading.objects.update(detail="x"), lambda: row.delete()):
        with pytest.raises(DatabaseError), transaction.atomic():
            attack()
    with pytest.raises(DatabaseError, match="of_somebody"), transaction.atomic():
        personal_readings.note("WAITING", subject=None, by=deal.operator, at=clock.now())
    with pytest.raises(NotPermitted):
        personal_readings.note("WRITE_OFFS", subject=None, by=deal.investors[0], at=clock.now())
