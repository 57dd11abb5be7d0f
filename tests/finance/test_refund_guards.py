"""What the database itself refuses about refunds, whatever road a change takes."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from django.db import DatabaseError, connection, transaction

from escrow.models import EscrowAccount
from escrow.operations import ledger
from escrow.operations.ledger import InsufficientFunds, LinesDoNotFit
from escrow.postings import Posting
from finance import entries
from finance.models import RefundItem, RefundRun, RefundRunApproval, Transaction
from finance.operations import bank_accounts, payouts, refund_runs
from finance.operations.orders import Order
from realco.identifiers import new_id
from realco.models import Offering, User
from tests import factories
from tests.finance import raises
from tests.stages import staged

Attack = Callable[..., DatabaseError]


@staged
def escrow(operator: User, at: datetime) -> EscrowAccount:
    return raises.open_raise(operator=operator, at=at)


@staged
def later(escrow: EscrowAccount) -> datetime:
    return raises.after_deadline(escrow)


@staged
def proposed(escrow: EscrowAccount, investor: User, operator: User, at: datetime, later: datetime) -> RefundRun:
    factories.fund(investor, escrow, "10000.00", at=at)
    return refund_runs.propose(escrow, by=operator, reason="Minimum not reached", at=later)


@staged
def run(proposed: RefundRun, approver: User, later: datetime) -> RefundRun:
    return refund_runs.approve(proposed, approver=approver, content_hash=proposed.content_hash, at=later)


@staged
def item(run: RefundRun, later: datetime) -> RefundItem:
    """An item whose one payment is under way."""
    [item] = raises.pay(run, at=later)
    return item


@pytest.fixture
def attack() -> Attack:
    def attacked(sql: str, **values: UUID | str) -> DatabaseError:
        with pytest.raises(DatabaseError) as refused, transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(sql, values)
        return refused.value

    return attacked


def copy_of(payment: Transaction | None, **changes: str) -> str:
    """Make SQL that pays the same once more, with some columns changed."""
    assert payment is not None
    names = [str(field.column) for field in Transaction._meta.concrete_fields]
    fresh = {"id": f"'{new_id()}'", "idempotency_key": f"'{new_id()}'", "status": "'INITIATED'", **changes}
    columns = ", ".join(f'"{name}"' for name in names)
    values = ", ".join(fresh.get(name, f'"{name}"') for name in names)
    return f"INSERT INTO transactions ({columns}) SELECT {values} FROM transactions WHERE id = '{payment.pk}'"


class TestARun:
    def test_starts_only_with_the_signatures_it_needs(self, proposed: RefundRun, attack: Attack) -> None:
        error = attack(
            "UPDATE refund_runs SET status = 'RUNNING', started_at = now() WHERE id = %(id)s", id=proposed.pk
        )
        assert getattr(error.__cause__, "sqlstate", "") == "RC012"
        assert "needs 1 signatures" in str(error)

    def test_is_not_signed_by_its_proposer(self, proposed: RefundRun, operator: User, attack: Attack) -> None:
        error = attack(
            "INSERT INTO refund_run_approvals (id, run_id, approver_id, content_hash, approved_at, note)"
            " VALUES (%(id)s, %(run)s, %(who)s, %(hash)s, now(), '')",
            id=new_id(), run=proposed.pk, who=operator.pk, hash=proposed.content_hash,
        )  # fmt: skip
        assert "by another person than its proposer" in str(error)

    def test_is_not_signed_over_other_figures(self, proposed: RefundRun, approver: User, attack: Attack) -> None:
        error = attack(
            "INSERT INTO refund_run_approvals (id, run_id, approver_id, content_hash, approved_at, note)"
            " VALUES (%(id)s, %(run)s, %(who)s, 'other', now(), '')",
            id=new_id(), run=proposed.pk, who=approver.pk,
        )  # fmt: skip
        assert "over its own figures" in str(error)

    @pytest.mark.parametrize(
        "column", ["figures = '[]'", "total_amount = 1", "content_hash = 'x'", "cause = 'INVESTOR_CANCELLED'"]
    )
    def test_keeps_its_figures(self, proposed: RefundRun, attack: Attack, column: str) -> None:
        assert "never changes" in str(attack(f"UPDATE refund_runs SET {column} WHERE id = %(id)s", id=proposed.pk))

    def test_does_not_complete_while_somebody_waits(self, item: RefundItem, attack: Attack) -> None:
        error = attack("UPDATE refund_runs SET status = 'COMPLETED' WHERE id = %(id)s", id=item.run_id)
        assert "refunds that are not over" in str(error)

    def test_takes_no_step_back(self, run: RefundRun, attack: Attack) -> None:
        error = attack("UPDATE refund_runs SET status = 'CANCELLED' WHERE id = %(id)s", id=run.pk)
        assert "RUNNING cannot become CANCELLED" in str(error)

    def test_is_not_deleted(self, run: RefundRun, attack: Attack) -> None:
        for table in ("refund_run_approvals", "refund_items", "refund_runs"):
            assert "refused" in str(attack(f"DELETE FROM {table}"))

    def test_signatures_stay(self, run: RefundRun, approver: User, attack: Attack) -> None:
        assert RefundRunApproval.objects.get(run=run).approver == approver
        assert "UPDATE refused" in str(attack("UPDATE refund_run_approvals SET note = 'x'"))


class TestAnItem:
    def test_is_one_for_a_deposit(self, item: RefundItem, attack: Attack) -> None:
        error = attack(
            "INSERT INTO refund_items (id, run_id, investor_id, deposit_id, amount, fee_amount, kept_amount, status,"
            " obstacle, note, method, redirect_reason, created_at, updated_at)"
            " SELECT %(new)s, run_id, investor_id, deposit_id, amount, fee_amount, 0, 'WAITING_TO_CLEAR', '', '',"
            " 'CHECK', '', now(), now() FROM refund_items WHERE id = %(id)s",
            new=new_id(), id=item.pk,
        )  # fmt: skip
        assert "refund_items_deposit_id" in str(error)

    def test_is_its_payers_own(self, run: RefundRun, escrow: EscrowAccount, operator: User, later: datetime) -> None:
        stranger = factories.make_investor("Stan Stranger", verifier=operator, at=later)
        deposit = Transaction.objects.get(type="DEPOSIT")
        RefundItem.objects.filter(deposit=deposit)
        other = RefundItem(run=run, investor=stranger, deposit=deposit, amount=deposit.amount, method="CHECK")
        with pytest.raises(DatabaseError, match="does not fit it"), transaction.atomic():
            other.save(force_insert=True)

    @pytest.mark.parametrize("change", ["amount = 1", "investor_id = run_id", "fee_amount = 0", "deposit_id = NULL"])
    def test_keeps_what_it_gives_back_to_whom(self, item: RefundItem, attack: Attack, change: str) -> None:
        assert "never changes" in str(attack(f"UPDATE refund_items SET {change} WHERE id = %(id)s", id=item.pk))

    def test_is_paid_only_when_its_payments_make_its_amount(self, item: RefundItem, attack: Attack) -> None:
        error = attack("UPDATE refund_items SET status = 'PAID' WHERE id = %(id)s", id=item.pk)
        assert "is not paid" in str(error)

    def test_keeps_nothing_back_beside_a_payment(self, item: RefundItem, attack: Attack) -> None:
        error = attack("UPDATE refund_items SET kept_amount = 1 WHERE id = %(id)s", id=item.pk)
        assert "would give back more" in str(error)

    def test_goes_to_no_account_that_two_people_did_not_agree_to(
        self, item: RefundItem, operator: User, approver: User, later: datetime, attack: Attack
    ) -> None:
        other = factories.make_bank_account(item.investor, verifier=operator, at=later, number="5500123456")
        to = {"id": item.pk, "to": other.pk, "a": operator.pk, "b": approver.pk}
        error = attack("UPDATE refund_items SET bank_account_id = %(to)s WHERE id = %(id)s", **to)
        assert "two people agreed" in str(error)
        error = attack(
            "UPDATE refund_items SET bank_account_id = %(to)s, redirected_to_id = %(to)s, redirected_by_id = %(a)s,"
            " redirect_approved_by_id = %(b)s WHERE id = %(id)s",
            **to,
        )
        assert "named first and agreed to afterwards" in str(error)
        error = attack(
            "UPDATE refund_items SET redirected_by_id = %(a)s, redirect_approved_by_id = %(a)s WHERE id = %(id)s", **to
        )
        assert "agreed to afterwards" in str(error)

    def test_goes_to_no_account_of_somebody_else(
        self, item: RefundItem, operator: User, approver: User, later: datetime, attack: Attack
    ) -> None:
        stranger = factories.make_investor("Stan Stranger", verifier=operator, at=later)
        to = {"id": item.pk, "to": stranger.bank_accounts.get().pk, "a": operator.pk, "b": approver.pk}
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE refund_items SET redirected_to_id = %(to)s, redirected_by_id = %(a)s WHERE id = %(id)s", to
            )
        error = attack(
            "UPDATE refund_items SET bank_account_id = %(to)s, redirect_approved_by_id = %(b)s WHERE id = %(id)s", **to
        )
        assert "an account of its investor" in str(error)


class TestAPayment:
    def test_is_not_made_twice_for_an_item(self, item: RefundItem, attack: Attack) -> None:
        error = attack(copy_of(item.payment))
        assert getattr(error.__cause__, "sqlstate", "") == "RC012"
        assert "10000.00 is paid or under way already" in str(error)

    def test_finds_no_money_a_second_time_even_without_that_rule(
        self, item: RefundItem, run: RefundRun, approver: User, later: datetime
    ) -> None:
        """Under another key, and with the item's own rule dropped, it is the ledger that has nothing to reserve."""
        with connection.cursor() as cursor:
            cursor.execute("SELECT tgname FROM pg_trigger WHERE tgfoid = 'finance_refund_fits_its_item'::regproc")
            [[name]] = cursor.fetchall()
            cursor.execute(f"DROP TRIGGER {name} ON transactions")
        order = Order(
            type="REFUND", payment_method=item.method, amount=item.amount, escrow_account_id=run.escrow_account_id,
            to_user_id=item.investor_id, to_bank_account_id=item.bank_account_id, refund_item_id=item.pk,
        )  # fmt: skip
        with pytest.raises(InsufficientFunds):
            payouts.originate_refunds(
                [order], keys=["other"], initiator=run.proposed_by, approvers=[approver], at=later
            )
        assert item.payments.count() == 1

    def test_not_even_for_a_cent(self, item: RefundItem, attack: Attack) -> None:
        assert "under way already" in str(attack(copy_of(item.payment, amount="0.01", net_amount="0.01")))

    def test_does_not_go_to_somebody_else(self, item: RefundItem, approver: User, attack: Attack) -> None:
        error = attack(copy_of(item.payment, to_user_id=f"'{approver.pk}'"))
        assert "no refund to the investor of its refund item" in str(error)

    def test_is_a_refund_and_nothing_else(self, item: RefundItem, attack: Attack) -> None:
        assert "no refund" in str(attack(copy_of(item.payment, type="'WITHDRAWAL'")))

    def test_goes_where_its_item_says(self, item: RefundItem, attack: Attack) -> None:
        error = attack(copy_of(item.payment, payment_method="'CHECK'", to_bank_account_id="NULL"))
        assert "does not go where its refund item says" in str(error)

    def test_does_not_change_its_item(self, item: RefundItem, attack: Attack) -> None:
        error = attack("UPDATE transactions SET refund_item_id = NULL WHERE refund_item_id = %(id)s", id=item.pk)
        assert "refund_item_id never changes" in str(error)

    def test_that_failed_does_not_come_back_to_life_beside_another(
        self, run: RefundRun, item: RefundItem, later: datetime, attack: Attack
    ) -> None:
        assert item.payment is not None
        with connection.cursor() as cursor:
            for status in ("PROCESSING", "FAILED"):
                cursor.execute("UPDATE transactions SET status = %s WHERE id = %s", [status, item.payment_id])
            cursor.execute(copy_of(item.payment))
        error = attack(
            "UPDATE transactions SET status = 'PENDING_RETRY', next_retry_at = now() WHERE id = %(id)s",
            id=item.payment_id,
        )
        assert "under way already" in str(error)


