"""Subscriptions and operating income, from a sponsor's CSV files, as payments into escrow."""

from datetime import datetime

from django.db import connection

from escrow.models import EscrowAccount
from finance.models import BankAccount, Transaction
from finance.models.transactions import PaymentMethod, TransactionType
from finance.operations import transactions
from finance.operations.orders import Order
from realco import money
from realco.errors import Duplicate, Refusal
from realco.imports.csv_files import Row
from realco.models import User
from realco.money import format_money

SUBSCRIPTION_COLUMNS = ("reference", "email", "amount", "method", "note")
INCOME_COLUMNS = ("reference", "period", "amount", "method", "description")


class UnknownInvestor(Refusal):
    """Nobody has the e-mail address."""


class ReferenceNeeded(Refusal):
    """Without a reference a row could not be told from its double."""


class ReferenceTaken(Duplicate):
    """The reference was imported before, for somebody or something else."""


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
    earlier = _find_earlier(key, escrow)
    if earlier is None:
        transactions.initiate(order, initiator=by, idempotency_key=key, at=at)
    elif (earlier.from_user_id, earlier.amount, earlier.payment_method) != (payer.pk, order.amount, method):
        raise ReferenceTaken(
            f"The reference {row['reference']} was imported before: {format_money(earlier.amount)}"
            f" by {earlier.get_payment_method_display()} from {earlier.from_user}. Give this row another one."
        )
    return earlier is None


def _find_earlier(key: str, escrow: EscrowAccount) -> Transaction | None:
    """Return what was imported under a reference, whoever did it, after waiting for whoever is doing it now."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [key])
    return Transaction.objects.filter(escrow_account=escrow, idempotency_key__endswith=f":{key}").first()
