"""The pages of a distribution that is being paid, in a real browser at both widths; its bars follow by themselves."""

from datetime import datetime
from typing import Any

from django.urls import reverse

from compliance.models import InvestorProfile
from distributions.models import Distribution
from distributions.operations import distributions, overrides
from distributions.operations.overrides import Decision
from distributions.queries.entitlements import PARTS
from finance.operations import settlements
from realco import clock
from realco.business_days import banking_date
from realco.models import User
from tests import browsing
from tests.admin.test_browser import signed_in
from tests.admin.test_refund_browser import look_at
from tests.distributions import deals

pytestmark = browsing.MARKS


def decide(draft: Distribution, *, by: User, at: datetime) -> None:
    """Override a line by a dollar."""
    first, second, *_ = deals.standing(draft)
    decision = Decision(first.pk, PARTS[1], first.preferred_return - 1, second.pk)
    overrides.override(draft, decision=decision, reason="Side letter", by=by, at=at)


def test_pages_fit_break_no_policy_and_follow(browser: Any, live_server: Any, superuser: User, at: datetime) -> None:
    now = clock.now()
    deal = deals.make_deal(at=now.replace(year=now.year - 2))
    deal.earn("20000.00", at=now)
    InvestorProfile.objects.filter(user=deal.investors[2]).update(restricted_at=now, restriction_reason="Dispute")
    paying = deal.execute("9000.00", on=banking_date(now), at=now)
    draft = deal.draw_up("500.00", on=banking_date(now), at=now)
    decide(draft, by=deal.operator, at=now)
    [changed, *_] = deals.standing(draft)
    signed = deal.draw_up("600.00", on=banking_date(now), at=now)
    decide(signed, by=deal.operator, at=now)
    overrides.confirm(signed, by=deal.second_approver, at=now)
    distributions.submit(signed, by=deal.operator, at=now)
    addresses = {
        "calculate": reverse("admin:distributions_distribution_step", args=[draft.pk, "calculate"]),
        "approve": reverse("admin:distributions_distribution_step", args=[signed.pk, "approve"]),
        "draft": reverse("admin:distributions_distribution_change", args=[draft.pk]),
        "override": reverse("admin:distributions_distribution_step", args=[draft.pk, "override"]),
        "confirm": reverse("admin:distributions_distribution_step", args=[draft.pk, "confirm-overrides"]),
        "rates": reverse("admin:distributions_withholdingrate_changelist"),
        "set-rate": reverse("admin:distributions_withholdingrate_task", args=["set"]),
        "allocation": reverse("admin:distributions_distributionallocation_change", args=[changed.pk]),
        "paying": reverse("admin:distributions_distribution_change", args=[paying.pk]),
    }
    page, complaints = signed_in(browser, live_server, superuser)
    for name, address in addresses.items():
        look_at(page, live_server.url + address, f"distribution-{name}")
    assert complaints == []

    assert "0 of 3" in page.inner_text("#stages div:nth-of-type(2)")
    for row in deals.standing(paying)[:2]:
        settlements.process(deals.payment_of(row).pk, at=now)
    page.wait_for_selector("#stages div:nth-of-type(2) >> text=2 of 3")
    assert "1 wait" in page.inner_text("#stages")
    assert complaints == []
