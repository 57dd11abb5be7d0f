"""Escrow accounts: numbered by the database, frozen and closed only as the rules allow."""

from datetime import datetime, timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from escrow import postings
from escrow.models import EscrowAccount, LedgerAccount
from escrow.operations import escrow_accounts, holds, ledger
from escrow.operations.escrow_accounts import (
    EscrowAccountExists,
    EscrowNotEmpty,
    EscrowStateForbids,
    ReasonMissing,
    UnknownBankAccount,
)
from escrow.operations.ledger import EscrowNotOpen
from realco.errors import NotPermitted
from realco.models import AuditEvent, Offering, User
from tests import factories
from tests.escrow import payments
from tests.escrow.money import TUESDAY, arrive

Kind = LedgerAccount.Kind
TEN = Decimal("10.00")


def close_by_hand(escrow: EscrowAccount) -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE escrow_accounts SET status = 'CLOSED', closed_at = now() WHERE id = %s", [escrow.pk])


class TestOpen:
    def test_numbers_accounts_by_year_in_new_york(self, operator: User, at: datetime) -> None:
        new_year = datetime.fromisoformat("2031-01-01T03:00:00+00:00")
        numbers = []
        for moment in (new_year, new_year + timedelta(hours=3), new_year + timedelta(hours=4)):
            offering = factories.make_offering(operator=operator, at=at)
            account = escrow_accounts.open_account(
                offering, bank_account_id=None, external_account_id=f"at-{moment}", by=operator, at=moment
            )
            numbers.append(account.account_number)
        assert numbers[0].startswith("ESCROW-2030-")
        assert numbers[1].startswith("ESCROW-2031-")
        assert int(numbers[2][-4:]) == int(numbers[1][-4:]) + 1

    def test_refuses_a_second_account_of_an_offering(self, escrow: EscrowAccount, operator: User, at: datetime) -> None:
        with pytest.raises(EscrowAccountExists):
            escrow_accounts.open_account(
                escrow.offering, bank_account_id=None, external_account_id="other", by=operator, at=at
            )

    def test_refuses_another_offering_s_account_at_the_bank(
        self, escrow: EscrowAccount, operator: User, at: datetime
    ) -> None:
        other = factories.make_offering(operator=operator, at=at)
        with pytest.raises(EscrowAccountExists):
            escrow_accounts.open_account(
                other, bank_account_id=None, external_account_id=escrow.external_account_id, by=operator, at=at
            )

    def test_refuses_a_bank_account_that_does_not_exist(self, offering: Offering, operator: User, at: datetime) -> None:
        with pytest.raises(UnknownBankAccount):
            escrow_accounts.open_account(offering, bank_account_id=uuid4(), external_account_id="1", by=operator, at=at)

    def test_refuses_who_may_not(self, offering: Offering, approver: User, at: datetime) -> None:
        with pytest.raises(NotPermitted):
            escrow_accounts.open_account(offering, bank_account_id=None, external_account_id="1", by=approver, at=at)
        assert not EscrowAccount.objects.exists()


