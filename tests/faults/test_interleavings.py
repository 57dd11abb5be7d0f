"""
Two operations on the same money, stepped through every order of their statements that matter.

Every order must end as if one of them had come after the other, the books must prove out after each, and the server
must have counted no deadlock. Points are the statements that lock, ask, post and commit; see schedule.py.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import count

import pytest
from django.db import connection, transaction

from escrow import books
from escrow.models import Closing, EscrowAccount, JournalEntry, LedgerAccount
from escrow.operations import closings, escrow_accounts
from escrow.queries.balances import balance
from finance.models import Transaction
from finance.operations import settlements, transactions
from finance.operations.orders import Order
from realco.business_days import banking_date
from realco.errors import Refusal
from realco.models import AuditEvent
from tests import factories
from tests.faults import moves, schedule, verdict
from tests.faults.moves import Stage, make_stage
from tests.faults.schedule import ACCOUNT, ASKED, CLOSING, PAYMENT, POST, Work

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]
Kind = LedgerAccount.Kind
ALL = Decimal("500.00")
MONTH = timedelta(days=30)


class Scene:
    """Fresh rows for each order, on one stage."""

    def __init__(self, stage: Stage) -> None:
        self.stage, self.numbers = stage, count(1)
        self.at = stage.at
        self.escrow = stage.escrows[0]
        self.investor = stage.investors[0]

    def begin(self, *, cleared: Decimal = Decimal(0)) -> None:
        """Open another offering with its escrow account, a few hours later."""
        self.at += timedelta(hours=2)
        offering = factories.make_offering(operator=self.stage.operator, at=self.at, deadline_at=self.at + 12 * MONTH)
        self.escrow = factories.make_escrow(offering, operator=self.stage.operator, at=self.at)
        if cleared:
            moves.post(
                moves.paid_in(self.escrow, self.investor, cleared, key=self.key(), on=self.at.date()), at=self.at
            )

    def key(self) -> str:
        return f"scene-{next(self.numbers)}"

    def withdrawal(self, amount: Decimal = ALL) -> Work:
        escrow, at, key = self.escrow, self.at, self.key()
        return lambda: moves.withdraw(escrow, self.investor, amount, key=key, at=at)

    def status(self) -> str:
        return str(EscrowAccount.objects.get(pk=self.escrow.pk).status)

    def balance(self, kind: str) -> Decimal:
        return balance(self.escrow.pk, kind, self.investor.pk if kind in (Kind.INVESTOR, Kind.HELD) else None)

    def events(self) -> Counter[str]:
        return Counter(JournalEntry.objects.filter(escrow_account=self.escrow).values_list("event", flat=True))


@pytest.fixture
def scene(db: None, at: datetime) -> Iterator[Scene]:
    before = verdict.deadlocks()
    yield Scene(make_stage(investors=2, escrows=1, at=at))
    assert books.check() == []
    assert verdict.deadlocks() == before


def names(results: Sequence[object]) -> list[str]:
    return ["done" if not isinstance(result, Refusal) else type(result).__name__ for result in results]


Play = Callable[[], Sequence[Work]]


def play(make: Play, points: dict[str, str], *, least: int) -> Iterator[tuple[list[str], schedule.Order]]:
    """Play all orders, at least so many, and require that the books of each order's account prove out after it."""
    played = 0
    for order in schedule.orders(make, {**points}):
        newest = EscrowAccount.objects.latest("created_at")
        assert books.check([newest.pk]) == [], order
        played += 1
        yield names(order.results), order
    assert played >= least, f"only {played} orders"


