"""
The same thing asked for many times at the same moment: it happens once, and everybody is told the same.

One key has one effect, also when its first asker died before hearing of it; what together is more than there is
succeeds as often as there is money; one object is released, reversed, cancelled or closed once.
"""

import signal
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime
from decimal import Decimal
from uuid import UUID

import pytest

from escrow import books
from escrow.models import EscrowAccount, JournalEntry, LedgerAccount
from escrow.operations import escrow_accounts, ledger
from escrow.queries.balances import balance
from finance.models import Transaction
from finance.operations import settlements, transactions
from realco.business_days import banking_date
from realco.errors import Refusal
from tests import factories
from tests.faults import elsewhere, moves, verdict
from tests.faults.moves import Stage, make_stage
from tests.finance.test_races import Work, at_once

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]
Kind = LedgerAccount.Kind
D = Decimal
TIMES = 20


def names(results: Sequence[object]) -> Counter[str]:
    """What came of each: done, or the refusal's name."""
    return Counter(type(result).__name__ if isinstance(result, Refusal) else "done" for result in results)


@pytest.fixture
def stage(db: None, at: datetime) -> Stage:
    return make_stage(investors=2, escrows=2, at=at)


@pytest.fixture
def escrow(stage: Stage, at: datetime) -> EscrowAccount:
    """An account that holds 1,000 of the first investor's cleared money."""
    return funded(stage, at)


def funded(stage: Stage, at: datetime) -> EscrowAccount:
    moves.post(moves.paid_in(stage.escrows[0], stage.investors[0], D("1000.00"), key="first", on=at.date()), at=at)
    return stage.escrows[0]


class TestOneReference:
    def test_of_two_bodies_under_one_reference_one_is_posted_and_told_to_all(self, stage: Stage, at: datetime) -> None:
        """Caught: no-unique-reference, no-locks."""
        bodies = [
            moves.arrived(stage.escrows[0], D(10), key="once", on=at.date(), entry_type=name)
            for name in ("RECONCILIATION", "DEPOSIT")
        ]

        results = at_once([lambda n=n: moves.post([bodies[n % 2]], at=at) for n in range(2 * TIMES)])  # type: ignore[misc]

        [entry] = JournalEntry.objects.all()
        told = [result for result in results if isinstance(result, list)]
        assert {posted.journal_entry_id for [posted] in told} == {entry.pk}
        assert [posted.was_posted for [posted] in told].count(True) == 1
        assert names(results) == {"done": TIMES, "ReferenceReused": TIMES}
        assert balance(stage.escrows[0].pk, Kind.SUSPENSE) == D(10)

    def test_twice_in_each_of_many_batches_is_once(self, stage: Stage, at: datetime) -> None:
        """Caught: no-unique-reference."""
        wanted = [moves.arrived(stage.escrows[0], D(10), key="once", on=at.date())] * 2

        results = at_once([lambda: moves.post(wanted, at=at)] * TIMES)

        [entry] = JournalEntry.objects.all()
        told = {posted.journal_entry_id for result in results if isinstance(result, list) for posted in result}
        assert told == {entry.pk}
        assert balance(stage.escrows[0].pk, Kind.SUSPENSE) == D(10)


ASK = """
import sys, os, signal
import django
django.setup()
from datetime import datetime
from decimal import Decimal
from uuid import UUID
from django.db import transaction
from escrow.models import EscrowAccount
from realco.models import User
from tests.faults import moves
escrow, investor, at, dies = sys.argv[1:]
def ask():
    moves.withdraw(
        EscrowAccount.objects.get(pk=escrow), User.objects.get(pk=investor), Decimal(400), key="once",
        at=datetime.fromisoformat(at),
    )
if dies == "before the commit":
    with transaction.atomic():
        ask()
        os.kill(os.getpid(), signal.SIGKILL)
ask()
os.kill(os.getpid(), signal.SIGKILL)
"""


