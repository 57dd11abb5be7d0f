"""The pages of refunds, staff's and investors', in a real browser at both widths: nothing refused, nothing sideways."""

import os
from datetime import datetime, timedelta
from typing import Any

from django.urls import reverse

from finance.models import RefundItem
from finance.operations import bank_accounts, refund_items, refund_runs, refund_sweeps
from realco import clock
from realco.models import User
from tests import browsing, factories
from tests.admin.test_browser import signed_in
from tests.finance import raises
from tests.portal.test_browser import signed_in as signed_in_portal

pytestmark = browsing.MARKS
SHOTS = os.environ.get("REALCO_SCREENSHOTS", "")


def look_at(page: Any, address: str, name: str) -> None:
    """Open a page, require that it fits at both widths, and keep pictures of it if a folder for them is named."""
    answer = page.goto(address)
    assert answer.status == 200, name
    if SHOTS:
        for width in browsing.WIDTHS:
            page.set_viewport_size({"width": width, "height": browsing.HEIGHT})
            page.screenshot(path=f"{SHOTS}/{name}-{width}.png", full_page=True)
    browsing.require_fit(page, name)


def test_staff_pages_fit_and_break_no_policy(
    browser: Any, live_server: Any, superuser: User, investor: User, operator: User, approver: User, at: datetime
) -> None:
    escrow = raises.open_raise(operator=operator, at=at)
    factories.fund(investor, escrow, "10000.00", at=at)
    for number in range(6):
        person = factories.make_investor(f"Ina {number}", verifier=operator, at=at)
        factories.play(factories.deposit(escrow, person, f"{number + 3}500.00", at=at), at=at, until="SETTLED")
    proposed = raises.open_raise(operator=operator, at=at)
    factories.fund(factories.make_investor("Otto", verifier=operator, at=at), proposed, "700.00", at=at)
    clock.advance(timedelta(days=raises.DAYS_OPEN + 1))
    run = raises.start(escrow, operator=operator, approvers=[approver], at=clock.now())
    waiting = refund_runs.propose(proposed, by=operator, reason="The minimum was not reached.", at=clock.now())
    bank_accounts.suspend(investor.bank_accounts.get(), by=operator, reason="R02: Account closed", at=clock.now())
    raises.pay(run, at=clock.now())
    blocked = RefundItem.objects.get(status="BLOCKED")
    refund_items.redirect(blocked, bank_account=None, by=operator, reason="Has no account left", at=clock.now())
    addresses = {
        "start": reverse("admin:index"),
        "runs": reverse("admin:finance_refundrun_changelist"),
        "propose": reverse("admin:finance_refundrun_task", args=["propose"]),
        "proposed": reverse("admin:finance_refundrun_change", args=[waiting.pk]),
        "sign": reverse("admin:finance_refundrun_step", args=[waiting.pk, "approve"]),
        "running": reverse("admin:finance_refundrun_change", args=[run.pk]),
        "refunds": reverse("admin:finance_refunditem_changelist"),
        "blocked": reverse("admin:finance_refunditem_change", args=[blocked.pk]),
        "redirect": reverse("admin:finance_refunditem_step", args=[blocked.pk, "redirect"]),
        "agree": reverse("admin:finance_refunditem_step", args=[blocked.pk, "agree"]),
    }
    page, complaints = signed_in(browser, live_server, superuser)
    for name, address in addresses.items():
        look_at(page, live_server.url + address, name)
    assert complaints == []


def test_investors_pages_fit_and_break_no_policy(
    browser: Any, live_server: Any, investor: User, operator: User, approver: User, at: datetime
) -> None:
    escrow = raises.open_raise(operator=operator, at=at, exemption="REG_CF")
    factories.fund(investor, escrow, "2000.00", at=at)
    factories.play(factories.deposit(escrow, investor, "500.00", at=at), at=at, until="SETTLED")
    offering = live_server.url + reverse("portal:offering", kwargs={"slug": escrow.offering.slug})
    page, complaints = signed_in_portal(browser, live_server, investor)
    look_at(page, offering, "offering")
    look_at(page, f"{offering}cancel/", "cancel")
    assert complaints == []
    page.click("main button")
    page.wait_for_selector("text=is cancelled")
    refund_sweeps.sweep(at=clock.now())
    look_at(page, offering, "offering-refunds")
    look_at(page, live_server.url + reverse("portal:dashboard"), "dashboard")
    assert complaints == []
