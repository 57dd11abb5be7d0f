"""Staff pages of late-closing premiums: one press draws up what pays them on, and the pages say what became of them."""

from typing import Any

import pytest
from django.urls import reverse

from distributions.models import Distribution
from distributions.operations import distributions
from tests.admin.conftest import client_of
from tests.admin.test_capital import step
from tests.distributions.calls import make_called_deal
from tests.distributions.deals import Deal, standing
from tests.distributions.premiums import LATER, arrived, called, first_call, paid
from tests.stages import staged

pytestmark = [pytest.mark.django_db, pytest.mark.slow]


@staged
def deal() -> Deal:
    return make_called_deal()


def page_of(user: Any, row: Any) -> str:
    url = reverse(f"admin:distributions_{row._meta.model_name}_change", args=[row.pk])
    words: str = client_of(user).get(url).content.decode()
    return words


def test_one_press_draws_it_up_and_it_goes_the_way_of_every_distribution(deal: Deal) -> None:
    call = arrived(deal)
    assert "Pay on 1 premium of $65.75" in page_of(deal.operator, call)
    assert "Pay on" not in page_of(deal.approver, call)

    assert step(client_of(deal.operator), call, "pay-on", idempotency_key="a press").status_code == 302

    distribution = Distribution.objects.get()
    words = page_of(deal.operator, call)
    assert "Pay on" not in words
    assert f"{distribution}: draft" in words
    assert [row.investor for row in standing(distribution)] == deal.investors
    assert step(client_of(deal.operator), distribution, "submit").status_code == 302
    shown = client_of(deal.approver).get(
        reverse("admin:distributions_distribution_step", args=[distribution.pk, "approve"])
    )
    words = shown.content.decode()
    assert "outside of the waterfall" in words
    assert "$32.88" in words
    assert "Catch-up" not in words


def test_a_key_draws_it_up_once(deal: Deal) -> None:
    call = arrived(deal)
    url = reverse("admin:distributions_capitalcall_step", args=[call.pk, "pay-on"])
    client = client_of(deal.operator)
    page = client.get(url)
    body = {"version": page.context["version"], "idempotency_key": "pressed-twice"}
    assert client.post(url, body).status_code == 302
    assert client.post(url, body).status_code == 302
    assert Distribution.objects.count() == 1


def test_there_is_nothing_to_press_before_money_has_arrived(deal: Deal) -> None:
    call = called(deal)
    assert "Pay on" not in page_of(deal.operator, call)
    url = reverse("admin:distributions_capitalcall_step", args=[call.pk, "pay-on"])
    assert client_of(deal.operator).get(url).status_code == 302
    assert not Distribution.objects.exists()


def test_lines_of_it_are_not_overridden(deal: Deal) -> None:
    call = arrived(deal)
    step(client_of(deal.operator), call, "pay-on", idempotency_key="a press")
    assert "Override a line" not in page_of(deal.operator, Distribution.objects.get())


def test_accounts_and_people_show_it_in_a_column_of_its_own(deal: Deal) -> None:
    distribution = paid(deal, arrived(deal))
    accounts = reverse("admin:distributions_capitalcall_accounts")
    page = client_of(deal.approver).get(f"{accounts}?offering={deal.offering.pk}&on={LATER.date()}").content.decode()
    assert "Late-closing interest" in page
    assert "$32.88" in page
    person = reverse("admin:distributions_allocation_investor", args=[deal.investors[0].pk])
    assert "$32.88" in client_of(deal.approver).get(person).content.decode()
    allocation = page_of(deal.approver, standing(distribution)[0])
    assert f"Late-closing interest on {first_call()}" in allocation


def test_a_cancelled_one_can_be_drawn_up_again(deal: Deal) -> None:
    call = arrived(deal)
    step(client_of(deal.operator), call, "pay-on", idempotency_key="a press")
    distributions.cancel(Distribution.objects.get(), by=deal.operator, reason="Anew", at=LATER)
    assert "Pay on 1 premium of $65.75" in page_of(deal.operator, call)
