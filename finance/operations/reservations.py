"""
Reservations: an outbound payment's money, out of the available balance from its approval on.

Called inside the transaction of the operation that needs it, with the payment locked; the caller
saves the payment.
"""

from datetime import datetime

from escrow.models import EscrowAccount, LedgerAccount
from escrow.operations import ledger
from escrow.queries.balances import balance
from finance import entries
from finance.models import Transaction
from realco.business_days import banking_date
from realco.models import User
from realco.money import format_money


def reserve(payment: Transaction, *, by: User | None, at: datetime) -> None:
    """
    Take an outbound payment's money out of the available balance, so that nothing else can count on it.

    :raises InsufficientFunds: if there is less than that
    """
    if payment.is_outbound and not payment.is_reserved:
        _require_fees_earned(payment)
        ledger.post([entries.reserved(payment, on=banking_date(at))], by=by, at=at)
        payment.is_reserved = True


def unreserve(payment: Transaction, *, by: User | None, at: datetime) -> None:
    """Give a reserved payment's money back to where it came from."""
    if payment.is_reserved:
        ledger.post([entries.unreserved(payment, on=banking_date(at))], by=by, at=at)
        payment.is_reserved = False


def _require_fees_earned(payment: Transaction) -> None:
    """
    Refuse to pay more than the fees that the account holds, which may be below zero and so is no bar by itself.

    :raises InsufficientFunds: if it holds less
    """
    if entries.source(payment).kind == LedgerAccount.Kind.FEES:
        EscrowAccount.objects.select_for_update(no_key=True).get(pk=payment.escrow_account_id)
        earned = balance(payment.escrow_account_id, LedgerAccount.Kind.FEES)
        if earned < payment.net_amount:
            raise ledger.InsufficientFunds(f"This escrow account holds {format_money(earned)} of fees. Ask for less.")
