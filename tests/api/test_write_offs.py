"""Write-offs over REST."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import connection

from distributions.models import AllocationWriteOff, DistributionAllocation
from finance.operations import bank_accounts
from realco import clock
from realco.business_days import banking_date
from tests.api.conftest import ClientOf, fingerprint
from tests.distributions.deals import Deal, arrive, make_deal, standing
from tests.stages import staged

pytestmark = [pytest.mark.django_db, pytest.mark.slow]


@staged
def deal() -> Deal:
    deal = make_deal(at=clock.now() - timedelta(days=400))
    deal.earn("10000.00", at=clock.now())
    return deal


@staged
def row(deal: Deal) -> DistributionAllocation:
    bank_accounts.suspend(deal.investors[0].bank_accounts.get(), by=deal.operator, reason="Gone", at=clock.now())
    distribution = deal.execute("1000.00", on=banking_date(clock.now()), at=clock.now())
    for one in standing(distribution):
        if one.investor != deal.investors[0]:
            arrive(one, at=clock.now())
    return distribution.allocations.get(investor=deal.investors[0])


@pytest.fixture
def url(row: DistributionAllocation) -> str:
    return f"/api/v1/distributions/{row.distribution_id}"


def body(row: DistributionAllocation, **changes: object) -> dict[str, object]:
    return {"allocation_id": str(row.pk), "reason": "She is gone", **changes}


class TestPropose:
    def test_changes_nothing_yet(self, client_of: ClientOf, deal: Deal, row: DistributionAllocation, url: str) -> None:
        made = client_of(deal.operator).post(f"{url}/write-offs", body(row), format="json")
        assert (made.status_code, made.json()["status"], made.json()["amount"]) == (201, "PROPOSED", "500.00")
        row.refresh_from_db()
        assert row.status == "PENDING"
        again = client_of(deal.operator).post(f"{url}/write-offs", body(row), format="json")
        assert (again.status_code, again.json()["error"]["code"]) == (422, "INVALID_STATE_TRANSITION")

    @pytest.mark.parametrize(
        ("changes", "status"),
        [({"reason": ""}, 400), ({"allocation_id": str(uuid4())}, 404), ({"allocation_id": "x"}, 400), ({"a": 1}, 400)],
    )
    def test_refuses_in_words(
        self,
        client_of: ClientOf,
        deal: Deal,
        row: DistributionAllocation,
        url: str,
        changes: dict[str, object],
        status: int,
    ) -> None:
        before = fingerprint()
        response = client_of(deal.operator).post(f"{url}/write-offs", body(row, **changes), format="json")
        assert response.status_code == status, response.json()
        assert fingerprint() == before

    def test_refuses_what_is_paid_and_who_may_not(
        self, client_of: ClientOf, deal: Deal, row: DistributionAllocation, url: str
    ) -> None:
        paid = row.distribution.allocations.get(investor=deal.investors[1])
        response = client_of(deal.operator).post(f"{url}/write-offs", body(paid), format="json")
        assert (response.status_code, response.json()["error"]["code"]) == (422, "INVALID_STATE_TRANSITION")
        for person in (deal.approver, deal.investors[0]):
            assert client_of(person).post(f"{url}/write-offs", body(row), format="json").status_code == 403
        assert client_of(deal.investors[0]).get(f"{url}/write-offs").status_code == 403


class TestDecide:
    def test_another_person_ends_it_once(
        self, client_of: ClientOf, deal: Deal, row: DistributionAllocation, url: str
    ) -> None:
        made = client_of(deal.operator).post(f"{url}/write-offs", body(row), format="json").json()
        one = f"{url}/write-offs/{made['id']}"
        assert client_of(deal.operator).post(f"{one}/approve").status_code == 403

        done = client_of(deal.approver).post(f"{one}/approve")
        connection.check_constraints()

        assert (done.status_code, done.json()["status"]) == (200, "EXECUTED")
        assert client_of(deal.approver).post(f"{one}/approve").status_code == 422
        assert client_of(deal.operator).get(url).json()["status"] == "COMPLETED"
        progress = client_of(deal.operator).get(f"{url}/progress").json()
        assert (progress["total"], progress["written_off"]) == (2, 1)
        [own] = client_of(deal.investors[0]).get(f"{url}/allocations").json()["results"]
        assert (own["status"], own["written_off_reason"]) == ("CANCELLED", "She is gone")
        assert own["written_off_at"] is not None

    def test_is_refused_with_a_reason_and_listed(
        self, client_of: ClientOf, deal: Deal, row: DistributionAllocation, url: str
    ) -> None:
        made = client_of(deal.operator).post(f"{url}/write-offs", body(row), format="json").json()
        one = f"{url}/write-offs/{made['id']}"
        assert client_of(deal.approver).post(f"{one}/withdraw", {}, format="json").status_code == 400
        gone = client_of(deal.approver).post(f"{one}/withdraw", {"reason": "Write to her"}, format="json").json()
        assert (gone["status"], gone["withdrawn_reason"]) == ("WITHDRAWN", "Write to her")
        assert len(client_of(deal.approver).get(f"{url}/write-offs").json()["results"]) == 1
        assert client_of(deal.approver).get(f"{url}/write-offs", {"status": "PROPOSED"}).json()["results"] == []
        assert client_of(deal.approver).post(f"{url}/write-offs/{uuid4()}/approve").status_code == 404
        assert AllocationWriteOff.objects.count() == 1
