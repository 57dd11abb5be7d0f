"""Going on with distributions: what is retried, resumed after a crash, and caught up with."""

from datetime import timedelta
from unittest.mock import patch

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from distributions.operations import distributions, payouts, sweeps
from distributions.operations.payouts import NothingToRetry, UnknownAllocation
from distributions.tasks import sweep
from escrow import books
from escrow.models import EscrowLedgerEntry, JournalEntry
from escrow.operations import escrow_accounts
from finance.models import Transaction
from finance.operations.orders import BankAccountNotUsable
from realco.models import AuditEvent
from tests import factories
from tests.distributions.deals import (
    NOW,
    Deal,
    arrive,
    bounce,
    come_back,
    make_deal,
    payment_of,
    standing,
)
from tests.stages import staged

pytestmark = [pytest.mark.django_db, pytest.mark.slow]


@staged
def deal() -> Deal:
    deal = make_deal()
    deal.earn("1700000.00")
    return deal


class TestRetry:
    def test_pays_only_the_failed_one_to_another_account(self, deal: Deal) -> None:
        distribution = deal.execute("1000.00")
        first, *others = standing(distribution)
        bounce(first)
        for row in others:
            arrive(row)
        old = payment_of(first)
        account = factories.make_bank_account(deal.investors[0], verifier=deal.operator, at=NOW, number="000999999991")

        distribution = payouts.retry_failed(
            distribution, by=deal.operator, at=NOW, bank_accounts={first.pk: account.pk}
        )

        payment = payment_of(first)
        old.refresh_from_db()
        assert (payment.replaces, payment.to_bank_account, payment.amount) == (old, account, old.amount)
        assert (old.status, distribution.status) == ("CANCELLED", "PROCESSING")
        arrive(first)
        distribution.refresh_from_db()
        assert distribution.status == "COMPLETED"
        assert Transaction.objects.filter(distribution=distribution).count() == 4
        assert books.check([deal.escrow.pk]) == []

    def test_pays_a_returned_one_again(self, deal: Deal) -> None:
        distribution = deal.pay("1000.00")
        first, *_ = standing(distribution)
        later = NOW + timedelta(days=20)
        come_back(payment_of(first).pk, at=later)
        factories.make_bank_account(deal.investors[0], verifier=deal.operator, at=later, number="000999999991")

        payouts.retry_failed(distribution, by=deal.operator, at=later)
        arrive(first, at=later)

        distribution.refresh_from_db()
        assert distribution.status == "COMPLETED"
        assert deal.investors[0].investments.get().preferred_return_paid == 500

    def test_leaves_who_still_cannot_be_paid(self, deal: Deal) -> None:
        distribution = deal.execute("1000.00")
        first, *_ = standing(distribution)
        bounce(first)

        payouts.retry_failed(distribution, by=deal.operator, at=NOW)

        first.refresh_from_db()
        assert first.status == "FAILED"
        assert "no verified bank account" in first.failure_reason

    def test_refuses_without_a_failure(self, deal: Deal) -> None:
        with pytest.raises(NothingToRetry):
            payouts.retry_failed(deal.execute("1000.00"), by=deal.operator, at=NOW)

    def test_refuses_somebody_elses_account(self, deal: Deal) -> None:
        distribution = deal.execute("1000.00")
        first, *_ = standing(distribution)
        bounce(first)
        [foreign] = deal.investors[1].bank_accounts.all()

        with pytest.raises(BankAccountNotUsable, match="no such bank account"):
            payouts.retry_failed(distribution, by=deal.operator, at=NOW, bank_accounts={first.pk: foreign.pk})

    def test_refuses_an_account_for_who_has_not_failed(self, deal: Deal) -> None:
        distribution = deal.execute("1000.00")
        first, second, _ = standing(distribution)
        bounce(first)
        [account] = deal.investors[1].bank_accounts.all()

        with pytest.raises(UnknownAllocation):
            payouts.retry_failed(distribution, by=deal.operator, at=NOW, bank_accounts={second.pk: account.pk})