class TestAFee:
    """Given back by the run, it is not given back again: under another reference, or with the deposit's return."""

    def require_refused(self, posting: Posting, *, at: datetime) -> None:
        with pytest.raises(LinesDoNotFit, match="posted twice"), transaction.atomic():
            ledger.post([posting], by=None, at=at)

    def test_is_not_given_back_under_another_reference(self, item: RefundItem, later: datetime) -> None:
        assert item.deposit is not None
        given = entries.fee_returned(item.deposit, on=later.date())
        self.require_refused(
            replace(given, subject=replace(given.subject, reference=f"{item.deposit_id}:again")), at=later
        )

    def test_is_not_given_back_once_more_when_the_bank_takes_the_deposit_back(
        self, item: RefundItem, later: datetime
    ) -> None:
        assert item.deposit is not None
        facts: dict[str, Any] = {
            "bank_reference": "SBX",
            "left": Decimal("0.00"),
            "was_cleared": True,
            "on": later.date(),
        }
        returned = partial(entries.returned, item.deposit, **facts)
        self.require_refused(returned(fee_was_returned=False), at=later)
        with transaction.atomic():
            ledger.post([returned(fee_was_returned=True)], by=None, at=later)


class TestAnOffering:
    def test_does_not_fail_before_its_deadline(self, escrow: EscrowAccount, attack: Attack) -> None:
        deadline = Offering.objects.get(pk=escrow.offering_id).deadline_at
        for moment in ("NULL", f"'{deadline}'::timestamptz - interval '1 second'"):
            error = attack(f"UPDATE offerings SET status = 'FAILED', failed_at = {moment}")
            assert "offerings_failed_after_deadline" in str(error)


class TestABankAccount:
    def test_is_verified_by_another_person_than_added_it(
        self, investor: User, operator: User, at: datetime, attack: Attack
    ) -> None:
        account = bank_accounts.add(
            investor, account_number="5500123457", routing_number="110000000", holder_name="Ivy Investor",
            by=operator, at=at,
        )  # fmt: skip
        error = attack(
            "UPDATE bank_accounts SET status = 'VERIFIED', verified_by_id = added_by_id WHERE id = %(id)s",
            id=account.pk,
        )
        assert "bank_accounts_added_and_verified_by_two" in str(error)
        error = attack("UPDATE bank_accounts SET added_by_id = NULL WHERE id = %(id)s", id=account.pk)
        assert "written once" in str(error)
