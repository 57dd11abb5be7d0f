"""The halves of a reinvestment under attack: raw SQL, threads that race, and workers that are killed in between."""

import signal
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any
from unittest.mock import patch

import pytest
from django.db import DatabaseError, connection, transaction

from distributions.models import Distribution, DistributionAllocation, Reinvestment
from distributions.operations import elections, payouts, reinvestment_movements, sweeps
from escrow import books
from escrow.operations import escrow_accounts, ledger
from finance import entries
from finance.models import SandboxStatementLine, Transaction
from finance.operations import internal_transfers, movements
from realco import clock
from realco.errors import Refusal
from tests import factories
from tests.distributions.deals import NOW
from tests.distributions.reinvesting import Scene, execute, make_scene, move, outbound_of, row_of
from tests.distributions.test_races import at_once
from tests.faults import elsewhere
from tests.stages import staged

WORKER = """
from datetime import timedelta
import django
django.setup()
from finance import tasks
tasks.UNANSWERED_AFTER = timedelta(0)
from distributions.tasks import sweep
tasks.sweep_queued()
tasks.sweep_unanswered()
sweep()
"""


def run(sql: str, *parameters: Any) -> None:
    """Run raw SQL as a transaction of its own, its checks at commit and all."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


@staged
def scene() -> Scene:
    return make_scene()


@pytest.mark.django_db
class TestTheDatabase:
    @staged
    def halves(self, scene: Scene) -> movements.Movement:
        scene.elect()
        return movements.read(outbound_of(execute(scene)).pk)

    @pytest.mark.parametrize("which", ["leaving", "coming"])
    def test_moves_no_half_alone(self, halves: movements.Movement, which: str) -> None:
        half = getattr(halves, which)
        for step in ("PROCESSING", "CANCELLED"):
            with pytest.raises(DatabaseError, match=f"are .*{step}"):
                run("UPDATE transactions SET status = %s WHERE id = %s", step, half.pk)

    def test_moves_both(self, halves: movements.Movement) -> None:
        run("UPDATE transactions SET status = 'PROCESSING' WHERE id IN (%s, %s)", halves.leaving.pk, halves.coming.pk)

    def test_unlinks_and_links_nothing_anew(self, halves: movements.Movement) -> None:
        for value in (None, halves.leaving.pk):
            with pytest.raises(DatabaseError, match="counterpart_id"):
                run("UPDATE transactions SET counterpart_id = %s WHERE id = %s", value, halves.leaving.pk)

    @pytest.mark.parametrize(
        ("column", "value", "words"),
        [
            ("amount", "14999.00", "same amount"),
            ("escrow_account_id", "of the first half", "one escrow account"),
            ("from_user_id", "of somebody else", "same investor"),
            ("counterpart_id", "of a third payment", "name one another|once"),
            ("type", "CAPITAL_CALL", "counterpart_is_internal"),
            ("payment_method", "ACH", "counterpart_is_internal"),
        ],
    )
    def test_takes_no_second_half_that_differs(
        self, scene: Scene, halves: movements.Movement, column: str, value: str, words: str
    ) -> None:
        values: dict[str, object] = {
            "of the first half": halves.leaving.escrow_account_id,
            "of somebody else": scene.deal.investors[1].pk,
            "of a third payment": halves.leaving.pk,
        }
        changed = {"amount": ("amount", "net_amount")}.get(column, (column,))
        with pytest.raises(DatabaseError, match=words), transaction.atomic():
            first, second = _copied(halves.leaving), _copied(halves.coming)
            first.counterpart_id, second.counterpart_id = second.pk, first.pk
            for name in changed:
                setattr(second, name, Decimal(value) if name.endswith("amount") else values.get(value, value))
            first.save(force_insert=True)
            second.save(force_insert=True)
            with connection.cursor() as cursor:
                cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")

    @pytest.mark.parametrize("which", ["leaving", "coming"])
    def test_books_no_half_alone_at_its_bank(self, halves: movements.Movement, which: str) -> None:
        run("UPDATE transactions SET status = 'PROCESSING' WHERE id IN (%s, %s)", halves.leaving.pk, halves.coming.pk)
        half = movements.read(getattr(halves, which).pk)
        postings = [entries.settled(getattr(half, which), bank_reference="SBX-1", on=NOW.date())]
        if which == "coming":
            postings.insert(0, entries.accepted(half.coming, bank_reference="SBX-1", on=NOW.date()))

        with pytest.raises(ledger.LinesDoNotFit, match="settle and come back together"), transaction.atomic():
            ledger.post(postings, by=None, at=NOW)

    def test_says_done_only_when_it_is(self, scene: Scene, halves: movements.Movement) -> None:
        claim = "UPDATE reinvestments SET status = %s, reason = 'x' WHERE outbound_id = %s"
        for status in ("DONE", "CASH", "REVERSED"):
            with pytest.raises(DatabaseError, match=f"{status} when its payments are, and they are QUEUED"):
                run(claim, status, halves.leaving.pk)

    def test_keeps_what_was_elected(self, scene: Scene) -> None:
        election = scene.elect()
        for column, value in (("rate", "0.5"), ("target_offering_id", scene.deal.offering.pk), ("basis", "AMOUNT")):
            with pytest.raises(DatabaseError):
                run(f"UPDATE reinvestment_elections SET {column} = %s WHERE id = %s", value, election.pk)
        with pytest.raises(DatabaseError):
            run("DELETE FROM reinvestment_elections WHERE id = %s", election.pk)

    def test_plans_nothing_that_was_not_elected(self, scene: Scene) -> None:
        election = scene.elect()
        distribution = scene.deal.draw_up("30000.00")
        theirs, others = scene.allocation(distribution), scene.allocation(distribution, 1)
        for allocation, amount in ((others, "10.00"), (theirs, "15000.01")):
            with pytest.raises(DatabaseError, match="a reinvestment is"), transaction.atomic():
                Reinvestment.objects.create(
                    allocation=allocation,
                    election=election,
                    target_offering=scene.target,
                    amount=Decimal(amount),
                )

    def test_takes_no_election_into_what_is_not_open(self, scene: Scene) -> None:
        election = elections.withdraw(scene.elect(), by=scene.investor, at=NOW)
        election.pk = None
        with pytest.raises(DatabaseError, match="raises money"), transaction.atomic():
            type(election).objects.create(
                investor=scene.investor,
                investment=election.investment,
                target_offering=scene.deal.offering,
                basis="ALL",
                elected_by=scene.investor,
                elected_at=NOW,
            )


def _copied(payment: Transaction) -> Transaction:
    """A new row like a payment's, as it begins."""
    fresh = Transaction.objects.get(pk=payment.pk)
    copy = Transaction(
        **{
            field.attname: getattr(fresh, field.attname)
            for field in Transaction._meta.concrete_fields
            if field.attname not in ("id", "status", "is_reserved", "idempotency_key", "created_at")
        }
    )
    copy.idempotency_key = f"copy of {fresh.idempotency_key} {copy.pk}"
    return copy