class TestOneKey:
    def withdraw(self, stage: Stage, amount: Decimal, at: datetime) -> Work:
        def ask() -> object:
            payment = moves.withdraw(stage.escrows[0], stage.investors[0], amount, key="once", at=at)
            return payment.pk, payment.status, payment.amount, payment.created_at

        return ask

    def test_of_two_orders_under_one_key_one_is_taken_and_told_to_all(
        self, stage: Stage, escrow: EscrowAccount, at: datetime
    ) -> None:
        """Caught: ``_find_earlier`` without its advisory lock."""
        works = [self.withdraw(stage, amount, at) for amount in (D(100), D(200))] * TIMES

        results = at_once(works)

        [payment] = Transaction.objects.all()
        assert names(results) == {"done": TIMES, "IdempotencyKeyReused": TIMES}
        told = {result for result in results if not isinstance(result, Refusal)}
        assert told == {(payment.pk, "QUEUED", payment.amount, at)}
        assert balance(escrow.pk, Kind.PAYOUTS) == payment.amount

    @pytest.mark.parametrize("dies", ["before the commit", "before it could tell"])
    def test_asked_again_at_once_after_its_asker_died_is_paid_once(
        self, stage: Stage, escrow: EscrowAccount, at: datetime, dies: str
    ) -> None:
        """Caught: ``_find_earlier`` that finds nothing."""
        asked = elsewhere.run(ASK, str(escrow.pk), str(stage.investors[0].pk), at.isoformat(), dies)
        assert asked.returncode == -signal.SIGKILL, asked.stderr
        assert Transaction.objects.count() == (dies == "before it could tell")

        results = at_once([self.withdraw(stage, D(400), at)] * TIMES)

        [payment] = Transaction.objects.all()
        assert set(results) == {(payment.pk, "QUEUED", D(400), at)}
        assert balance(escrow.pk, Kind.PAYOUTS) == D(400)
        assert JournalEntry.objects.filter(event="RESERVE").count() == 1
        assert books.check() == []


