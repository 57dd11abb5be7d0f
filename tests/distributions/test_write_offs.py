"""Write-offs: an allocation that cannot be paid for good ends, by two people, once, and is never paid."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from django.test import Client
from django.urls import reverse

from distributions.models import AllocationWriteOff, Distribution, DistributionAllocation
from distributions.operations import payouts, sweeps, withholdings, write_offs
from distributions.operations.distributions import ReasonMissing
from distributions.operations.payouts import NothingToRetry
from distributions.operations.write_offs import (
    ApproverIsProposer,
    CanBePaid,
    NotWaiting,
    PayeeDecides,
    WriteOffNotProposed,
    WriteOffProposed,
)
from distributions.queries import capital_accounts, deductions, investor_distributions, statements
from distributions.queries import distributions as queries
from distributions.queries.statements import Quarter, WrittenOff
from escrow import books
from finance.models import Transaction
from finance.operations import bank_accounts, retries, transactions
from realco.errors import NotPermitted, Refusal
from realco.models import User
from tests import factories
from tests.distributions.deals import EXIT, NOW, Deal, arrive, bounce, make_deal, standing
from tests.distributions.test_races import at_once, refused
from tests.stages import staged

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
LATER = NOW + timedelta(minutes=5)


@staged
def deal() -> Deal:
    deal = make_deal()
    deal.earn("1700000.00")
    return deal


def gone(deal: Deal, number: int = 0) -> None:
    """Nobody knows where this person banks any more."""
    for account in deal.investors[number].bank_accounts.all():
        bank_accounts.suspend(account, by=deal.operator, reason="Mail came back", at=NOW)


def row_of(distribution: Distribution, deal: Deal, number: int = 0) -> DistributionAllocation:
    return distribution.allocations.get(investor=deal.investors[number])


def waiting(deal: Deal, amount: str = "1000.00") -> DistributionAllocation:
    """An allocation that waits, of a distribution that has reached everybody else."""
    gone(deal)
    distribution = deal.execute(amount)
    for row in standing(distribution):
        if row.investor != deal.investors[0]:
            arrive(row)
    return row_of(distribution, deal)


def proposed(deal: Deal, row: DistributionAllocation) -> AllocationWriteOff:
    return write_offs.propose(row, reason="Nobody knows where she lives", by=deal.operator, at=NOW)


def written_off(deal: Deal, row: DistributionAllocation) -> DistributionAllocation:
    write_offs.approve(proposed(deal, row), approver=deal.approver, at=LATER)
    connection.check_constraints()
    row.refresh_from_db()
    return row


class TestApprove:
    def test_ends_it_and_lets_the_distribution_complete(self, deal: Deal) -> None:
        row = waiting(deal)
        assert (row.distribution.status, queries.available(deal.escrow.pk)) == ("PROCESSING", Decimal("1699000.00"))

        row = written_off(deal, row)

        assert (row.status, row.written_off_at, row.get_status_display()) == ("CANCELLED", LATER, "Written off")
        assert Distribution.objects.get().status == "COMPLETED"
        assert queries.available(deal.escrow.pk) == Decimal("1699500.00")
        assert books.check([deal.escrow.pk]) == []

    def test_is_never_paid(self, deal: Deal) -> None:
        row = written_off(deal, waiting(deal))
        factories.make_bank_account(deal.investors[0], verifier=deal.operator, at=LATER, number="000999999991")

        assert sweeps.sweep(at=LATER) == 0
        with pytest.raises(NothingToRetry):
            payouts.retry_failed(row.distribution, by=deal.operator, at=LATER)

        assert not Transaction.objects.filter(distribution=row.distribution, to_user=deal.investors[0]).exists()

    def test_takes_a_failed_payment_with_it(self, deal: Deal) -> None:
        distribution = deal.execute("1000.00")
        rows = standing(distribution)
        mine = next(row for row in rows if row.investor == deal.investors[0])
        bounce(mine)
        for row in rows:
            if row != mine:
                arrive(row)

        mine = written_off(deal, mine)

        assert mine.transaction is not None
        payment = Transaction.objects.get(pk=mine.transaction.pk)
        assert (mine.status, payment.status) == ("CANCELLED", "CANCELLED")
        with pytest.raises(Refusal):
            retries.retry(payment, by=deal.operator, at=LATER)
        assert Distribution.objects.get().status == "COMPLETED"
        assert books.check([deal.escrow.pk]) == []

    def test_to_the_waterfall_it_was_not_paid(self, deal: Deal) -> None:
        written_off(deal, waiting(deal))

        again = deal.draw_up("1000.00", at=LATER)

        shares = {row.investor: row.preferred_return for row in standing(again)}
        # What was written off is owed to her first of all; the rest goes by what is owed to each.
        assert shares[deal.investors[0]] > 500
        assert sum(shares.values()) == 1000
        accounts = capital_accounts.accounts(deal.offering, on=EXIT)
        assert [one.preferred_paid for one in accounts] == [0, 300, 200]
        assert [one.drifts for one in accounts] == [(), (), ()]

    def test_the_last_of_a_distribution_may_be_written_off_too(self, deal: Deal) -> None:
        for number in range(3):
            gone(deal, number)
        distribution = deal.execute("1000.00")
        for number in range(3):
            written_off(deal, row_of(distribution, deal, number))

        distribution.refresh_from_db()
        assert distribution.status == "COMPLETED"
        assert queries.available(deal.escrow.pk) == 1_700_000
        shares = {row.investor: row.preferred_return for row in standing(deal.draw_up("1000.00", at=LATER))}
        assert [shares[one] for one in deal.investors] == [500, 300, 200]

    def test_is_counted_apart(self, deal: Deal) -> None:
        row = written_off(deal, waiting(deal))

        progress, stages = queries.progress(row.distribution), queries.stages(row.distribution)

        assert (progress.total, progress.paid, progress.waiting, progress.written_off) == (2, 2, 0, 1)
        assert progress.amount_written_off == 500
        assert (stages.total, stages.written_off, stages.is_running) == (2, 1, False)


class TestDeductions:
    @staged
    def row(self, deal: Deal) -> DistributionAllocation:
        withholdings.set_rate(
            deal.investors[0], rate=Decimal("0.24"), reason="W-8BEN", effective_from=EXIT, by=deal.operator, at=NOW
        )
        return waiting(deal)

    def test_nothing_was_withheld_of_what_was_not_paid(self, deal: Deal, row: DistributionAllocation) -> None:
        written_off(deal, row)

        assert deductions.deducted(row.distribution, "WITHHOLDING").taken_amount == 0
        assert queries.available(deal.escrow.pk) == Decimal("1699500.00")

    def test_what_was_remitted_stays_taken_off(self, deal: Deal, row: DistributionAllocation) -> None:
        account = deal.offering.organization.bank_accounts.get()
        distribution = Distribution.objects.get()
        payment = withholdings.remit(distribution, kind="WITHHOLDING", bank_account=account, by=deal.operator, at=NOW)
        factories.play(transactions.approve(payment, approver=deal.approver, at=NOW), at=NOW)

        written_off(deal, row)

        assert AllocationWriteOff.objects.get().keeps_deductions
        assert deductions.deducted(distribution, "WITHHOLDING").taken_amount == 120
        assert deductions.deducted(distribution, "WITHHOLDING").due_amount == 0
        assert queries.available(deal.escrow.pk) == Decimal("1699380.00")


class TestTheInvestor:
    def test_still_sees_it_and_has_no_statement_of_it(self, deal: Deal) -> None:
        row = written_off(deal, waiting(deal))
        investor = deal.investors[0]

        assert [one.pk for one in investor_distributions.of(investor)] == [row.pk]
        assert investor_distributions.written_off_because(row) == "Nobody knows where she lives"
        assert queries.visible_to(investor).exists()
        assert statements.quarters(investor_distributions.of(investor)) == []
        assert statements.of_quarter(investor, Quarter(EXIT.year, 4)).entries == []
        with pytest.raises(WrittenOff):
            statements.of_allocation(row)

    def test_reads_on_their_page_that_it_waits_and_then_that_it_was_written_off(
        self, deal: Deal, client: Client
    ) -> None:
        row = waiting(deal)
        client.force_login(deal.investors[0])
        address = reverse("portal:distribution", args=[row.pk])
        page = client.get(address).content.decode()
        assert "its money is kept for you. You have no verified bank account" in page

        written_off(deal, row)

        page = client.get(address).content.decode()
        for words in ("This was written off on", "Nobody knows where she lives", "Written off, not paid", "$0.00"):
            assert words in page
        assert client.get(reverse("portal:distribution_statement", args=[row.pk])).status_code == 404
        assert "Written off" in client.get(reverse("portal:distributions")).content.decode()


class TestRefusals:
    def test_while_it_can_be_paid(self, deal: Deal) -> None:
        row = waiting(deal)
        write_off = proposed(deal, row)
        factories.make_bank_account(deal.investors[0], verifier=deal.operator, at=NOW, number="000999999991")

        with pytest.raises(CanBePaid):
            write_offs.approve(write_off, approver=deal.approver, at=LATER)
        sweeps.sweep(at=LATER)
        with pytest.raises(NotWaiting):
            write_offs.approve(write_off, approver=deal.approver, at=LATER)

        row.refresh_from_db()
        assert row.status == "PROCESSING"
        write_offs.withdraw(write_off, by=deal.operator, reason="She was found", at=LATER)

    def test_of_what_is_paid_or_not_executed(self, deal: Deal) -> None:
        draft = deal.draw_up("1000.00")
        with pytest.raises(NotWaiting):
            proposed(deal, row_of(draft, deal))
        paid = deal.pay("1000.00")
        with pytest.raises(NotWaiting):
            proposed(deal, row_of(paid, deal))

    def test_of_the_same_person_or_the_payee(self, deal: Deal) -> None:
        row = waiting(deal)
        payee = deal.investors[0]
        payee.groups.add(factories.make_group("Operations"), factories.make_group("Approvers"))
        with pytest.raises(PayeeDecides):
            write_offs.propose(row, reason="Mine", by=payee, at=NOW)
        deal.operator.groups.add(factories.make_group("Approvers"))
        write_off = proposed(deal, row)
        with pytest.raises(ApproverIsProposer):
            write_offs.approve(write_off, approver=User.objects.get(pk=deal.operator.pk), at=NOW)
        with pytest.raises(PayeeDecides):
            write_offs.approve(write_off, approver=payee, at=NOW)

    def test_without_reason_permission_or_twice(self, deal: Deal) -> None:
        row = waiting(deal)
        with pytest.raises(ReasonMissing):
            write_offs.propose(row, reason=" ", by=deal.operator, at=NOW)
        with pytest.raises(NotPermitted):
            write_offs.propose(row, reason="Why", by=deal.approver, at=NOW)
        write_off = proposed(deal, row)
        with pytest.raises(WriteOffProposed):
            proposed(deal, row)
        with pytest.raises(NotPermitted):
            write_offs.withdraw(write_off, by=deal.investors[1], reason="Why", at=NOW)
        with pytest.raises(ReasonMissing):
            write_offs.withdraw(write_off, by=deal.approver, reason="", at=NOW)
        write_offs.withdraw(write_off, by=deal.approver, reason="Ask her sister first", at=NOW)
        with pytest.raises(WriteOffNotProposed):
            write_offs.approve(write_off, approver=deal.approver, at=NOW)
        assert proposed(deal, row).status == "PROPOSED"


class TestTheDatabase:
    def refuses(self, sql: str, *values: Any) -> bool:
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(sql, list(values))
                cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        except DatabaseError:
            return True
        return False

    def test_ends_nothing_that_two_people_have_not_ended(self, deal: Deal) -> None:
        row = waiting(deal)
        end = "UPDATE distribution_allocations SET status = 'CANCELLED', written_off_at = now() WHERE id = %s"
        assert self.refuses(end, row.pk)
        proposed(deal, row)
        assert self.refuses(end, row.pk)
        execute = "UPDATE allocation_write_offs SET status = 'EXECUTED', executed_at = now(), approved_by_id = %s"
        assert self.refuses(execute, deal.operator.pk)
        assert self.refuses(execute, deal.investors[0].pk)
        assert self.refuses(execute, deal.approver.pk)  # Its allocation has not ended.

    @pytest.mark.parametrize(
        "change",
        [
            "UPDATE distribution_allocations SET status = 'PENDING', written_off_at = NULL WHERE id = %s",
            "UPDATE distribution_allocations SET status = 'PROCESSING', written_off_at = NULL WHERE id = %s",
            "UPDATE distribution_allocations SET written_off_at = NULL WHERE id = %s",
            "UPDATE distribution_allocations SET written_off_at = now() WHERE id = %s",
            "UPDATE allocation_write_offs SET status = 'WITHDRAWN', approved_by_id = NULL, executed_at = NULL"
            " WHERE allocation_id = %s",
            "UPDATE allocation_write_offs SET keeps_deductions = true WHERE allocation_id = %s",
            "DELETE FROM allocation_write_offs WHERE allocation_id = %s",
        ],
    )
    def test_keeps_what_was_written_off(self, deal: Deal, change: str) -> None:
        row = written_off(deal, waiting(deal))
        assert self.refuses(change, row.pk)

    def test_keeps_a_failed_payment_from_being_sent_afterwards(self, deal: Deal) -> None:
        distribution = deal.execute("1000.00")
        row = row_of(distribution, deal)
        bounce(row)
        proposed(deal, row)
        both = (
            "UPDATE allocation_write_offs SET status = 'EXECUTED', executed_at = now(), approved_by_id = %s;"
            "UPDATE distribution_allocations SET status = 'CANCELLED', written_off_at = now() WHERE status = 'FAILED'"
        )
        assert self.refuses(both, deal.approver.pk)


@pytest.mark.django_db(transaction=True)
@pytest.mark.slow
class TestRaces:
    def approving(self, write_off: AllocationWriteOff, deal: Deal) -> list[Callable[[], object]]:
        people = (deal.approver, deal.second_approver)
        return [lambda one=one: write_offs.approve(write_off, approver=one, at=LATER) for one in people]  # type: ignore[misc]

    @pytest.mark.parametrize("attempt", range(4))
    def test_it_is_paid_or_written_off_but_never_both(self, deal: Deal, attempt: int) -> None:
        row = waiting(deal)
        write_off = proposed(deal, row)

        def found() -> object:
            factories.make_bank_account(deal.investors[0], verifier=deal.operator, at=LATER, number="000999999991")
            return sweeps.sweep(at=LATER)

        at_once([*self.approving(write_off, deal), found, lambda: sweeps.sweep(at=LATER)])
        sweeps.sweep(at=LATER)

        row.refresh_from_db()
        payments = Transaction.objects.filter(distribution=row.distribution, to_user=deal.investors[0]).count()
        write_off.refresh_from_db()
        assert (row.status, payments, write_off.status) in [("CANCELLED", 0, "EXECUTED"), ("PROCESSING", 1, "PROPOSED")]
        assert books.check([deal.escrow.pk]) == []

    @pytest.mark.parametrize("attempt", range(4))
    def test_a_retry_at_the_same_moment_pays_or_finds_nothing(self, deal: Deal, attempt: int) -> None:
        distribution = deal.execute("1000.00")
        row = row_of(distribution, deal)
        bounce(row)
        factories.make_bank_account(deal.investors[0], verifier=deal.operator, at=NOW, number="000999999991")
        write_off = proposed(deal, row)

        def retry() -> object:
            return payouts.retry_failed(distribution, by=deal.operator, at=LATER)

        results = at_once([*self.approving(write_off, deal), retry])

        row.refresh_from_db()
        live = Transaction.objects.filter(distribution=distribution, to_user=deal.investors[0], status="QUEUED").count()
        assert refused(results) == 2
        assert (row.status, live) in [("CANCELLED", 0), ("PROCESSING", 1)]
        assert books.check([deal.escrow.pk]) == []
