"""Holds: money that nobody may use, freed in whole, in part or in time, and never twice."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from django.conf import settings
from django.db import DatabaseError, connection, transaction

from escrow import books, postings
from escrow.models import EscrowAccount, Hold, JournalEntry, LedgerAccount
from escrow.operations import closings, escrow_accounts, holds, investments, ledger
from escrow.operations.escrow_accounts import ReasonMissing
from escrow.operations.holds import ExpiryInThePast, HoldNotOpen, HoldReferenceReused, MoreThanHeld
from escrow.operations.ledger import HoldRefused, InsufficientFunds, ReversalNotApproved
from escrow.queries.balances import balance
from escrow.tasks import sweep_holds
from realco import clock
from realco.errors import NotPermitted
from realco.models import AuditEvent, User
from tests import factories
from tests.conftest import close_connections
from tests.escrow import payments
from tests.escrow.money import arrive
from tests.stages import staged

Kind = LedgerAccount.Kind
D = Decimal
Place = Callable[..., Hold]


@staged
def cleared(escrow: EscrowAccount, investor: User, at: datetime) -> EscrowAccount:
    arrive(escrow, investor, "25.00", reference="SBX-1", at=at)
    return escrow


@pytest.fixture
def place(cleared: EscrowAccount, investor: User, at: datetime) -> Place:
    def placing(
        amount: str = "10.00",
        *,
        by: User | None = None,
        reference: str = "case 1",
        reason: str = "dispute",
        expires_at: datetime | None = None,
    ) -> Hold:
        return holds.place(
            cleared, investor=investor, amount=D(amount), reason=reason, by=by, at=at, reference=reference,
            expires_at=expires_at,
        )  # fmt: skip

    return placing


class TestPlace:
    def test_blocks_part_of_the_cleared_money(
        self, cleared: EscrowAccount, investor: User, place: Place, compliance_officer: User
    ) -> None:
        hold = place(by=compliance_officer)
        cleared.refresh_from_db()
        assert balance(cleared.pk, Kind.INVESTOR, investor.pk) == D("15.00")
        assert (cleared.available_balance, cleared.held_balance) == (D("15.00"), D("10.00"))
        assert (hold.status, hold.left, hold.placed_by) == ("OPEN", D("10.00"), compliance_officer)
        assert JournalEntry.objects.get(event="HOLD").reference == f"hold:{hold.pk}"
        assert AuditEvent.objects.filter(entity_type="holds", action="hold.place", reason="dispute").exists()

    def test_the_same_reference_holds_once(self, cleared: EscrowAccount, investor: User, place: Place) -> None:
        assert place() == place()
        assert balance(cleared.pk, Kind.HELD, investor.pk) == D("10.00")

    def test_refuses_the_reference_of_another_hold(self, place: Place) -> None:
        place()
        with pytest.raises(HoldReferenceReused):
            place("9.00")

    def test_refuses_more_than_has_cleared(self, place: Place) -> None:
        with pytest.raises(InsufficientFunds):
            place("25.01")
        assert not Hold.objects.exists()

    def test_counts_the_holds_that_are_open(self, place: Place) -> None:
        place("20.00")
        with pytest.raises(InsufficientFunds):
            place("5.01", reference="case 2")

    def test_refuses_who_may_not(self, place: Place, investor: User) -> None:
        with pytest.raises(NotPermitted):
            place(by=investor)

    def test_refuses_no_reason_and_an_end_in_the_past(self, place: Place, at: datetime) -> None:
        with pytest.raises(ReasonMissing):
            place(reason=" ")
        with pytest.raises(ExpiryInThePast):
            place(expires_at=at)

    def test_keeps_money_out_of_a_closing(
        self, escrow: EscrowAccount, investor: User, operator: User, at: datetime
    ) -> None:
        investments.commit(escrow.offering, investor=investor, amount=D("2000"), by=investor, at=at)
        arrive(escrow, investor, "2000.00", reference="SBX-1", at=at)
        holds.place(escrow, investor=investor, amount=D("500"), reason="x", by=None, at=at, reference="h")
        assert closings.propose(escrow, by=operator, at=at).total_amount == D("1500.00")


class TestRelease:
    def test_frees_part_and_then_the_rest(
        self, cleared: EscrowAccount, investor: User, place: Place, compliance_officer: User, at: datetime
    ) -> None:
        hold = place()
        part = holds.release(hold, by=compliance_officer, reason="agreed", at=at, amount=D("4.00"))
        assert (part.status, part.left) == ("OPEN", D("6.00"))
        assert balance(cleared.pk, Kind.HELD, investor.pk) == D("6.00")
        rest = holds.release(hold, by=compliance_officer, reason="settled", at=at)
        assert (rest.status, rest.left, rest.ended_at) == ("RELEASED", D("0.00"), at)
        assert balance(cleared.pk, Kind.INVESTOR, investor.pk) == D("25.00")
        assert [entry.description for entry in JournalEntry.objects.filter(event="HOLD_RELEASED").order_by("id")] == [
            "agreed",
            "settled",
        ]
        assert books.check() == []

    def test_refuses_twice(self, place: Place, at: datetime) -> None:
        hold = holds.release(place(), by=None, reason="settled", at=at)
        with pytest.raises(HoldNotOpen):
            holds.release(hold, by=None, reason="settled", at=at)

    def test_refuses_more_than_is_left(self, place: Place, at: datetime) -> None:
        hold = holds.release(place(), by=None, reason="part", at=at, amount=D("4.00"))
        with pytest.raises(MoreThanHeld, match=r"\$6\.00"):
            holds.release(hold, by=None, reason="rest", at=at, amount=D("6.01"))

    def test_refuses_who_may_not(self, place: Place, investor: User, at: datetime) -> None:
        with pytest.raises(NotPermitted):
            holds.release(place(), by=investor, reason="please", at=at)

    def test_is_possible_while_the_account_is_frozen(
        self, cleared: EscrowAccount, investor: User, place: Place, compliance_officer: User, at: datetime
    ) -> None:
        hold = place()
        escrow_accounts.freeze(cleared, by=compliance_officer, reason="order", at=at)
        holds.release(hold, by=compliance_officer, reason="settled", at=at)
        assert balance(cleared.pk, Kind.INVESTOR, investor.pk) == D("25.00")


class TestExpireDue:
    def test_frees_what_is_still_blocked_when_its_time_is_over(
        self, cleared: EscrowAccount, investor: User, place: Place, at: datetime
    ) -> None:
        end = at + timedelta(hours=1)
        hold = place(expires_at=end)
        holds.release(hold, by=None, reason="part", at=at, amount=D("4.00"))
        place("1.00", reference="without an end")

        assert [holds.expire_due(moment) for moment in (end - timedelta(seconds=1), end, end)] == [0, 1, 0]

        hold.refresh_from_db()
        assert (hold.status, hold.ended_at, hold.left) == ("EXPIRED", end, D("0.00"))
        assert balance(cleared.pk, Kind.HELD, investor.pk) == D("1.00")
        with pytest.raises(HoldNotOpen):
            holds.release(hold, by=None, reason="again", at=end)

    def test_is_swept_by_beat(self, cleared: EscrowAccount, investor: User) -> None:
        now = clock.now()
        holds.place(
            cleared, investor=investor, amount=D("5"), reason="x", by=None, at=now - timedelta(hours=2), reference="b",
            expires_at=now - timedelta(hours=1),
        )  # fmt: skip
        assert "escrow.sweep_holds" in {entry["task"] for entry in settings.CELERY_BEAT_SCHEDULE.values()}
        sweep_holds()
        assert Hold.objects.get().status == "EXPIRED"


@pytest.mark.django_db(transaction=True)
class TestAtOnce:
    def test_of_many_releases_one_frees(self, place: Place, cleared: EscrowAccount, investor: User) -> None:
        hold = place()

        def release(_: int) -> str:
            try:
                holds.release(hold, by=None, reason="settled", at=hold.placed_at)
            except HoldNotOpen:
                return "refused"
            finally:
                close_connections()
            return "released"

        with ThreadPoolExecutor(8) as pool:
            assert sorted(pool.map(release, range(16))) == ["refused"] * 15 + ["released"]
        assert balance(cleared.pk, Kind.INVESTOR, investor.pk) == D("25.00")

    def test_partial_releases_and_the_sweep_free_no_more_than_was_held(
        self, place: Place, cleared: EscrowAccount, investor: User, at: datetime
    ) -> None:
        hold = place("20.00", expires_at=at + timedelta(minutes=1))

        def free(number: int) -> str:
            try:
                if number == 5:
                    return f"expired {holds.expire_due(at + timedelta(minutes=1))}"
                holds.release(hold, by=None, reason="part", at=at, amount=D("3.00"))
            except (HoldNotOpen, MoreThanHeld):
                return "refused"
            finally:
                close_connections()
            return "part"

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(free, range(12)))
        hold.refresh_from_db()
        assert (hold.left, balance(cleared.pk, Kind.HELD, investor.pk)) == (D("0.00"), D("0.00"))
        assert balance(cleared.pk, Kind.INVESTOR, investor.pk) == D("25.00")
        assert books.check() == []

    def test_a_hold_and_a_payout_never_use_the_same_money(
        self, cleared: EscrowAccount, investor: User, at: datetime
    ) -> None:
        """Of 25 dollars, five holds and five reservations of 5 each race for it: exactly five succeed."""
        refunds = {
            number: payments.make_payment(cleared, "REFUND", investor, D("5"), at=at) for number in range(0, 10, 2)
        }

        def take(number: int) -> str:
            try:
                if number % 2:
                    holds.place(
                        cleared, investor=investor, amount=D("5"), reason="x", by=None, at=at, reference=f"h{number}"
                    )
                    return "held"
                subject = payments.about(refunds[number], "reserved", on=at.date())
                source = postings.source_of(Kind.INVESTOR, investor.pk)
                with transaction.atomic():
                    ledger.post([postings.reserved(subject, source=source, amount=D("5"))], by=None, at=at)
            except InsufficientFunds:
                return "refused"
            finally:
                close_connections()
            return "reserved"

        with ThreadPoolExecutor(10) as pool:
            outcomes = list(pool.map(take, range(10)))
        assert outcomes.count("refused") == 5
        assert balance(cleared.pk, Kind.INVESTOR, investor.pk) == 0
        assert balance(cleared.pk, Kind.HELD, investor.pk) == 5 * outcomes.count("held")
        assert Hold.objects.count() == outcomes.count("held")


ATTACKS = {
    "a hold without its money": (
        "INSERT INTO holds (id, escrow_account_id, investor_id, amount, released_amount, status, reason, reference,"
        " placed_at, created_at) SELECT gen_random_uuid(), escrow_account_id, investor_id, 5, 0, 'OPEN', 'x', 'y',"
        " now(), now() FROM holds"
    ),
    "releasing without moving money": (
        "UPDATE holds SET released_amount = amount, status = 'RELEASED', ended_at = now()"
    ),
    "releasing more than was held": "UPDATE holds SET released_amount = amount + 1",
    "releasing part of it on the row alone": "UPDATE holds SET released_amount = 1",
    "a larger hold": "UPDATE holds SET amount = amount + 1",
    "another reason": "UPDATE holds SET reason = 'other'",
    "another investor": "UPDATE holds SET investor_id = (SELECT placed_by_id FROM holds)",
    "expiring before its time": ("UPDATE holds SET released_amount = amount, status = 'EXPIRED', ended_at = now()"),
    "deleting it": "DELETE FROM holds",
    "truncating it": "TRUNCATE holds CASCADE",
}


class TestTheDatabase:
    @pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS.keys())
    def test_refuses(self, attack: str, place: Place, compliance_officer: User) -> None:
        place(by=compliance_officer)
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            cursor.execute(attack)

    def test_refuses_an_entry_that_holds_without_a_hold(
        self, cleared: EscrowAccount, investor: User, at: datetime
    ) -> None:
        subject = postings.Subject(cleared.pk, "hold:by hand", "ADJUSTMENT", at.date())
        source = postings.source_of(Kind.INVESTOR, investor.pk)
        with pytest.raises(HoldRefused), transaction.atomic():
            ledger.post([postings.held(subject, source=source, amount=D("5"))], by=None, at=at)

    def test_refuses_to_free_held_money_into_another_account(
        self, cleared: EscrowAccount, place: Place, investor: User, at: datetime
    ) -> None:
        """From HELD money goes back to its investor; freeing it into the offering would be a release."""
        hold = place()
        subject = postings.Subject(cleared.pk, f"hold:{hold.pk}:released:10.00", "ADJUSTMENT", at.date())
        lines = (postings.Line(Kind.HELD, investor.pk, D("10")), postings.Line(Kind.OFFERING, None, D("-10")))
        with pytest.raises(HoldRefused), transaction.atomic():
            Hold.objects.filter(pk=hold.pk).update(released_amount=D("10"), status="RELEASED", ended_at=at)
            ledger.post([postings.Posting("HOLD_RELEASED", subject, lines)], by=None, at=at)

    def test_refuses_to_reverse_a_hold(
        self, cleared: EscrowAccount, place: Place, investor: User, at: datetime
    ) -> None:
        hold = place()
        entry = JournalEntry.objects.get(reference=f"hold:{hold.pk}")
        subject = postings.Subject(cleared.pk, "reversal", "ADJUSTMENT", at.date(), reverses_id=entry.pk)
        lines: dict[tuple[str, UUID | None], Decimal] = {
            (Kind.INVESTOR, investor.pk): D("10"),
            (Kind.HELD, investor.pk): D("-10"),
        }
        with pytest.raises(ReversalNotApproved) as caught, transaction.atomic():
            ledger.post([postings.reversal(subject, lines=lines)], by=None, at=at)
        assert "HOLD of another account, or with a state of its own, is not reversed" in str(caught.value.__cause__)

    def test_a_stranger_s_hold_frees_nobody_else_s_money(
        self, cleared: EscrowAccount, place: Place, operator: User, at: datetime
    ) -> None:
        other = factories.make_investor("Ben", verifier=operator, at=at)
        arrive(cleared, other, "25.00", reference="SBX-2", at=at)
        hold = place()
        place_other = holds.place(cleared, investor=other, amount=D("10"), reason="x", by=None, at=at, reference="o")
        subject = postings.Subject(cleared.pk, f"hold:{hold.pk}:released:10.00", "ADJUSTMENT", at.date())
        source = postings.source_of(Kind.INVESTOR, place_other.investor_id)
        with pytest.raises(HoldRefused), transaction.atomic():
            Hold.objects.filter(pk=hold.pk).update(released_amount=D("10"), status="RELEASED", ended_at=at)
            ledger.post([postings.hold_released(subject, source=source, amount=D("10"))], by=None, at=at)
