"""Pages of an investment that changed hands in a real browser: they say so, fit, and break no policy."""

from datetime import UTC, date, datetime
from typing import Any

from django.db import connection
from django.urls import reverse

from tests import browsing, factories
from tests.distributions.deals import EXIT, make_deal, standing
from tests.distributions.test_transfers import TODAY, executed
from tests.portal.test_capital_browser import visit

pytestmark = browsing.MARKS
FIRST = datetime(2024, 1, 1, 17, 0, tzinfo=UTC)


def test_fit_and_break_no_policy(browser: Any, live_server: Any) -> None:
    deal = make_deal()
    deal.earn("100000.01", at=FIRST)
    deal.pay("100000.01", on=date(2024, 1, 1), at=FIRST)
    buyer = factories.make_investor("Bella Buyer", verifier=deal.operator, at=TODAY)
    connection.check_constraints()
    executed(deal, buyer)
    deal.earn("1700000.00")
    rows = {row.investor: row for row in standing(deal.approve("1234567.89")) if row.investment_id}

    for person in (buyer, deal.investors[0]):
        address = reverse("portal:distribution", args=[rows[person].pk])
        visit(browser, live_server, person, [address, f"{address}?check=1"])
    question = f"?offering={deal.offering.pk}&amount=300000&on={EXIT}&residual=1000000&tolerance=5&order=total"
    visit(browser, live_server, deal.operator, [reverse("admin:distributions_distribution_what_if") + question])
