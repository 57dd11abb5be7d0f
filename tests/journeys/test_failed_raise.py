"""
A raise of many investors (three thousand in full) fails, and all get everything back, once, whatever dies on the way.

Workers in processes of their own are killed with SIGKILL, ten times and at ten places, each time in the middle of
the work; after each kill another one goes on. Then the bank, the books and the run are held against
what was paid in.
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

from escrow import books
from escrow.models import EscrowAccount, JournalEntry, LedgerAccount
from escrow.operations import escrow_accounts, reconciliations, statements
from escrow.queries.balances import balance
from finance import tasks
from finance.gateways import sandbox_statements, sandbox_transport
from finance.models import RefundItem, RefundRun, SandboxTransfer, Transaction, TransactionWebhook
from finance.operations import refund_runs
from finance.operations import sandbox as sandbox_time
from realco import clock
from realco.business_days import banking_date
from realco.models import Offering, User
from tests import factories
from tests.finance import sandbox_stage as stage
from tests.journeys import many_investors
from tests.journeys.test_killed_workers import work

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]

INVESTORS = int(os.environ.get("REALCO_JOURNEY_INVESTORS", "150"))
"""``REALCO_JOURNEY_INVESTORS=3000`` is the story in full; 60 at least. The numbers below shrink with them."""
UNCLEARED = INVESTORS // 50
BATCH = INVESTORS // 15
CHUNK = max(INVESTORS // 60, 2)
REFUNDS = Transaction.objects.filter(type="REFUND")
SENT = REFUNDS.exclude(status__in=["QUEUED", "PROCESSING"])
ARRIVED = REFUNDS.filter(status__in=["SETTLED", "COMPLETED"])


@dataclass(frozen=True)
class Kill:
    """Where a worker dies, the how-manieth time it comes there, and what has been done of the work by then."""

    place: str
    time: int
    done: Callable[[], int]


PAYING = (
    Kill("refund_run.before_batch_commits", 2, REFUNDS.count),
    Kill("refund_run.between_batches", 1, REFUNDS.count),
)
SENDING = (
    Kill("finance.process.after_begin", INVESTORS * 150 // 3000 // CHUNK, SENT.count),
    Kill("finance.process.after_submit", INVESTORS * 400 // 3000, SENT.count),
    Kill("finance.process.after_record", INVESTORS * 500 // 3000 // CHUNK, SENT.count),
    Kill("finance.process.before_begin", INVESTORS * 600 // 3000 // CHUNK, SENT.count),
)
SETTLING = (
    Kill("webhooks.after_store", INVESTORS * 700 // 3000, TransactionWebhook.objects.count),
    Kill("webhooks.before_commit", INVESTORS * 450 // 3000 // CHUNK, ARRIVED.count),
)
CLEARING = (
    Kill("clearing.before_commit", INVESTORS * 350 // 3000 // CHUNK, REFUNDS.filter(status="COMPLETED").count),
    Kill("refund_run.follow.before_commit", 1, RefundItem.objects.filter(status="PAID").count),
)


@pytest.fixture
def at(db: None) -> datetime:
    return stage.begin()


@pytest.fixture
def escrow(operator: User, at: datetime) -> EscrowAccount:
    offering = factories.make_offering(
        operator=operator, at=at, name="Failing", minimum_amount=Decimal("90000000.00"),
        maximum_amount=Decimal("99000000.00"), deadline_at=at + timedelta(days=20),
    )  # fmt: skip
    return factories.make_escrow(offering, operator=operator, at=at)


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


def require_exact(escrow: EscrowAccount, paid_in: Decimal) -> None:
    """Require that bank, books and statement agree that everything came and everything went, once."""
    sent = SandboxTransfer.objects.filter(amount__lt=0)
    assert (sent.count(), sent.aggregate(total=Sum("amount"))["total"]) == (INVESTORS, -paid_in)
    assert set(sent.values_list("state", flat=True)) == {"SETTLED"}
    settled = JournalEntry.objects.filter(event="OUTBOUND_SETTLED")
    assert settled.values("transaction").distinct().count() == settled.count() == INVESTORS
    assert JournalEntry.objects.filter(event="FEE_RETURNED").count() == INVESTORS
    assert books.check([escrow.pk]) == []
    assert balance(escrow.pk, LedgerAccount.Kind.BANK) == 0
    assert not LedgerAccount.objects.exclude(balance=0).exists()
    at, today = clock.now(), banking_date(clock.now())
    file = sandbox_statements.render(escrow.external_account_id, start=today - timedelta(days=90), end=today, at=at)
    statements.import_file(file, file_name="sandbox.bai2", by=None, at=at)
    found = reconciliations.reconcile(escrow, as_of=today, by=None, at=at)
    assert (found.result, found.findings, found.bank_balance) == ("BALANCED", [], Decimal("0.00"))


def test_everybody_gets_everything_back_once(
    escrow: EscrowAccount, operator: User, approver: User, at: datetime
) -> None:
    people = many_investors.join(escrow, INVESTORS, verifier=operator, at=at)
    deposits = many_investors.pay_in(
        escrow, people, uncleared=UNCLEARED, settled_at=at + timedelta(days=3), clears_at=at + timedelta(days=15)
    )
    paid_in = sum((deposit.amount for deposit in deposits), Decimal("0.00"))
    assert balance(escrow.pk, LedgerAccount.Kind.BANK) == paid_in
    clock.advance(timedelta(days=20, hours=1))

    run = refund_runs.propose(escrow, by=operator, reason="The minimum was not reached", at=clock.now())
    assert run.total_amount == paid_in
    signing = ("approve", f"run={run.pk}", f"approver={approver.pk}")
    assert work(*signing, stop_at="refund_run.approve.before_commit") == -signal.SIGKILL
    assert (RefundRun.objects.get().status, RefundItem.objects.count()) == ("PROPOSED", 0)
    assert Offering.objects.get(pk=escrow.offering_id).status == "OPEN"
    assert work(*signing) == 0
    assert Counter(RefundItem.objects.values_list("status", flat=True)) == {
        "DUE": INVESTORS - UNCLEARED, "WAITING_TO_CLEAR": UNCLEARED,
    }  # fmt: skip

    killed = kill_in_the_middle(PAYING + SENDING)
    clock.advance(timedelta(minutes=3))
    everything()
    clock.advance(timedelta(days=7))
    killed += kill_in_the_middle(SETTLING)
    everything()
    clock.advance(timedelta(days=4))
    killed += kill_in_the_middle(CLEARING)
    live(6)

    assert killed == 10
    run.refresh_from_db()
    assert (run.status, run.report["paid_amount"], run.report["refunds"]) == ("COMPLETED", str(paid_in), INVESTORS)
    assert run.report["by_status"] == {"PAID": INVESTORS}
    each = Counter(REFUNDS.exclude(status__in=["FAILED", "CANCELLED"]).values_list("to_user", flat=True))
    assert set(each.values()) == {1}
    assert {(d.from_user_id, d.amount) for d in deposits} == set(REFUNDS.values_list("to_user", "amount"))
    assert SandboxTransfer.objects.filter(amount__lt=0).values("idempotency_key").distinct().count() == INVESTORS
    require_exact(EscrowAccount.objects.get(pk=escrow.pk), paid_in)
    account = EscrowAccount.objects.get(pk=escrow.pk)
    assert escrow_accounts.close(account, by=operator, reason="The raise failed", at=clock.now()).status == "CLOSED"