class TestResume:
    def test_a_chunk_makes_as_many_statements_for_three_as_for_one(self, deal: Deal) -> None:
        """Caught: a column that is looked at but was not read, which asks for it once for each payee."""
        distribution = deal.approve("1000.00")
        with patch.object(payouts, "resume", return_value=distribution):
            payouts.execute(distribution, executor=deal.operator, at=NOW)
        asked = []
        for number in (1, 2):
            with patch.object(payouts, "CHUNK", number), CaptureQueriesContext(connection) as captured:
                assert payouts.pay_some(distribution.pk, at=NOW)[0] == number
            asked.append([query["sql"] for query in captured if "PROCESSING" not in query["sql"][:60]])

        # The first chunk finds out what there is and makes it PROCESSING.
        assert len(asked[1]) <= len(asked[0])

    def test_a_worker_acts_for_whoever_executed_it(self, deal: Deal) -> None:
        distribution = deal.execute("1000.00")
        with patch.object(payouts, "CHUNK", 1):
            handed_over = payouts.hand_over(deal.approve("500.00"), executor=deal.operator, at=NOW)
        assert handed_over.status == "QUEUED"

        payouts.go_on(handed_over.pk, at=NOW)

        made = AuditEvent.objects.filter(
            entity_type="transactions",
            entity_id__in=[str(pk) for pk in handed_over.payments.values_list("pk", flat=True)],
            operation="INSERT",
        )
        assert {event.user_id for event in made} == {deal.operator.pk}
        assert distribution.payments.count() == made.count() == 3

    def test_goes_on_after_every_chunk(self, deal: Deal) -> None:
        with patch.object(payouts, "CHUNK", 1):
            distribution = deal.execute("1000.00")

        assert {row.status for row in standing(distribution)} == {"PROCESSING"}
        assert Transaction.objects.filter(distribution=distribution).count() == 3

    def test_goes_on_where_it_was_cut_short(self, deal: Deal) -> None:
        distribution = deal.approve("1000.00")
        with patch.object(payouts, "resume", return_value=distribution):
            payouts.execute(distribution, executor=deal.operator, at=NOW)
        with patch.object(payouts, "CHUNK", 2):
            payouts.pay_some(distribution.pk, at=NOW)
        assert [row.status for row in standing(distribution)].count("PENDING") == 1

        sweep()

        assert {row.status for row in standing(distribution)} == {"PROCESSING"}
        assert Transaction.objects.filter(distribution=distribution).count() == 3

    def test_says_what_stopped_it_and_goes_on_later(self, deal: Deal) -> None:
        distribution = deal.approve("1000.00")
        with patch.object(payouts, "resume", return_value=distribution):
            payouts.execute(distribution, executor=deal.operator, at=NOW)
        escrow_accounts.freeze(deal.escrow, by=deal.approver, reason="Court order", at=NOW)
        sweeps.sweep(at=NOW)
        distribution.refresh_from_db()
        assert (distribution.status, "is frozen" in distribution.metadata["stopped"]) == ("QUEUED", True)

        escrow_accounts.unfreeze(deal.escrow, by=deal.approver, reason="Lifted", at=NOW)
        sweeps.sweep(at=NOW)

        distribution.refresh_from_db()
        assert (distribution.status, distribution.metadata.get("stopped")) == ("PROCESSING", None)

    def test_catches_up_with_payments_whose_message_was_lost(self, deal: Deal) -> None:
        distribution = deal.execute("1000.00")
        for row in standing(distribution):
            factories.play(payment_of(row), at=NOW)

        sweeps.sweep(at=NOW)

        distribution.refresh_from_db()
        assert distribution.status == "COMPLETED"
        assert [sweeps.unpaid(), list(sweeps.unfollowed()), sweeps.unfinished()] == [[], [], []]


class TestTheLedger:
    def test_shows_each_payment_once(self, deal: Deal) -> None:
        distribution = deal.pay("1000.00")

        entries = JournalEntry.objects.filter(distribution=distribution)
        assert entries.filter(event="RESERVE").count() == entries.filter(event="OUTBOUND_SETTLED").count() == 3
        paid = EscrowLedgerEntry.objects.filter(distribution=distribution, ledger_account__kind="BANK")
        assert sorted(-entry.amount for entry in paid) == [200, 300, 500]

    def test_cannot_be_cancelled_under_way(self, deal: Deal) -> None:
        distribution = deal.execute("1000.00")

        with pytest.raises(distributions.NotCancellable):
            distributions.cancel(distribution, by=deal.operator, reason="No", at=NOW)
