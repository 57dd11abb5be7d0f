"""Funds over REST: who sees which, and their clawback with and without sales."""

from typing import Any

import pytest

from distributions.models import FundArrangement
from tests import factories
from tests.api.conftest import ClientOf
from tests.distributions.deals import NOW, Deal, make_deal
from tests.distributions.test_fund_arrangements import activated, drawn_up
from tests.stages import staged

pytestmark = pytest.mark.django_db
URL = "/api/v1/funds"


@staged
def winner() -> Deal:
    deal = make_deal()
    deal.earn("2000000.00")
    deal.approve("1700000.00")
    return deal


@staged
def other(winner: Deal) -> Deal:
    deal = make_deal(beside=winner)
    deal.earn("2000000.00")
    return deal


@staged
def fund(winner: Deal, other: Deal) -> FundArrangement:
    return activated(winner, other)


def body(response: Any) -> dict[str, Any]:
    assert response.status_code == 200, response.json()
    found: dict[str, Any] = response.json()
    return found


class TestFunds:
    def test_are_listed_and_read(self, client_of: ClientOf, winner: Deal, fund: FundArrangement) -> None:
        client = client_of(winner.operator)

        [row] = body(client.get(URL, {"status": "ACTIVE"}))["results"]

        assert row == body(client.get(f"{URL}/{fund.pk}"))
        assert (row["name"], row["version"], row["tax_rate"]) == ("Fund I", 1, "0.370000")
        assert sorted(row["offering_ids"]) == sorted(str(deal.offering_id) for deal in fund.deals.all())
        assert body(client.get(URL, {"status": "DRAFT"}))["results"] == []

    def test_are_seen_by_staff_and_their_own_sponsor(
        self, client_of: ClientOf, winner: Deal, other: Deal, fund: FundArrangement
    ) -> None:
        draft = drawn_up(winner, other, name="Fund I")
        owner = client_of(fund.organization.owner)
        assert [row["id"] for row in body(owner.get(URL))["results"]] == [str(fund.pk)]
        assert owner.get(f"{URL}/{draft.pk}").status_code == 404
        stranger = factories.make_sponsor("Somebody Else", "Sam Stranger", at=NOW).owner
        for person in (stranger, winner.investors[0]):
            client = client_of(person)
            assert body(client.get(URL))["results"] == []
            answer = client.get(f"{URL}/{fund.pk}/clawback")
            assert (answer.status_code, answer.json()["error"]["code"]) == (404, "FUND_NOT_FOUND")


class TestClawback:
    def ask(self, client: Any, fund: FundArrangement, **query: str) -> dict[str, Any]:
        return body(client.get(f"{URL}/{fund.pk}/clawback", {"on": "2025-12-31", **query}))

    def test_is_that_of_the_ledger(self, client_of: ClientOf, winner: Deal, fund: FundArrangement) -> None:
        found = self.ask(client_of(winner.operator), fund)

        assert found["result"] == found["standing"] == {
            "received": "140000.00", "entitled": "0.00", "excess": "140000.00", "after_tax": "88200.00",
            "due": "88200.00",
        }  # fmt: skip
        assert found["sales_by_fund"] is None
        by_person = {row["investor_id"]: row["restored"] for row in found["investors"]}
        assert by_person[str(winner.investors[0].pk)] == "44100.00"

    def test_is_that_after_sales(self, client_of: ClientOf, winner: Deal, other: Deal, fund: FundArrangement) -> None:
        found = self.ask(client_of(winner.operator), fund, sales=f"{other.offering.pk}:900000.00")

        assert (found["standing"]["due"], found["result"]["due"], found["sales_by_fund"]) == (
            "88200.00", "80000.00", "0.00",
        )  # fmt: skip
        [sold] = [deal for deal in found["deals"] if deal["sale"] != "0.00"]
        assert (sold["offering_id"], sold["sale"]) == (str(other.offering.pk), "900000.00")

    def test_shows_a_sponsor_no_investors(self, client_of: ClientOf, fund: FundArrangement) -> None:
        found = self.ask(client_of(fund.organization.owner), fund)
        assert (found["investors"], found["result"]["due"]) == (None, "88200.00")

    def test_refuses_what_is_no_sale(self, client_of: ClientOf, winner: Deal, fund: FundArrangement) -> None:
        client, offering = client_of(winner.operator), winner.offering.pk
        for sales in ("x", f"{offering}", f"{offering}:-1.00", f"{offering}:0", f"{offering}:1.00,{offering}:2.00"):
            answer = client.get(f"{URL}/{fund.pk}/clawback", {"sales": sales})
            assert (answer.status_code, answer.json()["error"]["code"]) == (400, "VALIDATION_ERROR"), sales
        stranger = make_deal(["1000.00"])
        answer = client.get(f"{URL}/{fund.pk}/clawback", {"sales": f"{stranger.offering.pk}:1.00"})
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, "VALIDATION_ERROR")
        assert client.get(f"{URL}/{fund.pk}/clawback", {"surprise": "1"}).status_code == 400
