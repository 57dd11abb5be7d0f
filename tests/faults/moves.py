"""
The product's steps as fault tests take them, each in one place: what changes its signature changes here.

Where there is an operation it is called; ``ledger.post`` is used only for what banks bring, and for batches.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from django.db import transaction

from compliance.models import InvestorProfile
from escrow.models import BankMatch, BankStatementLine, Closing, EscrowAccount, Hold, JournalEntry, LedgerAccount
from escrow.operations import bank_matches, bank_proposals, closings, holds, ledger, receipts, reversals, statements
from escrow.postings import Posting
from finance.models import Transaction
from finance.operations import transactions
from finance.operations.orders import Order
from realco.models import User
from tests import factories
from tests.escrow import bank_lines
from tests.escrow.money import Day, Stated, statement

ZERO = Decimal("0.00")
Kind = LedgerAccount.Kind


@dataclass(frozen=True)
class Stage:
    """People and escrow accounts of a fault test, known by their ids to every process that takes part."""

    operator: User
    approver: User
    second: User
    officer: User
    investors: tuple[User, ...]
    escrows: tuple[EscrowAccount, ...]
    at: datetime

    def as_json(self) -> dict[str, object]:
        """Return what another process needs to find the same rows."""
        return {
            "operator": str(self.operator.pk),
            "approver": str(self.approver.pk),
            "second": str(self.second.pk),
            "officer": str(self.officer.pk),
            "investors": [str(investor.pk) for investor in self.investors],
            "escrows": [str(escrow.pk) for escrow in self.escrows],
            "at": self.at.isoformat(),
        }

    @classmethod
    def load(cls, ids: dict[str, object]) -> "Stage":
        """Find the rows again that ``as_json`` named."""
        people, escrows = ids["investors"], ids["escrows"]
        assert isinstance(people, list) and isinstance(escrows, list)
        users = {str(user.pk): user for user in User.objects.filter(pk__in=[*people, *_staff(ids)])}
        accounts = {str(row.pk): row for row in EscrowAccount.objects.select_related("offering").filter(pk__in=escrows)}
        operator, approver, second, officer = (users[key] for key in _staff(ids))
        return cls(
            operator,
            approver,
            second,
            officer,
            tuple(users[key] for key in people),
            tuple(accounts[key] for key in escrows),
            datetime.fromisoformat(str(ids["at"])),
        )


def _staff(ids: dict[str, object]) -> list[str]:
    return [str(ids[name]) for name in ("operator", "approver", "second", "officer")]


def make_stage(*, investors: int, escrows: int, at: datetime) -> Stage:
    """Make staff, verified investors and open offerings with their escrow accounts."""
    factories.make_reference_data(at)
    operator = factories.make_user("Olga Operator", "Operations", is_staff=True)
    approver = factories.make_user("Arno Approver", "Approvers", is_staff=True)
    second = factories.make_user("Sara Second", "Approvers", is_staff=True)
    officer = factories.make_user("Cora Compliance", "Compliance", is_staff=True)
    people = [factories.make_investor(f"Investor {n}", verifier=operator, at=at) for n in range(investors)]
    for person in people:
        InvestorProfile.objects.filter(user=person).update(kyc_expires_at=at + timedelta(days=36_500))
    end = at + timedelta(days=3650)
    offerings = [
        factories.make_offering(operator=operator, at=at, name=f"Fault {n}", deadline_at=end) for n in range(escrows)
    ]
    accounts = [factories.make_escrow(offering, operator=operator, at=at) for offering in offerings]
    return Stage(operator, approver, second, officer, tuple(people), tuple(accounts), at)


def paid_in(escrow: EscrowAccount, investor: User, amount: Decimal, *, key: str, on: date) -> list[Posting]:
    """Money that arrived, and whose owner was found: two journal entries."""
    return [
        bank_lines.received(escrow, amount, key=key, on=on),
        bank_lines.claimed(escrow, investor.pk, amount, key=key, on=on),
    ]


def arrived(
    escrow: EscrowAccount, amount: Decimal, *, key: str, on: date, entry_type: str = "RECONCILIATION"
) -> Posting:
    """Money that arrived, and nobody knows whose it is."""
    return bank_lines.received(escrow, amount, key=key, on=on, entry_type=entry_type)


def post(wanted: Sequence[Posting], *, at: datetime) -> list[ledger.Posted]:
    """Post in a database transaction of its own."""
    with transaction.atomic():
        return ledger.post(wanted, by=None, at=at)


def hold(
    escrow: EscrowAccount,
    investor: User,
    amount: Decimal,
    *,
    key: str,
    at: datetime,
    expires_at: datetime | None = None,
) -> UUID:
    """Block an investor's money; return what ``release_hold`` needs."""
    placed = holds.place(
        escrow,
        investor=investor,
        amount=amount,
        reason="A dispute",
        by=None,
        at=at,
        reference=key,
        expires_at=expires_at,
    )
    return placed.pk


