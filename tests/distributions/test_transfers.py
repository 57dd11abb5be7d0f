"""Transfers of investments: proposed by one, approved by another, and what the waterfall makes of them."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction

from compliance.models import InvestorProfile
from compliance.operations import profiles
from compliance.operations.gate import TransactionLimitExceeded
from distributions.models import Distribution, InvestmentTransfer
from distributions.operations import transfers
from distributions.operations.transfers import (
    AboveBuyersLimit,
    ApproverIsProposer,
    NotTransferable,
    PartyNotEligible,
    TransferNotProposed,
    UnworkableTransfer,
)
from distributions.queries import entitlements
from distributions.queries.entitlements import NotDistributable
from escrow import books
from escrow.models import Investment
from escrow.operations.escrow_accounts import ReasonMissing
from finance.queries import totals
from realco.errors import NotPermitted, Refusal
from realco.models import User
from tests import factories
from tests.conftest import close_connections
from tests.distributions.calls import NOTICED, item_of, noticed, pay, promise
from tests.distributions.deals import FUNDED, Deal, come_back, make_deal, payment_of, standing
from tests.stages import staged

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
TODAY = datetime(2024, 7, 1, 17, 0, tzinfo=UTC)
DAY = date(2024, 7, 1)


@staged
def deal() -> Deal:
    return make_deal()


@staged
def buyer(deal: Deal) -> User:
    return factories.make_investor("Bella Buyer", verifier=deal.operator, at=TODAY)


def proposed(deal: Deal, buyer: User, part: str = "0.4", *, seller: int = 0, on: date = DAY) -> InvestmentTransfer:
    return transfers.propose(
        deal.investors[seller].investments.get(offering=deal.offering),
        buyer=buyer,
        part=Decimal(part),
        effective_date=on,
        document_reference="Assignment 2024-07",
        by=deal.operator,
        at=TODAY,
    )


def executed(deal: Deal, buyer: User, part: str = "0.4", *, seller: int = 0, on: date = DAY) -> InvestmentTransfer:
    transfer = proposed(deal, buyer, part, seller=seller, on=on)
    # A closing is checked when it commits; here everything is one transaction, and it has to be checked before.
    connection.check_constraints()
    return transfers.approve(transfer, approver=deal.approver, at=TODAY)


def kept(user: User) -> tuple[Any, ...]:
    row = user.investments.get()
    return (row.investment_amount, row.funded_amount, row.returned_capital, row.current_balance)


class TestApprove:
    def test_moves_a_part_of_commitment_and_capital_and_shares_out_ownership_anew(
        self, deal: Deal, buyer: User
    ) -> None:
        executed(deal, buyer)

        assert kept(deal.investors[0]) == (300_000, 300_000, 0, 300_000)
        assert kept(buyer) == (200_000, 200_000, 0, 200_000)
        assert buyer.investments.get().ownership_percentage == 20
        assert buyer.investments.get().status == "ACTIVE"
        assert books.check() == []

    def test_of_the_whole_leaves_an_investment_that_is_completed(self, deal: Deal, buyer: User) -> None:
        executed(deal, buyer, "1")

        seller = deal.investors[0].investments.get()
        assert (seller.status, *kept(deal.investors[0])) == ("COMPLETED", 0, 0, 0, 0)
        assert kept(buyer) == (500_000, 500_000, 0, 500_000)

    def test_adds_to_what_the_buyer_holds(self, deal: Deal) -> None:
        executed(deal, deal.investors[1])
        assert kept(deal.investors[1]) == (500_000, 500_000, 0, 500_000)

    def test_works_where_everything_that_may_be_raised_is_committed(self, deal: Deal, buyer: User) -> None:
        promise(deal, deal.investors[2], "4000000.00")
        executed(deal, buyer)
        assert kept(buyer)[0] == 200_000

    def test_hands_over_called_capital_too(self, deal: Deal, buyer: User) -> None:
        promise(deal, deal.investors[0], "40000.00")
        pay(deal, item_of(noticed(deal, "40000.00"), deal.investors[0]), at=NOTICED)

        executed(deal, buyer)

        assert kept(buyer) == (216_000, 216_000, 0, 216_000)
        assert books.check() == []

    def test_refuses_who_proposed_it(self, deal: Deal, buyer: User) -> None:
        transfer = proposed(deal, buyer)
        deal.operator.groups.add(factories.make_group("Approvers"))
        with pytest.raises(ApproverIsProposer):
            transfers.approve(transfer, approver=User.objects.get(pk=deal.operator.pk), at=TODAY)

    def test_executes_once(self, deal: Deal, buyer: User) -> None:
        transfer = executed(deal, buyer)
        with pytest.raises(TransferNotProposed):
            transfers.approve(transfer, approver=deal.approver, at=TODAY)

    @pytest.mark.parametrize("whose", ["seller", "buyer"])
    def test_refuses_people_whose_checks_are_not_current(self, deal: Deal, buyer: User, whose: str) -> None:
        transfer = proposed(deal, buyer)
        person = buyer if whose == "buyer" else deal.investors[0]
        profiles.restrict(InvestorProfile.objects.get(user=person), by=None, reason="R10", at=TODAY)
        with pytest.raises(PartyNotEligible):
            transfers.approve(transfer, approver=deal.approver, at=TODAY)
        assert not buyer.investments.exists()


class TestPropose:
    @pytest.mark.parametrize("part", ["0", "1.1", "-0.5", "NaN", "0.00000000001"])
    def test_refuses_what_is_no_part(self, deal: Deal, buyer: User, part: str) -> None:
        with pytest.raises(UnworkableTransfer):
            proposed(deal, buyer, part)

    def test_refuses_a_day_that_has_not_come(self, deal: Deal, buyer: User) -> None:
        with pytest.raises(UnworkableTransfer):
            proposed(deal, buyer, on=date(2024, 7, 2))

    def test_refuses_a_day_before_capital_was_paid_in(self, deal: Deal, buyer: User) -> None:
        with pytest.raises(UnworkableTransfer, match="paid in"):
            proposed(deal, buyer, on=date(2022, 12, 31))

    def test_refuses_the_seller_as_buyer(self, deal: Deal) -> None:
        with pytest.raises(UnworkableTransfer):
            proposed(deal, deal.investors[0])

    def test_refuses_a_second_one_while_one_waits(self, deal: Deal, buyer: User) -> None:
        proposed(deal, buyer)
        with pytest.raises(NotTransferable):
            proposed(deal, buyer)

    def test_refuses_an_investment_that_owes_a_call(self, deal: Deal, buyer: User) -> None:
        promise(deal, deal.investors[0], "40000.00")
        noticed(deal, "40000.00")
        with pytest.raises(NotTransferable, match="call"):
            proposed(deal, buyer)

    def test_refuses_who_may_not(self, deal: Deal, buyer: User) -> None:
        with pytest.raises(NotPermitted):
            transfers.propose(
                deal.investors[0].investments.get(),
                buyer=buyer,
                part=Decimal(1),
                effective_date=DAY,
                document_reference="x",
                by=deal.approver,
                at=TODAY,
            )

    def test_is_cancelled_with_a_reason(self, deal: Deal, buyer: User) -> None:
        transfer = proposed(deal, buyer)
        with pytest.raises(ReasonMissing):
            transfers.cancel(transfer, by=deal.operator, reason=" ", at=TODAY)
        transfers.cancel(transfer, by=deal.approver, reason="withdrawn", at=TODAY)
        assert proposed(deal, buyer).status == "PROPOSED"


class TestTheWaterfall:
    def test_pays_the_buyer_what_the_seller_has_earned_and_not_been_paid(self, deal: Deal, buyer: User) -> None:
        executed(deal, buyer)
        deal.earn("240000.00")

        rows = {row.investor: row for row in standing(deal.draw_up("240000.00"))}

        # 8% a year on 1,000,000 for three years of 365 days: half of it the seller's, of which 40% went over.
        assert rows[buyer].preferred_return == 48_000
        assert rows[deal.investors[0]].preferred_return == 72_000

    def test_leaves_earlier_distributions_where_they_were_paid(self, deal: Deal, buyer: User) -> None:
        then = datetime(2024, 1, 1, 17, 0, tzinfo=UTC)
        deal.earn("180000.00", at=then)
        first = deal.pay("180000.00", on=date(2024, 1, 1), at=then)
        before = [(row.investor, row.net_amount) for row in standing(first)]
        assert kept(deal.investors[0]) == (500_000, 500_000, 50_000, 450_000)

        executed(deal, buyer, "0.5")

        assert [(row.investor, row.net_amount) for row in standing(first)] == before
        assert kept(deal.investors[0]) == (250_000, 250_000, 25_000, 225_000)
        assert kept(buyer) == (250_000, 250_000, 25_000, 225_000)
        deal.earn("1000000.00")
        rows = {row.investor: row for row in standing(deal.draw_up("1000000.00"))}
        assert rows[buyer].net_amount == rows[deal.investors[0]].net_amount
        assert rows[buyer].return_of_capital <= 225_000

    def test_a_payment_that_comes_back_later_is_shared_by_both(self, deal: Deal, buyer: User) -> None:
        then = datetime(2024, 1, 1, 17, 0, tzinfo=UTC)
        deal.earn("180000.00", at=then)
        first = deal.pay("180000.00", on=date(2024, 1, 1), at=then)
        executed(deal, buyer, "0.5")
        [row] = [row for row in standing(first) if row.investor == deal.investors[0]]

        come_back(payment_of(row).pk, at=TODAY)

        assert kept(deal.investors[0]) == kept(buyer) == (250_000, 250_000, 0, 250_000)
        assert deal.investors[0].investments.get().preferred_return_paid == 0

    def test_refuses_a_distribution_as_of_an_earlier_day(self, deal: Deal, buyer: User) -> None:
        executed(deal, buyer)
        with pytest.raises(NotDistributable, match="changed hands"):
            entitlements.basis_of(
                Distribution(offering=deal.offering, escrow_account=deal.escrow, as_of_date=date(2024, 6, 30))
            )

    def test_refuses_a_transfer_from_before_a_distribution(self, deal: Deal, buyer: User) -> None:
        deal.earn("1000.00", at=TODAY)
        deal.approve("1000.00", on=DAY, at=TODAY)
        with pytest.raises(UnworkableTransfer, match="distribution"):
            proposed(deal, buyer)

    def test_voids_what_was_submitted_before_it(self, deal: Deal, buyer: User) -> None:
        deal.earn("240000.00", at=TODAY)
        distribution = deal.submit("240000.00", on=DAY, at=TODAY)
        executed(deal, buyer)
        assert "investments have changed" in entitlements.changes_since(distribution, anew=False)


class TestTheDatabase:
    def refused(self, sql: str, state: str, **names: Any) -> None:
        with pytest.raises(DatabaseError) as caught, transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(sql, names)
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        assert getattr(caught.value.__cause__, "sqlstate", None) == state, caught.value

    EXECUTE = (
        "UPDATE investment_transfers SET status = 'EXECUTED', approved_by_id = %(who)s, executed_at = %(at)s,"
        " committed_amount = %(amount)s, funded_amount = %(amount)s, buyer_investment_id = %(buyer)s"
        " WHERE id = %(transfer)s;"
    )

    def test_an_executed_transfer_stands(self, deal: Deal, buyer: User) -> None:
        transfer = executed(deal, buyer)
        for change in ("funded_amount = 1", "part = 1", "effective_date = '2020-01-01'", "status = 'CANCELLED'"):
            self.refused(f"UPDATE investment_transfers SET {change} WHERE id = %(pk)s", "23001", pk=transfer.pk)
        self.refused("DELETE FROM investment_transfers", "23001")

    def test_nobody_approves_their_own(self, deal: Deal) -> None:
        transfer = proposed(deal, deal.investors[1])
        buyer = deal.investors[1].investments.get().pk
        names = {"transfer": transfer.pk, "buyer": buyer, "at": TODAY, "amount": 200_000}
        self.refused(self.EXECUTE, "23514", who=deal.operator.pk, **names)

    def test_exactly_its_part_is_handed_over(self, deal: Deal) -> None:
        transfer = proposed(deal, deal.investors[1])
        buyer = deal.investors[1].investments.get().pk
        names = {"transfer": transfer.pk, "buyer": buyer, "at": TODAY, "who": deal.approver.pk}
        self.refused(self.EXECUTE, "23001", amount=200_001, **names)

    def test_an_executed_transfer_has_moved_something(self, deal: Deal) -> None:
        transfer = proposed(deal, deal.investors[1])
        buyer = deal.investors[1].investments.get().pk
        names = {"transfer": transfer.pk, "buyer": buyer, "at": TODAY, "who": deal.approver.pk}
        self.refused(self.EXECUTE, "23001", amount=200_000, **names)

    def test_capital_does_not_move_without_a_transfer(self, deal: Deal) -> None:
        self.refused(
            "UPDATE investments SET funded_amount = funded_amount - 1, current_balance = current_balance - 1"
            " WHERE investor_id = %(who)s",
            "RC006",
            who=deal.investors[0].pk,
        )


@pytest.mark.django_db(transaction=True)
class TestRaces:
    def test_one_transfer_approved_at_once_moves_once(self) -> None:
        deal = make_deal()
        buyer = factories.make_investor("Bella Buyer", verifier=deal.operator, at=TODAY)
        transfer = proposed(deal, buyer)

        def approve(person: User) -> bool:
            try:
                transfers.approve(transfer, approver=person, at=TODAY)
            except Refusal:
                return False
            finally:
                close_connections()
            return True

        with ThreadPoolExecutor(4) as pool:
            people = [deal.approver, deal.second_approver] * 2
            assert list(pool.map(approve, people)).count(True) == 1
        assert Investment.objects.get(investor=buyer).funded_amount == 200_000


class TestRegulationCrowdfunding:
    @pytest.fixture
    def crowd(self) -> Deal:
        deal = make_deal(exemption="REG_CF", deadline_at=FUNDED + timedelta(days=1))
        with connection.cursor() as cursor:
            # What a closing is held to at its commit is checked now, before anything changes hands.
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            cursor.execute("SET CONSTRAINTS ALL DEFERRED")
        return deal

    def poor(self, deal: Deal) -> User:
        """Somebody who may invest 5% of 50,000, which is the least of 2,500 that anybody may."""
        buyer = factories.make_investor("Paul Poor", verifier=deal.operator, at=TODAY)
        means = {"is_accredited": False, "annual_income": Decimal("50000.00"), "net_worth": Decimal("20000.00")}
        InvestorProfile.objects.filter(user=buyer).update(**means)
        return buyer

    def test_refuses_more_than_the_buyer_may_invest(self, crowd: Deal) -> None:
        with pytest.raises(AboveBuyersLimit, match=r"\$2,500\.00 more under Regulation Crowdfunding"):
            proposed(crowd, self.poor(crowd), "0.0051")

    def test_counts_what_was_bought_before(self, crowd: Deal) -> None:
        buyer = self.poor(crowd)
        transfers.approve(proposed(crowd, buyer, "0.004"), approver=crowd.approver, at=TODAY)

        with pytest.raises(AboveBuyersLimit, match=r"\$500\.00 more"):
            proposed(crowd, buyer, "0.003", seller=1)
        assert proposed(crowd, buyer, "0.001", seller=1).status == "PROPOSED"

    def test_asks_again_when_it_is_approved(self, crowd: Deal) -> None:
        buyer = self.poor(crowd)
        first, second = proposed(crowd, buyer, "0.005"), proposed(crowd, buyer, "0.001", seller=1)
        transfers.approve(first, approver=crowd.approver, at=TODAY)

        with pytest.raises(AboveBuyersLimit):
            transfers.approve(second, approver=crowd.approver, at=TODAY)

    def test_asks_no_accredited_buyer_and_in_no_other_offering(self, crowd: Deal, deal: Deal, buyer: User) -> None:
        assert proposed(crowd, buyer).status == "PROPOSED"
        assert proposed(deal, self.poor(deal)).status == "PROPOSED"

    def test_a_deposit_counts_what_was_bought_before(self, crowd: Deal) -> None:
        buyer = self.poor(crowd)
        transfers.approve(proposed(crowd, buyer, "0.004"), approver=crowd.approver, at=TODAY)
        other = factories.make_offering(
            operator=crowd.operator, at=TODAY, exemption="REG_CF", minimum_investment="1.00"
        )
        escrow = factories.make_escrow(other, operator=crowd.operator, at=TODAY)

        with pytest.raises(TransactionLimitExceeded, match=r"of which \$2,000\.00 is used; you can pay in up to \$500"):
            factories.deposit(escrow, buyer, "500.01", at=TODAY)
        assert factories.deposit(escrow, buyer, "500.00", at=TODAY).status == "QUEUED"

    def test_a_year_later_it_counts_no_more(self, crowd: Deal) -> None:
        buyer = self.poor(crowd)
        transfers.approve(proposed(crowd, buyer, "0.004"), approver=crowd.approver, at=TODAY)

        assert totals.deposited_by([buyer.pk], at=TODAY)[buyer.pk].invested_12_months == 2000
        assert totals.deposited_by([buyer.pk], at=TODAY + timedelta(days=367))[buyer.pk].invested_12_months == 0
