"""Funds at their pages: drawn up in a form, activated by another, measured, exported, and beside previews."""

import csv
from datetime import date
from io import StringIO
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from distributions.models import FundArrangement
from tests import factories
from tests.admin.conftest import client_of
from tests.distributions.deals import EXIT, Deal, make_deal
from tests.distributions.test_fund_arrangements import activated, drawn_up
from tests.stages import staged

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
LIST = "admin:distributions_fundarrangement_changelist"


@pytest.fixture(autouse=True)
def _nothing_is_kept() -> None:
    cache.clear()


@staged
def winner() -> Deal:
    deal = make_deal()
    deal.earn("2000000.00")
    return deal


@staged
def other(winner: Deal) -> Deal:
    deal = make_deal(beside=winner)
    deal.earn("2000000.00")
    return deal


@staged
def fund(winner: Deal, other: Deal) -> FundArrangement:
    return activated(winner, other)


@pytest.fixture
def client(winner: Deal) -> Client:
    return client_of(winner.operator)


def page_of(fund: FundArrangement, *kind: str) -> str:
    name = "admin:distributions_fundarrangement_clawback"
    return reverse(f"{name}_export" if kind else name, args=[fund.pk, *kind])


class TestDrawingUp:
    def sent(self, *deals: Deal, **changes: Any) -> dict[str, Any]:
        terms = deals[0].offering.waterfall_terms.get(status="ACTIVE")
        return {
            "name": "Fund I", "offerings": [deal.offering.pk for deal in deals], "terms": terms.pk, "tax_rate": "37",
            "note": "Agreement of 2023, section 9", **changes,
        }  # fmt: skip

    def test_is_done_in_a_form_and_activated_by_another(self, winner: Deal, other: Deal, client: Client) -> None:
        task = reverse("admin:distributions_fundarrangement_task", args=["new"])
        assert "Two at least" in client.get(task).text

        client.post(task, self.sent(winner, other))

        fund = FundArrangement.objects.get()
        assert (fund.status, str(fund.tax_rate)) == ("DRAFT", "0.370000")
        approver = client_of(winner.approver)
        assert "fund to activate" in approver.get(reverse("admin:index")).text
        step = reverse("admin:distributions_fundarrangement_step", args=[fund.pk, "activate"])
        page = approver.get(step)
        assert winner.offering.name in page.text and "8% preferred return" in page.text
        approver.post(step, {"version": "DRAFT", "content_hash": page.context["form"].fields["content_hash"].initial})
        fund.refresh_from_db()
        assert fund.status == "ACTIVE"

    def test_says_what_is_wrong(self, winner: Deal, other: Deal, client: Client) -> None:
        task = reverse("admin:distributions_fundarrangement_task", args=["new"])
        stranger = make_deal(["1000.00"])
        for changes, words in (
            ({"offerings": [winner.offering.pk]}, "2 to 40 offerings"),
            ({"offerings": [winner.offering.pk, stranger.offering.pk]}, "a fund is of one sponsor"),
            ({"offerings": []}, "This field is required"),
            ({"tax_rate": "101"}, "percentage from 0 to 100"),
        ):
            assert words in client.post(task, self.sent(winner, other, **changes)).text, changes
        assert not FundArrangement.objects.exists()

    def test_is_not_offered_to_who_drew_it_up(self, winner: Deal, other: Deal, client: Client) -> None:
        fund = drawn_up(winner, other)
        address = reverse("admin:distributions_fundarrangement_change", args=[fund.pk])
        assert "/step/activate/" not in client.get(address).text
        assert "/step/activate/" in client_of(winner.approver).get(address).text


class TestList:
    def test_is_linked_from_distributions_and_says_what_to_do_when_empty(self, client: Client) -> None:
        assert reverse(LIST) in client.get(reverse("admin:distributions_distribution_changelist")).text
        assert "Draw one up" in client.get(reverse(LIST)).text