def held_as(key: str) -> str:
    """Return the reference of the entry that a hold of this key made, or the key if there is no such hold."""
    found = Hold.objects.filter(reference=key).first()
    return f"hold:{found.pk}" if found else key


def release_hold(held: UUID, *, at: datetime) -> object:
    """Free the money of one hold, which is over then."""
    return holds.release(Hold.objects.get(pk=held), by=None, reason="It is over", at=at)


def freed_as(held: str, amount: Decimal) -> str:
    """Return the reference of the entry that ended a hold."""
    return f"hold:{held}:released:{amount:.2f}"


def withdraw(escrow: EscrowAccount, investor: User, amount: Decimal, *, key: str, at: datetime) -> Transaction:
    """An investor asks for cleared money back: it is reserved and queued."""
    order = Order(
        type="WITHDRAWAL",
        payment_method="ACH",
        amount=amount,
        escrow_account_id=escrow.pk,
        to_user_id=investor.pk,
        to_bank_account_id=investor.bank_accounts.get().pk,
    )
    return transactions.initiate(order, initiator=investor, idempotency_key=key, at=at)


def refund(escrow: EscrowAccount, investor: User, amount: Decimal, *, key: str, by: User, at: datetime) -> Transaction:
    """Staff give an investor's cleared money back."""
    order = Order(
        type="REFUND",
        payment_method="ACH",
        amount=amount,
        escrow_account_id=escrow.pk,
        to_user_id=investor.pk,
        to_bank_account_id=investor.bank_accounts.get().pk,
    )
    return transactions.initiate(order, initiator=by, idempotency_key=key, at=at)


def cancel(payment: Transaction, *, by: User, at: datetime) -> Transaction:
    """Cancel a payment; reserved money is free again."""
    return transactions.cancel(payment, by=by, reason="Not needed", at=at)


def reverse(entry: JournalEntry, *, by: User, second: User, at: datetime) -> object:
    """Reverse a journal entry, out of its match with the bank if it has one: two people, all or nothing."""
    with transaction.atomic():
        for match in BankMatch.objects.filter(match_entries__entry__journal_entry=entry, match_entries__is_living=True):
            bank_matches.undo(match, reason="A mistake", by=by, at=at)
        reversal = reversals.propose(entry, by=by, reason="A mistake", at=at)
        return reversals.approve(reversal, approver=second, at=at)


def reversed_as(reference: str) -> str:
    """Return the reference of the entry that reverses the one of this reference, if there is such a one."""
    found = JournalEntry.objects.filter(reference=reference).first()
    return f"reversal:{found.pk}" if found else f"reversal of {reference}"


def release_raise(escrow: EscrowAccount, *, stage: Stage, at: datetime) -> Closing:
    """Close the raise over what has cleared: propose, and have two people sign."""
    closing = closings.propose(escrow, by=stage.operator, at=at)
    return sign_closing(sign_closing(closing, approver=stage.approver, at=at), approver=stage.second, at=at)


def sign_closing(closing: Closing, *, approver: User, at: datetime) -> Closing:
    """One of the two signatures; the second one releases the money."""
    return closings.approve(closing, approver=approver, content_hash=closing.content_hash, at=at)


def receive_unknown(
    escrow: EscrowAccount, amount: Decimal, *, reference: str, by: User, at: datetime, on: date
) -> UUID:
    """The bank states a receipt nobody knows, and staff book it; returns the bank's line."""
    data = statement(escrow.external_account_id, Day(on, 0, [Stated(int(amount * 100), reference)]))
    statements.import_file(data, file_name="fault.bai2", by=by, at=at)
    line = BankStatementLine.objects.get(escrow_account=escrow, customer_reference=reference)
    receipts.record_unknown_receipt(line, by=by, at=at)
    return line.pk


def claim_receipt(line_id: UUID, *, investor: User, by: User, second: User, at: datetime) -> object:
    """Its owner was found, as two people say: all of it is theirs, or nothing happens."""
    line = BankStatementLine.objects.get(pk=line_id)
    with transaction.atomic():
        proposal = bank_proposals.propose_claim(
            line, investor=investor, amount=line.amount, reason="Their wire", by=by, at=at
        )
        return bank_proposals.approve(proposal, approver=second, at=at)
