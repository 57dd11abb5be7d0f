"""A payment's journal entries: which row of the posting table each of its events makes."""

from datetime import date
from decimal import Decimal
from uuid import UUID

from escrow import postings
from escrow.models import LedgerAccount, LedgerEntryType
from escrow.postings import Line, Posting, Subject
from finance.models.transactions import Transaction, TransactionType

Kind = LedgerAccount.Kind
ZERO = Decimal("0.00")

ENTRY_TYPES = {
    TransactionType.DEPOSIT: LedgerEntryType.DEPOSIT,
    TransactionType.ESCROW_DEPOSIT: LedgerEntryType.DEPOSIT,
    TransactionType.CAPITAL_CALL: LedgerEntryType.DEPOSIT,
    TransactionType.DISTRIBUTION: LedgerEntryType.DISTRIBUTION,
    TransactionType.REFUND: LedgerEntryType.REFUND,
    TransactionType.PLATFORM_FEE: LedgerEntryType.FEE,
    TransactionType.REFERRAL_FEE: LedgerEntryType.FEE,
}


def source(payment: Transaction) -> Line:
    """Return the ledger account that an outbound payment is taken from."""
    if payment.type in (TransactionType.WITHDRAWAL, TransactionType.REFUND):
        return postings.source_of(Kind.INVESTOR, payment.to_user_id)
    if payment.type in (TransactionType.PLATFORM_FEE, TransactionType.REFERRAL_FEE):
        return postings.source_of(Kind.FEES)
    return postings.source_of(Kind.OFFERING)


def goes_to_offering(payment: Transaction) -> bool:
    """Whether an inbound payment is the sponsor's, and so the offering's once it clears."""
    return payment.type == TransactionType.ESCROW_DEPOSIT


def accepted(payment: Transaction, *, bank_reference: str, on: date) -> Posting:
    assert payment.from_user_id is not None
    subject = _subject(payment, "accepted", f"{bank_reference} {_named(payment)} accepted", on)
    return postings.inbound_accepted(subject, payer_id=payment.from_user_id, amount=payment.amount)


def settled(payment: Transaction, *, bank_reference: str, on: date) -> Posting:
    subject = _subject(payment, "settled", f"{bank_reference} {_named(payment)} settled", on)
    if payment.is_inbound:
        return postings.inbound_settled(subject, amount=payment.amount)
    return postings.outbound_settled(subject, amount=payment.net_amount)


def cleared(payment: Transaction, *, owed: Decimal, on: date) -> Posting:
    assert payment.from_user_id is not None
    subject = _subject(payment, "cleared", f"{_named(payment)} cleared", on)
    return postings.inbound_cleared(
        subject,
        payer_id=payment.from_user_id,
        amount=payment.amount,
        fee=payment.fee_amount,
        to_offering=goes_to_offering(payment),
        owed=owed,
    )


def failed(payment: Transaction, *, bank_reference: str, on: date) -> Posting:
    assert payment.from_user_id is not None
    subject = _subject(payment, "failed", f"{bank_reference} {_named(payment)} failed", on)
    return postings.inbound_failed(subject, payer_id=payment.from_user_id, amount=payment.amount)


def returned(
    payment: Transaction,
    *,
    bank_reference: str,
    left: Decimal,
    was_cleared: bool,
    on: date,
    fee_was_returned: bool = False,
) -> Posting:
    """
    ``left`` is what the account credited by an inbound payment still holds, US dollars.

    A fee that a refund run gave back before is the investor's since, and is not given back again.
    """
    subject = _subject(payment, "returned", f"{bank_reference} {_named(payment)} returned", on)
    if payment.is_outbound:
        return postings.payout_returned(subject, source=source(payment), amount=payment.net_amount)
    assert payment.from_user_id is not None
    if not was_cleared:
        return postings.returned_before_clearing(subject, payer_id=payment.from_user_id, amount=payment.amount)
    return postings.returned_after_clearing(
        subject,
        payer_id=payment.from_user_id,
        amount=payment.amount,
        fee=ZERO if fee_was_returned else payment.fee_amount,
        left=left,
        to_offering=goes_to_offering(payment),
    )


def reserved(payment: Transaction, *, on: date) -> Posting:
    subject = _subject(payment, "reserved", f"{_named(payment)} reserved", on)
    return postings.reserved(subject, source=source(payment), amount=payment.net_amount)


def unreserved(payment: Transaction, *, on: date) -> Posting:
    subject = _subject(payment, "unreserved", f"{_named(payment)} not paid", on)
    return postings.unreserved(subject, source=source(payment), amount=payment.net_amount)


def fee_reference(deposit_id: UUID) -> str:
    """Return the one reference under which a deposit's fee is given back, so that it is given back once."""
    return f"{deposit_id}:fee-returned"


def fee_returned(deposit: Transaction, *, on: date) -> Posting:
    assert deposit.from_user_id is not None
    subject = Subject(
        escrow_account_id=deposit.escrow_account_id,
        reference=fee_reference(deposit.pk),
        entry_type=LedgerEntryType.FEE,
        effective_date=on,
        description=f"{_named(deposit)} fee given back",
        transaction_id=deposit.pk,
    )
    return postings.fee_returned(subject, investor_id=deposit.from_user_id, amount=deposit.fee_amount)


def _named(payment: Transaction) -> str:
    """Return the type as people read it; ``get_type_display`` looks through all of them each time."""
    return TransactionType(payment.type).label


def _subject(payment: Transaction, step: str, description: str, on: date) -> Subject:
    return Subject(
        escrow_account_id=payment.escrow_account_id,
        reference=f"{payment.id}:{step}:{payment.retry_count}",
        entry_type=ENTRY_TYPES.get(TransactionType(payment.type), LedgerEntryType.WITHDRAWAL),
        effective_date=on,
        description=description,
        transaction_id=payment.id,
        distribution_id=payment.distribution_id,
    )