class TestTheScheduler:
    def test_gives_up_where_nobody_can_go_on(self, scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
        """And lets those go home who stand at a point or wait: a test that fails must not hang."""
        scene.begin()
        monkeypatch.setattr(schedule, "PATIENCE", 1.0)
        rows = EscrowAccount.objects.filter(pk=scene.escrow.pk)

        def wait() -> None:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute("SET LOCAL lock_timeout = '3s'")
                rows.select_for_update().get()

        with transaction.atomic():
            rows.select_for_update().get()
            with pytest.raises(schedule.Stuck, match="0 at a lock"):
                list(schedule.orders(lambda: [wait], {}))


class TestTheLastMoney:
    def test_is_reserved_once(self, scene: Scene) -> None:
        """Caught: no-overdraft-rule."""

        def make() -> Sequence[Work]:
            scene.begin(cleared=ALL)
            return [scene.withdrawal(), scene.withdrawal()]

        seen = set()
        for results, order in play(make, {"ask": ASKED, "post": POST}, least=8):
            assert sorted(results) == ["InsufficientFunds", "done"], order
            assert scene.balance(Kind.INVESTOR) == 0, order
            assert scene.balance(Kind.PAYOUTS) == ALL, order
            seen.add(results[0])
        assert seen == {"done", "InsufficientFunds"}

    def test_is_held_or_reserved(self, scene: Scene) -> None:
        """Caught: no-overdraft-rule."""

        def make() -> Sequence[Work]:
            scene.begin(cleared=ALL)
            escrow, at, key = scene.escrow, scene.at, scene.key()
            return [lambda: moves.hold(escrow, scene.investor, ALL, key=key, at=at), scene.withdrawal()]

        for results, order in play(make, {"lock": ACCOUNT, "ask": ASKED, "post": POST}, least=10):
            assert sorted(results) == ["InsufficientFunds", "done"], order
            assert scene.balance(Kind.HELD) + scene.balance(Kind.PAYOUTS) == ALL, order


class TestFreezing:
    def freeze(self, scene: Scene) -> Work:
        escrow, at = scene.escrow, scene.at
        return lambda: escrow_accounts.freeze(escrow, by=scene.stage.officer, reason="Odd", at=at)

    def require_before_the_freeze(self, scene: Scene, event: str, order: schedule.Order) -> None:
        entry = JournalEntry.objects.get(escrow_account=scene.escrow, event=event)
        posted = AuditEvent.objects.filter(entity_type="journal_entries", entity_id=str(entry.pk)).get()
        frozen = AuditEvent.objects.filter(entity_id=str(scene.escrow.pk), action="escrow_account.freeze").get()
        assert posted.pk < frozen.pk, order

    def test_comes_before_a_reservation_and_forbids_it_or_after(self, scene: Scene) -> None:
        """Caught: no-frozen-rule, no-row-locks."""

        def make() -> Sequence[Work]:
            scene.begin(cleared=ALL)
            return [self.freeze(scene), scene.withdrawal()]

        seen = set()
        for results, order in play(make, {"lock": ACCOUNT, "ask": ASKED, "post": POST}, least=10):
            assert results in (["done", "done"], ["done", "EscrowNotOpen"]), order
            assert scene.events()["RESERVE"] == (results[1] == "done"), order
            if results[1] == "done":
                self.require_before_the_freeze(scene, "RESERVE", order)
            seen.add(results[1])
        assert seen == {"done", "EscrowNotOpen"}

    def test_comes_before_a_settlement_and_forbids_it_or_after(self, scene: Scene) -> None:
        """Caught: no-frozen-rule, no-row-locks."""

        def make() -> Sequence[Work]:
            scene.begin(cleared=ALL)
            payment = moves.withdraw(scene.escrow, scene.investor, ALL, key=scene.key(), at=scene.at)
            settlements.process(payment.pk, at=scene.at)
            key, at = payment.attempt_key, scene.at
            return [
                self.freeze(scene),
                lambda: settlements.record_settled(key, effective_date=banking_date(at), at=at),
            ]

        seen = set()
        for results, order in play(make, {"lock": ACCOUNT, "payment": PAYMENT, "post": POST}, least=10):
            assert results in (["done", "done"], ["done", "EscrowNotOpen"]), order
            assert scene.balance(Kind.BANK) == (0 if results[1] == "done" else ALL), order
            if results[1] == "done":
                self.require_before_the_freeze(scene, "OUTBOUND_SETTLED", order)
            seen.add(results[1])
        assert seen == {"done", "EscrowNotOpen"}


class TestClosing:
    def close(self, scene: Scene) -> Work:
        escrow, at = scene.escrow, scene.at
        return lambda: escrow_accounts.close(escrow, by=scene.stage.operator, reason="Over", at=at)

    def test_an_account_is_closed_or_takes_the_money(self, scene: Scene) -> None:
        """Caught: no-closed-rule, no-row-locks."""

        def make() -> Sequence[Work]:
            scene.begin()
            wanted = moves.arrived(scene.escrow, ALL, key=scene.key(), on=scene.at.date())
            at = scene.at
            return [self.close(scene), lambda: moves.post([wanted], at=at)]

        seen = set()
        for results, order in play(make, {"lock": ACCOUNT, "post": POST}, least=6):
            assert results in (["done", "EscrowNotOpen"], ["EscrowNotEmpty", "done"]), order
            assert scene.balance(Kind.SUSPENSE) == (ALL if results[1] == "done" else 0), order
            seen.add(results[1])
        assert seen == {"done", "EscrowNotOpen"}

    def test_an_account_is_closed_or_takes_the_payment(self, scene: Scene) -> None:
        """Caught: asking for a payment without keeping its escrow account open, as it once was."""

        seen = set()

        def make() -> Sequence[Work]:
            scene.begin()
            order = factories.deposit_order(scene.escrow, scene.investor, str(ALL))
            key, at = scene.key(), scene.at
            return [
                self.close(scene),
                lambda: transactions.initiate(order, initiator=scene.investor, idempotency_key=key, at=at),
            ]

        for results, order in play(make, {"lock": ACCOUNT, "ask": ASKED}, least=6):
            assert results in (["done", "EscrowNotOpen"], ["EscrowNotEmpty", "done"]), order
            assert Transaction.objects.filter(escrow_account=scene.escrow).count() == (results[1] == "done"), order
            seen.add(results[1])
        assert seen == {"done", "EscrowNotOpen"}

    def test_of_two_proposals_one_stands(self, scene: Scene) -> None:
        """Caught: no-row-locks (with the rule that one is open at a time, the second is refused all the same)."""

        def make() -> Sequence[Work]:
            scene.begin()
            factories.fund(scene.investor, scene.escrow, "2000.00", at=scene.at)
            escrow, at = scene.escrow, scene.at + timedelta(days=20)
            return [lambda: closings.propose(escrow, by=scene.stage.operator, at=at)] * 2

        for results, order in play(make, {"lock": ACCOUNT}, least=4):
            assert sorted(results) == ["ClosingAlreadyProposed", "done"], order
            assert Closing.objects.filter(escrow_account=scene.escrow).count() == 1, order

    def test_a_closing_is_signed_for_good_or_cancelled(self, scene: Scene) -> None:
        """Caught: no-row-locks."""

        def make() -> Sequence[Work]:
            scene.begin()
            factories.fund(scene.investor, scene.escrow, "2000.00", at=scene.at)
            at = scene.at + timedelta(days=20)
            closing = closings.propose(scene.escrow, by=scene.stage.operator, at=at)
            moves.sign_closing(closing, approver=scene.stage.approver, at=at)
            return [
                lambda: moves.sign_closing(closing, approver=scene.stage.second, at=at),
                lambda: closings.cancel(closing, by=scene.stage.operator, reason="Wrong", at=at),
            ]

        for results, order in play(make, {"lock": ACCOUNT, "closing": CLOSING, "post": POST}, least=8):
            assert sorted(results) == ["ClosingNotProposed", "done"], order
            assert scene.events()["RELEASE"] == (results[0] == "done"), order


class TestPayments:
    def test_a_draw_is_approved_and_cancelled_or_only_cancelled(self, scene: Scene) -> None:
        """Caught: no-row-locks."""

        def make() -> Sequence[Work]:
            scene.begin()
            owner = scene.escrow.offering.organization.owner
            account = factories.make_bank_account(owner, verifier=scene.stage.operator, at=scene.at)
            factories.fund(scene.investor, scene.escrow, "2000.00", at=scene.at)
            at = scene.at + timedelta(days=20)
            moves.release_raise(scene.escrow, stage=scene.stage, at=at)
            wanted = Order(
                type="CONSTRUCTION_DRAW",
                payment_method="ACH",
                amount=ALL,
                escrow_account_id=scene.escrow.pk,
                to_user_id=owner.pk,
                to_bank_account_id=account.pk,
            )
            payment = transactions.initiate(wanted, initiator=scene.stage.operator, idempotency_key=scene.key(), at=at)
            return [
                lambda: transactions.approve(payment, approver=scene.stage.approver, at=at),
                lambda: moves.cancel(payment, by=scene.stage.operator, at=at),
            ]

        seen = set()
        for results, order in play(make, {"payment": PAYMENT, "post": POST}, least=6):
            assert results in (["done", "done"], ["NotAwaitingApproval", "done"]), order
            made = scene.events()
            assert made["RESERVE"] == made["UNRESERVE"] == (results[0] == "done"), order
            assert scene.balance(Kind.PAYOUTS) == 0, order
            seen.add(results[0])
        assert seen == {"done", "NotAwaitingApproval"}

    def test_a_deposit_that_clears_while_it_is_returned_is_gone(self, scene: Scene) -> None:
        """Caught: no-row-locks."""

        def make() -> Sequence[Work]:
            scene.begin()
            payment = factories.deposit(scene.escrow, scene.investor, str(ALL), at=scene.at)
            factories.play(payment, at=scene.at, until="SETTLED")
            key, at = payment.attempt_key, scene.at + MONTH
            return [
                lambda: settlements.clear(payment.pk, at=at),
                lambda: settlements.record_returned(
                    key, code="R17", message="", effective_date=banking_date(at), at=at
                ),
            ]

        seen = set()
        for results, order in play(make, {"payment": PAYMENT, "post": POST}, least=4):
            assert results == ["done", "done"], order
            assert not LedgerAccount.objects.filter(escrow_account=scene.escrow).exclude(balance=0).exists(), order
            seen.add(scene.events()["RETURN_AFTER_CLEARING"])
        assert seen == {0, 1}

    def test_a_receipt_is_claimed_for_one_person(self, scene: Scene) -> None:
        """Caught: no-row-locks."""

        def make() -> Sequence[Work]:
            scene.begin()
            by, at = scene.stage.operator, scene.at
            line = moves.receive_unknown(scene.escrow, ALL, reference=scene.key(), by=by, at=at, on=at.date())
            return [
                lambda who=who: moves.claim_receipt(  # type: ignore[misc]
                    line, investor=who, by=by, second=scene.stage.approver, at=at
                )
                for who in scene.stage.investors
            ]

        for results, order in play(make, {"lock": ACCOUNT, "post": POST}, least=4):
            assert sorted(results) == ["MoreThanWaits", "done"], order
            assert scene.balance(Kind.SUSPENSE) == 0, order


class TestTwoAccounts:
    def test_batches_in_opposite_orders_both_arrive(self, scene: Scene) -> None:
        """Caught: locks-in-no-order, by the fifty connections; here the second waits for the first as a whole."""
        other = scene.stage.escrows[0]

        def make() -> Sequence[Work]:
            scene.begin()
            at, first, second = scene.at, scene.key(), scene.key()
            pair = [scene.escrow, other]

            def batch(key: str, accounts: Sequence[EscrowAccount]) -> Work:
                wanted = [
                    moves.arrived(account, ALL, key=f"{key}:{number}", on=at.date())
                    for number, account in enumerate(accounts)
                ]
                return lambda: moves.post(wanted, at=at)

            return [batch(first, pair), batch(second, pair[::-1])]

        for results, order in play(make, {"post": POST}, least=4):
            assert results == ["done", "done"], order
            assert scene.balance(Kind.SUSPENSE) == 2 * ALL, order
