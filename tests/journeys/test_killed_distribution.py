"""
A distribution to many investors (five thousand in full), 3 % of whose banks refuse, whose workers die twenty times.

Workers in processes of their own are killed with SIGKILL, each time in the middle of the work; after each kill
another one goes on. Everybody is paid exactly once, those who were refused to a corrected account, and the bank,
the books and the investments agree to the cent.
"""

import os
import signal
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from django.db.models import Sum

from distributions.models import Distribution, DistributionAllocation
from distributions.operations import distributions, payouts
from escrow import books
from escrow.models import EscrowAccount, Investment, JournalEntry, LedgerAccount
from escrow.operations import closings, reconciliations, statements
from escrow.queries.balances import balance
from finance import tasks
from finance.gateways import sandbox_statements, sandbox_transport
from finance.models import SandboxTransfer, Transaction, TransactionWebhook
from finance.operations import sandbox as sandbox_time
from realco import clock
from realco.business_days import banking_date
from realco.models import User
from tests import factories
from tests.finance import sandbox_stage as stage
from tests.journeys import many_investors
from tests.journeys.test_killed_workers import work

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]

INVESTORS = int(os.environ.get("REALCO_DISTRIBUTION_INVESTORS", "120"))
"""``REALCO_DISTRIBUTION_INVESTORS=5000`` is the story in full; 120 at least. The numbers below grow with it."""
EVERY = 33
REFUSED = len(range(0, INVESTORS, EVERY))
BATCH = INVESTORS // 10
CHUNK = INVESTORS // 60
PAYMENTS = Transaction.objects.filter(type="DISTRIBUTION")
SENT = PAYMENTS.exclude(status__in=["QUEUED", "PROCESSING"])
ARRIVED = PAYMENTS.filter(status__in=["SETTLED", "COMPLETED"])
CLEARED = PAYMENTS.filter(status="COMPLETED")


@dataclass(frozen=True)
class Kill:
    """Where a worker dies, the how-manieth time it comes there, and what has been done of the work by then."""

    place: str
    time: int
    done: Callable[[], int]


