"""What an investor owes after a late return: settled first by whatever money of theirs comes in next."""

from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection

from escrow import books
from escrow.models import BankStatementLine, EscrowAccount, LedgerAccount
from escrow.operations import bank_proposals, closings, receipts, statements
from escrow.operations.receipts import MoreThanWaits
from escrow.queries.balances import balance
from finance.models import Transaction
from finance.operations import settlements, transactions
from finance.operations.orders import Order
from realco.models import User
from tests import factories
from tests.escrow.money import WEDNESDAY, Day, Stated, statement
from tests.stages import staged

pytestmark = pytest.mark.slow

Kind = LedgerAccount.Kind
D = Decimal


def give_back(payment: Transaction, *, at: datetime) -> None:
    """The payer's bank takes a deposit back, long after it had cleared."""
    settlements.record_returned(payment.attempt_key, code="R03", message="", effective_date=at.date(), at=at)


def wire(escrow: EscrowAccount, payer: User, amount: str, *, at: datetime) -> Transaction:
    return factories.play(factories.deposit(escrow, payer, amount, at=at, method="WIRE"), at=at)


@staged
def released(escrow: EscrowAccount, investor: User, operator: User, approver: User, at: datetime) -> list[Transaction]:
    """Two deposits of 2,000 each (1,965.00 net), cleared and released to the offering."""
    paid = [wire(escrow, investor, "2000.00", at=at) for _ in range(2)]
    factories.close(closings.propose(escrow, by=operator, at=at), approver=approver, at=at)
    return paid


def owed(escrow: EscrowAccount, person: User) -> Decimal:
    return balance(escrow.pk, Kind.RECEIVABLE, person.pk)


def prove() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    assert books.check() == []


class TestReceivables:
    def test_are_settled_in_part_and_then_in_full(
        self, escrow: EscrowAccount, investor: User, released: list[Transaction], at: datetime
    ) -> None:
        give_back(released[0], at=at)
        assert owed(escrow, investor) == D("1965.00")

        wire(escrow, investor, "1000.00", at=at)
        assert owed(escrow, investor) == D("995.00")
        assert balance(escrow.pk, Kind.INVESTOR, investor.pk) == 0

        wire(escrow, investor, "1500.00", at=at)
        assert owed(escrow, investor) == 0
        assert balance(escrow.pk, Kind.INVESTOR, investor.pk) == D("472.50")
        prove()

    def test_of_several_returns_add_up(
        self, escrow: EscrowAccount, investor: User, released: list[Transaction], at: datetime
    ) -> None:
        for payment in released:
            give_back(payment, at=at)
            give_back(payment, at=at)
        assert owed(escrow, investor) == D("3930.00")
        wire(escrow, investor, "5000.00", at=at)
        assert (owed(escrow, investor), balance(escrow.pk, Kind.INVESTOR, investor.pk)) == (D("0.00"), D("1020.00"))
        prove()

    def test_take_what_the_investor_still_has_before_anything_is_owed(
        self, escrow: EscrowAccount, investor: User, released: list[Transaction], at: datetime
    ) -> None:
        wire(escrow, investor, "1000.00", at=at)
        give_back(released[0], at=at)
        assert (owed(escrow, investor), balance(escrow.pk, Kind.INVESTOR, investor.pk)) == (D("995.00"), D("0.00"))
        prove()

    @pytest.mark.parametrize(
        ("cents", "left", "credited"), [(50000, "1465.00", "0.00"), (196500, "0.00", "0.00"), (200000, "0.00", "35.00")]
    )
    def test_are_settled_by_a_claimed_receipt_first(
        self,
        cents: int,
        left: str,
        credited: str,
        escrow: EscrowAccount,
        investor: User,
        operator: User,
        approver: User,
        released: list[Transaction],
        at: datetime,
    ) -> None:
        give_back(released[0], at=at)
        data = statement(escrow.external_account_id, Day(WEDNESDAY, 0, [Stated(cents, "WIRE 9")]))
        statements.import_file(data, file_name="a.bai2", by=operator, at=at)
        line = BankStatementLine.objects.get(customer_reference="WIRE 9")
        receipts.record_unknown_receipt(line, by=operator, at=at)
        facts: dict[str, Any] = {"investor": investor, "amount": line.amount, "reason": "Their wire", "by": operator}
        proposal = bank_proposals.propose_claim(line, at=at, **facts)
        assert owed(escrow, investor) == D("1965.00")
        bank_proposals.approve(proposal, approver=approver, at=at)
        with pytest.raises(MoreThanWaits):
            bank_proposals.propose_claim(line, at=at, **facts)
        assert owed(escrow, investor) == D(left)
        assert balance(escrow.pk, Kind.INVESTOR, investor.pk) == D(credited)
        prove()

    def test_of_one_investor_are_not_settled_by_another_s_money(
        self, escrow: EscrowAccount, investor: User, operator: User, released: list[Transaction], at: datetime
    ) -> None:
        give_back(released[0], at=at)
        other = factories.make_investor("Ben", verifier=operator, at=at)
        wire(escrow, other, "1000.00", at=at)
        assert (owed(escrow, investor), owed(escrow, other)) == (D("1965.00"), D("0.00"))

    def test_of_the_sponsor_are_settled_before_the_offering_gets_more(
        self,
        escrow: EscrowAccount,
        released: list[Transaction],
        operator: User,
        approver: User,
        at: datetime,
    ) -> None:
        """What the sponsor paid in was drawn before it came back; the next payment in makes that good first."""
        sponsor = escrow.offering.organization.owner
        factories.make_bank_account(sponsor, verifier=operator, at=at)
        first = self.pay_in(escrow, sponsor, "1000.00", at=at)
        everything = balance(escrow.pk, Kind.OFFERING)
        draw = transactions.initiate(
            Order(
                type="CONSTRUCTION_DRAW", payment_method="ACH", amount=everything, escrow_account_id=escrow.pk,
                to_user_id=sponsor.pk, to_bank_account_id=sponsor.bank_accounts.get().pk,
            ),
            initiator=operator, idempotency_key="draw", at=at,
        )  # fmt: skip
        transactions.approve(draw, approver=approver, at=at)
        factories.play(draw, at=at)
        # The bank account holds only fees now; the escrow bank lends nothing, so somebody else's money is in it.
        wire(escrow, factories.make_investor("Ben", verifier=operator, at=at), "5000.00", at=at)

        give_back(first, at=at)
        assert (owed(escrow, sponsor), balance(escrow.pk, Kind.OFFERING)) == (first.net_amount, D("0.00"))
        second = self.pay_in(escrow, sponsor, "600.00", at=at)
        assert owed(escrow, sponsor) == first.net_amount - second.net_amount
        assert balance(escrow.pk, Kind.OFFERING) == 0
        third = self.pay_in(escrow, sponsor, "1100.00", at=at)
        assert owed(escrow, sponsor) == 0
        assert balance(escrow.pk, Kind.OFFERING) == second.net_amount + third.net_amount - first.net_amount
        prove()

    @staticmethod
    def pay_in(escrow: EscrowAccount, sponsor: User, amount: str, *, at: datetime) -> Transaction:
        order = Order(
            type="ESCROW_DEPOSIT", payment_method="WIRE", amount=D(amount), escrow_account_id=escrow.pk,
            from_user_id=sponsor.pk,
        )  # fmt: skip
        payment = transactions.initiate(order, initiator=sponsor, idempotency_key=f"rent {amount}", at=at)
        return factories.play(payment, at=at)
