"""Receipts kept of what changed hands: seller, buyer and everybody else, worked out again from their own rows."""

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from distributions import receipt_files, receipt_replays
from distributions.models import Distribution, DistributionAllocation
from distributions.operations import transfers
from distributions.queries import receipt_words, statements
from distributions.queries import receipts as queries
from realco.models import User
from tests import factories
from tests.distributions.deals import EXIT, Deal, make_deal, standing
from tests.distributions.test_receipt_rows import bring
from tests.distributions.test_transfers import TODAY, executed
from tests.stages import staged

TEMPLATES = ["preferred_and_catch_up", "three_hurdle_promote"]
# Of the module's scope, so that all tests of one template follow each other.
pytestmark = [pytest.mark.django_db, pytest.mark.parametrize("template", TEMPLATES, scope="module"), pytest.mark.slow]
FIRST = datetime(2024, 1, 1, 17, 0, tzinfo=UTC)
LATER = date(2025, 6, 30)


@staged
def deal(template: str) -> Deal:
    deal = make_deal(template=template)
    deal.earn("100000.01", at=FIRST)
    deal.pay("100000.01", on=FIRST.date(), at=FIRST)
    return deal


@staged
def buyer(deal: Deal) -> User:
    return factories.make_investor("Bella Buyer", verifier=deal.operator, at=TODAY)


def approved(deal: Deal) -> Distribution:
    deal.earn("1700000.00")
    return deal.approve("1234567.89")


def check_all(distribution: Distribution) -> dict[Any, DistributionAllocation]:
    """Every allocation has a receipt that the engine alone works out to the same hash and amount."""
    rows = standing(distribution)
    for row in rows:
        content = queries.file_for(row)
        assert receipt_replays.verify(receipt_files.read(receipt_files.text_of(content).encode())) == []
        assert content["receipt"]["result"]["total"] == str(row.total_amount)
        assert queries.check(row).holds
        assert bring(content, row.investor).holds
    return {row.investor: row for row in rows if row.investment_id}


class TestFreeze:
    def test_keeps_receipts_of_seller_and_buyer_of_a_part(self, deal: Deal, buyer: User) -> None:
        executed(deal, buyer)

        rows = check_all(approved(deal))

        assert {buyer, deal.investors[0]} <= rows.keys()
        assert str(deal.investors[0].investments.get().pk) not in json.dumps(queries.file_for(rows[buyer]))

    def test_keeps_one_of_a_buyer_of_the_whole(self, deal: Deal, buyer: User) -> None:
        executed(deal, buyer, "1")

        assert set(check_all(approved(deal))) == {buyer, *deal.investors[1:]}

    def test_keeps_those_of_two_transfers_in_a_row_with_a_distribution_between(self, deal: Deal, buyer: User) -> None:
        executed(deal, buyer)
        deal.earn("70000.07")
        check_all(deal.approve("70000.07", on=date(2024, 12, 31)))
        collector = factories.make_investor("Carla Collector", verifier=deal.operator, at=TODAY)
        sell_on(deal, buyer, collector, on=LATER)

        rows = check_all(approved(deal))

        assert {buyer, collector, deal.investors[0]} <= rows.keys()


def sell_on(deal: Deal, seller: User, buyer: User, *, on: date) -> None:
    at = datetime(on.year, on.month, on.day, 17, 0, tzinfo=UTC)
    transfer = transfers.propose(
        seller.investments.get(),
        buyer=buyer,
        part=Decimal("0.75"),
        effective_date=on,
        document_reference="Assignment 2025-06",
        by=deal.operator,
        at=at,
    )
    transfers.approve(transfer, approver=deal.approver, at=at)


class TestWords:
    def test_tell_the_buyer_what_was_taken_over_and_the_seller_what_was_handed_over(
        self, deal: Deal, buyer: User
    ) -> None:
        executed(deal, buyer)
        rows = check_all(approved(deal))

        bought = receipt_words.told(rows[buyer])
        sold = receipt_words.told(rows[deal.investors[0]])

        assert bought is not None and sold is not None
        assert bought.sentences[0].startswith(
            "On July 1, 2024 you took over a part of somebody else's investment: $200,000.00 that had been put in"
        )
        assert sold.sentences[0] == "By December 31, 2025 you had put in $500,000.00, in one payment."
        assert sold.sentences[1].startswith("On July 1, 2024 you handed over 40% of what you held: $200,000.00")
        assert sold.sentences[2] == ("So by December 31, 2025 you held capital of which $300,000.00 had been put in.")
        assert bought.moves[0].unreturned == sold.moves[0].unreturned

    def test_are_on_the_statement_too(self, deal: Deal, buyer: User) -> None:
        executed(deal, buyer)
        rows = check_all(approved(deal))

        [entry] = statements.of_allocation(rows[buyer]).entries

        assert entry.told is not None
        assert "took over" in entry.told.sentences[0]
        assert rows[buyer].distribution.as_of_date == EXIT
