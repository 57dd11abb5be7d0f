"""
What the database asks for before suspense moves: lines of the bank, and claims that two people agree on.

For tests that post to the ledger themselves. Rows are found by a key, so that the same receipt described twice, by
whichever process, is the same one.
"""

import hashlib
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from escrow import postings
from escrow.models import BankProposal, BankStatement, BankStatementLine, EscrowAccount
from escrow.postings import Posting, Subject
from realco.models import User

_WHEN = datetime.fromisoformat("2026-03-03T17:00:00+00:00")


def line_id(key: str) -> UUID:
    return uuid5(NAMESPACE_URL, f"line:{key}")


def received_as(key: str) -> str:
    """Return the reference of the entry that books the unknown receipt of this key."""
    return f"receipt:{line_id(key)}"


def claimed_as(key: str) -> str:
    """Return the reference of the entry that gives the receipt of this key to an investor."""
    return f"receipt:{line_id(key)}:claim:{uuid5(NAMESPACE_URL, f'claim:{key}')}"


def stated(escrow: EscrowAccount, amount: Decimal, *, key: str, on: date) -> BankStatementLine:
    """State one movement at the bank, on a statement of its own."""
    statement, _ = BankStatement.objects.get_or_create(
        id=uuid5(NAMESPACE_URL, f"statement:{key}"),
        defaults={
            "escrow_account": escrow, "file_name": key, "content_hash": _hash(key), "as_of_date": on,
            "closing_balance": amount, "line_count": 1,
        },
    )  # fmt: skip
    line, _ = BankStatementLine.objects.get_or_create(
        id=line_id(key),
        defaults={
            "escrow_account": escrow, "statement": statement, "value_date": on, "amount": amount,
            "customer_reference": key[:100], "fingerprint": _hash(key),
        },
    )  # fmt: skip
    return line


def received(
    escrow: EscrowAccount, amount: Decimal, *, key: str, on: date, entry_type: str = "RECONCILIATION"
) -> Posting:
    """Money that the bank states and nobody knows: its line, and how it is booked."""
    stated(escrow, amount, key=key, on=on)
    subject = Subject(escrow.pk, received_as(key), entry_type, on, f"{key} received")
    return postings.unknown_receipt(subject, amount=amount)


def claimed(
    escrow: EscrowAccount,
    investor_id: UUID,
    amount: Decimal,
    *,
    key: str,
    on: date,
    entry_type: str = "RECONCILIATION",
    has_cleared: bool = True,
    owed: Decimal = Decimal("0.00"),
) -> Posting:
    """The receipt's owner was found, as two people say: their proposal, and how it is booked."""
    claim_id = UUID(claimed_as(key).rpartition(":")[2])
    approved(
        BankProposal(
            id=claim_id, escrow_account=escrow, kind="RECEIPT_CLAIM", line_id=line_id(key), investor_id=investor_id,
            amount=amount,
        )
    )  # fmt: skip
    subject = Subject(escrow.pk, claimed_as(key), entry_type, on, f"{key} claimed")
    return postings.receipt_claimed(subject, investor_id=investor_id, amount=amount, has_cleared=has_cleared, owed=owed)


def fee(escrow: EscrowAccount, source: str, amount: Decimal, *, key: str, on: date) -> Posting:
    """What the bank took as its fee, as two people say."""
    line = stated(escrow, -amount, key=key, on=on)
    proposal = BankProposal(
        id=uuid5(NAMESPACE_URL, f"fee:{key}"), escrow_account=escrow, kind="BANK_FEE", line=line, amount=amount,
        source=source,
    )  # fmt: skip
    approved(proposal)
    subject = Subject(escrow.pk, f"bank-fee:{line.pk}:{proposal.pk}", "FEE", on, f"{key} fee")
    return postings.bank_fee(subject, source=postings.source_of(source), amount=amount)


def accounted_for(event: str, escrow: EscrowAccount, investor: User, amount: Decimal, *, on: date) -> dict[str, Any]:
    """Have the bank and two people say what an event needs; return the reference under which it may be posted then."""
    if event == "UNKNOWN_RECEIPT":
        return {"reference": received(escrow, amount, key="wanted", on=on).subject.reference}
    if event == "RECEIPT_CLAIMED":
        return {"reference": claimed(escrow, investor.pk, amount, key="wanted", on=on).subject.reference}
    if event == "BANK_FEE":
        return {"reference": fee(escrow, "OFFERING", amount, key="wanted fee", on=on).subject.reference}
    return {}


def approved(proposal: BankProposal) -> None:
    """Keep a proposal that one person made and another signed, unless it is there."""
    if BankProposal.objects.filter(pk=proposal.pk).exists():
        return
    proposer, signer = (_person(name) for name in ("proposer", "signer"))
    proposal.reason, proposal.proposed_by, proposal.proposed_at = "As the bank says", proposer, _WHEN
    proposal.save(force_insert=True)
    proposal.mark_approved(by=signer, reason="", at=_WHEN)
    proposal.save()


def _hash(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def _person(name: str) -> User:
    person, _ = User.objects.get_or_create(
        email=f"{name}-of-receipts@example.com", defaults={"full_name": f"The {name} of receipts"}
    )
    return person
