"""What an investor sees of late-closing interest: its own page, list, statement, account, and a year's tax figures."""

import csv
import io
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from django.test import Client
from django.urls import reverse

from distributions.models import Distribution
from distributions.operations import tax_exports, withholdings
from distributions.queries import statements
from distributions.queries.statements import Quarter
from realco.models import User
from tests.distributions.calls import make_called_deal
from tests.distributions.deals import Deal, standing
from tests.distributions.premiums import LATER, arrived, first_call, paid
from tests.stages import staged

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
YEAR_OVER = datetime(2025, 2, 3, 17, 0, tzinfo=UTC)


@staged
def deal() -> Deal:
    return make_called_deal()


@staged
def distribution(deal: Deal) -> Distribution:
    withholdings.set_rate(
        deal.investors[0],
        rate=Decimal("0.24"),
        reason="Backup withholding",
        effective_from=LATER.date(),
        by=deal.operator,
        at=LATER,
    )
    return paid(deal, arrived(deal))


def words_of(investor: User, name: str, **where: object) -> str:
    client = Client()
    client.force_login(investor)
    answer = client.get(reverse(f"portal:{name}", kwargs=where))
    assert answer.status_code == 200
    return answer.content.decode()


def test_a_page_says_where_it_comes_from(deal: Deal, distribution: Distribution) -> None:
    row = standing(distribution)[0]
    words = words_of(deal.investors[0], "distribution", allocation_id=row.pk)
    assert "neither your capital nor a return on it" in words
    assert f"10% a year on their share of {first_call()}, $8,000.00" in words
    assert "$32.88" in words
    assert "tier by tier" not in words
    assert "the sponsor" not in words


def test_a_check_of_the_receipt_holds(deal: Deal, distribution: Distribution) -> None:
    row = standing(distribution)[1]
    client = Client()
    client.force_login(deal.investors[1])
    page = client.get(reverse("portal:distribution", kwargs={"allocation_id": row.pk}), {"check": "1"})
    assert page.context["check"].holds
    file = client.get(reverse("portal:receipt", kwargs={"allocation_id": row.pk}))
    assert file.json()["receipt"]["result"]["premium_amount"] == "19.72"


def test_the_list_has_a_column_only_for_those_who_had_some(deal: Deal, distribution: Distribution) -> None:
    assert "Late-closing interest" in words_of(deal.investors[0], "distributions")
    deal.earn("1000.00", at=LATER)
    stranger = User.objects.get(full_name="Nina Newcomer")
    assert "Late-closing interest" not in words_of(stranger, "distributions")


def test_a_statement_has_it_apart(deal: Deal, distribution: Distribution) -> None:
    statement = statements.of_quarter(deal.investors[0], Quarter(2024, 2))
    assert statement.premium == Decimal("32.88")
    assert statement.return_of_capital == statement.preferred_return == statement.profit == Decimal(0)
    assert (statement.kept_back, statement.net) == (Decimal("7.89"), Decimal("24.99"))
    client = Client()
    client.force_login(deal.investors[0])
    address = reverse("portal:quarter_statement", kwargs={"year": 2024, "number": 2})
    assert client.get(address).content.startswith(b"%PDF")


def test_the_account_shows_it_besides(deal: Deal, distribution: Distribution) -> None:
    assert "Late-closing interest, besides" in words_of(deal.investors[0], "capital")


def test_it_is_interest_in_the_tax_figures(deal: Deal, distribution: Distribution) -> None:
    _, content = tax_exports.export(deal.offering, year=2024, by=deal.operator, at=YEAR_OVER)
    rows = {row["investor_id"]: row for row in csv.DictReader(io.StringIO(content))}
    row = rows[str(deal.investors[0].pk)]
    assert (row["late_closing_interest_received"], row["withheld_of_late_closing_interest"]) == ("32.88", "7.89")
    assert (row["distributed_total"], row["capital_returned"], row["withheld"]) == ("0.00", "0.00", "7.89")
    late = rows[str(User.objects.get(full_name="Nina Newcomer").pk)]
    assert (late["late_closing_interest_received"], late["interest_and_premium_on_calls"]) == ("0.00", "65.75")
