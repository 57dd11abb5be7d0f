"""
The staff pages in a real browser: nothing the policy refuses, and nothing that scrolls sideways.

Skipped where there is no Chromium.
"""

from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest
from django.urls import reverse

from distributions.operations import terms, waterfall_examples
from escrow.models import EscrowAccount
from escrow.operations import closings, holds, reconciliations
from escrow.queries import proofs
from realco import clock
from realco.business_days import banking_date
from realco.models import Offering, User
from tests import browsing, factories
from tests.escrow.bank_days import CSV

pytestmark = browsing.MARKS


def signed_in(browser: Any, live_server: Any, person: User, width: int = 1280) -> tuple[Any, list[str]]:
    """Open a page, sign in, and collect whatever the browser complains about."""
    page = browser.new_context(viewport={"width": width, "height": 800}).new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(live_server.url + reverse("admin:login"))
    page.fill("#id_username", person.email)
    page.fill("#id_password", "correct horse battery")
    page.click("[type=submit]")
    page.wait_for_url(live_server.url + reverse("admin:index"))
    return page, complaints


def test_fits_and_breaks_no_policy(
    browser: Any, live_server: Any, superuser: User, escrow: EscrowAccount, investor: User, at: datetime
) -> None:
    payment = factories.fund(investor, escrow, "5000.00", at=at)
    day = f"effective_on={banking_date(at)}&known_at={banking_date(at)}T12:00:00"
    waiting = factories.deposit(escrow, factories.make_investor("Otto", verifier=superuser, at=at), "51000.00", at=at)
    hold = holds.place(escrow, investor=investor, amount=Decimal("500"), reason="x", by=None, at=at, reference="h")
    closing = closings.propose(escrow, by=factories.make_user("Olaf", "Operations", is_staff=True), at=clock.now())
    reconciliations.reconcile(escrow, as_of=banking_date(at), by=superuser, at=at)
    snapshot = proofs.latest(escrow)
    assert snapshot is not None
    page, complaints = signed_in(browser, live_server, superuser)
    addresses = [
        reverse("admin:index"),
        reverse("admin:finance_transaction_approvals"),
        reverse("admin:finance_transaction_changelist"),
        reverse("admin:finance_transaction_task", args=["new"]),
        reverse("admin:finance_transaction_change", args=[payment.pk]),
        reverse("admin:finance_transaction_history", args=[payment.pk]),
        reverse("admin:finance_transaction_step", args=[waiting.pk, "approve"]),
        reverse("admin:escrow_escrowaccount_change", args=[escrow.pk]),
        reverse("admin:escrow_escrowaccount_ledger", args=[escrow.pk]),
        reverse("admin:escrow_escrowaccount_step", args=[escrow.pk, "hold"]),
        reverse("admin:escrow_escrowaccount_step", args=[escrow.pk, "propose-closing"]),
        reverse("admin:escrow_closing_changelist"),
        reverse("admin:escrow_closing_change", args=[closing.pk]),
        reverse("admin:escrow_closing_step", args=[closing.pk, "sign"]),
        reverse("admin:escrow_hold_changelist"),
        reverse("admin:escrow_hold_change", args=[hold.pk]),
        reverse("admin:escrow_hold_step", args=[hold.pk, "release"]),
        reverse("admin:escrow_reconciliation_account", args=[escrow.pk]),
        reverse("admin:escrow_bankstatement_task", args=["import"]),
        reverse("admin:escrow_bankfilelayout_task", args=["add"]),
        f"{reverse('admin:escrow_ledgeraccount_as_of', args=[escrow.pk])}?{day}",
        reverse("admin:escrow_ledgeraccount_investor", args=[investor.pk]),
        reverse("admin:escrow_proofsnapshot_changelist"),
        reverse("admin:escrow_proofsnapshot_change", args=[snapshot.pk]),
        f"{reverse('admin:escrow_proofsnapshot_investor')}?person={investor.pk}",
        reverse("admin:escrow_journalreversal_changelist"),
        reverse("admin:escrow_journalentry_change", args=[payment.journal_entries.all()[0].pk]),
        reverse("admin:distributions_distribution_task", args=["new"]),
        reverse("admin:realco_auditevent_changelist"),
        reverse("admin:password_change"),
    ]

    for address in addresses:
        answer = page.goto(live_server.url + address)
        assert answer.status == 200, address
        browsing.require_fit(page, address)
        assert "SANDBOX" in page.inner_text("body")

    assert complaints == []