class TestClawback:
    def test_shows_deals_the_reckoning_and_everybody(
        self, winner: Deal, other: Deal, fund: FundArrangement, client: Client
    ) -> None:
        winner.approve("1700000.00")
        other.approve("900000.00")

        page = client.get(page_of(fund), {"on": EXIT.isoformat()})

        for words in ("$140,000.00", "$60,000.00", "$80,000.00", "$88,200.00", "$340,000.00", "$40,000.00"):
            assert words in page.text, words
        assert "After the sales" not in page.text

    def test_opens_as_of_today_with_nothing_paid_yet(self, fund: FundArrangement, client: Client) -> None:
        page = client.get(page_of(fund))

        assert page.status_code == 200
        assert "Clawback as things are" in page.text

    def test_shows_what_sales_would_leave(
        self, winner: Deal, other: Deal, fund: FundArrangement, client: Client
    ) -> None:
        winner.approve("1700000.00")

        asked = {"on": EXIT.isoformat(), f"sale_{other.offering.pk.hex}": "900,000"}
        page = client.get(page_of(fund), asked)

        assert "After the sales" in page.text
        assert "$80,000.00" in page.text and "$88,200.00" in page.text

    def test_says_what_is_wrong_with_a_question(self, fund: FundArrangement, other: Deal, client: Client) -> None:
        sale = f"sale_{other.offering.pk.hex}"
        for asked, words in (
            ({"on": "yesterday"}, "valid date"),
            ({"on": EXIT.isoformat(), sale: "five"}, "not an amount"),
            ({"on": EXIT.isoformat(), sale: "-5"}, "less than nothing"),
            ({"on": "2001-01-01", sale: "5"}, "no waterfall terms in force"),
        ):
            page = client.get(page_of(fund), asked)
            assert page.status_code == 200
            assert words in page.text, asked

    def test_keeps_its_figures_until_asked_anew(self, winner: Deal, fund: FundArrangement, client: Client) -> None:
        asked = {"on": EXIT.isoformat()}
        client.get(page_of(fund), asked)
        winner.approve("1700000.00")

        assert "$140,000.00" not in client.get(page_of(fund), asked).text
        assert "$140,000.00" in client.get(page_of(fund), {**asked, "fresh": "1"}).text

    def test_is_for_staff_who_may_look(self, winner: Deal, fund: FundArrangement) -> None:
        helper = factories.make_user("Hal Helper", is_staff=True)
        for address in (page_of(fund), page_of(fund, "csv")):
            assert client_of(helper).get(address).status_code == 403
            assert client_of(winner.investors[0]).get(address).status_code == 302
        missing = reverse("admin:distributions_fundarrangement_clawback", args=[winner.offering.pk])
        assert client_of(winner.operator).get(missing).status_code == 404


class TestExport:
    def rows(self, answer: Any) -> list[dict[str, str]]:
        return list(csv.DictReader(StringIO(answer.content.decode("utf-8-sig"))))

    def test_has_deals_the_sponsor_and_investors(
        self, winner: Deal, other: Deal, fund: FundArrangement, client: Client
    ) -> None:
        winner.approve("1700000.00")
        asked = {"on": EXIT.isoformat(), f"sale_{other.offering.pk.hex}": "900000"}

        rows = self.rows(client.get(page_of(fund, "csv"), asked))

        assert [row["Row"] for row in rows] == ["Deal", "Deal", "Sponsor", "Sponsor", *["Investor"] * 3]
        assert [row["Clawback"] for row in rows[2:4]] == ["88200.00", "80000.00"]
        assert sorted(row["Restored"] for row in rows[4:]) == ["16000.00", "24000.00", "40000.00"]
        assert [row["Promote"] for row in rows if row["Sale"] == "0.00"] == ["140000.00"]

    def test_without_sales_has_the_sponsor_once(self, fund: FundArrangement, client: Client) -> None:
        rows = self.rows(client.get(page_of(fund, "csv"), {"on": EXIT.isoformat()}))
        assert [row["Row"] for row in rows].count("Sponsor") == 1

    def test_is_a_workbook_too_and_nothing_else(self, fund: FundArrangement, client: Client) -> None:
        assert client.get(page_of(fund, "xlsx"), {"on": EXIT.isoformat()}).content[:2] == b"PK"
        assert client.get(page_of(fund, "pdf"), {"on": EXIT.isoformat()}).status_code == 400

    def test_escapes_a_name_that_is_a_formula(self, winner: Deal, fund: FundArrangement, client: Client) -> None:
        winner.investors[0].full_name = "=HYPERLINK(1)"
        winner.investors[0].save()

        assert "'=HYPERLINK(1)" in client.get(page_of(fund, "csv"), {"on": EXIT.isoformat()}).text


class TestBesideAPreview:
    def asked(self, deal: Deal, on: date = EXIT) -> dict[str, Any]:
        return {"offering": deal.offering.pk, "amount": "1,700,000.00", "on": on.isoformat()}

    def test_of_what_if_is_marked_where_the_clawback_would_rise(
        self, winner: Deal, other: Deal, fund: FundArrangement, client: Client
    ) -> None:
        other.approve("900000.00")

        page = client.get(reverse("admin:distributions_distribution_what_if"), self.asked(winner)).text

        assert 'class="notice error" role="status"' in page
        assert "raise it by $80,000.00 to $80,000.00" in page
        assert page_of(fund) in page

    def test_of_what_if_is_not_marked_where_it_would_not(
        self, winner: Deal, other: Deal, fund: FundArrangement, client: Client
    ) -> None:
        winner.approve("1700000.00")

        page = client.get(reverse("admin:distributions_distribution_what_if"), self.asked(other)).text

        assert "so far would leave a clawback of $88,200.00" in page
        assert 'class="notice error"' not in page

    def test_is_not_there_for_an_offering_in_no_fund(self, winner: Deal, client: Client) -> None:
        page = client.get(reverse("admin:distributions_distribution_what_if"), self.asked(winner)).text
        assert "clawback" not in page

    def test_is_shown_to_whoever_signs_a_distribution(self, winner: Deal, other: Deal, fund: FundArrangement) -> None:
        other.approve("900000.00")
        distribution = winner.submit("1700000.00")
        step = reverse("admin:distributions_distribution_step", args=[distribution.pk, "approve"])

        page = client_of(winner.approver).get(step).text

        assert "This promote would raise the fund&#x27;s clawback" in page
        assert "raise it by $80,000.00 to $80,000.00" in page