class TestFreeze:
    def test_freezes_and_unfreezes_with_reasons(
        self, escrow: EscrowAccount, compliance_officer: User, at: datetime
    ) -> None:
        frozen = escrow_accounts.freeze(escrow, by=compliance_officer, reason="court order 7", at=at)
        assert (frozen.status, frozen.frozen_reason, frozen.frozen_at) == ("FROZEN", "court order 7", at)
        free = escrow_accounts.unfreeze(escrow, by=compliance_officer, reason="order lifted", at=at)
        assert (free.status, free.frozen_reason, free.frozen_at) == ("ACTIVE", "", None)
        events = AuditEvent.objects.filter(entity_id=str(escrow.pk)).order_by("sequence")
        assert [(event.action, event.reason, event.user) for event in events][1:] == [
            ("escrow_account.freeze", "court order 7", compliance_officer),
            ("escrow_account.unfreeze", "order lifted", compliance_officer),
        ]

    def test_refuses_without_a_reason(self, escrow: EscrowAccount, compliance_officer: User, at: datetime) -> None:
        with pytest.raises(ReasonMissing):
            escrow_accounts.freeze(escrow, by=compliance_officer, reason="  ", at=at)

    def test_refuses_a_frozen_account(self, escrow: EscrowAccount, compliance_officer: User, at: datetime) -> None:
        escrow_accounts.freeze(escrow, by=compliance_officer, reason="a", at=at)
        with pytest.raises(EscrowStateForbids):
            escrow_accounts.freeze(escrow, by=compliance_officer, reason="b", at=at)

    def test_refuses_who_may_not(self, escrow: EscrowAccount, operator: User, at: datetime) -> None:
        with pytest.raises(NotPermitted):
            escrow_accounts.freeze(escrow, by=operator, reason="a", at=at)
        with pytest.raises(NotPermitted):
            escrow_accounts.unfreeze(escrow, by=operator, reason="a", at=at)

    def test_a_liquidating_account_is_unfrozen_into_liquidation(
        self, escrow: EscrowAccount, operator: User, compliance_officer: User, at: datetime
    ) -> None:
        escrow_accounts.liquidate(escrow, by=operator, reason="property sold", at=at)
        escrow_accounts.freeze(escrow, by=compliance_officer, reason="a", at=at)
        free = escrow_accounts.unfreeze(escrow, by=compliance_officer, reason="b", at=at)
        assert (free.status, free.frozen_reason) == ("LIQUIDATING", "")


class TestClose:
    def test_closes_an_empty_account_for_good(
        self, escrow: EscrowAccount, operator: User, compliance_officer: User, at: datetime
    ) -> None:
        closed = escrow_accounts.close(escrow, by=operator, reason="offering exited", at=at)
        assert (closed.status, closed.closed_at) == ("CLOSED", at)
        with pytest.raises(EscrowStateForbids):
            escrow_accounts.freeze(escrow, by=compliance_officer, reason="a", at=at)

    def test_refuses_while_money_is_there(
        self, escrow: EscrowAccount, operator: User, investor: User, at: datetime
    ) -> None:
        arrive(escrow, investor, "10.00", reference="SBX-1", at=at)
        with pytest.raises(EscrowNotEmpty, match="holds money"):
            escrow_accounts.close(escrow, by=operator, reason="done", at=at)

    def test_refuses_while_a_payment_is_under_way(
        self, escrow: EscrowAccount, operator: User, investor: User, at: datetime
    ) -> None:
        factories.deposit(escrow, investor, "500.00", at=at)
        with pytest.raises(EscrowNotEmpty, match="under way"):
            escrow_accounts.close(escrow, by=operator, reason="done", at=at)

    def test_refuses_while_a_hold_is_open(
        self, escrow: EscrowAccount, operator: User, investor: User, at: datetime
    ) -> None:
        arrive(escrow, investor, "10.00", reference="SBX-1", at=at)
        holds.place(escrow, investor=investor, amount=TEN, reason="x", by=None, at=at, reference="h")
        with pytest.raises(EscrowNotEmpty, match="HELD"):
            escrow_accounts.close(escrow, by=operator, reason="done", at=at)

    @pytest.mark.parametrize("until", ["PENDING_SETTLEMENT", "SETTLED", "COMPLETED"])
    def test_the_database_refuses_too_whatever_is_still_there(
        self, until: str, escrow: EscrowAccount, investor: User, at: datetime
    ) -> None:
        factories.play(factories.deposit(escrow, investor, "500.00", at=at), at=at, until=until)
        with pytest.raises(DatabaseError, match="cannot be closed: it still holds money"), transaction.atomic():
            close_by_hand(escrow)

    def test_the_database_refuses_while_a_payment_is_under_way(
        self, escrow: EscrowAccount, investor: User, at: datetime
    ) -> None:
        factories.deposit(escrow, investor, "500.00", at=at)
        with pytest.raises(DatabaseError, match="payments under way"), transaction.atomic():
            close_by_hand(escrow)

    def test_the_database_closes_an_empty_account(self, escrow: EscrowAccount) -> None:
        close_by_hand(escrow)
        escrow.refresh_from_db()
        assert escrow.status == "CLOSED"

    def test_a_closed_account_takes_nothing(
        self, escrow: EscrowAccount, operator: User, investor: User, at: datetime
    ) -> None:
        escrow_accounts.close(escrow, by=operator, reason="done", at=at)
        with pytest.raises((EscrowNotOpen, IntegrityError)):
            arrive(escrow, investor, "10.00", reference="SBX-1", at=at)


