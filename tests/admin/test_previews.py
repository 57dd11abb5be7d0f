"""The what-if pages: asked by address, answered page by page, exported whole, for staff who may look."""

import csv
import re
from datetime import date
from io import StringIO
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from distributions.models import Distribution, DistributionAllocation
from realco.models import User
from tests import factories
from tests.admin.conftest import client_of
from tests.distributions.deals import EXIT, Deal, make_deal, standing
from tests.stages import staged

pytestmark = pytest.mark.django_db
WHAT_IF = "admin:distributions_distribution_what_if"


@pytest.fixture(autouse=True)
def _nothing_is_kept() -> None:
    cache.clear()


@staged
def deal() -> Deal:
    deal = make_deal()
    deal.earn("2000000.00")
    return deal


@pytest.fixture
def client(deal: Deal) -> Client:
    return client_of(deal.operator)


def asked(deal: Deal, **changes: Any) -> dict[str, Any]:
    return {"offering": deal.offering.pk, "amount": "1,700,000.00", "on": EXIT.isoformat(), **changes}


class TestWhatIf:
    def test_asks_first(self, client: Client) -> None:
        page = client.get(reverse(WHAT_IF))

        assert page.status_code == 200
        assert "Nothing is written" in page.text

    def test_answers_with_tiers_people_and_totals(self, deal: Deal, client: Client) -> None:
        page = client.get(reverse(WHAT_IF), asked(deal))

        assert page.status_code == 200
        for words in ("$780,000.00", "$468,000.00", "$140,000.00", "8% preferred return", "1.5600", "<svg", "<desc"):
            assert words in page.text
        assert not Distribution.objects.exists()

    def test_stands_numbers_under_each_other(self, deal: Deal, client: Client) -> None:
        page = client.get(reverse(WHAT_IF), asked(deal)).text

        assert '<span class="money">1.5600</span>' in page
        assert re.search(r'<span class="money">[+-]?[0-9.]+%</span>', page)

    def test_says_what_is_wrong_with_a_question(self, deal: Deal, client: Client) -> None:
        for changes, words in (
            ({"amount": "-5"}, "more than zero"),
            ({"amount": "five"}, "not an amount"),
            ({"on": "yesterday"}, "valid date"),
            ({"on": "2001-01-01"}, "no waterfall terms in force"),
            ({"offering": "00000000-0000-7000-8000-000000000000"}, "valid choice"),
            ({"residual": "-1.00"}, "not below nothing"),
        ):
            page = client.get(reverse(WHAT_IF), asked(deal, **changes))
            assert page.status_code == 200
            assert words in page.text, changes

    @pytest.mark.parametrize("number", ["0", "-1", "99", "x", "9" * 50])
    def test_survives_any_page_number(self, deal: Deal, client: Client, number: str) -> None:
        assert client.get(reverse(WHAT_IF), asked(deal, page=number)).status_code == 200

    def test_shows_only_the_marked(self, deal: Deal, client: Client) -> None:
        page = client.get(reverse(WHAT_IF), asked(deal, only="obstacle", order="change"))

        assert "0 investors, page 1 of 1" in page.text

    def test_shows_kept_figures_until_asked_anew(self, deal: Deal, client: Client) -> None:
        client.get(reverse(WHAT_IF), asked(deal))
        deal.approve("100000.00", on=date(2024, 1, 1))

        assert "$780,000.00" in client.get(reverse(WHAT_IF), asked(deal)).text
        assert "$780,000.00" not in client.get(reverse(WHAT_IF), asked(deal, fresh="1")).text

    def test_is_for_staff_who_may_see_distributions(self, deal: Deal) -> None:
        helper = factories.make_user("Hal Helper", is_staff=True)

        assert client_of(helper).get(reverse(WHAT_IF), asked(deal)).status_code == 403
        assert client_of(deal.investors[0]).get(reverse(WHAT_IF), asked(deal)).status_code == 302

    def test_is_linked_from_the_list(self, client: Client) -> None:
        assert reverse(WHAT_IF) in client.get(reverse("admin:distributions_distribution_changelist")).text


class TestExport:
    def test_has_everybody_and_exact_totals(self, deal: Deal, client: Client) -> None:
        answer = client.get(reverse("admin:distributions_distribution_export", args=["csv"]), asked(deal))

        rows = list(csv.DictReader(StringIO(answer.content.decode("utf-8-sig"))))
        assert answer["Content-Disposition"].endswith(f'{EXIT.isoformat()}.csv"')
        assert [row["Total"] for row in rows[-2:]] == ["140000.00", "1560000.00"]
        assert {row["IRR"][:5] for row in rows[:3]} == {"0.159"} or len(rows) == 5

    def test_escapes_a_name_that_is_a_formula(self, deal: Deal, client: Client) -> None:
        User.objects.filter(pk=deal.investors[0].pk).update(full_name="=1+1")

        answer = client.get(reverse("admin:distributions_distribution_export", args=["csv"]), asked(deal))

        assert "'=1+1" in answer.content.decode() and ",=1+1" not in answer.content.decode()

    def test_is_a_workbook_too(self, deal: Deal, client: Client) -> None:
        answer = client.get(reverse("admin:distributions_distribution_export", args=["xlsx"]), asked(deal))

        assert answer.content[:2] == b"PK"

    def test_needs_a_question(self, client: Client) -> None:
        assert client.get(reverse("admin:distributions_distribution_export", args=["csv"])).status_code == 400


class TestFiles:
    def address(self, row: DistributionAllocation, kind: str) -> str:
        return reverse("admin:distributions_allocation_file", args=[row.pk, kind])

    def test_of_an_allocation_are_there_for_staff(self, deal: Deal, client: Client) -> None:
        row = standing(deal.approve("1000.01"))[0]

        assert client.get(self.address(row, "statement")).content[:5] == b"%PDF-"
        assert client.get(self.address(row, "receipt")).json()["format"] == "realco-receipt/1"
        page = client.get(self.address(row, "check"), follow=True)
        assert "It holds" in page.text
        assert client.get(self.address(row, "other")).status_code == 404

    def test_are_for_nobody_else(self, deal: Deal) -> None:
        row = standing(deal.approve("1000.01"))[0]
        helper = factories.make_user("Hal Helper", is_staff=True)

        assert client_of(helper).get(self.address(row, "receipt")).status_code == 403
