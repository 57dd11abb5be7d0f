"""Reinvestments that come back, in whatever order it is learnt; accounts and elections that stand in the way."""

from datetime import datetime, timedelta
from decimal import Decimal
from importlib import import_module
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction

from compliance.operations import profiles
from distributions.models import DistributionAllocation, Reinvestment, ReinvestmentElection
from distributions.operations import allocations, payouts, reinvestment_movements, sweeps, write_offs
from distributions.operations.reinvestment_movements import NotReinvested
from distributions.queries import distributions as queries
from escrow import books
from escrow.operations import escrow_accounts
from escrow.operations.ledger import EscrowNotOpen
from finance.models import BankAccount, Transaction
from finance.operations import internal_returns, internal_transfers, movements, retries, settlements, transactions
from realco.models import User
from tests import factories
from tests.distributions.deals import NOW, arrive, bounce, come_back, payment_of
from tests.distributions.reinvesting import Scene, execute, make_scene, move, outbound_of, row_of
from tests.distributions.test_races import at_once
from tests.stages import staged

pytestmark = pytest.mark.slow

WHOLE, PART = Decimal("15000.00"), Decimal("4000.00")
REST = WHOLE - PART
CHOICES: list[tuple[str, dict[str, Any]]] = [("ALL", {}), ("AMOUNT", {"amount": PART})]
LATER = NOW + timedelta(days=91)
"""The target takes no more money."""


@staged
def scene() -> Scene:
    return make_scene()


def moved_back(payment: Transaction) -> None:
    """The bank moves a movement back by itself, and it is recorded; nobody has followed it yet."""
    internal_returns.record_returned(payment.pk, code="R02", message="Moved back", effective_date=NOW.date(), at=NOW)


def reverse(scene: Scene, row: Reinvestment, *, at: datetime = NOW) -> None:
    reinvestment_movements.reverse(row, by=scene.deal.operator, reason="By mistake", at=at)


def retry(scene: Scene, allocation: DistributionAllocation) -> Transaction:
    """Pay again, now that the account that a bank had refused is good again."""
    BankAccount.objects.update(status="VERIFIED")
    payouts.retry_failed(allocation.distribution, by=scene.deal.operator, at=NOW)
    return payment_of(allocation)


def returned(payment: Transaction) -> None:
    """The payee's bank returns money that had arrived; nobody has followed it yet."""
    settlements.record_returned(payment.attempt_key, code="R02", message="", effective_date=NOW.date(), at=NOW)


def both_paid(scene: Scene, allocation: DistributionAllocation) -> tuple[Transaction, Transaction]:
    """The rest arrives, the reinvested part is moved back, and arrives in cash too; the payments of both."""
    row = move(allocation)
    arrive(allocation)
    rest = payment_of(allocation)
    reverse(scene, row)
    part = retry(scene, allocation)
    arrive(allocation)
    assert (rest.amount, part.amount, states(allocation)) == (REST, PART, ("REVERSED", "COMPLETED"))
    rest.refresh_from_db()
    part.refresh_from_db()
    return rest, part


def states(allocation: DistributionAllocation) -> tuple[str, str]:
    allocation.refresh_from_db()
    return row_of(allocation).status, allocation.status


def check_books(scene: Scene) -> None:
    assert books.check([scene.deal.escrow.pk, scene.target_escrow.pk]) == []


def compliance() -> User:
    return factories.make_user("Carl Compliance", "Compliance", is_staff=True)


