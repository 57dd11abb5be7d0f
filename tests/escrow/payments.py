"""Payments for tests of the ledger itself, which post their entries one by one: rows, each step a legal one."""

from datetime import date, datetime
from decimal import Decimal
from itertools import count

from escrow.models import EscrowAccount
from escrow.postings import Subject
from finance.entries import ENTRY_TYPES
from finance.models import Transaction
from finance.models.transactions import INBOUND, TransactionType, approvals_required
from realco.models import User

ZERO = Decimal("0.00")
SENT = ("QUEUED", "PROCESSING", "PENDING_SETTLEMENT")
_numbers = count(1)


def make_payment(
    escrow: EscrowAccount, kind: str, party: User, amount: Decimal, *, at: datetime, fee: Decimal = ZERO
) -> Transaction:
    """A payment with every approval that it needs, INITIATED or APPROVED; its fee is the test's, not the fee rules'."""
    number = next(_numbers)
    needed = approvals_required(kind, amount)
    people = [_make_person(f"{number}-{place}") for place in range(needed + 1)]
    payment = Transaction.objects.create(
        type=kind,
        payment_method="ACH",
        amount=amount,
        fee_amount=fee,
        net_amount=amount - fee,
        from_user=party if kind in INBOUND else None,
        to_user=None if kind in INBOUND else party,
        offering_id=escrow.offering_id,
        escrow_account=escrow,
        idempotency_key=f"test-payment-{number}",
        request_hash="0" * 64,
        approvals_required=needed,
        initiated_by=people[0],
        approved_by=people[1] if needed else None,
        approved_at=at if needed else None,
        second_approved_by=people[2] if needed > 1 else None,
        second_approved_at=at if needed > 1 else None,
        created_at=at,
    )
    return go(payment, "APPROVED") if needed else payment


def go(payment: Transaction, *statuses: str, at: datetime | None = None, clears_on: date | None = None) -> Transaction:
    """Take a payment's row through statuses, each a legal next one, and return it; nothing is posted."""
    for status in statuses:
        facts = {"settled_at": at, "clears_on": clears_on} if status == "SETTLED" else {}
        Transaction.objects.filter(pk=payment.pk).update(status=status, **facts)
    return Transaction.objects.get(pk=payment.pk)


def about(payment: Transaction, step: str, *, on: date, description: str = "", reference: str = "") -> Subject:
    """What a journal entry of the payment's says of it."""
    return Subject(
        escrow_account_id=payment.escrow_account_id,
        reference=reference or f"{payment.pk}:{step}",
        entry_type=ENTRY_TYPES.get(TransactionType(payment.type), "WITHDRAWAL"),
        effective_date=on,
        description=description,
        transaction_id=payment.pk,
        distribution_id=payment.distribution_id,
    )


def _make_person(name: str) -> User:
    return User.objects.create(email=f"payments-{name}@example.com", full_name=name)
