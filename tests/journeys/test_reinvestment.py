"""From an election to an investment in another offering: by workers' sweeps alone, then held against both banks."""

from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from distributions.operations import payouts
from escrow import books
from escrow.models import BankMatchLine, BankStatementLine, EscrowAccount, Investment, Reconciliation
from escrow.operations import closings, reconciliations, statements
from finance import tasks
from finance.gateways import sandbox_statements, sandbox_transport
from finance.models import TransactionWebhook
from finance.operations import movements
from finance.operations import sandbox as sandbox_time
from realco import clock
from realco.business_days import banking_date
from tests import factories
from tests.distributions.reinvesting import make_scene, outbound_of, row_of
from tests.finance import sandbox_stage as stage

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def at(db: None) -> datetime:
    return stage.begin()


def everything() -> None:
    """Do all that is due at the bank and here."""
    sandbox_time.work(post=sandbox_transport.post_in_process, sweep=tasks.run_sweeps)


def reconciled(account: EscrowAccount) -> Reconciliation:
    """Import the bank's own statement of an account, and compare it with the books."""
    at, today = clock.now(), banking_date(clock.now())
    number = account.external_account_id
    file = sandbox_statements.render(number, start=today - timedelta(days=40), end=today, at=at)
    statements.import_file(file, file_name=f"{number}.bai2", by=None, at=at)
    return reconciliations.reconcile(account, as_of=today, by=None, at=at)


def test_it_is_distributed_reinvested_and_closed(at: datetime) -> None:
    scene = make_scene(at=at)
    scene.elect("PERCENTAGE", rate=Decimal("0.4"))
    approved = scene.deal.approve("30000.00", on=banking_date(at), at=at)
    distribution = payouts.execute(approved, executor=scene.deal.operator, at=at)

    for _ in range(12):
        clock.advance(timedelta(days=1))
        everything()

    distribution.refresh_from_db()
    assert distribution.status == "COMPLETED"
    allocation = scene.allocation(distribution)
    row = row_of(allocation)
    assert (row.status, row.amount) == ("DONE", Decimal("6000.00"))
    assert allocation.transaction is not None
    assert allocation.transaction.amount == Decimal("9000.00")
    assert not TransactionWebhook.objects.filter(processed=False).exists()

    closing = closings.propose(scene.target_escrow, by=scene.deal.operator, at=clock.now())
    factories.close(closing, approver=scene.deal.approver, at=clock.now())
    investment = Investment.objects.get(offering=scene.target, investor=scene.investor)
    assert (investment.status, investment.funded_amount) == ("ACTIVE", Decimal("6000.00"))

    # The target's account has seen nothing else; the source's test money never came through its bank.
    found = reconciled(scene.target_escrow)
    assert (found.result, found.findings, found.bank_balance) == ("BALANCED", [], Decimal("6000.00"))
    reconciled(scene.deal.escrow)
    for half in movements.read(outbound_of(allocation).pk).halves:
        line = BankStatementLine.objects.get(
            escrow_account=half.escrow_account, customer_reference=half.attempts.get().provider_reference
        )
        [part] = BankMatchLine.objects.filter(line=line, is_living=True)
        [entry] = part.match.match_entries.all()
        assert entry.entry.transaction_id == half.pk
    assert books.check() == []
