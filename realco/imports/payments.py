"""Subscriptions and operating income, from a sponsor's CSV files, as payments into escrow."""

from datetime import datetime

from escrow.models import EscrowAccount
from finance.models import BankAccount, Transaction
from finance.models.transactions import PaymentMethod, TransactionType
from finance.operations import transactions
from finance.operations.orders import Order
from realco import money
from realco.errors import Refusal
from realco.imports.csv_files import Row
from realco.models import User

SUBSCRIPTION_COLUMNS = ("reference", "email", "amount", "method", "note")
INCOME_COLUMNS = ("reference", "period", "amount", "method", "description")


class UnknownInvestor(Refusal):
    """Nobody has the e-mail address."""


class ReferenceNeeded(Refusal):
    """Without a reference a row could not be told from its double."""


def import_subscription(row: Row, *, escrow: EscrowAccount, by: User, at: datetime) -> bool:
    """
    Ask for an investor's deposit; the reference is its idempotency key. Return whether it is new.

    :raises Refusal: if a cell is impossible, the investor unknown, or the payment refused
    """
    money.parse_written(row["amount"])
    investor = User.objects.filter(email=row["email"].lower()).first()
    if investor is None:
        raise UnknownInvestor(f"Nobody here has the e-mail address “{row['email']}”; import investors first.")
    return _ask(row, TransactionType.DEPOSIT, investor, escrow=escrow, by=by, at=at, description=row["note"])


def import_income(row: Row, *, escrow: EscrowAccount, by: User, at: datetime) -> bool:
    """
    Ask for the sponsor's payment of operating income. Return whether it is new.

    :raises Refusal: if a cell is impossible or the payment refused
    """
    words = f"{row['period']}: {row['description']}"
    sponsor = escrow.offering.organization.owner
    return _ask(row, TransactionType.ESCROW_DEPOSIT, sponsor, escrow=escrow, by=by, at=at, description=words)


def _ask(
    row: Row,
    transaction_type: TransactionType,
    payer: User,
    *,
    escrow: EscrowAccount,
    by: User,
    at: datetime,
    description: str,
) -> bool:
    if not row["reference"]:
        raise ReferenceNeeded("Give each row a reference of its own, so that importing twice pays once.")
    method = row["method"].upper()
    account = None
    if method == PaymentMethod.ACH:
        account = payer.bank_accounts.filter(status=BankAccount.Status.VERIFIED).order_by("created_at").first()
    order = Order(
        type=transaction_type,
        payment_method=method,
        amount=money.positive(money.parse_written(row["amount"])),
        escrow_account_id=escrow.pk,
        from_user_id=payer.pk,
        from_bank_account_id=account.pk if account else None,
        description=description[:300],
    )
    key = f"import:{escrow.account_number}:{row['reference']}"
    is_new = not Transaction.objects.filter(idempotency_key=f"{by.pk}:{key}").exists()
    if is_new:
        transactions.initiate(order, initiator=by, idempotency_key=key, at=at)
    return is_new
