"""Capital accounts as of a day, from the replay, and where stored totals differ from it."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection

from distributions.operations import transfers
from distributions.queries import capital_accounts
from distributions.queries.capital_accounts import CapitalAccount
from distributions.queries.entitlements import NoTerms
from escrow.models import Investment
from realco.models import User
from tests import factories
from tests.distributions.calls import DUE, NOTICE, NOTICED, item_of, make_called_deal, noticed, pay
from tests.distributions.deals import Deal
from tests.stages import staged

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
THEN = datetime(2024, 1, 1, 17, 0, tzinfo=UTC)


@staged
def deal() -> Deal:
    return make_called_deal()


def account(deal: Deal, investor: User, on: date) -> CapitalAccount:
    [found] = capital_accounts.accounts(deal.offering, on=on, investor_id=investor.pk)
    return found


def shown(one: CapitalAccount) -> tuple[Any, ...]:
    return (one.committed, one.called, one.uncalled, one.contributed, one.returned)


class TestAccounts:
    def test_a_call_is_called_from_its_notice_and_contributed_when_it_is_released(self, deal: Deal) -> None:
        first = deal.investors[0]
        item = item_of(noticed(deal, "80000.00"), first)
        before = date(2024, 1, 15)

        assert shown(account(deal, first, before)) == (750_000, 500_000, 250_000, 500_000, 0)
        assert shown(account(deal, first, NOTICE)) == (750_000, 540_000, 210_000, 500_000, 0)
        pay(deal, item)
        assert shown(account(deal, first, DUE)) == (750_000, 540_000, 210_000, 540_000, 0)
        assert shown(account(deal, first, NOTICE)) == (750_000, 540_000, 210_000, 500_000, 0)
        assert account(deal, first, DUE).drifts == ()

    def test_preferred_return_and_capital_come_from_the_replay(self, deal: Deal) -> None:
        deal.earn("180000.00", at=THEN)
        deal.pay("180000.00", on=THEN.date(), at=THEN)

        one = account(deal, deal.investors[0], THEN.date())

        # 8% on 1,000,000 for 365 days, then 100,000 of capital; half of each.
        figures: tuple[Any, ...] = (one.preferred_accrued, one.preferred_paid, one.preferred_owed, one.returned)
        assert figures == (40_000, 40_000, 0, 50_000)
        assert (one.net, one.drifts) == (Decimal(450_000), ())
        later = account(deal, deal.investors[0], date(2024, 12, 31))
        assert later.preferred_owed == Decimal("36000.00")
        earlier = account(deal, deal.investors[0], date(2023, 12, 31))
        paid: tuple[Any, ...] = (earlier.returned, earlier.preferred_paid)
        assert paid == (0, 0)

    def test_what_has_not_arrived_is_no_drift(self, deal: Deal) -> None:
        deal.earn("180000.00", at=THEN)
        deal.execute("180000.00", on=THEN.date(), at=THEN)
        assert account(deal, deal.investors[0], THEN.date()).drifts == ()

    def test_says_where_a_stored_total_differs(self, deal: Deal) -> None:
        Investment.objects.filter(investor=deal.investors[0]).update(profits_paid=Decimal("1.00"))
        assert account(deal, deal.investors[0], NOTICE).drifts == (
            "profit paid is stored as $1.00, the history makes it $0.00",
        )

    def test_a_transfer_counts_from_its_effective_date(self, deal: Deal) -> None:
        deal.earn("180000.00", at=THEN)
        deal.pay("180000.00", on=THEN.date(), at=THEN)
        connection.check_constraints()
        buyer = factories.make_investor("Bella Buyer", verifier=deal.operator, at=NOTICED)
        seller = deal.investors[0]
        transfer = transfers.propose(
            seller.investments.get(),
            buyer=buyer,
            part=Decimal("0.5"),
            effective_date=date(2024, 1, 10),
            document_reference="x",
            by=deal.operator,
            at=NOTICED,
        )
        transfers.approve(transfer, approver=deal.approver, at=NOTICED)

        for on in (date(2024, 1, 10), NOTICE):
            assert shown(account(deal, buyer, on)) == (375_000, 250_000, 125_000, 250_000, 25_000)
            assert shown(account(deal, seller, on)) == (375_000, 250_000, 125_000, 250_000, 25_000)
            assert account(deal, buyer, on).drifts == account(deal, seller, on).drifts == ()
        # What was paid before stays the seller's; what was earned since and not paid goes half and half.
        assert (account(deal, buyer, NOTICE).preferred_paid, account(deal, seller, NOTICE).preferred_paid) == (
            Decimal(0),
            Decimal(40_000),
        )
        assert account(deal, buyer, NOTICE).preferred_owed == account(deal, seller, NOTICE).preferred_owed > 0
        assert shown(account(deal, seller, date(2024, 1, 9))) == (750_000, 500_000, 250_000, 500_000, 50_000)

    def test_all_together_are_what_was_released(self, deal: Deal) -> None:
        everybody = capital_accounts.accounts(deal.offering, on=NOTICE)
        assert [one.investor for one in everybody] == ["Ivy 0", "Ivy 1", "Ivy 2"]
        assert sum(one.contributed for one in everybody) == 1_000_000

    def test_refuses_a_day_without_terms(self, deal: Deal) -> None:
        with pytest.raises(NoTerms):
            capital_accounts.accounts(deal.offering, on=date(2022, 12, 31))
