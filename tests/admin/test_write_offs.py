"""Writing an allocation off at its pages: proposed by one person, approved or withdrawn by another."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse

from distributions.models import AllocationWriteOff, DistributionAllocation, PersonalReading
from finance.operations import bank_accounts
from realco import clock
from realco.business_days import banking_date
from tests.admin.conftest import client_of
from tests.distributions.deals import Deal, arrive, make_deal, standing
from tests.stages import staged

pytestmark = pytest.mark.django_db


@staged
def deal() -> Deal:
    deal = make_deal(at=clock.now() - timedelta(days=400))
    deal.earn("10000.00", at=clock.now())
    return deal


@staged
def row(deal: Deal) -> DistributionAllocation:
    """An allocation that waits because its payee has no bank account, the others being paid."""
    bank_accounts.suspend(deal.investors[0].bank_accounts.get(), by=deal.operator, reason="Gone", at=clock.now())
    distribution = deal.execute("1000.00", on=banking_date(clock.now()), at=clock.now())
    for one in standing(distribution):
        if one.investor != deal.investors[0]:
            arrive(one, at=clock.now())
    return distribution.allocations.get(investor=deal.investors[0])


def step(client: Client, row: Any, name: str, **body: object) -> Any:
    url = reverse(f"admin:distributions_{row._meta.model_name}_step", args=[row.pk, name])
    page = client.get(url)
    assert page.status_code == 200, page.headers
    return client.post(url, {"version": page.context["version"], "reason": "She is gone", **body})


def page_of(client: Client, row: Any) -> str:
    return client.get(reverse(f"admin:distributions_{row._meta.model_name}_change", args=[row.pk])).content.decode()


class TestReading:
    def test_who_was_shown_who_waits_and_why_is_written_down(self, deal: Deal, row: DistributionAllocation) -> None:
        step(client_of(deal.operator), row, "write-off")
        write_off, paid = AllocationWriteOff.objects.get(), row.distribution.allocations.exclude(pk=row.pk).first()
        client = client_of(deal.approver)
        page_of(client, row)
        page_of(client, paid)
        page_of(client, write_off)
        client.get(reverse("admin:distributions_allocationwriteoff_changelist"))

        rows = PersonalReading.objects.filter(read_by=deal.approver).order_by("created_at", "pk")
        assert [(one.kind, one.subject, one.detail) for one in rows] == [
            ("WAITING", deal.investors[0], str(row.pk)),
            ("WRITE_OFF", deal.investors[0], str(write_off.pk)),
            ("WRITE_OFFS", None, ""),
        ]


class TestWriteOff:
    def test_one_person_proposes_and_another_approves(self, deal: Deal, row: DistributionAllocation) -> None:
        assert "Write off" in page_of(client_of(deal.operator), row)
        assert "Write off" not in page_of(client_of(deal.approver), row)
        assert step(client_of(deal.operator), row, "write-off").status_code == 302
        assert "write-off to decide" in client_of(deal.approver).get(reverse("admin:index")).content.decode()
        assert "write-off" not in client_of(deal.operator).get(reverse("admin:index")).content.decode()

        write_off = AllocationWriteOff.objects.get()
        assert step(client_of(deal.approver), write_off, "approve").status_code == 302
        connection.check_constraints()

        row.refresh_from_db()
        assert row.written_off_at is not None
        words = page_of(client_of(deal.operator), row.distribution)
        for said in ("1 written off", "Written off", "She is gone", "Completed"):
            assert said in words
        assert "Statement as PDF" not in page_of(client_of(deal.operator), row)
        assert (
            client_of(deal.approver).get(reverse("admin:distributions_allocationwriteoff_changelist")).status_code
            == 200
        )

    def test_who_proposed_it_is_not_offered_to_approve(self, deal: Deal, row: DistributionAllocation) -> None:
        step(client_of(deal.operator), row, "write-off")
        url = reverse(
            "admin:distributions_allocationwriteoff_step", args=[AllocationWriteOff.objects.get().pk, "approve"]
        )
        assert client_of(deal.operator).get(url).status_code == 302
        again = reverse("admin:distributions_distributionallocation_step", args=[row.pk, "write-off"])
        assert client_of(deal.operator).get(again).status_code == 302

    def test_is_withdrawn_with_a_reason(self, deal: Deal, row: DistributionAllocation) -> None:
        step(client_of(deal.operator), row, "write-off")
        write_off = AllocationWriteOff.objects.get()
        assert step(client_of(deal.approver), write_off, "withdraw", reason="").status_code == 200
        assert step(client_of(deal.approver), write_off, "withdraw", reason="Found").status_code == 302
        write_off.refresh_from_db()
        assert (write_off.status, write_off.withdrawn_by) == ("WITHDRAWN", deal.approver)
