"""Money the bank moved and the books do not know: receipts that wait in suspense, claims on them, bank fees."""

import re
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from django.db import transaction
from django.db.models import Q, Sum

from escrow import postings
from escrow.matching import Match
from escrow.models import (
    BankMatch,
    BankMatchLine,
    BankStatementLine,
    EscrowLedgerEntry,
    JournalEntry,
    LedgerAccount,
    LedgerEntryType,
)
from escrow.models.bank_matches import MatchMethod
from escrow.operations import bank_matches, escrow_accounts, ledger
from escrow.operations.bank_matches import AlreadyMatched
from escrow.postings import Posting, Subject
from escrow.queries import reversals
from escrow.queries.balances import balance
from realco import audit, permissions
from realco.errors import Refusal
from realco.models import User
from realco.money import ZERO, format_money

Kind = LedgerAccount.Kind
SURE = Decimal("1.000")


class NotAReceipt(Refusal):
    """The line is no money that came in, or does not wait in suspense."""


class NotAFee(Refusal):
    """Money came in with the line; only what the bank took can be its fee."""


class MoreThanWaits(Refusal):
    """More is claimed than waits in suspense of this receipt."""


def record_unknown_receipt(line: BankStatementLine, *, by: User, at: datetime) -> BankMatch:
    """
    Book money that arrived and nobody knows, BANK to SUSPENSE, until its owner is found.

    :raises NotPermitted: if the person may not reconcile
    :raises AlreadyMatched: if the line is explained by an entry already
    :raises NotAReceipt: if money left with the line
    """
    permissions.require(by, permissions.RECONCILE)
    with audit.acting("bank_line.record_unknown_receipt", by=by), transaction.atomic():
        require_free(line)
        if line.amount <= 0:
            raise NotAReceipt("Money left the account with this line; ask the bank what it was.")
        subject = _subject(line, f"receipt:{line.pk}", LedgerEntryType.RECONCILIATION, f"unknown receipt {line.text}")
        posting = postings.unknown_receipt(subject, amount=line.amount)
        return _post_and_match(line, posting, MatchMethod.RECEIPT, "Recorded as an unknown receipt.", by, None, at)


def write_off(
    line: BankStatementLine,
    *,
    source: str,
    reason: str,
    proposal_id: UUID,
    by: User,
    approved_by: User,
    at: datetime,
) -> BankMatch:
    """
    Book what the bank took as its fee, borne by the platform (FEES) or the offering, never by investors.

    Runs inside the approval of a proposal, which has looked at both people.

    :raises AlreadyMatched: if the line is explained by an entry already
    :raises NotAFee: if money came in with the line
    :raises InsufficientFunds: if the offering does not hold as much
    :raises NotAccountedFor: if no approved proposal says this of the line
    """
    require_fee(line)
    subject = _subject(line, f"bank-fee:{line.pk}:{proposal_id}", LedgerEntryType.FEE, f"bank fee {line.text}")
    posting = postings.bank_fee(subject, source=postings.source_of(source), amount=-line.amount)
    return _post_and_match(line, posting, MatchMethod.BANK_FEE, f"Bank fee: {reason}", by, approved_by, at)


def give(
    line: BankStatementLine, *, investor: User, amount: Decimal, proposal_id: UUID, by: User, at: datetime
) -> ledger.Posted:
    """
    Give an unknown receipt, or a part of it, to the investor it came from; what they owe is settled first.

    Runs inside the approval of a proposal, which has looked at both people.

    :raises NotAReceipt: if the line does not wait in suspense
    :raises MoreThanWaits: if less than the amount waits of it
    :raises NotAccountedFor: if no approved proposal says this of the line
    """
    require_waiting(line, amount)
    subject = _subject(
        line, f"receipt:{line.pk}:claim:{proposal_id}", LedgerEntryType.RECONCILIATION, f"claimed for {investor}"
    )
    owed = balance(line.escrow_account_id, Kind.RECEIVABLE, investor.pk)
    posting = postings.receipt_claimed(
        subject, investor_id=investor.pk, amount=amount, has_cleared=True, owed=max(owed, ZERO)
    )
    [posted] = ledger.post([posting], by=by, at=at)
    return posted


def require_free(line: BankStatementLine) -> None:
    """
    Lock the line's account, and refuse a line that is matched.

    :raises AlreadyMatched: if the line is explained by an entry already
    """
    escrow_accounts.lock(line.escrow_account_id)
    if BankMatchLine.objects.filter(line=line, is_living=True).exists():
        raise AlreadyMatched("This line is matched with an entry of the books already.")


def require_fee(line: BankStatementLine) -> None:
    """
    Refuse a line that cannot be a fee of the bank's.

    :raises AlreadyMatched: if the line is explained by an entry already
    :raises NotAFee: if money came in with the line
    """
    require_free(line)
    if line.amount >= 0:
        raise NotAFee("Money came in with this line; a fee is what the bank took.")


def require_waiting(line: BankStatementLine, amount: Decimal) -> None:
    """
    Lock the line's account, and refuse to claim more than waits of it in suspense.

    :raises NotAReceipt: if the line does not wait in suspense
    :raises MoreThanWaits: if less than the amount waits of it
    """
    escrow_accounts.lock(line.escrow_account_id)
    if not is_waiting(line):
        raise NotAReceipt("This line was not recorded as an unknown receipt.")
    left = unclaimed(line)
    if amount <= 0 or amount > left:
        raise MoreThanWaits(f"{format_money(left)} of this receipt wait in suspense; claim that or less.")


def is_waiting(line: BankStatementLine) -> bool:
    """Whether the line is booked as an unknown receipt, and the booking stands."""
    return BankMatchLine.objects.filter(
        line=line, is_living=True, match__method=MatchMethod.RECEIPT,
        match__match_entries__entry__journal_entry__reversed_by__isnull=True,
    ).exists()  # fmt: skip


def unclaimed(line: BankStatementLine) -> Decimal:
    """Return how much of an unknown receipt nobody has been given yet, US dollars."""
    claims = JournalEntry.objects.filter(reference__startswith=f"receipt:{line.pk}:claim", reversed_by__isnull=True)
    given = claims.aggregate(total=Sum("entries__amount", filter=Q(entries__ledger_account__kind=Kind.SUSPENSE)))
    return line.amount - (given["total"] or ZERO)


def _post_and_match(
    line: BankStatementLine,
    posting: Posting,
    method: MatchMethod,
    reason: str,
    by: User,
    approved_by: User | None,
    at: datetime,
) -> BankMatch:
    """Post what explains the line, and match the line with the BANK entry of it."""
    account = escrow_accounts.lock(line.escrow_account_id)
    [posted] = ledger.post([posting], by=by, at=at)
    entry = EscrowLedgerEntry.objects.get(journal_entry_id=posted.journal_entry_id, ledger_account__kind=Kind.BANK)
    found = Match((line.pk,), (entry.pk,), method, SURE, reason)
    [key] = bank_matches.store(account, matches=[found], by=by, approved_by=approved_by, at=at)
    return BankMatch.objects.get(pk=key)


def _subject(line: BankStatementLine, reference: str, entry_type: LedgerEntryType, words: str) -> Subject:
    return Subject(
        escrow_account_id=line.escrow_account_id,
        reference=reversals.unused_reference(reference),
        entry_type=entry_type,
        effective_date=line.value_date,
        description=f"{_first_word(line)} {words}"[:300].strip(),
    )


def _first_word(line: BankStatementLine) -> str:
    """Return the reference by which reconciliation would know the line."""
    return re.sub(r"\s+", "-", line.customer_reference or line.bank_reference) or "no-reference"