class TestTheLastMoney:
    def test_is_held_as_often_as_it_suffices(self, stage: Stage, escrow: EscrowAccount, at: datetime) -> None:
        """Caught: no-overdraft-rule."""
        works = [
            lambda n=n: moves.hold(escrow, stage.investors[0], D(150), key=f"hold-{n}", at=at) for n in range(TIMES)
        ]

        results = at_once(works)

        assert names(results) == {"done": 6, "InsufficientFunds": TIMES - 6}
        assert balance(escrow.pk, Kind.HELD, stage.investors[0].pk) == D(900)
        assert books.check() == []

    def test_is_never_held_and_paid_out_together(self, stage: Stage, escrow: EscrowAccount, at: datetime) -> None:
        """Caught: no-overdraft-rule."""
        investor = stage.investors[0]
        works: list[Work] = []
        for n in range(TIMES // 2):
            # A day apart: a person's many payments of one hour are looked at by compliance.
            day = at.replace(day=4 + n)
            works += [
                lambda n=n: moves.hold(escrow, investor, D(150), key=f"hold-{n}", at=at),  # type: ignore[misc]
                lambda n=n, d=day: moves.withdraw(escrow, investor, D(150), key=f"out-{n}", at=d),  # type: ignore[misc]
            ]

        results = at_once(works)

        assert names(results) == {"done": 6, "InsufficientFunds": len(works) - 6}
        held, paid = balance(escrow.pk, Kind.HELD, investor.pk), balance(escrow.pk, Kind.PAYOUTS)
        assert held + paid == D(900)
        assert balance(escrow.pk, Kind.INVESTOR, investor.pk) == D(100)
        assert books.check() == []


def ending_one_hold(stage: Stage, at: datetime) -> Work:
    account, investor = funded(stage, at), stage.investors[0]
    held = moves.hold(account, investor, D(150), key="hold", at=at)
    moves.hold(account, investor, D(150), key="another", at=at)
    return lambda: moves.release_hold(held, at=at)


def reversing_one_entry(stage: Stage, at: datetime) -> Work:
    wanted = moves.arrived(stage.escrows[0], D(10), key="mistaken", on=at.date())
    [posted] = moves.post([wanted], at=at)
    entry = JournalEntry.objects.get(pk=posted.journal_entry_id)
    return lambda: moves.reverse(entry, by=stage.operator, second=stage.approver, at=at)


def cancelling_one_payment(stage: Stage, at: datetime) -> Work:
    payment = moves.withdraw(funded(stage, at), stage.investors[0], D(150), key="out", at=at)
    return lambda: moves.cancel(payment, by=stage.approver, at=at)


def refunding_all_there_is(stage: Stage, at: datetime) -> Work:
    account, keys = funded(stage, at), iter(range(TIMES))
    return lambda: moves.refund(
        account, stage.investors[0], D(1000), key=f"refund-{next(keys)}", by=stage.operator, at=at
    )


def freezing(stage: Stage, at: datetime) -> Work:
    return lambda: escrow_accounts.freeze(stage.escrows[0], by=stage.officer, reason="Odd", at=at)


def unfreezing(stage: Stage, at: datetime) -> Work:
    freezing(stage, at)()
    return lambda: escrow_accounts.unfreeze(stage.escrows[0], by=stage.officer, reason="Fine", at=at)


def closing(stage: Stage, at: datetime) -> Work:
    return lambda: escrow_accounts.close(stage.escrows[0], by=stage.operator, reason="Over", at=at)


def holding_one_payment(stage: Stage, at: datetime) -> Work:
    payment = moves.withdraw(funded(stage, at), stage.investors[0], D(150), key="out", at=at)
    return lambda: transactions.hold(payment, by=stage.approver, reason="Odd", at=at)


def letting_one_payment_go_on(stage: Stage, at: datetime) -> Work:
    payment = moves.withdraw(funded(stage, at), stage.investors[0], D(150), key="out", at=at)
    payment = transactions.hold(payment, by=stage.approver, reason="Odd", at=at)
    return lambda: transactions.release(payment, by=stage.approver, at=at)


EVENTS: dict[Callable[[Stage, datetime], Work], dict[str, int]] = {
    ending_one_hold: {"HOLD_RELEASED": 1},
    reversing_one_entry: {"REVERSAL": 1},
    cancelling_one_payment: {"RESERVE": 1, "UNRESERVE": 1},
    refunding_all_there_is: {"RESERVE": 1},
    freezing: {},
    unfreezing: {},
    closing: {},
    holding_one_payment: {"RESERVE": 1},
    letting_one_payment_go_on: {"RESERVE": 1},
}


class TestOneObject:
    @pytest.mark.parametrize("prepare", EVENTS, ids=lambda prepare: prepare.__name__)
    def test_is_done_with_once(self, stage: Stage, at: datetime, prepare: Callable[[Stage, datetime], Work]) -> None:
        """Caught: no-row-locks; no-overdraft-rule for refunds."""
        work = prepare(stage, at)

        results = at_once([work] * TIMES)

        assert names(results)["done"] == 1, names(results)
        assert len(results) == TIMES
        made = Counter(JournalEntry.objects.values_list("event", flat=True))
        for event in ("HOLD_RELEASED", "REVERSAL", "RESERVE", "UNRESERVE"):
            assert made[event] == EVENTS[prepare].get(event, 0), event
        assert books.check() == []

    def test_is_returned_by_the_bank_once(self, stage: Stage, at: datetime) -> None:
        """Caught: no-row-locks."""
        payment = factories.fund(stage.investors[0], stage.escrows[0], "500.00", at=at)
        key, day = payment.attempt_key, banking_date(at)

        results = at_once(
            [lambda: settlements.record_returned(key, code="R17", message="", effective_date=day, at=at)] * TIMES
        )

        assert names(results) == {"done": TIMES}
        assert JournalEntry.objects.filter(event="RETURN_AFTER_CLEARING").count() == 1
        assert balance(stage.escrows[0].pk, Kind.BANK) == 0
        assert books.check() == []


class TestLockOrder:
    def test_batches_over_two_accounts_in_opposite_orders_all_arrive(self, stage: Stage, at: datetime) -> None:
        """Caught: locks-in-no-order; the server counts deadlocks."""
        before = verdict.deadlocks()

        def batch(number: int) -> list[UUID]:
            people, accounts = list(stage.investors), list(stage.escrows)
            if number % 2:
                people, accounts = people[::-1], accounts[::-1]
            wanted = [
                posting
                for account in accounts
                for person in people
                for posting in moves.paid_in(
                    account, person, D(10), key=f"{number}:{account.pk}:{person.pk}", on=at.date()
                )
            ]
            return [posted.journal_entry_id for posted in moves.post(wanted, at=at)]

        results = at_once([lambda n=n: batch(n) for n in range(4 * TIMES)])  # type: ignore[misc]

        assert names(results) == {"done": 4 * TIMES}
        assert verdict.deadlocks() == before
        for account in stage.escrows:
            assert balance(account.pk, Kind.BANK) == 4 * TIMES * 2 * D(10)
        assert books.check() == []


def test_posting_outside_a_transaction_is_a_defect(stage: Stage, at: datetime) -> None:
    """An entry whose transaction its caller does not own could be kept while the rest is lost."""
    wanted = moves.arrived(stage.escrows[0], D(10), key="alone", on=at.date())
    with pytest.raises(Exception, match="inside its caller's transaction"):
        ledger.post([wanted], by=None, at=at)
