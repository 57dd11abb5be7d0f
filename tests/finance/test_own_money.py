"""Money that is not one's own: nobody pays it to themselves alone, nor brings any in that no bank has seen."""

from dataclasses import replace
from datetime import datetime
from decimal import Decimal

import pytest

from escrow.models import EscrowAccount
from finance.models import Transaction
from finance.operations import transactions
from finance.operations.orders import Order
from realco.errors import NotPermitted
from realco.models import User
from tests import factories
from tests.stages import staged


class TestFees:
    def order(self, escrow: EscrowAccount, payee: User) -> Order:
        return Order(
            type="PLATFORM_FEE",
            payment_method="ACH",
            amount=Decimal("20.00"),
            escrow_account_id=escrow.pk,
            to_user_id=payee.pk,
            to_bank_account_id=payee.bank_accounts.get().pk,
        )

    @staged
    def funded(
        self, escrow: EscrowAccount, investor: User, operator: User, approver: User, at: datetime
    ) -> EscrowAccount:
        """An escrow account that has closed its raise and holds 50.80 of fees."""
        from escrow.operations import closings

        factories.fund(investor, escrow, "10000.00", at=at)
        closing = closings.propose(escrow, by=operator, at=at)
        factories.close(closing, approver=approver, at=at)
        return escrow

    @staged
    def clerk(self, operator: User, at: datetime) -> User:
        """Staff with a bank account of their own."""
        clerk = factories.make_user("Clara Clerk", "Operations", is_staff=True)
        factories.make_profile(clerk, at)
        factories.make_bank_account(clerk, verifier=operator, at=at)
        return clerk

    def ask(self, order: Order, by: User, at: datetime) -> Transaction:
        return transactions.initiate(order, initiator=by, idempotency_key="fee", at=at)

    def test_paid_to_whoever_asks_need_somebody_elses_signature(
        self, funded: EscrowAccount, clerk: User, approver: User, at: datetime
    ) -> None:
        payment = self.ask(self.order(funded, clerk), clerk, at)
        assert (payment.status, payment.approvals_required, payment.is_reserved) == ("PENDING_APPROVAL", 1, False)
        assert transactions.approve(payment, approver=approver, at=at).status == "QUEUED"

    def test_paid_to_another_need_none(self, funded: EscrowAccount, clerk: User, operator: User, at: datetime) -> None:
        assert self.ask(self.order(funded, clerk), operator, at).status == "QUEUED"

    def test_paying_out_ones_own_money_needs_none(self, escrow: EscrowAccount, investor: User, at: datetime) -> None:
        factories.fund(investor, escrow, "1000.00", at=at)
        order = replace(self.order(escrow, investor), type="WITHDRAWAL")
        assert self.ask(order, investor, at).status == "QUEUED"


class TestInternalTransfers:
    def test_are_not_for_investors_who_have_nothing_here_to_transfer(
        self, escrow: EscrowAccount, investor: User, at: datetime
    ) -> None:
        order = factories.deposit_order(escrow, investor, "1000.00", "INTERNAL_TRANSFER")
        with pytest.raises(NotPermitted):
            transactions.initiate(order, initiator=investor, idempotency_key="i", at=at)
        assert not Transaction.objects.exists()
