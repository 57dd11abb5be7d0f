"""
The portal in a real browser: nothing the policy refuses, nothing that scrolls sideways, and it works.

Skipped where there is no Chromium.
"""

from datetime import datetime
from typing import Any

import pytest
from django.urls import reverse

from escrow.models import EscrowAccount
from finance.models import Transaction
from realco.models import Offering, User
from tests import browsing, factories

pytestmark = browsing.MARKS


@pytest.fixture
def payment(escrow: EscrowAccount, investor: User, at: datetime) -> Transaction:
    factories.fund(investor, escrow, "10000", at=at)
    return factories.deposit(escrow, investor, "2500", at=at)


def signed_in(browser: Any, live_server: Any, investor: User, **options: Any) -> tuple[Any, list[str]]:
    """Open a page, sign in, and collect whatever the browser complains about."""
    page = browser.new_context(**options).new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(live_server.url + reverse("portal:sign_in"))
    page.fill("[name=username]", investor.email)
    page.fill("[name=password]", "correct horse battery")
    page.click("main button")
    page.wait_for_url(live_server.url + reverse("portal:dashboard"))
    return page, complaints


class TestLook:
    def test_fits_and_breaks_no_policy(
        self, browser: Any, live_server: Any, investor: User, offering: Offering, payment: Transaction
    ) -> None:
        page, complaints = signed_in(browser, live_server, investor)
        names = ["dashboard", "offerings", "transactions", "distributions", "statement", "proofs", "profile"]
        addresses = [
            *(reverse(f"portal:{name}") for name in names),
            reverse("portal:check_receipt"),
            reverse("portal:bank_accounts"),
            reverse("portal:add_bank_account"),
            reverse("portal:offering", kwargs={"slug": offering.slug}),
            reverse("portal:invest", kwargs={"slug": offering.slug}),
            reverse("portal:transaction", kwargs={"payment_id": payment.pk}),
        ]

        for address in addresses:
            page.goto(live_server.url + address)
            browsing.require_fit(page, address)

        assert complaints == []

    def test_keeps_amounts_on_the_right_where_they_do_not_fit_beside_their_label(
        self, browser: Any, live_server: Any, investor: User
    ) -> None:
        page, _ = signed_in(browser, live_server, investor)
        page.set_viewport_size({"width": 320, "height": browsing.HEIGHT})
        label = "Of what it distributed, reinvested into another"
        page.evaluate(
            """label => document.querySelector("main").innerHTML =
                `<dl class="facts"><div><dt>${label}</dt><dd class="money"><b>$1,234,567.00</b></dd></div></dl>
                <table class="stacks"><tbody><tr><td class="money" data-label="${label}"><b>$1,234,567.00</b></td>
                </tr></tbody></table>`""",
            label,
        )

        gaps = page.evaluate(
            """() => [...document.querySelectorAll("main b")].map(amount =>
                amount.closest("div, td").getBoundingClientRect().right - amount.getBoundingClientRect().right)"""
        )

        assert [abs(gap) < 1 for gap in gaps] == [True, True]


class TestInvesting:
    @pytest.mark.parametrize("scripted", [True, False])
    def test_pays_once_even_when_the_button_is_pressed_twice(
        self, browser: Any, live_server: Any, investor: User, offering: Offering, payment: Transaction, scripted: bool
    ) -> None:
        page, complaints = signed_in(browser, live_server, investor, java_script_enabled=scripted)
        page.goto(live_server.url + reverse("portal:invest", kwargs={"slug": offering.slug}))
        page.fill("[name=amount]", "1,000")
        if scripted:
            page.wait_for_selector("#quote .total")
            assert "$994.20" in page.inner_text("#quote")

        page.click("text=Review")
        page.wait_for_selector("text=Nothing has been sent yet")
        page.dblclick("main button:has-text('Confirm')")
        page.wait_for_selector("main h1:has-text('Deposit of $1,000.00')")

        assert Transaction.objects.filter(amount=1000).count() == 1
        assert complaints == []


class TestFiltering:
    def test_replaces_the_list_only_and_keeps_the_address(
        self, browser: Any, live_server: Any, investor: User, payment: Transaction
    ) -> None:
        page, complaints = signed_in(browser, live_server, investor)
        page.goto(live_server.url + reverse("portal:transactions"))
        page.evaluate("document.title = 'kept'")

        page.select_option("[name=status]", "COMPLETED")
        page.wait_for_selector("#payments tbody tr:only-child")

        assert page.title() == "kept"
        assert "status=COMPLETED" in page.url
        assert complaints == []
