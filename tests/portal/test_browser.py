"""
The portal in a real browser: nothing the policy refuses, nothing that scrolls sideways, and it works.

Skipped where there is no Chromium.
"""

import shutil
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
from django.db import connections
from django.urls import reverse

from escrow.models import EscrowAccount
from finance.models import Transaction
from realco.models import Offering, User
from tests import factories

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium here"),
]


@pytest.fixture
def browser(live_server: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A browser that closes before the server does, so that no request thread keeps the database open."""
    playwright = pytest.importorskip("playwright.sync_api")
    # Playwright's own event loop runs in this thread; Django would refuse queries beside it.
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
    with playwright.sync_playwright() as driver:
        running = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield running
        running.close()
        # Queries made beside its loop had a connection of their own.
        connections.close_all()


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
    @pytest.mark.parametrize("width", [320, 1280])
    def test_fits_and_breaks_no_policy(
        self, browser: Any, live_server: Any, investor: User, offering: Offering, payment: Transaction, width: int
    ) -> None:
        page, complaints = signed_in(browser, live_server, investor, viewport={"width": width, "height": 800})
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
            assert page.evaluate("document.documentElement.scrollWidth") <= width, address

        assert complaints == []


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
