"""Staff pages of capital calls, transfers and capital accounts."""

import re
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse

from distributions.models import CapitalCall, CapitalCallItem, InvestmentTransfer, TaxExport
from distributions.operations import call_payments, transfers
from finance.models import Transaction
from realco import clock
from realco.business_days import add_business_days, banking_date
from tests import factories
from tests.admin.conftest import client_of
from tests.distributions.calls import cleared, item_of, make_called_deal, promise
from tests.distributions.deals import Deal
from tests.stages import staged

pytestmark = pytest.mark.django_db


@staged
def deal() -> Deal:
    return make_called_deal(at=clock.now() - timedelta(days=400))


def step(client: Client, row: Any, name: str, **body: object) -> Any:
    prefix = f"admin:distributions_{row._meta.model_name}"
    url = reverse(f"{prefix}_step", args=[row.pk, name])
    page = client.get(url)
    assert page.status_code == 200, page.headers
    row.refresh_from_db()
    return client.post(url, {"version": page.context["version"], "reason": "as agreed", **body})


def drawn_up(deal: Deal) -> CapitalCall:
    today = banking_date(clock.now())
    answer = client_of(deal.operator).post(
        reverse("admin:distributions_capitalcall_task", args=["draw-up"]),
        {
            "offering": deal.offering.pk,
            "total_amount": "80000",
            "notice_date": today,
            "due_date": add_business_days(today, 10),
            "notice_days": 10,
            "purpose": "A new roof",
            "interest_rate": "12",
            "day_count": "ACT_365",
            "idempotency_key": "a-call",
        },
    )
    assert answer.status_code == 302, answer.context["form"].errors
    return CapitalCall.objects.get()


def test_a_call_goes_from_draft_to_notice(deal: Deal) -> None:
    call = drawn_up(deal)
    assert call.interest_rate == Decimal("0.12")
    assert step(client_of(deal.operator), call, "submit").status_code == 302
    assert step(client_of(deal.approver), call, "approve").status_code == 302
    call.refresh_from_db()
    assert call.status == "NOTICED"

    page = client_of(deal.approver).get(reverse("admin:distributions_capitalcall_change", args=[call.pk]))
    assert "$40,000.00" in page.content.decode()
    item = item_of(call, deal.investors[2])
    assert step(client_of(deal.approver), item, "excuse").status_code == 302
    item.refresh_from_db()
    assert item.status == "CANCELLED"
    assert step(client_of(deal.approver), call, "cancel").status_code == 302


class TestPayingACall:
    @pytest.fixture
    def item(self, deal: Deal) -> CapitalCallItem:
        call = drawn_up(deal)
        step(client_of(deal.operator), call, "submit")
        step(client_of(deal.approver), call, "approve")
        return item_of(call, deal.investors[0])

    def form(self, **changes: object) -> dict[str, object]:
        return {"payment_method": "WIRE", "amount": "$40,075.00", "idempotency_key": "wire-1", **changes}

    def test_a_wire_that_came_pays_it_whole(self, deal: Deal, item: CapitalCallItem) -> None:
        page = client_of(deal.operator).get(reverse("admin:distributions_capitalcallitem_step", args=[item.pk, "pay"]))
        assert "$40,075.00" in page.content.decode()

        assert step(client_of(deal.operator), item, "pay", **self.form()).status_code == 302
        payment = cleared(Transaction.objects.get(type="CAPITAL_CALL"), at=clock.now())
        call_payments.follow(payment.pk, at=clock.now())

        item.refresh_from_db()
        assert (item.status, payment.payment_method, payment.initiated_by) == ("PAID", "WIRE", deal.operator)
        page = client_of(deal.approver).get(reverse("admin:distributions_capitalcallitem_change", args=[item.pk]))
        for words in ("Payments for it", "$40,075.00", "Completed"):
            assert words in page.content.decode()

    def test_a_check_may_pay_a_part(self, deal: Deal, item: CapitalCallItem) -> None:
        form = self.form(payment_method="CHECK", amount="10050.00")
        assert step(client_of(deal.operator), item, "pay", **form).status_code == 302
        assert Transaction.objects.get(type="CAPITAL_CALL").net_amount == Decimal("10000.00")

    @pytest.mark.parametrize(
        ("changes", "words"),
        [
            ({"amount": "40075.01"}, "which is more"),
            ({"amount": "-5"}, "more than zero"),
            ({"amount": "forty"}, "not an amount"),
            ({"payment_method": "CREDIT_CARD"}, "Select a valid choice"),
            ({"payment_method": "ACH", "amount": "40050.80"}, "Choose the bank account"),
        ],
    )
    def test_refuses_in_words(self, deal: Deal, item: CapitalCallItem, changes: dict[str, object], words: str) -> None:
        answer = step(client_of(deal.operator), item, "pay", **self.form(**changes))
        assert (answer.status_code, words in answer.content.decode()) == (200, True)
        assert not Transaction.objects.filter(type="CAPITAL_CALL").exists()

    def test_is_for_who_may_ask_for_payments(self, deal: Deal, item: CapitalCallItem) -> None:
        url = reverse("admin:distributions_capitalcallitem_step", args=[item.pk, "pay"])
        answer = client_of(deal.approver).post(url, {"version": "", **self.form()})
        assert not Transaction.objects.filter(type="CAPITAL_CALL").exists()
        assert answer.status_code == 200
        assert client_of(deal.approver).get(url).status_code == 302