@pytest.mark.django_db
class TestAllOfIt:
    @staged
    def allocation(self, scene: Scene) -> DistributionAllocation:
        scene.elect()
        allocation = execute(scene)
        move(allocation)
        return allocation

    def test_is_not_lost_when_its_payment_is_followed_first(
        self, scene: Scene, allocation: DistributionAllocation
    ) -> None:
        payment = outbound_of(allocation)
        moved_back(payment)

        allocations.follow(payment.pk, at=NOW)
        assert reinvestment_movements.follow(payment.pk, at=NOW)

        assert states(allocation) == ("REVERSED", "FAILED")
        assert retry(scene, allocation).amount == WHOLE
        arrive(allocation)
        assert states(allocation) == ("REVERSED", "COMPLETED")
        check_books(scene)

    def test_keeps_nobody_else_from_being_retried(self, scene: Scene, allocation: DistributionAllocation) -> None:
        other = scene.allocation(allocation.distribution, 1)
        bounce(other)
        moved_back(outbound_of(allocation))

        retry(scene, allocation)

        assert payment_of(other).status == "QUEUED"
        sweeps.sweep(at=NOW)
        assert states(allocation) == ("REVERSED", "FAILED")
        assert retry(scene, allocation).amount == WHOLE

    def test_is_found_again_where_it_was_lost(self, scene: Scene, allocation: DistributionAllocation) -> None:
        moved_back(outbound_of(allocation))
        with connection.cursor() as cursor:
            cursor.execute("UPDATE distribution_allocations SET status = 'FAILED' WHERE id = %s", [allocation.pk])

        sweeps.sweep(at=NOW)

        assert states(allocation) == ("REVERSED", "FAILED")
        assert retry(scene, allocation).amount == WHOLE


@pytest.mark.django_db
class TestBeforeItWasFollowed:
    @pytest.mark.parametrize(("basis", "figure"), CHOICES)
    def test_it_is_paid_in_cash_with_one_payment(self, scene: Scene, basis: str, figure: dict[str, Any]) -> None:
        scene.elect(basis, **figure)
        allocation = execute(scene)
        payment = outbound_of(allocation)
        internal_transfers.process(payment.pk, at=NOW)
        moved_back(payment)

        assert reinvestment_movements.follow(payment.pk, at=NOW)

        assert states(allocation) == ("REVERSED", "PROCESSING")
        assert payment_of(allocation).amount == WHOLE
        check_books(scene)


