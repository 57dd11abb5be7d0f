"""The overview: balances that are the ledger's, a history that adds up, and what needs doing."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal

from django.db import connection
from django.test import Client
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st

from compliance.models import InvestorProfile
from compliance.operations import profiles
from distributions.operations import transfers, withholdings
from distributions.queries import investor_distributions
from distributions.queries.investor_distributions import Received
from escrow.models import EscrowAccount
from escrow.operations import closings
from escrow.queries import investor_balances
from escrow.queries.investor_balances import DayOfChanges
from realco.models import User
from realco.portal.dashboard import holdings
from tests import factories
from tests.distributions.deals import EXIT, NOW, Deal, make_deal
from tests.stages import staged

D = Decimal
URL = "portal:dashboard"


class TestDashboard:
    def test_shows_what_arrives_what_has_cleared_and_the_chart(
        self, portal: Client, escrow: EscrowAccount, investor: User, at: datetime
    ) -> None:
        factories.fund(investor, escrow, "10000", at=at)
        factories.play(factories.deposit(escrow, investor, "3000", at=at), at=at, until="SETTLED")

        page = portal.get(reverse(URL)).text

        assert "$9,949.20" in page
        assert "$3,000.00" in page
        assert "<svg" in page
        assert "The same figures as a table" in page

    def test_shows_a_newcomer_what_to_do(self, reference_data: None, sign_in: Callable[[User], Client]) -> None:
        page = sign_in(factories.make_user("Nell Newcomer")).get(reverse(URL)).text

        assert "you need a verified bank account" in page
        assert "You have not invested yet" in page
        assert "<svg" not in page

    def test_shows_nobody_elses_money(
        self, escrow: EscrowAccount, investor: User, at: datetime, sign_in: Callable[[User], Client]
    ) -> None:
        factories.fund(investor, escrow, "10000", at=at)

        page = sign_in(factories.make_user("Nell Newcomer")).get(reverse(URL)).text

        assert "9,949.20" not in page

    def test_says_that_payments_are_paused_but_not_why(
        self, portal: Client, profile: InvestorProfile, compliance_officer: User, at: datetime
    ) -> None:
        profiles.restrict(profile, by=compliance_officer, reason="Possible sanctions match.", at=at)

        page = portal.get(reverse(URL)).text

        assert "are paused" in page
        assert "sanctions" not in page


class TestBalances:
    def test_counts_each_part_once(
        self, escrow: EscrowAccount, investor: User, operator: User, approver: User, at: datetime
    ) -> None:
        factories.fund(investor, escrow, "10000", at=at)
        closing = closings.propose(escrow, by=operator, at=at)
        factories.close(closing, approver=approver, at=at)
        factories.fund(investor, escrow, "2000", at=at)

        found = investor_balances.balances(investor)

        assert found.at_work == D("9949.20")
        assert found.cleared == D("1989.20")
        assert found.arriving == D("0.00")
        assert found.total == D("11938.40")

    def test_has_a_history_that_ends_at_the_balances(
        self, escrow: EscrowAccount, investor: User, operator: User, approver: User, at: datetime
    ) -> None:
        factories.fund(investor, escrow, "10000", at=at)
        factories.close(closings.propose(escrow, by=operator, at=at), approver=approver, at=at)
        factories.play(factories.deposit(escrow, investor, "3000", at=at), at=at, until="SETTLED")

        last = holdings(investor_balances.changes(investor), [], until=at.date())[-1]
        found = investor_balances.balances(investor)

        assert last.at_work == found.at_work
        assert last.in_escrow == found.cleared + found.arriving + found.held


class TestReceived:
    @staged
    def deal(self) -> Deal:
        """A deal that paid 500, 300 and 200, and withheld 24 percent of the first."""
        deal = make_deal()
        withholdings.set_rate(
            deal.investors[0], rate=D("0.24"), reason="W-9", effective_from=EXIT, by=deal.operator, at=NOW
        )
        deal.earn("1000.00")
        deal.pay("1000.00")
        return deal

    def test_is_what_was_paid_and_says_what_was_withheld(self, deal: Deal, sign_in: Callable[[User], Client]) -> None:
        first, second = (sign_in(investor).get(reverse(URL)) for investor in deal.investors[:2])

        assert first.context["received"] == Received(D("380.00"), D("0.00"), D("120.00"), D("0.00"))
        assert "and $120.00 withheld for taxes" in first.text
        assert second.context["received"].paid == D("300.00")
        assert "withheld" not in second.text

    def test_stays_with_whom_it_was_paid_when_capital_changes_hands(self, deal: Deal) -> None:
        seller, buyer = deal.investors[:2]
        before = [investor_distributions.received(person) for person in (seller, buyer)]

        transfer = transfers.propose(
            seller.investments.get(offering=deal.offering),
            buyer=buyer,
            part=D("0.4"),
            effective_date=EXIT + timedelta(days=1),
            document_reference="Assignment",
            by=deal.operator,
            at=NOW + timedelta(days=10),
        )
        connection.check_constraints()
        transfers.approve(transfer, approver=deal.approver, at=NOW + timedelta(days=10))

        assert [investor_distributions.received(person) for person in (seller, buyer)] == before


DAYS = st.dates(min_value=date(2026, 1, 1), max_value=date(2026, 6, 30))
CENTS = st.decimals(min_value=D("-9999.99"), max_value=D("9999.99"), places=2)


class TestHoldings:
    def test_is_empty_without_changes(self) -> None:
        assert holdings([], [], until=date(2026, 1, 1)) == []

    def test_takes_returned_capital_from_what_is_at_work(self) -> None:
        changes = [
            DayOfChanges(date(2026, 1, 1), D("100.00"), D("0.00")),
            DayOfChanges(date(2026, 2, 1), D("-100.00"), D("100.00")),
        ]

        history = holdings(changes, [(date(2026, 3, 1), D("40.00"))], until=date(2026, 4, 1))

        assert [(row.day.month, row.in_escrow, row.at_work) for row in history] == [
            (1, D("100.00"), D("0.00")),
            (2, D("0.00"), D("100.00")),
            (3, D("0.00"), D("60.00")),
            (4, D("0.00"), D("60.00")),
        ]

    @given(st.lists(st.builds(DayOfChanges, DAYS, CENTS, CENTS)), st.lists(st.tuples(DAYS, CENTS)))
    def test_ends_with_the_sum_of_all_changes(
        self, changes: list[DayOfChanges], returned: list[tuple[date, Decimal]]
    ) -> None:
        history = holdings(changes, returned, until=date(2026, 7, 1))

        if history:
            assert history[-1].in_escrow == sum(change.in_escrow for change in changes)
            assert history[-1].at_work == sum(change.at_work for change in changes) - sum(
                amount for _, amount in returned
            )
            assert [row.day for row in history] == sorted({row.day for row in history})
