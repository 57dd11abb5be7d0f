"""The pages of funds in a real browser at both widths: drawn up, read, measured with a sale, and beside a preview."""

from typing import Any

from django.urls import reverse

from realco.models import User
from tests import browsing
from tests.admin.test_browser import signed_in
from tests.admin.test_refund_browser import look_at
from tests.distributions.deals import EXIT, make_deal
from tests.distributions.test_fund_arrangements import activated, drawn_up

pytestmark = browsing.MARKS


def test_pages_fit_and_break_no_policy(browser: Any, live_server: Any, superuser: User) -> None:
    winner = make_deal()
    other = make_deal(beside=winner, name="A House of a Long Name at the Corner of Elm and Oak")
    for deal in (winner, other):
        deal.earn("2000000.00")
    fund = activated(winner, other, name="Evergreen Opportunity Fund of Cedar Court Partners I")
    draft = drawn_up(winner, other, name=fund.name, tax="0.4")
    winner.approve("1700000.00")
    submitted = other.submit("1300000.00")
    sale = f"on={EXIT}&sale_{other.offering.pk.hex}=900000"
    clawback = reverse("admin:distributions_fundarrangement_clawback", args=[fund.pk])
    what_if = reverse("admin:distributions_distribution_what_if")
    addresses = {
        "list": reverse("admin:distributions_fundarrangement_changelist"),
        "empty": f"{reverse('admin:distributions_fundarrangement_changelist')}?status__exact=WITHDRAWN",
        "new": reverse("admin:distributions_fundarrangement_task", args=["new"]),
        "fund": reverse("admin:distributions_fundarrangement_change", args=[fund.pk]),
        "activate": reverse("admin:distributions_fundarrangement_step", args=[draft.pk, "activate"]),
        "clawback": clawback,
        "sale": f"{clawback}?{sale}",
        "wrong": f"{clawback}?on={EXIT}&sale_{other.offering.pk.hex}=five",
        "sign": reverse("admin:distributions_distribution_step", args=[submitted.pk, "approve"]),
        "what-if": f"{what_if}?offering={other.offering.pk}&amount=1300000&on={EXIT}",
    }
    page, complaints = signed_in(browser, live_server, superuser)
    for name, address in addresses.items():
        look_at(page, live_server.url + address, f"fund-{name}")
    assert complaints == []

    page.goto(live_server.url + clawback)
    page.fill("[name=on]", EXIT.isoformat())
    page.fill(f"[name=sale_{other.offering.pk.hex}]", "900,000")
    page.click("text=Work it out")
    assert "$80,000.00" in page.inner_text("dl.figures")
    assert complaints == []