@pytest.mark.django_db
class TestWhileTheRest:
    @staged
    def allocation(self, scene: Scene) -> DistributionAllocation:
        scene.elect("AMOUNT", amount=PART)
        return execute(scene)

    def test_waits_all_of_it_is_paid_once_it_can_be(self, scene: Scene, allocation: DistributionAllocation) -> None:
        scene.investor.bank_accounts.update(status="SUSPENDED")
        row = move(allocation)
        assert states(allocation) == ("DONE", "PENDING")

        reverse(scene, row)

        assert states(allocation) == ("REVERSED", "PENDING")
        scene.investor.bank_accounts.update(status="VERIFIED")
        payouts.pay_waiting(allocation.distribution_id, at=NOW)
        assert payment_of(allocation).amount == WHOLE
        check_books(scene)

    def test_waits_for_good_it_can_be_written_off(self, scene: Scene, allocation: DistributionAllocation) -> None:
        scene.investor.bank_accounts.update(status="SUSPENDED")
        reverse(scene, move(allocation))

        one = write_offs.propose(allocation, reason="Nobody knows where", by=scene.deal.operator, at=NOW)
        write_offs.approve(one, approver=scene.deal.approver, at=NOW)

        assert states(allocation) == ("REVERSED", "CANCELLED")
        check_books(scene)

    def test_has_failed_one_payment_takes_its_place(self, scene: Scene, allocation: DistributionAllocation) -> None:
        row = move(allocation)
        bounce(allocation)
        failed = payment_of(allocation)
        assert (failed.status, failed.amount) == ("FAILED", REST)

        reverse(scene, row)

        assert states(allocation) == ("REVERSED", "FAILED")
        failed.refresh_from_db()
        assert failed.status == "CANCELLED"
        assert retry(scene, allocation).amount == WHOLE
        arrive(allocation)
        assert states(allocation) == ("REVERSED", "COMPLETED")
        check_books(scene)

    def test_came_back_too_all_of_it_is_paid(self, scene: Scene, allocation: DistributionAllocation) -> None:
        row = move(allocation)
        arrive(allocation)
        come_back(payment_of(allocation).pk, at=NOW)
        assert states(allocation) == ("DONE", "FAILED")

        reverse(scene, row)

        assert states(allocation) == ("REVERSED", "FAILED")
        assert retry(scene, allocation).amount == WHOLE
        check_books(scene)

    def test_has_failed_the_bank_moves_it_back_by_itself(
        self, scene: Scene, allocation: DistributionAllocation
    ) -> None:
        move(allocation)
        bounce(allocation)
        moved_back(outbound_of(allocation))

        assert reinvestment_movements.follow(outbound_of(allocation).pk, at=NOW)

        assert states(allocation) == ("REVERSED", "FAILED")
        assert retry(scene, allocation).amount == WHOLE

    def test_is_tried_again_meanwhile_it_is_waited_for(self, scene: Scene, allocation: DistributionAllocation) -> None:
        move(allocation)
        bounce(allocation, code="PROVIDER_ERROR")
        moved_back(outbound_of(allocation))

        sweeps.sweep(at=NOW)
        assert states(allocation) == ("DONE", "PROCESSING")
        retries.retry(payment_of(allocation), by=scene.deal.operator, at=NOW)
        assert retries.requeue(payment_of(allocation).pk, at=NOW)
        arrive(allocation)
        sweeps.sweep(at=NOW)

        assert states(allocation) == ("REVERSED", "FAILED")
        assert retry(scene, allocation).amount == PART
        arrive(allocation)
        check_books(scene)

    def test_is_at_a_bank_a_person_waits_for_it(self, scene: Scene, allocation: DistributionAllocation) -> None:
        row = move(allocation)

        with pytest.raises(NotReinvested, match="under way"):
            reverse(scene, row)

    def test_arrived_only_the_part_is_paid_however_often_it_fails(
        self, scene: Scene, allocation: DistributionAllocation
    ) -> None:
        row = move(allocation)
        arrive(allocation)
        paid = payment_of(allocation)
        reverse(scene, row)

        assert row_of(allocation).paid_before == paid
        assert retry(scene, allocation).amount == PART
        bounce(allocation)
        assert retry(scene, allocation).amount == PART
        check_books(scene)

    def test_had_arrived_before_that_was_kept_the_migration_finds_it(
        self, scene: Scene, allocation: DistributionAllocation
    ) -> None:
        row = move(allocation)
        arrive(allocation)
        paid = payment_of(allocation)
        reverse(scene, row, at=LATER)
        migration = import_module("distributions.migrations.0061_reinvestments_that_come_back")
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            cursor.execute("ALTER TABLE reinvestments DISABLE TRIGGER pgtrigger_written_once_e6536")
            cursor.execute("UPDATE reinvestments SET paid_before_id = NULL")
            cursor.execute("ALTER TABLE reinvestments ENABLE TRIGGER pgtrigger_written_once_e6536")
            assert row_of(allocation).paid_before is None
            cursor.execute(migration._FIND_WHAT_WAS_PAID)

        assert row_of(allocation).paid_before == paid

    def test_comes_back_later_all_of_it_is_owed(self, scene: Scene, allocation: DistributionAllocation) -> None:
        before = queries.available(scene.deal.escrow.pk)
        row = move(allocation)
        arrive(allocation)
        paid = payment_of(allocation)
        reverse(scene, row)
        assert queries.available(scene.deal.escrow.pk) == before

        come_back(paid.pk, at=NOW)

        assert queries.available(scene.deal.escrow.pk) == before
        assert retry(scene, allocation).amount == WHOLE

    def test_comes_back_after_the_part_was_paid_only_the_rest_is_owed(
        self, scene: Scene, allocation: DistributionAllocation
    ) -> None:
        before = queries.available(scene.deal.escrow.pk)
        rest, part = both_paid(scene, allocation)

        returned(rest)
        assert queries.available(scene.deal.escrow.pk) == before
        assert reinvestment_movements.follow(rest.pk, at=NOW)
        assert not reinvestment_movements.follow(rest.pk, at=NOW)

        assert states(allocation) == ("REVERSED", "FAILED")
        assert "came back" in allocation.failure_reason
        assert queries.available(scene.deal.escrow.pk) == before
        again = retry(scene, allocation)
        assert (again.amount, again.replaces) == (REST, rest)
        arrive(allocation)
        assert states(allocation) == ("REVERSED", "COMPLETED")

        returned(part)
        assert sweeps.sweep(at=NOW)
        assert states(allocation) == ("REVERSED", "FAILED")
        assert retry(scene, allocation).amount == PART
        arrive(allocation)
        assert (sweeps.sweep(at=NOW), states(allocation)) == (0, ("REVERSED", "COMPLETED"))
        assert queries.available(scene.deal.escrow.pk) == before
        check_books(scene)

    def test_comes_back_while_the_part_is_paid_the_sweep_owes_it_afterwards(
        self, scene: Scene, allocation: DistributionAllocation
    ) -> None:
        before = queries.available(scene.deal.escrow.pk)
        row = move(allocation)
        arrive(allocation)
        rest = payment_of(allocation)
        reverse(scene, row)
        retry(scene, allocation)

        returned(rest)
        assert not reinvestment_movements.follow(rest.pk, at=NOW)
        assert queries.available(scene.deal.escrow.pk) == before
        BankAccount.objects.update(status="VERIFIED")
        arrive(allocation)
        sweeps.sweep(at=NOW)

        assert states(allocation) == ("REVERSED", "FAILED")
        assert retry(scene, allocation).amount == REST
        check_books(scene)

    def test_and_the_part_come_back_all_of_it_is_owed(self, scene: Scene, allocation: DistributionAllocation) -> None:
        before = queries.available(scene.deal.escrow.pk)
        for payment in both_paid(scene, allocation):
            returned(payment)
        assert queries.available(scene.deal.escrow.pk) == before

        sweeps.sweep(at=NOW)

        assert states(allocation) == ("REVERSED", "FAILED")
        assert retry(scene, allocation).amount == WHOLE
        assert queries.available(scene.deal.escrow.pk) == before
        arrive(allocation)
        assert (sweeps.sweep(at=NOW), states(allocation)) == (0, ("REVERSED", "COMPLETED"))

    def test_was_another_payment_the_database_refuses_to_say_so(
        self, scene: Scene, allocation: DistributionAllocation
    ) -> None:
        scene.investor.bank_accounts.update(status="SUSPENDED")
        reverse(scene, move(allocation))
        other = scene.allocation(allocation.distribution, 1)
        for payment_id in (outbound_of(allocation).pk, payment_of(other).pk):
            with (
                pytest.raises(DatabaseError, match="the rest of its allocation"),
                transaction.atomic(),
                connection.cursor() as cursor,
            ):
                cursor.execute(
                    "UPDATE reinvestments SET paid_before_id = %s WHERE allocation_id = %s", [payment_id, allocation.pk]
                )