@pytest.mark.django_db(transaction=True)
@pytest.mark.slow
class TestRaces:
    def test_withdrawing_while_it_is_executed_is_one_or_the_other(self, scene: Scene) -> None:
        election = scene.elect()
        distribution = scene.deal.approve("30000.00")

        works: list[Callable[[], object]] = [
            lambda: payouts.execute(distribution, executor=scene.deal.operator, at=NOW),
            lambda: elections.withdraw(election, by=scene.investor, at=NOW),
        ]
        assert not any(isinstance(result, Refusal) for result in at_once(works))

        row = row_of(scene.allocation(distribution))
        election.refresh_from_db()
        assert election.status == "WITHDRAWN"
        assert row.status in ("MOVING", "CASH")
        kinds = Transaction.objects.filter(distribution=distribution, to_user=scene.investor)
        assert kinds.count() == 1
        assert kinds.get().payment_method == ("ACH" if row.status == "CASH" else "INTERNAL_TRANSFER")

    def test_freezing_the_target_while_it_is_moved_does_both_halves_or_none(self, scene: Scene) -> None:
        scene.elect()
        allocation = execute(scene)
        payment = outbound_of(allocation)
        officer = factories.make_user("Carl Compliance", "Compliance", is_staff=True)

        works: list[Callable[[], object]] = [
            lambda: internal_transfers.process(payment.pk, at=NOW),
            lambda: escrow_accounts.freeze(scene.target_escrow, by=officer, reason="A court order", at=NOW),
        ]
        assert not any(isinstance(result, Refusal) for result in at_once(works))
        sweeps.sweep(at=NOW)

        leaving, coming = movements.read(payment.pk).halves
        assert leaving.status == coming.status
        assert (row_of(allocation).status, leaving.status) in (("DONE", "COMPLETED"), ("CASH", "CANCELLED"))
        assert books.check([scene.deal.escrow.pk, scene.target_escrow.pk]) == []

    def test_moved_by_six_workers_it_is_moved_once(self, scene: Scene) -> None:
        scene.elect("AMOUNT", amount=Decimal("4000.00"))
        allocation = execute(scene)
        payment = outbound_of(allocation)

        def work() -> None:
            internal_transfers.process(payment.pk, at=NOW)
            reinvestment_movements.follow(payment.pk, at=NOW)

        at_once([work] * 6)
        sweeps.sweep(at=NOW)

        assert scene.held() == Decimal("4000.00")
        assert SandboxStatementLine.objects.count() == 2
        paid = Transaction.objects.filter(distribution=allocation.distribution, to_user=scene.investor)
        assert sorted(paid.values_list("amount", flat=True)) == [4000, 11000]

    def test_many_investors_in_two_distributions_wait_for_nobody(self, scene: Scene) -> None:
        for of in range(3):
            scene.elect("AMOUNT", of=of, amount=Decimal("1000.00"))
        both = [scene.deal.approve("30000.00"), scene.deal.approve("45000.00")]

        results = at_once(
            [lambda one=one: payouts.execute(one, executor=scene.deal.operator, at=NOW) for one in both]  # type: ignore[misc]
        )

        assert not any(isinstance(result, Refusal) for result in results)
        assert Reinvestment.objects.filter(status="MOVING").count() == 6


