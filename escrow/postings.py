"""
The posting table of SYSTEM section 4: one pure function for each event, debit positive, credit negative.

Nothing here touches the database. A posting names ledger accounts by kind and owner; the ledger
finds or makes them. References are unique for ever: the same event described twice has the same
reference and posts once.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from uuid import UUID

from escrow.models import JournalEntry, LedgerAccount

Kind = LedgerAccount.Kind
Event = JournalEntry.Event
ZERO = Decimal("0.00")


@dataclass(frozen=True, slots=True)
class Line:
    """One entry to be: a ledger account by kind and owner, and an amount (debit > 0, credit < 0)."""

    kind: str
    owner_id: UUID | None
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Subject:
    """What an event is about: whose escrow account, which payment or distribution, in which words."""

    escrow_account_id: UUID
    reference: str
    entry_type: str
    effective_date: date
    description: str = ""
    transaction_id: UUID | None = None
    distribution_id: UUID | None = None
    reverses_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Posting:
    """A journal entry to be posted; its lines sum to zero."""

    event: str
    subject: Subject
    lines: tuple[Line, ...]

    @property
    def content_hash(self) -> str:
        """SHA-256 over everything but words and dates: what must be equal for a second posting to be the same."""
        subject = self.subject
        content = [
            self.event,
            str(subject.escrow_account_id),
            subject.entry_type,
            str(subject.transaction_id),
            str(subject.distribution_id),
            str(subject.reverses_id),
            [[str(line.kind), str(line.owner_id), f"{line.amount:.2f}"] for line in self.lines],
        ]
        return hashlib.sha256(json.dumps(content, separators=(",", ":")).encode()).hexdigest()


def _moved(event: str, subject: Subject, amount: Decimal, *, debit: Line, credit: Line) -> Posting:
    """One debit and one credit of the same amount."""
    return Posting(
        event,
        subject,
        (Line(debit.kind, debit.owner_id, amount), Line(credit.kind, credit.owner_id, -amount)),
    )


def _on(kind: str, owner_id: UUID | None = None) -> Line:
    return Line(kind, owner_id, ZERO)


def inbound_accepted(subject: Subject, *, payer_id: UUID, amount: Decimal) -> Posting:
    """A provider collects the payer's money: CLEARING / UNCLEARED."""
    return _moved(
        Event.INBOUND_ACCEPTED, subject, amount, debit=_on(Kind.CLEARING), credit=_on(Kind.UNCLEARED, payer_id)
    )


def inbound_settled(subject: Subject, *, amount: Decimal) -> Posting:
    """The money is on the escrow bank account: BANK / CLEARING."""
    return _moved(Event.INBOUND_SETTLED, subject, amount, debit=_on(Kind.BANK), credit=_on(Kind.CLEARING))


def inbound_cleared(
    subject: Subject, *, payer_id: UUID, amount: Decimal, fee: Decimal, to_offering: bool, owed: Decimal = ZERO
) -> Posting:
    """
    Its return window has passed: UNCLEARED / INVESTOR net (OFFERING for the sponsor's), FEES fee.

    What the payer owes from an earlier return (``owed``) is settled first, out of the net.
    """
    net = amount - fee
    settled = min(owed, net)
    lines = [Line(Kind.UNCLEARED, payer_id, amount)]
    if fee:
        lines.append(Line(Kind.FEES, None, -fee))
    if settled:
        lines.append(Line(Kind.RECEIVABLE, payer_id, -settled))
    if net - settled:
        owner = None if to_offering else payer_id
        lines.append(Line(Kind.OFFERING if to_offering else Kind.INVESTOR, owner, -(net - settled)))
    return Posting(Event.INBOUND_CLEARED, subject, tuple(line for line in lines if line.amount))


def inbound_failed(subject: Subject, *, payer_id: UUID, amount: Decimal) -> Posting:
    """The provider could not collect it: the reverse of its acceptance."""
    return _moved(Event.INBOUND_FAILED, subject, amount, debit=_on(Kind.UNCLEARED, payer_id), credit=_on(Kind.CLEARING))


def returned_before_clearing(subject: Subject, *, payer_id: UUID, amount: Decimal) -> Posting:
    """The payer's bank took settled money back before it had cleared: UNCLEARED / BANK."""
    return _moved(
        Event.RETURN_BEFORE_CLEARING, subject, amount, debit=_on(Kind.UNCLEARED, payer_id), credit=_on(Kind.BANK)
    )