@pytest.mark.django_db
class TestAvailable:
    def test_promises_what_a_bank_has_returned_and_nobody_followed(self, scene: Scene) -> None:
        """Or a second distribution could take the money within those seconds."""
        allocation = execute(scene)
        arrive(allocation)
        promised = queries.available(scene.deal.escrow.pk)

        returned(payment_of(allocation))

        allocation.refresh_from_db()
        assert (allocation.status, payment_of(allocation).status) == ("COMPLETED", "REVERSED")
        assert queries.available(scene.deal.escrow.pk) == promised
        allocations.follow(payment_of(allocation).pk, at=NOW)
        assert queries.available(scene.deal.escrow.pk) == promised

    def test_promises_the_rest_that_a_bank_has_returned_and_nobody_followed(self, scene: Scene) -> None:
        scene.elect("AMOUNT", amount=PART)
        allocation = execute(scene)
        move(allocation)
        arrive(allocation)
        promised = queries.available(scene.deal.escrow.pk)

        returned(payment_of(allocation))

        assert queries.available(scene.deal.escrow.pk) == promised
        allocations.follow(payment_of(allocation).pk, at=NOW)
        assert queries.available(scene.deal.escrow.pk) == promised
        assert retry(scene, allocation).amount == REST

    def test_promises_what_was_cancelled_and_not_followed(self, scene: Scene) -> None:
        scene.elect()
        allocation = execute(scene)
        promised = queries.available(scene.deal.escrow.pk)
        coming = movements.read(outbound_of(allocation).pk).coming

        transactions.cancel(coming, by=scene.investor, reason="I would rather have it", at=NOW)

        assert row_of(allocation).status == "MOVING"
        assert queries.available(scene.deal.escrow.pk) == promised
        reinvestment_movements.follow(coming.pk, at=NOW)
        assert queries.available(scene.deal.escrow.pk) == promised

    @pytest.mark.parametrize("is_followed", [True, False])
    @pytest.mark.parametrize(("basis", "figure"), CHOICES)
    def test_promises_what_came_back_and_was_not_followed(
        self, scene: Scene, basis: str, figure: dict[str, Any], is_followed: bool
    ) -> None:
        scene.elect(basis, **figure)
        allocation = execute(scene)
        promised = queries.available(scene.deal.escrow.pk)
        if is_followed:
            move(allocation)
        internal_transfers.process(outbound_of(allocation).pk, at=NOW)
        assert queries.available(scene.deal.escrow.pk) == promised

        moved_back(outbound_of(allocation))

        assert row_of(allocation).status == ("DONE" if is_followed else "MOVING")
        assert queries.available(scene.deal.escrow.pk) == promised
        sweeps.sweep(at=NOW)
        assert queries.available(scene.deal.escrow.pk) == promised