ATTACKS = {
    "money from nowhere": "UPDATE escrow_accounts SET available_balance = 5, current_balance = 5",
    "an equation that does not hold": "UPDATE escrow_accounts SET held_balance = 5",
    "another number": "UPDATE escrow_accounts SET account_number = 'ESCROW-2026-9999'",
    "another offering": "UPDATE escrow_accounts SET offering_id = gen_random_uuid()",
    "another account at the bank": "UPDATE escrow_accounts SET external_account_id = 'mine'",
    "an unknown status": "UPDATE escrow_accounts SET status = 'OPEN'",
    "a frozen account without a reason": "UPDATE escrow_accounts SET status = 'FROZEN'",
    "a closed account that was never closed": "UPDATE escrow_accounts SET status = 'CLOSED'",
    "deleting it": "DELETE FROM escrow_accounts",
    "truncating it": "TRUNCATE escrow_accounts CASCADE",
    "another currency": "UPDATE escrow_accounts SET currency = 'EUR'",
    "a number of another form": (
        "INSERT INTO escrow_accounts SELECT (jsonb_populate_record(a, jsonb_build_object('id', gen_random_uuid(),"
        " 'account_number', 'E-1', 'external_account_id', 'x'))).* FROM escrow_accounts a"
    ),
    "an account that begins with money": (
        "INSERT INTO escrow_accounts SELECT (jsonb_populate_record(a, jsonb_build_object('id', gen_random_uuid(),"
        " 'account_number', 'ESCROW-2026-9998', 'external_account_id', 'x', 'current_balance', 5,"
        " 'available_balance', 5))).* FROM escrow_accounts a"
    ),
    "an account that begins frozen": (
        "INSERT INTO escrow_accounts SELECT (jsonb_populate_record(a, jsonb_build_object('id', gen_random_uuid(),"
        " 'account_number', 'ESCROW-2026-9998', 'external_account_id', 'x', 'status', 'FROZEN',"
        " 'frozen_reason', 'x', 'frozen_at', now()))).* FROM escrow_accounts a"
    ),
}


class TestTheDatabase:
    @pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS.keys())
    def test_refuses(self, attack: str, escrow: EscrowAccount) -> None:
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(attack)

    def test_a_closed_account_stays_closed(self, escrow: EscrowAccount, operator: User, at: datetime) -> None:
        escrow_accounts.close(escrow, by=operator, reason="done", at=at)
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("UPDATE escrow_accounts SET status = 'ACTIVE'")

    def test_a_frozen_account_lets_no_reservation_pass(
        self, escrow: EscrowAccount, investor: User, compliance_officer: User, at: datetime
    ) -> None:
        arrive(escrow, investor, "10.00", reference="SBX-1", at=at)
        payment = payments.make_payment(escrow, "REFUND", investor, TEN, at=at)
        escrow_accounts.freeze(escrow, by=compliance_officer, reason="a", at=at)
        subject = payments.about(payment, "reserved", on=TUESDAY)
        source = postings.source_of(Kind.INVESTOR, investor.pk)
        with pytest.raises(EscrowNotOpen), transaction.atomic():
            ledger.post([postings.reserved(subject, source=source, amount=TEN)], by=None, at=at)
