"""A forger's tools: journal entries written by raw SQL, past ledger_post, all in order but what is tried."""

import itertools
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from django.db import DatabaseError, connection, transaction

from escrow import postings
from escrow.models import EscrowAccount, JournalEntry, JournalReversal, LedgerAccount
from escrow.operations import ledger
from escrow.postings import Line, Posting, Subject
from finance.models import Transaction
from realco.models import User
from tests.escrow import payments

Kind = LedgerAccount.Kind
Event = JournalEntry.Event
AT = datetime(2026, 3, 3, 17, 0, tzinfo=UTC)
ON = AT.date()
TEN, HUNDRED = Decimal("10.00"), Decimal("100.00")
OWNED = (*LedgerAccount.OWNED, Kind.HELD)
ABOUT_DEPOSITS = (
    Event.INBOUND_ACCEPTED, Event.INBOUND_SETTLED, Event.INBOUND_CLEARED, Event.INBOUND_FAILED,
    Event.RETURN_BEFORE_CLEARING, Event.RETURN_AFTER_CLEARING,
)  # fmt: skip
ABOUT_PAYOUTS = (Event.RESERVE, Event.UNRESERVE, Event.OUTBOUND_SETTLED, Event.PAYOUT_RETURNED)

# A forger's statement: one journal entry with its lines, every chain and head kept in order by hand.
FORGED = """
WITH lines AS (
    SELECT a.id, l.amount, l.amount * ledger_normal_side(a.kind) AS change,
           a.entry_count + row_number() OVER chain AS sequence,
           a.balance + sum(l.amount * ledger_normal_side(a.kind)) OVER chain AS after
      FROM unnest(%(kinds)s::text[], %(owners)s::uuid[], %(amounts)s::numeric[])
           WITH ORDINALITY AS l (kind, owner, amount, place)
      JOIN ledger_accounts a ON a.escrow_account_id = %(escrow)s AND a.kind = l.kind
           AND a.owner_id IS NOT DISTINCT FROM l.owner
    WINDOW chain AS (PARTITION BY a.id ORDER BY l.place)
), journal AS (
    INSERT INTO journal_entries (id, escrow_account_id, event, entry_type, reference, request_hash, entry_count,
                                 description, effective_date, transaction_id, reverses_id, created_at)
    VALUES (%(id)s, %(escrow)s, %(event)s, %(type)s, %(reference)s, 'forged', (SELECT count(*) FROM lines), '',
            %(on)s, %(payment)s, %(reverses)s, %(at)s)
), heads AS (
    UPDATE ledger_accounts a SET balance = l.after, entry_count = l.sequence
      FROM (SELECT DISTINCT ON (id) id, after, sequence FROM lines ORDER BY id, sequence DESC) l WHERE a.id = l.id
)
INSERT INTO escrow_ledger_entries (id, escrow_account_id, ledger_account_id, journal_entry_id, transaction_id,
                                   entry_type, sequence, amount, balance_before, balance_after, description, reference,
                                   metadata, effective_date, created_at)
SELECT realco_uuid7(), %(escrow)s, l.id, %(id)s, %(payment)s, %(type)s, l.sequence, l.amount, l.after - l.change,
       l.after, '', %(reference)s, '{}', %(on)s, %(at)s
  FROM lines l
"""
numbers = itertools.count(1)


def forge(
    escrow: EscrowAccount, event: str, lines: Sequence[Line], *, payment: Transaction | None = None, **more: Any
) -> None:
    """Write a journal entry and its lines by raw SQL, past ledger_post, with everything else in order."""
    number = next(numbers)
    if payment is not None:
        more = {"type": payments.about(payment, "", on=ON).entry_type, **more}
    facts = {"type": "ADJUSTMENT", "on": ON, "at": AT, "reverses": None, "reference": f"forged:{number}", **more}
    with transaction.atomic(), connection.cursor() as cursor:
        if facts["reverses"] is not None:
            _approve_reversal(facts["reverses"])
        cursor.execute(
            FORGED,
            {
                "id": UUID(int=number),
                "escrow": escrow.pk,
                "event": event,
                "payment": payment.pk if payment else None,
                "kinds": [str(line.kind) for line in lines],
                "owners": [line.owner_id for line in lines],
                "amounts": [line.amount for line in lines],
                **facts,
            },
        )
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")


def _approve_reversal(journal_entry_id: UUID) -> None:
    """Have two people approve the reversal of an entry, so that only what is posted can be wrong."""
    people = User.objects.order_by("pk")[:2]
    if not JournalReversal.objects.filter(journal_entry_id=journal_entry_id).exists():
        JournalReversal.objects.create(
            journal_entry_id=journal_entry_id, reason="A mistake.", proposed_by=people[0], proposed_at=AT
        )
    JournalReversal.objects.filter(journal_entry_id=journal_entry_id, status="PROPOSED").update(
        status="EXECUTED", approved_by=people[1], approved_at=AT
    )


def refused(escrow: EscrowAccount, event: str, lines: Sequence[Line], **more: Any) -> str:
    """Return the SQLSTATE and the sentence with which the database refuses a forged entry; fail if it does not."""
    with pytest.raises(DatabaseError) as caught:
        forge(escrow, event, lines, **more)
    cause: Any = caught.value.__cause__
    return f"{cause.sqlstate} {cause.diag.message_primary}"


def pair(debit: str, credit: str, owner: User, amount: Decimal = TEN, *, other: User | None = None) -> list[Line]:
    """A debit and a credit; owned accounts are the owner's, the credited one the other's if there is one."""
    return [
        Line(debit, owner.pk if debit in OWNED else None, amount),
        Line(credit, (other or owner).pk if credit in OWNED else None, -amount),
    ]


def deposit(escrow: EscrowAccount, investor: User, amount: Decimal = HUNDRED, **more: Any) -> Transaction:
    """A deposit that may be posted as far as clearing; nothing is posted yet."""
    payment = payments.make_payment(escrow, "DEPOSIT", investor, amount, at=AT, **more)
    return payments.go(payment, *payments.SENT, "SETTLED", at=AT, clears_on=ON)


def refund(escrow: EscrowAccount, investor: User, amount: Decimal = TEN) -> Transaction:
    return payments.make_payment(escrow, "REFUND", investor, amount, at=AT)


def post(*wanted: Posting) -> list[ledger.Posted]:
    with transaction.atomic():
        return ledger.post(wanted, by=None, at=AT)


def bring_in(payment: Transaction, *steps: str) -> None:
    """Post a deposit's way, or the named steps of it."""
    assert payment.from_user_id is not None
    payer, amount = payment.from_user_id, payment.amount

    def about(step: str) -> Subject:
        return payments.about(payment, step, on=ON)

    way = {
        "accepted": postings.inbound_accepted(about("accepted"), payer_id=payer, amount=amount),
        "settled": postings.inbound_settled(about("settled"), amount=amount),
        "cleared": postings.inbound_cleared(
            about("cleared"),
            payer_id=payer,
            amount=amount,
            fee=payment.fee_amount,
            to_offering=payment.type == "ESCROW_DEPOSIT",
        ),
    }
    post(*(way[step] for step in steps or way))