@pytest.mark.django_db
class TestAFrozenSource:
    def test_is_waited_for_and_gives_no_plan_up(self, scene: Scene) -> None:
        officer = compliance()
        scene.elect()
        profile = profiles.restrict(scene.investor.investor_profile, by=officer, reason="A court order", at=NOW)
        allocation = execute(scene)
        scene.investor.bank_accounts.update(status="SUSPENDED")
        account = escrow_accounts.freeze(scene.deal.escrow, by=officer, reason="A court order", at=NOW)
        profiles.lift(profile, by=officer, reason="The order was lifted", at=NOW)

        with pytest.raises(EscrowNotOpen):
            payouts.pay_waiting(allocation.distribution_id, at=NOW)

        assert states(allocation) == ("PLANNED", "PENDING")
        escrow_accounts.unfreeze(account, by=officer, reason="The order was lifted", at=NOW)
        payouts.pay_waiting(allocation.distribution_id, at=NOW)
        assert move(allocation).status == "DONE"
        check_books(scene)


def refuse_to_end(election: ReinvestmentElection) -> None:
    """Have the database fail whenever this election is changed, as it would for a row that breaks a rule."""
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE FUNCTION pg_temp.fails() RETURNS trigger LANGUAGE plpgsql"
            " AS $$ BEGIN RAISE EXCEPTION 'a bad row'; END $$"
        )
        cursor.execute(
            "CREATE TRIGGER a_bad_row BEFORE UPDATE ON reinvestment_elections FOR EACH ROW"
            f" WHEN (OLD.id = '{election.pk}') EXECUTE FUNCTION pg_temp.fails()"
        )


class TestElectionsThatEnd:
    @pytest.mark.django_db
    def test_one_that_fails_stops_neither_the_others_nor_the_sweep(self, scene: Scene) -> None:
        first, second = scene.elect(of=0), scene.elect(of=1)
        allocation = scene.allocation(
            payouts.execute(scene.deal.approve("30000.00"), executor=scene.deal.operator, at=NOW), 2
        )
        payment = factories.play(payment_of(allocation), at=NOW)
        refuse_to_end(first)

        sweeps.sweep(at=LATER)

        statuses = [ReinvestmentElection.objects.get(pk=one.pk).status for one in (first, second)]
        assert statuses == ["ACTIVE", "ENDED"]
        allocation.refresh_from_db()
        assert (payment.status, allocation.status) == ("COMPLETED", "COMPLETED")

    @pytest.mark.django_db(transaction=True)
    def test_one_that_is_locked_is_left_for_the_next_round(self, scene: Scene) -> None:
        first, second = scene.elect(of=0), scene.elect(of=1)

        with transaction.atomic():
            ReinvestmentElection.objects.select_for_update().get(pk=first.pk)
            assert at_once([lambda: reinvestment_movements.sweep(at=LATER)]) == [1]

        assert reinvestment_movements.sweep(at=LATER) == 1
        statuses = [ReinvestmentElection.objects.get(pk=one.pk).status for one in (first, second)]
        assert statuses == ["ENDED", "ENDED"]
