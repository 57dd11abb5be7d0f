"""Commitments: within the offering's bounds and days, once for each reference."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from django.db import DatabaseError, connection, transaction

from escrow.models import EscrowAccount, Investment
from escrow.operations import closings, investments
from escrow.operations.escrow_accounts import ReasonMissing
from escrow.operations.investments import (
    AboveMaximum,
    BelowMinimumInvestment,
    CommitmentReferenceReused,
    InvestmentNotPending,
    OfferingNotOpen,
)
from realco.errors import NotPermitted
from realco.models import Offering, User
from realco.money import InvalidAmount
from realco.operations import offerings
from tests import factories
from tests.conftest import close_connections
from tests.escrow.money import arrive

D = Decimal


class TestCommit:
    def test_makes_a_pending_investment(self, offering: Offering, investor: User, at: datetime) -> None:
        made = investments.commit(offering, investor=investor, amount=D("5000"), by=investor, at=at)
        assert (made.status, made.investment_amount, made.funded_amount) == ("PENDING", D("5000.00"), D("0.00"))
        assert made.preferred_return_rate == D("0.08")

    def test_more_adds_to_it(self, offering: Offering, investor: User, at: datetime) -> None:
        first = investments.commit(offering, investor=investor, amount=D("5000"), by=investor, at=at)
        again = investments.commit(offering, investor=investor, amount=D("1"), by=investor, at=at)
        assert (again.pk, again.investment_amount) == (first.pk, D("5001.00"))

    def test_the_same_reference_commits_once(
        self, offering: Offering, investor: User, operator: User, at: datetime
    ) -> None:
        for _ in range(2):
            for reference in ("row 1", "row 2"):
                made = investments.commit(
                    offering, investor=investor, amount=D("500"), reference=reference, by=operator, at=at
                )
        assert made.investment_amount == D("1000.00")

    def test_refuses_a_reference_with_another_amount(self, offering: Offering, investor: User, at: datetime) -> None:
        for reference in ("a", "b"):
            investments.commit(offering, investor=investor, amount=D("500"), reference=reference, by=investor, at=at)
        for reference in ("a", "b"):
            with pytest.raises(CommitmentReferenceReused):
                investments.commit(
                    offering, investor=investor, amount=D("501"), reference=reference, by=investor, at=at
                )

    def test_refuses_less_than_the_minimum(self, offering: Offering, investor: User, at: datetime) -> None:
        with pytest.raises(BelowMinimumInvestment, match=r"\$100\.00"):
            investments.commit(offering, investor=investor, amount=D("99.99"), by=investor, at=at)

    def test_refuses_more_than_the_offering_may_raise(self, offering: Offering, investor: User, at: datetime) -> None:
        other = factories.make_user("Other")
        investments.commit(offering, investor=other, amount=D("4999000"), by=other, at=at)
        with pytest.raises(AboveMaximum, match=r"\$1,000\.00 more"):
            investments.commit(offering, investor=investor, amount=D("1000.01"), by=investor, at=at)
        investments.commit(offering, investor=investor, amount=D("1000"), by=investor, at=at)

    @pytest.mark.parametrize("amount", ["0", "-100", "100.001", "NaN", "1e20"])
    def test_refuses_what_is_no_amount(self, offering: Offering, investor: User, at: datetime, amount: str) -> None:
        with pytest.raises(InvalidAmount):
            investments.commit(offering, investor=investor, amount=D(amount), by=investor, at=at)
        assert not Investment.objects.exists()

    def test_refuses_after_the_deadline(self, offering: Offering, investor: User, at: datetime) -> None:
        with pytest.raises(OfferingNotOpen, match="took commitments until"):
            investments.commit(offering, investor=investor, amount=D("500"), by=investor, at=offering.deadline_at)

    def test_refuses_an_offering_that_was_called_off(
        self, offering: Offering, investor: User, operator: User, at: datetime
    ) -> None:
        offerings.call_off(offering, by=operator, reason="no permit", at=at)
        with pytest.raises(OfferingNotOpen, match="cancelled"):
            investments.commit(offering, investor=investor, amount=D("500"), by=investor, at=at)

    def test_refuses_to_commit_somebody_else(self, offering: Offering, investor: User, at: datetime) -> None:
        with pytest.raises(NotPermitted):
            investments.commit(offering, investor=investor, amount=D("500"), by=factories.make_user("Eve"), at=at)

    @pytest.mark.django_db(transaction=True)
    def test_commitments_at_once_stay_below_the_maximum(self, operator: User, at: datetime) -> None:
        offering = factories.make_offering(operator=operator, at=at, maximum_amount=D("1000.00"))
        people = [factories.make_user(f"Investor {number}") for number in range(8)]

        def commit(person: User) -> str:
            try:
                investments.commit(offering, investor=person, amount=D("300"), by=person, at=at)
            except AboveMaximum:
                return "refused"
            finally:
                close_connections()
            return "committed"

        with ThreadPoolExecutor(8) as pool:
            outcomes = list(pool.map(commit, people))
        assert sorted(outcomes) == ["committed"] * 3 + ["refused"] * 5

    @pytest.mark.django_db(transaction=True)
    def test_one_reference_at_once_commits_once(self, offering: Offering, investor: User, at: datetime) -> None:
        def commit(_: int) -> object:
            try:
                return investments.commit(
                    offering, investor=investor, amount=D("300"), reference="r", by=investor, at=at
                ).pk
            finally:
                close_connections()

        with ThreadPoolExecutor(8) as pool:
            found = set(pool.map(commit, range(8)))
        assert len(found) == 1
        assert Investment.objects.get().investment_amount == D("300.00")


class TestCancel:
    def test_withdraws_a_pending_commitment(self, offering: Offering, investor: User, at: datetime) -> None:
        made = investments.commit(offering, investor=investor, amount=D("500"), by=investor, at=at)
        assert investments.cancel(made, by=investor, reason="changed my mind", at=at).status == "CANCELLED"
        fresh = investments.commit(offering, investor=investor, amount=D("200"), by=investor, at=at)
        assert (fresh.pk != made.pk, fresh.investment_amount) == (True, D("200.00"))

    def test_refuses_what_was_released(
        self, escrow: EscrowAccount, investor: User, operator: User, approver: User, at: datetime
    ) -> None:
        made = investments.commit(escrow.offering, investor=investor, amount=D("2000"), by=investor, at=at)
        arrive(escrow, investor, "2000", reference="SBX-1", at=at)
        factories.close(closings.propose(escrow, by=operator, at=at), approver=approver, at=at)
        with pytest.raises(InvestmentNotPending):
            investments.cancel(made, by=investor, reason="changed my mind", at=at)

    def test_refuses_without_a_reason_and_from_strangers(
        self, offering: Offering, investor: User, at: datetime
    ) -> None:
        made = investments.commit(offering, investor=investor, amount=D("500"), by=investor, at=at)
        with pytest.raises(ReasonMissing):
            investments.cancel(made, by=investor, reason="", at=at)
        with pytest.raises(NotPermitted):
            investments.cancel(made, by=factories.make_user("Eve"), reason="spite", at=at)


ATTACKS = {
    "capital that does not add up": "UPDATE investments SET current_balance = 5",
    "more returned than paid in": "UPDATE investments SET returned_capital = 1, current_balance = -1",
    "an amount below zero": "UPDATE investments SET investment_amount = -5",
    "another investor": "UPDATE investments SET investor_id = gen_random_uuid()",
    "a status it cannot have": "UPDATE investments SET status = 'COMPLETED'",
    "an unknown status": "UPDATE investments SET status = 'DONE'",
    "profits below zero": "UPDATE investments SET profits_paid = -1",
    "deleting it": "DELETE FROM investments",
    "a second one of the same investor": (
        "INSERT INTO investments SELECT (jsonb_populate_record(i, jsonb_build_object('id', gen_random_uuid(),"
        " 'reference', NULL))).* FROM investments i"
    ),
}


class TestTheDatabase:
    @pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS.keys())
    def test_refuses(self, attack: str, offering: Offering, investor: User, at: datetime) -> None:
        investments.commit(offering, investor=investor, amount=D("500"), reference="r", by=investor, at=at)
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(attack)

    def test_refuses_one_reference_on_two_rows(
        self, offering: Offering, investor: User, operator: User, at: datetime
    ) -> None:
        investments.commit(offering, investor=investor, amount=D("500"), reference="r", by=investor, at=at)
        other = factories.make_offering(operator=operator, at=at + timedelta(days=1))
        with pytest.raises(DatabaseError), transaction.atomic():
            Investment.objects.create(
                id=uuid4(), investor=investor, offering=other, investment_amount=D("1"), reference="r"
            )
