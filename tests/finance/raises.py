"""What tests of refund runs begin with: raises past their deadline, with investors' money in several states."""

from datetime import datetime, timedelta
from decimal import Decimal

from escrow import books
from escrow.models import EscrowAccount, LedgerAccount
from escrow.queries.balances import balance
from finance.models import RefundItem, RefundRun, Transaction
from finance.operations import refund_payments, refund_runs, refund_sweeps, settlements, transactions
from finance.operations.orders import Order
from realco.models import Offering, User
from tests import factories

DAYS_OPEN = 20


def open_raise(*, operator: User, at: datetime, **fields: object) -> EscrowAccount:
    """The escrow account of an offering that raises for twenty days and needs a million."""
    defaults: dict[str, object] = {
        "minimum_amount": Decimal("1000000.00"),
        "deadline_at": at + timedelta(days=DAYS_OPEN),
    }
    offering = factories.make_offering(operator=operator, at=at, name="Failing", **{**defaults, **fields})
    return factories.make_escrow(offering, operator=operator, at=at)


def after_deadline(escrow: EscrowAccount) -> datetime:
    """The noon after the raise has ended."""
    return Offering.objects.get(pk=escrow.offering_id).deadline_at + timedelta(days=1)


def start(escrow: EscrowAccount, *, operator: User, approvers: list[User], at: datetime) -> RefundRun:
    """A run that was proposed and signed, and that nobody has paid yet."""
    run = refund_runs.propose(escrow, by=operator, reason="The minimum was not reached.", at=at)
    for approver in approvers:
        run = refund_runs.approve(run, approver=approver, content_hash=run.content_hash, at=at)
    return run


def pay(run: RefundRun, *, at: datetime) -> list[RefundItem]:
    """Let the worker pay, and return the items as they are then."""
    refund_payments.resume(run.pk, at=at)
    return items(run)


def items(run: RefundRun) -> list[RefundItem]:
    return list(run.items.select_related("payment", "deposit", "investor").order_by("created_at", "id"))


def arrive(payment: Transaction | None, *, at: datetime) -> Transaction:
    """Take a refund through the bank until it can no longer come back."""
    assert payment is not None
    return factories.play(payment, at=at)


def finish(run: RefundRun, *, at: datetime) -> RefundRun:
    """Let every payment under way arrive and the sweeps do the rest."""
    for item in items(run):
        if item.payment is not None and item.payment.status == "QUEUED":
            arrive(item.payment, at=at)
    refund_sweeps.sweep(at=at + timedelta(days=30))
    return RefundRun.objects.get(pk=run.pk)


def return_late(payment: Transaction, *, code: str = "R10", at: datetime) -> None:
    """Let the payer's or payee's bank send a payment back."""
    settlements.record_returned(payment.attempt_key, code=code, message="", effective_date=at.date(), at=at)


def held_by(escrow: EscrowAccount, kind: str, owner: User | None = None) -> Decimal:
    return balance(escrow.pk, kind, owner.pk if owner else None)


def require_empty_books(escrow: EscrowAccount) -> None:
    """Nothing is left, and the books prove."""
    holding = {str(row): row.balance for row in LedgerAccount.objects.filter(escrow_account=escrow).exclude(balance=0)}
    assert holding == {}
    assert books.check([escrow.pk]) == []


def large(escrow: EscrowAccount, investor: User, approver: User, *, at: datetime) -> None:
    """A cleared deposit of $60,000."""
    deposit = factories.deposit(escrow, investor, "60000.00", at=at)
    factories.play(transactions.approve(deposit, approver=approver, at=at), at=at)


def withdraw(escrow: EscrowAccount, investor: User, amount: str, *, at: datetime) -> None:
    """An investor takes part of their cleared money out again."""
    order = Order(
        type="WITHDRAWAL",
        payment_method="ACH",
        amount=Decimal(amount),
        escrow_account_id=escrow.pk,
        to_user_id=investor.pk,
        to_bank_account_id=investor.bank_accounts.get().pk,
    )
    transactions.initiate(order, initiator=investor, idempotency_key="withdrawal", at=at)