def test_a_late_closing_shows_to_whom_the_premium_is_owed(deal: Deal) -> None:
    call = drawn_up(deal)
    step(client_of(deal.operator), call, "submit")
    step(client_of(deal.approver), call, "approve")
    newcomer = factories.make_investor("Nina Newcomer", verifier=deal.operator, at=clock.now())
    promise(deal, newcomer, "150000.00", at=clock.now())
    answer = client_of(deal.operator).post(
        reverse("admin:distributions_capitalcall_task", args=["late-closing"]),
        {
            "offering": deal.offering.pk,
            "notice_date": banking_date(clock.now()),
            "due_date": call.due_date + timedelta(days=30),
            "notice_days": 10,
            "purpose": "Your share of the roof",
            "interest_rate": "0",
            "premium_rate": "10",
            "day_count": "ACT_365",
            "idempotency_key": "a-late-closing",
        },
        follow=True,
    )
    words = answer.content.decode()
    assert "To whom the premiums are owed" in words
    assert "It has not been paid." in words
    assert "$8,000.00" in words


def test_a_transfer_is_proposed_and_approved(deal: Deal) -> None:
    buyer = factories.make_investor("Bella Buyer", verifier=deal.operator, at=clock.now())
    answer = client_of(deal.operator).post(
        reverse("admin:distributions_investmenttransfer_task", args=["propose"]),
        {
            "investment": deal.investors[0].investments.get().pk,
            "buyer": buyer.email,
            "percent": "40",
            "effective_date": banking_date(clock.now()),
            "document_reference": "Assignment 7",
        },
    )
    assert answer.status_code == 302, answer.context["form"].errors
    connection.check_constraints()
    transfer = InvestmentTransfer.objects.get()
    assert step(client_of(deal.approver), transfer, "approve").status_code == 302
    assert buyer.investments.get().funded_amount == 200_000
    page = client_of(deal.approver).get(reverse("admin:distributions_investmenttransfer_change", args=[transfer.pk]))
    assert page.status_code == 200


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("percent", "0", "Write a part above 0 and up to 100 percent"),
        ("percent", "101", "Write a part above 0 and up to 100 percent"),
        ("percent", "half", "Write a part above 0 and up to 100 percent"),
        ("investment", "17", "Copy the id from the investment"),
    ],
)
def test_a_transfer_says_what_is_wrong_with_its_form(deal: Deal, field: str, value: str, words: str) -> None:
    task = reverse("admin:distributions_investmenttransfer_task", args=["propose"])
    answer = client_of(deal.operator).post(task, {field: value})
    assert words in answer.context["form"].errors[field][0]


def test_a_transfer_shows_no_amounts_before_it_took_effect(deal: Deal) -> None:
    buyer = factories.make_investor("Bella Buyer", verifier=deal.operator, at=clock.now())
    transfer = transfers.propose(
        deal.investors[0].investments.get(),
        buyer=buyer,
        part=Decimal("0.4"),
        effective_date=banking_date(clock.now()),
        document_reference="Assignment 7",
        by=deal.operator,
        at=clock.now(),
    )
    url = reverse("admin:distributions_investmenttransfer_change", args=[transfer.pk])
    assert "$0.00" not in client_of(deal.approver).get(url).content.decode()
    step(client_of(deal.approver), transfer, "approve")
    assert "$200,000.00" in client_of(deal.approver).get(url).content.decode()


class TestAccounts:
    def test_are_shown_together(self, deal: Deal) -> None:
        url = reverse("admin:distributions_capitalcall_accounts")
        assert client_of(deal.operator).get(url).status_code == 200
        page = client_of(deal.operator).get(url, {"offering": str(deal.offering.pk)}).content.decode()
        for words in ("Together", "$1,000,000.00", "$750,000.00", "Nowhere", "Export as CSV"):
            assert words in page
        identifiers = re.findall(r' id="([^"]+)"', page)
        assert len(identifiers) == len(set(identifiers))
        assert 'for="id_tax_offering"' in page
        early = client_of(deal.operator).get(url, {"offering": str(deal.offering.pk), "on": "2001-01-01"})
        assert "no waterfall terms" in early.content.decode()

    def test_take_the_same_queries_for_any_number_of_investors(
        self, deal: Deal, django_assert_max_num_queries: Any
    ) -> None:
        client = client_of(deal.operator)
        url = reverse("admin:distributions_capitalcall_accounts")
        client.get(url, {"offering": str(deal.offering.pk)})
        with django_assert_max_num_queries(30):
            client.get(url, {"offering": str(deal.offering.pk)})

    def test_are_exported_for_taxes(self, deal: Deal) -> None:
        url = reverse("admin:distributions_capitalcall_tax_data")
        body = {"offering": deal.offering.pk, "year": banking_date(clock.now()).year - 1}
        answer = client_of(deal.operator).post(url, body)
        assert answer.headers["Content-Type"].startswith("text/csv")
        assert answer.content.decode().count("\r\n") == 4
        assert TaxExport.objects.count() == 1
        assert client_of(deal.approver).post(url, body).status_code == 302
        assert TaxExport.objects.count() == 1
        assert client_of(deal.operator).get(url).status_code == 405

    def test_are_for_staff(self, deal: Deal) -> None:
        answer = client_of(deal.investors[0]).get(reverse("admin:distributions_capitalcall_accounts"))
        assert answer.status_code == 302
