"""An investor's capital page, and paying a call from it."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse

from realco import clock
from realco.business_days import add_business_days, banking_date
from realco.models import User
from realco.templatetags.figures import day
from tests.distributions.calls import PLAN, item_of, make_called_deal, noticed
from tests.distributions.deals import Deal
from tests.stages import staged

pytestmark = pytest.mark.django_db
SignIn = Callable[[User], Client]
KEY = "0123456789abcdef0123456789abcdef"


@staged
def deal() -> Deal:
    return make_called_deal(at=clock.now() - timedelta(days=30))


@pytest.fixture
def pay_url(deal: Deal) -> str:
    today = banking_date(clock.now())
    plan = replace(PLAN, notice_date=today, due_date=add_business_days(today, 10))
    call = noticed(deal, "80000.00", plan=plan, at=clock.now())
    return reverse("portal:pay_call", args=[item_of(call, deal.investors[0]).pk])


def test_shows_accounts_and_what_was_called(deal: Deal, pay_url: str, sign_in: SignIn) -> None:
    page = sign_in(deal.investors[0]).get(reverse("portal:capital"))
    assert page.status_code == 200
    for words in ("$750,000.00", "$540,000.00", "$210,000.00", "A new roof", pay_url):
        assert words in page.content.decode()


def test_says_of_what_capital_the_returned_is(deal: Deal, sign_in: SignIn) -> None:
    page = sign_in(deal.investors[0]).get(reverse("portal:capital")).text
    assert "Returned of the capital you hold" in page
    assert "Returned to you" not in page


def test_is_on_the_overview_until_it_is_paid(deal: Deal, pay_url: str, sign_in: SignIn) -> None:
    first = deal.investors[0]
    client = sign_in(first)
    notice = f'<strong class="money">$40,000.00</strong>, due {day(add_business_days(banking_date(clock.now()), 10))}'
    page = client.get(reverse("portal:dashboard")).text
    assert notice in page
    assert pay_url in page
    assert pay_url not in sign_in(deal.investors[1]).get(reverse("portal:dashboard")).text

    bank = first.bank_accounts.get().pk
    client.post(pay_url, {"amount": "40000.00", "bank_account": bank, "idempotency_key": KEY})
    assert pay_url not in client.get(reverse("portal:dashboard")).text


def test_shows_another_day_and_refuses_none(deal: Deal, sign_in: SignIn) -> None:
    client = sign_in(deal.investors[0])
    assert "no terms" in client.get(reverse("portal:capital"), {"on": "2001-01-01"}).content.decode()
    assert "Choose a day." in client.get(reverse("portal:capital"), {"on": "soon"}).content.decode()


def test_pays_what_is_missing_once(deal: Deal, pay_url: str, sign_in: SignIn) -> None:
    first = deal.investors[0]
    client = sign_in(first)
    assert "$40,000.00" in client.get(pay_url).content.decode()
    body = {"amount": "40000.00", "bank_account": first.bank_accounts.get().pk, "idempotency_key": KEY}
    for _ in range(2):
        answer = client.post(pay_url, body)
        assert answer.status_code == 302
    assert first.payments_from.filter(type="CAPITAL_CALL").count() == 1


def test_says_what_is_refused(deal: Deal, pay_url: str, sign_in: SignIn) -> None:
    first = deal.investors[0]
    body = {"amount": "40000.01", "bank_account": first.bank_accounts.get().pk, "idempotency_key": KEY}
    answer = sign_in(first).post(pay_url, body)
    assert (answer.status_code, "is missing of CALL" in answer.content.decode()) == (422, True)


def test_nobody_sees_or_pays_somebody_elses(deal: Deal, pay_url: str, sign_in: SignIn) -> None:
    client = sign_in(deal.investors[1])
    assert client.get(pay_url).status_code == client.post(pay_url).status_code == 404
    assert "$750,000.00" not in client.get(reverse("portal:capital")).content.decode()
