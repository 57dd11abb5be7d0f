"""
A distribution killed with -9 at every payee: it is resumed, everybody is paid to the cent, nobody twice.

The worker is a process of its own that pays one payee in each database transaction and kills itself
at a named place.
"""

import signal
from unittest.mock import patch

import pytest

from distributions.models import Distribution
from distributions.operations import payouts, sweeps
from escrow import books
from escrow.operations import escrow_accounts
from finance.models import Transaction
from tests.distributions.deals import NOW, Deal, make_deal, standing
from tests.faults import elsewhere

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

WORKER = """
import django
django.setup()
from distributions.operations import payouts
from distributions.tasks import sweep
payouts.CHUNK = 1
sweep()
"""


@pytest.fixture
def queued() -> tuple[Deal, Distribution]:
    deal = make_deal()
    deal.earn("1700000.00")
    distribution = deal.approve("1700000.00")
    with patch.object(payouts, "resume", return_value=distribution):
        payouts.execute(distribution, executor=deal.operator, at=NOW)
    return deal, distribution


def work(*, stop_at: str = "") -> int:
    """Run a worker's sweep in a process of its own, and return its exit code."""
    return elsewhere.work(WORKER, stop_at=stop_at)


class TestKilled:
    def test_between_payees_it_goes_on_with_the_next(self, queued: tuple[Deal, Distribution]) -> None:
        deal, distribution = queued

        for payees in range(1, 5):
            assert work(stop_at="distribution.between_chunks") == -signal.SIGKILL
            assert Transaction.objects.filter(distribution=distribution).count() == payees
        assert work() == 0

        payments = Transaction.objects.filter(distribution=distribution)
        assert sum(payment.amount for payment in payments) == distribution.net_amount
        assert len({row.transaction_id for row in standing(distribution)}) == 4
        assert books.check([deal.escrow.pk]) == []

    def test_after_the_last_payee_what_stopped_it_is_forgotten_all_the_same(
        self, queued: tuple[Deal, Distribution]
    ) -> None:
        deal, distribution = queued
        escrow_accounts.freeze(deal.escrow, by=deal.approver, reason="Court order", at=NOW)
        sweeps.sweep(at=NOW)
        escrow_accounts.unfreeze(deal.escrow, by=deal.approver, reason="Lifted", at=NOW)
        for _ in range(4):
            assert work(stop_at="distribution.between_chunks") == -signal.SIGKILL
        distribution.refresh_from_db()
        assert "is frozen" in distribution.metadata["stopped"]

        assert work() == 0

        distribution.refresh_from_db()
        assert "stopped" not in distribution.metadata

    def test_before_the_commit_nothing_of_it_was_done(self, queued: tuple[Deal, Distribution]) -> None:
        deal, distribution = queued

        assert work(stop_at="distribution.before_chunk_commits") == -signal.SIGKILL
        assert not Transaction.objects.filter(distribution=distribution).exists()
        assert work() == 0

        assert Transaction.objects.filter(distribution=distribution, status="QUEUED").count() == 4
        assert books.check([deal.escrow.pk]) == []