def returned_after_clearing(
    subject: Subject, *, payer_id: UUID, amount: Decimal, fee: Decimal, left: Decimal, to_offering: bool
) -> Posting:
    """
    The payer's bank took cleared money back: INVESTOR (OFFERING) as far as ``left``, else RECEIVABLE / BANK.

    ``left`` is what the account that was credited still holds. The platform gives its fee back.
    """
    net = amount - fee
    there = min(left, net)
    source, owner = (Kind.OFFERING, None) if to_offering else (Kind.INVESTOR, payer_id)
    lines = (
        Line(source, owner, there),
        Line(Kind.FEES, None, fee),
        Line(Kind.RECEIVABLE, payer_id, net - there),
        Line(Kind.BANK, None, -amount),
    )
    return Posting(Event.RETURN_AFTER_CLEARING, subject, tuple(line for line in lines if line.amount))


def released(subject: Subject, *, investor_id: UUID, amount: Decimal) -> Posting:
    """A closing makes an investor's cleared money the offering's: INVESTOR / OFFERING."""
    return _moved(Event.RELEASE, subject, amount, debit=_on(Kind.INVESTOR, investor_id), credit=_on(Kind.OFFERING))


def reserved(subject: Subject, *, source: Line, amount: Decimal) -> Posting:
    """An approved outbound payment takes its money out of the available balance: source / PAYOUTS."""
    return _moved(Event.RESERVE, subject, amount, debit=source, credit=_on(Kind.PAYOUTS))


def unreserved(subject: Subject, *, source: Line, amount: Decimal) -> Posting:
    """An outbound payment was cancelled or failed: PAYOUTS / where it came from."""
    return _moved(Event.UNRESERVE, subject, amount, debit=_on(Kind.PAYOUTS), credit=source)


def outbound_settled(subject: Subject, *, amount: Decimal) -> Posting:
    """The bank has paid it: PAYOUTS / BANK."""
    return _moved(Event.OUTBOUND_SETTLED, subject, amount, debit=_on(Kind.PAYOUTS), credit=_on(Kind.BANK))


def payout_returned(subject: Subject, *, source: Line, amount: Decimal) -> Posting:
    """The payee's bank sent it back: BANK / where it came from."""
    return _moved(Event.PAYOUT_RETURNED, subject, amount, debit=_on(Kind.BANK), credit=source)


def held(subject: Subject, *, source: Line, amount: Decimal) -> Posting:
    """Compliance or a dispute blocks money: source / HELD of the same owner."""
    return _moved(Event.HOLD, subject, amount, debit=source, credit=_on(Kind.HELD, source.owner_id))


def hold_released(subject: Subject, *, source: Line, amount: Decimal) -> Posting:
    """Blocked money is free again: HELD / source."""
    return _moved(Event.HOLD_RELEASED, subject, amount, debit=_on(Kind.HELD, source.owner_id), credit=source)


def unknown_receipt(subject: Subject, *, amount: Decimal) -> Posting:
    """Money arrived at the bank and nobody knows whose: BANK / SUSPENSE."""
    return _moved(Event.UNKNOWN_RECEIPT, subject, amount, debit=_on(Kind.BANK), credit=_on(Kind.SUSPENSE))


def receipt_claimed(subject: Subject, *, investor_id: UUID, amount: Decimal, has_cleared: bool) -> Posting:
    """Its owner was found: SUSPENSE / UNCLEARED, or INVESTOR when it can no longer be returned."""
    kind = Kind.INVESTOR if has_cleared else Kind.UNCLEARED
    return _moved(Event.RECEIPT_CLAIMED, subject, amount, debit=_on(Kind.SUSPENSE), credit=_on(kind, investor_id))


def fee_returned(subject: Subject, *, investor_id: UUID, amount: Decimal) -> Posting:
    """The raise failed or its investor cancelled: the platform gives a deposit's fee back: FEES / INVESTOR."""
    return _moved(Event.FEE_RETURNED, subject, amount, debit=_on(Kind.FEES), credit=_on(Kind.INVESTOR, investor_id))


def reversal(subject: Subject, *, lines: Mapping[tuple[str, UUID | None], Decimal]) -> Posting:
    """The opposite of an earlier journal entry, given by its lines; ``subject.reverses_id`` names it."""
    return Posting(
        Event.REVERSAL, subject, tuple(Line(kind, owner, -amount) for (kind, owner), amount in lines.items())
    )


def source_of(kind: str, owner_id: UUID | None = None) -> Line:
    """Name the ledger account that outbound money comes from, and goes back to."""
    return _on(kind, owner_id)
