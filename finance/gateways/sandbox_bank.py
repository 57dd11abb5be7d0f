"""
The sandbox bank's back office: transfers settle, fail and come back, and the statement says so.

Each transfer's step is one database transaction of the bank's: its state, its statement line and
the webhook it owes us. Statement lines carry BAI2 type codes.
"""

from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from django.conf import settings
from django.db import transaction

from finance import return_codes
from finance.gateways import sandbox_webhooks
from finance.gateways.interface import TRANSFER_FAILED, TRANSFER_RETURNED, TRANSFER_SETTLED
from finance.models import SandboxStatementLine, SandboxTransfer
from finance.models.transactions import PaymentMethod
from realco import money
from realco.business_days import add_business_days, banking_date
from realco.clock import NoSandbox
from realco.identifiers import new_id

State = SandboxTransfer.State
BATCH = 1000

SETTLED_IN = {
    PaymentMethod.ACH: ("142", "ACH CREDIT"),
    PaymentMethod.WIRE: ("195", "INCOMING WIRE"),
    PaymentMethod.CHECK: ("301", "CHECK DEPOSIT"),
    PaymentMethod.CREDIT_CARD: ("165", "CARD SETTLEMENT"),
    PaymentMethod.INTERNAL_TRANSFER: ("206", "BOOK TRANSFER CREDIT"),
}
SETTLED_OUT = {
    PaymentMethod.ACH: ("451", "ACH DEBIT"),
    PaymentMethod.WIRE: ("495", "OUTGOING WIRE"),
    PaymentMethod.CHECK: ("475", "CHECK PAID"),
    PaymentMethod.CREDIT_CARD: ("455", "CARD REFUND"),
    PaymentMethod.INTERNAL_TRANSFER: ("506", "BOOK TRANSFER DEBIT"),
}
RETURNED_IN = {PaymentMethod.ACH: ("557", "ACH RETURN"), PaymentMethod.CHECK: ("555", "DEPOSITED ITEM RETURNED")}
RETURNED_OUT = {PaymentMethod.ACH: ("257", "ACH RETURN"), PaymentMethod.CHECK: ("255", "CHECK RETURNED")}
OTHER_RETURN_IN = ("699", "MISCELLANEOUS DEBIT")
OTHER_RETURN_OUT = ("399", "MISCELLANEOUS CREDIT")
UNKNOWN_RECEIPT = ("195", "INCOMING WIRE")
"""BAI2 type code and words of a line, by method; inbound and outbound, settled and returned."""


def work(*, at: datetime) -> int:
    """
    Do everything that is due at the bank by now, and return how many steps that were.

    :raises NoSandbox: in production mode
    """
    if not settings.SANDBOX:
        raise NoSandbox("There is no sandbox bank in production mode.")
    today, steps = banking_date(at), 0
    while steps < BATCH:
        due = SandboxTransfer.objects.filter(due_date__lte=today).order_by("due_date", "id")
        done = sum(_step(transfer_id, today=today, at=at) for transfer_id in due.values_list("id", flat=True)[:BATCH])
        if not done:
            break
        steps += done
    return steps


def settle(transfer: SandboxTransfer, *, on: date, at: datetime) -> None:
    """Settle a transfer: the money is in the account, the statement shows it, and the webhook is owed."""
    transfer.state = State.SETTLED
    transfer.settled_date = on
    transfer.due_date = transfer.return_date
    transfer.save()
    _write_line(transfer, amount=transfer.amount, on=on, words=_words(transfer, SETTLED_IN, SETTLED_OUT), at=at)
    if not transfer.tells_return_first:
        sandbox_webhooks.owe(transfer, TRANSFER_SETTLED, on=on, at=at)


def receive_unknown(external_account_id: str, amount: Decimal, *, at: datetime) -> SandboxStatementLine:
    """
    Receive a wire that no payment of ours announced, so that only the statement knows of it.

    :raises NoSandbox: in production mode
    :raises NotPositive: if the amount is zero or less
    """
    if not settings.SANDBOX:
        raise NoSandbox("There is no sandbox bank in production mode.")
    code, words = UNKNOWN_RECEIPT
    return SandboxStatementLine.objects.create(
        external_account_id=external_account_id,
        value_date=add_business_days(banking_date(at), 0),
        amount=money.positive(amount),
        type_code=code,
        reference=f"SBX-UNKNOWN-{new_id().hex[-12:].upper()}",
        text=f"{words} FROM UNKNOWN SENDER",
        created_at=at,
    )


def _step(transfer_id: UUID, *, today: date, at: datetime) -> int:
    """Do the next thing that is due for one transfer; 0 if somebody else did or is doing it."""
    with transaction.atomic():
        transfer = (
            SandboxTransfer.objects.select_for_update(skip_locked=True)
            .filter(pk=transfer_id, due_date__lte=today)
            .first()
        )
        if transfer is None:
            return 0
        assert transfer.due_date is not None
        if transfer.state == State.SETTLED:
            _give_back(transfer, on=transfer.due_date, at=at)
        elif transfer.outcome_code:
            _fail(transfer, on=transfer.due_date, at=at)
        else:
            settle(transfer, on=transfer.due_date, at=at)
    return 1


def _fail(transfer: SandboxTransfer, *, on: date, at: datetime) -> None:
    """Fail a transfer before it settled; no money has moved, so the statement shows nothing."""
    transfer.state = State.FAILED
    transfer.due_date = None
    transfer.save()
    sandbox_webhooks.owe(transfer, TRANSFER_FAILED, on=on, at=at, code=transfer.outcome_code)


def _give_back(transfer: SandboxTransfer, *, on: date, at: datetime) -> None:
    """Return a transfer that had settled."""
    transfer.state = State.RETURNED
    transfer.due_date = None
    transfer.save()
    code, words = _words(transfer, RETURNED_IN, RETURNED_OUT)
    words = f"{words} {transfer.return_code} {return_codes.meaning(transfer.return_code)}"
    _write_line(transfer, amount=-transfer.amount, on=on, words=(code, words), at=at)
    sandbox_webhooks.owe(transfer, TRANSFER_RETURNED, on=on, at=at, code=transfer.return_code)
    if transfer.tells_return_first:
        assert transfer.settled_date is not None
        sandbox_webhooks.owe(transfer, TRANSFER_SETTLED, on=transfer.settled_date, at=at)


def _words(
    transfer: SandboxTransfer,
    inbound: dict[PaymentMethod, tuple[str, str]],
    outbound: dict[PaymentMethod, tuple[str, str]],
) -> tuple[str, str]:
    method = PaymentMethod(transfer.method)
    if transfer.amount > 0:
        return inbound.get(method, OTHER_RETURN_IN)
    return outbound.get(method, OTHER_RETURN_OUT)


def _write_line(transfer: SandboxTransfer, *, amount: Decimal, on: date, words: tuple[str, str], at: datetime) -> None:
    code, text = words
    SandboxStatementLine.objects.create(
        external_account_id=transfer.external_account_id,
        value_date=on,
        amount=amount,
        type_code=code,
        reference=transfer.reference,
        text=f"{text} {transfer.counterparty}".strip().upper()[:200],
        created_at=at,
    )
