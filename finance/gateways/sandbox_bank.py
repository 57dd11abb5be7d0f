"""
The sandbox bank's back office: transfers settle, fail and come back, and the statement says so.

A transfer's step is its state, its statement line and the webhook the bank owes us, in one database
transaction of the bank's with the steps of others. Statement lines carry BAI2 type codes.
"""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal

from django.conf import settings
from django.db import transaction

from finance import return_codes
from finance.gateways import sandbox_webhooks
from finance.gateways.interface import TRANSFER_FAILED, TRANSFER_RETURNED, TRANSFER_SETTLED, CannotMoveBack
from finance.models import SandboxDelivery, SandboxStatementLine, SandboxTransfer
from finance.models.transactions import PaymentMethod
from realco import money
from realco.business_days import add_business_days, banking_date
from realco.clock import NoSandbox
from realco.identifiers import new_id

State = SandboxTransfer.State
BATCH = 1000
CHUNK = 200
Written = SandboxStatementLine | SandboxDelivery

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
        done = _steps(today=today, at=at)
        if not done:
            break
        steps += done
    return steps


def settle(transfer: SandboxTransfer, *, on: date, at: datetime) -> None:
    """Settle a transfer: the money is in the account, the statement shows it, and the webhook is owed."""
    written = _settle(transfer, on=on, at=at)
    transfer.save()
    _write(written)


def move_back(*keys: str, at: datetime) -> date:
    """
    Give settled transfers between our own accounts back, all or none, and return the day; once.

    :raises CannotMoveBack: if one of them is unknown or never settled
    """
    with transaction.atomic():
        transfers = list(
            SandboxTransfer.objects.select_for_update().filter(idempotency_key__in=keys).order_by("idempotency_key")
        )
        if {one.state for one in transfers} == {State.RETURNED}:
            return max(one.return_date or banking_date(at) for one in transfers)
        if len(transfers) != len(keys) or {one.state for one in transfers} != {State.SETTLED}:
            raise CannotMoveBack("The sandbox bank has not moved this money, so there is nothing to move back.")
        today = banking_date(at)
        for transfer in transfers:
            transfer.return_date = today
            written = _give_back(transfer, on=today, at=at)
            transfer.save()
            _write(written)
    return today


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


def _steps(*, today: date, at: datetime) -> int:
    """Do the next thing that is due for each of some transfers that nobody else works on; return how many."""
    with transaction.atomic():
        due = SandboxTransfer.objects.filter(due_date__lte=today).order_by("due_date", "id")
        transfers = list(due.select_for_update(skip_locked=True)[:CHUNK])
        written = [row for transfer in transfers for row in _step(transfer, at=at)]
        SandboxTransfer.objects.bulk_update(transfers, ["state", "settled_date", "due_date"])
        _write(written)
    return len(transfers)


def _step(transfer: SandboxTransfer, *, at: datetime) -> list[Written]:
    assert transfer.due_date is not None
    if transfer.state == State.SETTLED:
        return _give_back(transfer, on=transfer.due_date, at=at)
    if transfer.outcome_code:
        return _fail(transfer, on=transfer.due_date, at=at)
    return _settle(transfer, on=transfer.due_date, at=at)


def _write(rows: Sequence[Written]) -> None:
    """Write statement lines and messages down."""
    SandboxStatementLine.objects.bulk_create([row for row in rows if isinstance(row, SandboxStatementLine)])
    SandboxDelivery.objects.bulk_create([row for row in rows if isinstance(row, SandboxDelivery)])


def _settle(transfer: SandboxTransfer, *, on: date, at: datetime) -> list[Written]:
    transfer.state = State.SETTLED
    transfer.settled_date = on
    transfer.due_date = transfer.return_date
    line = _line(transfer, amount=transfer.amount, on=on, words=_words(transfer, SETTLED_IN, SETTLED_OUT), at=at)
    if transfer.tells_return_first:
        return [line]
    return [line, sandbox_webhooks.owed(transfer, TRANSFER_SETTLED, on=on, at=at)]


def _fail(transfer: SandboxTransfer, *, on: date, at: datetime) -> list[Written]:
    """Fail a transfer before it settled; no money has moved, so the statement shows nothing."""
    transfer.state = State.FAILED
    transfer.due_date = None
    return [sandbox_webhooks.owed(transfer, TRANSFER_FAILED, on=on, at=at, code=transfer.outcome_code)]


def _give_back(transfer: SandboxTransfer, *, on: date, at: datetime) -> list[Written]:
    """Return a transfer that had settled."""
    transfer.state = State.RETURNED
    transfer.due_date = None
    code, words = _words(transfer, RETURNED_IN, RETURNED_OUT)
    words = f"{words} {transfer.return_code} {return_codes.meaning(transfer.return_code)}"
    written: list[Written] = [
        _line(transfer, amount=-transfer.amount, on=on, words=(code, words), at=at),
        sandbox_webhooks.owed(transfer, TRANSFER_RETURNED, on=on, at=at, code=transfer.return_code),
    ]
    if transfer.tells_return_first:
        assert transfer.settled_date is not None
        written.append(sandbox_webhooks.owed(transfer, TRANSFER_SETTLED, on=transfer.settled_date, at=at))
    return written


def _words(
    transfer: SandboxTransfer,
    inbound: dict[PaymentMethod, tuple[str, str]],
    outbound: dict[PaymentMethod, tuple[str, str]],
) -> tuple[str, str]:
    method = PaymentMethod(transfer.method)
    if transfer.amount > 0:
        return inbound.get(method, OTHER_RETURN_IN)
    return outbound.get(method, OTHER_RETURN_OUT)


def _line(
    transfer: SandboxTransfer, *, amount: Decimal, on: date, words: tuple[str, str], at: datetime
) -> SandboxStatementLine:
    code, text = words
    return SandboxStatementLine(
        external_account_id=transfer.external_account_id,
        value_date=on,
        amount=amount,
        type_code=code,
        reference=transfer.reference,
        text=f"{text} {transfer.counterparty}".strip().upper()[:200],
        created_at=at,
    )