PAYING = (
    Kill("distribution.before_chunk_commits", 3, PAYMENTS.count),
    Kill("distribution.between_chunks", 2, PAYMENTS.count),
    Kill("distribution.before_chunk_commits", 2, PAYMENTS.count),
)
SENDING = 2 * (
    Kill("finance.process.after_begin", 2, SENT.count),
    Kill("finance.process.after_submit", CHUNK + 1, SENT.count),
    Kill("finance.process.after_record", 2, SENT.count),
    Kill("finance.process.before_begin", 3, SENT.count),
)
SETTLING = (
    Kill("webhooks.after_store", INVESTORS // 4, TransactionWebhook.objects.count),
    Kill("webhooks.after_store", INVESTORS // 4, TransactionWebhook.objects.count),
    Kill("webhooks.before_commit", 9, ARRIVED.count),
    Kill("webhooks.before_commit", 9, ARRIVED.count),
)
CLEARING = (
    Kill("clearing.before_commit", 3, CLEARED.count),
    Kill("clearing.before_commit", 4, CLEARED.count),
    Kill("distribution.follow.before_commit", 2, DistributionAllocation.objects.filter(status="COMPLETED").count),
    Kill("distribution.follow.before_commit", 2, DistributionAllocation.objects.filter(status="COMPLETED").count),
)


@pytest.fixture
def at(db: None) -> datetime:
    return stage.begin()


def account_of(index: int) -> str:
    """Every 33rd investor's bank has closed the account: R02, whenever something comes."""
    return "000900000002" if index % EVERY == 0 else many_investors.usual(index)


@pytest.fixture
def escrow(operator: User, approver: User, at: datetime) -> EscrowAccount:
    """The escrow account of an offering that has raised its money from all of them."""
    offering = factories.make_offering(
        operator=operator, at=at, maximum_amount=Decimal("99000000.00"), deadline_at=at + timedelta(days=400)
    )
    escrow = factories.make_escrow(offering, operator=operator, at=at)
    people = many_investors.join(escrow, INVESTORS, verifier=operator, at=at, account_of=account_of)
    many_investors.pay_in(
        escrow, people, uncleared=0, settled_at=at + timedelta(days=3), clears_at=at + timedelta(days=15)
    )
    clock.advance(timedelta(days=20))
    at = clock.now()
    factories.close(closings.propose(escrow, by=operator, at=at), approver=approver, at=at)
    factories.make_terms(offering, template="original_four_tiers", effective_from=banking_date(at), by=operator, at=at)
    return escrow


@pytest.fixture
def approved(escrow: EscrowAccount, operator: User, approver: User) -> Distribution:
    """A third of the capital, signed by two people."""
    at = clock.now()
    distribution = distributions.create(
        escrow.offering, type="RETURN_OF_CAPITAL", total_amount=balance(escrow.pk, LedgerAccount.Kind.OFFERING) // 3,
        as_of_date=banking_date(at), creator=operator, idempotency_key="a third", at=at,
    )  # fmt: skip
    distributions.calculate(distribution, by=operator, at=at)
    distribution = distributions.submit(distribution, by=operator, at=at)
    for person in (approver, factories.make_user("Anna Approver", "Approvers", is_staff=True)):
        if distribution.status == "PENDING_APPROVAL":
            distribution = distributions.approve(
                distribution, approver=person, content_hash=distribution.content_hash, at=at
            )
    return distribution


def everything() -> None:
    """Do all that is due at the bank and here; nothing is killed, so it needs no process of its own."""
    sandbox_time.work(post=sandbox_transport.post_in_process, sweep=tasks.run_sweeps)


def kill_in_the_middle(kills: tuple[Kill, ...]) -> int:
    """Let workers die one after the other, each with some of its work done and some left; return how many did."""
    for kill in kills:
        clock.advance(timedelta(minutes=3))
        code = work("everything", f"batch={BATCH}", f"chunk={CHUNK}", stop_at=f"{kill.place}:{kill.time}", seconds=1800)
        assert code == -signal.SIGKILL, f"no worker came to {kill.place} for the {kill.time}th time: {code}"
        assert 0 < kill.done() < INVESTORS, f"{kill.place} was not in the middle of the work: {kill.done()}"
    return len(kills)


def live(days: int) -> None:
    """Let days pass, and do on each of them everything there is."""
    for _ in range(days):
        clock.advance(timedelta(days=1))
        everything()


def require_exact(distribution: Distribution) -> None:
    """Require that bank, books and investments agree that everybody got everything, once."""
    sent = SandboxTransfer.objects.filter(amount__lt=0, state="SETTLED")
    assert (sent.count(), sent.aggregate(total=Sum("amount"))["total"]) == (INVESTORS, -distribution.net_amount)
    settled = JournalEntry.objects.filter(event="OUTBOUND_SETTLED")
    assert settled.values("transaction").distinct().count() == settled.count() == INVESTORS
    assert set(Counter(CLEARED.values_list("to_user", flat=True)).values()) == {1}
    escrow = distribution.escrow_account
    assert books.check([escrow.pk]) == []
    assert balance(escrow.pk, LedgerAccount.Kind.PAYOUTS) == 0
    assert Investment.objects.aggregate(total=Sum("returned_capital"))["total"] == distribution.return_of_capital_total
    at, today = clock.now(), banking_date(clock.now())
    file = sandbox_statements.render(escrow.external_account_id, start=today - timedelta(days=120), end=today, at=at)
    statements.import_file(file, file_name="sandbox.bai2", by=None, at=at)
    found = reconciliations.reconcile(EscrowAccount.objects.get(pk=escrow.pk), as_of=today, by=None, at=at)
    assert (found.result, found.findings) == ("BALANCED", [])


def test_everybody_is_paid_once(approved: Distribution, operator: User) -> None:
    executing = ("execute", f"distribution={approved.pk}", f"executor={operator.pk}", f"batch={BATCH}")
    assert work(*executing, stop_at="distribution.queued") == -signal.SIGKILL
    assert (Distribution.objects.get().status, PAYMENTS.count()) == ("QUEUED", 0)
    killed = 1 + kill_in_the_middle(PAYING + SENDING)
    clock.advance(timedelta(minutes=3))
    everything()
    assert PAYMENTS.count() == INVESTORS
    clock.advance(timedelta(days=7))
    killed += kill_in_the_middle(SETTLING)
    everything()
    clock.advance(timedelta(days=4))
    killed += kill_in_the_middle(CLEARING)
    live(6)

    assert killed == 20
    approved.refresh_from_db()
    rows = approved.allocations.exclude(status="CANCELLED")
    assert approved.status == "PARTIALLY_FAILED"
    assert Counter(rows.values_list("status", flat=True)) == {"COMPLETED": INVESTORS - REFUSED, "FAILED": REFUSED}
    assert set(rows.filter(status="FAILED").values_list("failure_reason", flat=True)) == {"R02 Account closed"}

    at = clock.now()
    corrected = {
        row.pk: factories.make_bank_account(row.investor, verifier=operator, at=at, number=f"78{number:08d}").pk
        for number, row in enumerate(rows.filter(status="FAILED").select_related("investor"))
    }
    payouts.retry_failed(approved, by=operator, at=at, bank_accounts=corrected)
    live(14)

    approved.refresh_from_db()
    assert approved.status == "COMPLETED"
    assert PAYMENTS.count() == INVESTORS + REFUSED
    require_exact(approved)