@pytest.mark.parametrize("width", [320, 1280])
def test_terms_are_drafted_and_held_against_an_example_by_keyboard(
    browser: Any, live_server: Any, superuser: User, offering: Offering, at: datetime, width: int
) -> None:
    drafted = terms.draft_from_template(
        offering, template="preferred_and_catch_up", effective_from=banking_date(at), by=superuser, at=at
    )
    waterfall_examples.enter(drafted, example=factories.example_of("preferred_and_catch_up"), by=superuser, at=at)
    page, complaints = signed_in(browser, live_server, superuser, width)
    for name in ("change", "edit", "example", "effects", "compare", "classes"):
        address = reverse(f"admin:distributions_waterfallterms_{name}", args=[drafted.pk])
        assert page.goto(live_server.url + address).status == 200, address
        assert page.evaluate("document.documentElement.scrollWidth") <= width, address
    page.goto(live_server.url + reverse("admin:distributions_waterfallterms_edit", args=[drafted.pk]))

    page.focus("[value=down-1]")
    page.keyboard.press("Enter")
    page.wait_for_url("**/edit/#tier-2")
    assert page.inner_text("#tier-1 legend") == "1. Return of capital"
    page.focus("[name=tier-2-rate]")
    page.keyboard.press("Enter")
    page.wait_for_url("**/change/")

    assert "does not come out" not in page.inner_text("body")
    assert drafted.tiers.get(position=1).kind == "RETURN_OF_CAPITAL"
    assert complaints == []


def test_approves_many_after_a_preview(
    browser: Any, live_server: Any, approver: User, operator: User, escrow: EscrowAccount, investor: User, at: datetime
) -> None:
    other = factories.make_investor("Otto", verifier=operator, at=at)
    payments = [factories.deposit(escrow, person, "51000.00", at=at) for person in (investor, other)]
    page, complaints = signed_in(browser, live_server, approver, 1280)
    assert {payment.status for payment in payments} == {"PENDING_APPROVAL"}
    page.goto(live_server.url + reverse("admin:finance_transaction_approvals"))
    for box in page.query_selector_all("[name=_selected_action]"):
        box.check()
    page.click("text=Preview: approve")

    assert "$102,000.00" in page.inner_text(".figures")
    page.fill("#id_reason", "Friday run")
    page.click("main button:has-text('Approve: 2')")

    assert "2 transactions" in page.inner_text(".messagelist")
    assert complaints == []


@pytest.mark.parametrize("width", [320, 1280])
def test_saves_a_layout_after_showing_what_it_reads(browser: Any, live_server: Any, operator: User, width: int) -> None:
    page, complaints = signed_in(browser, live_server, operator, width)
    page.goto(live_server.url + reverse("admin:escrow_bankfilelayout_task", args=["add"]))
    given = {
        "name": "First Bank", "bank_name": "First Bank", "skip_rows": "1", "column_date": "Booked",
        "column_debit": "Out", "column_credit": "In", "column_balance": "Balance", "column_text": "Words",
    }  # fmt: skip
    for name, value in given.items():
        page.fill(f"#id_{name}", value)
    page.set_input_files("#id_sample", {"name": "march.csv", "mimeType": "text/csv", "buffer": CSV})
    page.click("text=Show what it reads")
    assert "Nothing is saved yet" in page.inner_text("main")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.click("text=Save this layout")

    assert "can be chosen at the import" in page.inner_text(".messagelist")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert complaints == []
