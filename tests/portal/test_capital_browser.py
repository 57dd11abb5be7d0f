"""The pages of capital in a real browser, for investors and for staff: they fit, and break no policy."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from django.test import Client
from django.urls import reverse

from realco import clock
from realco.business_days import add_business_days, banking_date
from realco.models import User
from tests import browsing, factories
from tests.distributions.calls import PLAN, item_of, make_called_deal, noticed

pytestmark = browsing.MARKS


def visit(browser: Any, live_server: Any, person: User, addresses: list[str]) -> None:
    client = Client()
    client.force_login(person)
    context = browser.new_context()
    context.add_cookies([{"name": "sessionid", "value": client.cookies["sessionid"].value, "url": live_server.url}])
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    for address in addresses:
        answer = page.goto(live_server.url + address)
        assert answer.status == 200, address
        browsing.require_fit(page, address)
    assert complaints == []


def test_fit_and_break_no_policy(browser: Any, live_server: Any) -> None:
    now = clock.now()
    deal = make_called_deal(at=now - timedelta(days=200))
    today = banking_date(now)
    plan = replace(PLAN, notice_date=today, due_date=add_business_days(today, 10))
    call = noticed(deal, "80000.00", plan=plan, at=now)
    item = item_of(call, deal.investors[0])
    buyer = factories.make_investor("Bella Buyer", verifier=deal.operator, at=now)

    visit(
        browser,
        live_server,
        deal.investors[0],
        [reverse("portal:capital"), reverse("portal:pay_call", args=[item.pk])],
    )
    visit(browser, live_server, buyer, [reverse("portal:capital")])
    accounts = f"{reverse('admin:distributions_capitalcall_accounts')}?offering={deal.offering.pk}"
    staff = [
        accounts,
        reverse("admin:distributions_capitalcall_changelist"),
        reverse("admin:distributions_capitalcall_change", args=[call.pk]),
        reverse("admin:distributions_capitalcall_task", args=["draw-up"]),
        reverse("admin:distributions_capitalcallitem_change", args=[item.pk]),
        reverse("admin:distributions_investmenttransfer_task", args=["propose"]),
    ]
    visit(browser, live_server, deal.operator, staff)