def work(*, stop_at: str = "") -> int:
    """Run a worker's sweeps in a process of its own, and return its exit code."""
    return elsewhere.work(WORKER, stop_at=stop_at)


PLACES = (
    "movement.before_begin",
    "movement.after_begin",
    "movement.after_ask",
    "movement.before_record_commits",
    "reinvestment.after_follow",
)


@pytest.mark.django_db(transaction=True)
@pytest.mark.slow
class TestKilled:
    @pytest.mark.parametrize("place", PLACES)
    def test_between_two_steps_both_halves_are_done_once_all_the_same(self, place: str) -> None:
        scene = make_scene(deadline_at=clock.now() + timedelta(days=30))
        scene.elect("AMOUNT", amount=Decimal("4000.00"))
        allocation = self.queued(scene)

        assert work(stop_at=place) == -signal.SIGKILL
        leaving, coming = movements.read(outbound_of(allocation).pk).halves
        assert leaving.status == coming.status
        assert books.check([scene.deal.escrow.pk, scene.target_escrow.pk]) == []
        for _ in range(2):
            assert work() == 0

        allocation.refresh_from_db()
        assert row_of(allocation).status == "DONE"
        assert scene.held() == Decimal("4000.00")
        lines = SandboxStatementLine.objects.filter(amount__in=["4000.00", "-4000.00"])
        assert sorted(line.amount for line in lines) == [-4000, 4000]
        assert allocation.transaction is not None
        assert allocation.transaction.amount == Decimal("11000.00")
        assert books.check([scene.deal.escrow.pk, scene.target_escrow.pk]) == []

    def test_while_it_is_moved_back_it_is_moved_back_once(self) -> None:
        scene = make_scene(deadline_at=clock.now() + timedelta(days=30))
        scene.elect()
        allocation = self.queued(scene)
        row = move(allocation)
        with (
            patch.object(reinvestment_movements, "_move_back", side_effect=KeyboardInterrupt),
            pytest.raises(KeyboardInterrupt),
        ):
            reinvestment_movements.reverse(row, by=scene.deal.operator, reason="By mistake", at=NOW)
        assert scene.held("HELD") == Decimal("15000.00")
        assert scene.held() == 0

        assert work(stop_at="movement.after_move_back") == -signal.SIGKILL
        assert work() == 0

        leaving, coming = movements.read(outbound_of(allocation).pk).halves
        assert leaving.status == coming.status == "REVERSED"
        assert row_of(allocation).status == "REVERSED"
        assert SandboxStatementLine.objects.count() == 4
        assert books.check([scene.deal.escrow.pk, scene.target_escrow.pk]) == []

    def queued(self, scene: Scene) -> DistributionAllocation:
        """An allocation whose reinvestment waits for a worker; nobody else has a payment yet."""
        distribution: Distribution = scene.deal.approve("30000.00")
        payouts.execute(distribution, executor=scene.deal.operator, at=NOW)
        return scene.allocation(distribution)
