"""Bank statements: taking in what the escrow bank says, each line once, and booking receipts nobody knows."""

import hashlib
import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import PurePath
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from escrow import bank_files, postings
from escrow.models import (
    BankStatement,
    BankStatementLine,
    EscrowAccount,
    EscrowLedgerEntry,
    JournalEntry,
    LedgerAccount,
    LedgerEntryType,
)
from escrow.operations import escrow_accounts, ledger
from escrow.queries import balances
from realco import audit, permissions
from realco.errors import IllegalTransition, Refusal
from realco.models import User

ZERO = Decimal("0.00")
_SEPARATORS = ("-", ":", "/", " ", "_")


class UnknownAccount(Refusal):
    """The file is about a bank account that is no escrow account of ours."""


class AlreadyMatched(IllegalTransition):
    """The bank line is explained by an entry of the books already."""


class NotAReceipt(Refusal):
    """Money left the bank account with this line; only receipts can wait in suspense."""


def import_bai2(data: bytes, *, file_name: str, by: User | None, at: datetime) -> list[BankStatement]:
    """
    Import a BAI2 file, all of it or nothing, and return the statements it added.

    A file that was imported before adds nothing, and the list is empty; a line that another file
    stated before is not added again. ``by`` is nobody when the system fetched the file itself.

    :raises NotPermitted: if the person may not reconcile
    :raises BrokenStatement: with the line, if the file is damaged
    :raises UnknownAccount: with the number, if it is about an account that is not ours
    """
    if by is not None:
        permissions.require(by, permissions.RECONCILE)
    content_hash = hashlib.sha256(data).hexdigest()
    days = bank_files.read(data)
    with audit.acting("bank_statement.import", by=by), transaction.atomic():
        accounts = _accounts({day.account_number for day in days})
        # Two imports at once would both find a line new; the accounts' locks make the second wait.
        ours = EscrowAccount.objects.filter(pk__in={account.pk for account in accounts.values()})
        list(ours.order_by("pk").select_for_update(no_key=True))
        if BankStatement.objects.filter(content_hash=content_hash, escrow_account__in=accounts.values()).exists():
            return []
        statements = [
            BankStatement(
                escrow_account=accounts[day.account_number],
                file_name=PurePath(file_name).name[:200],
                content_hash=content_hash,
                as_of_date=day.as_of,
                opening_balance=day.opening_balance,
                closing_balance=day.closing_balance,
                line_count=len(day.lines),
                imported_by=by,
                created_at=at,
            )
            for day in days
        ]
        BankStatement.objects.bulk_create(statements)
        BankStatementLine.objects.bulk_create(_new_lines(zip(statements, days, strict=True), at=at), batch_size=1000)
    return statements


def record_unknown_receipt(line: BankStatementLine, *, by: User, at: datetime) -> BankStatementLine:
    """
    Book money that arrived and nobody knows, BANK to SUSPENSE, until its owner is found.

    :raises NotPermitted: if the person may not reconcile
    :raises AlreadyMatched: if the line is explained by an entry already
    :raises NotAReceipt: if money left with the line
    """
    permissions.require(by, permissions.RECONCILE)
    with audit.acting("bank_line.record_unknown_receipt", by=by), transaction.atomic():
        escrow_accounts.lock(line.escrow_account_id)
        line = BankStatementLine.objects.select_for_update().get(pk=line.pk)
        if line.ledger_entry_id is not None:
            raise AlreadyMatched("This line is matched with an entry of the books already.")
        if line.amount <= 0:
            raise NotAReceipt("Money left the account with this line; ask the bank what it was.")
        subject = postings.Subject(
            escrow_account_id=line.escrow_account_id,
            reference=f"receipt:{line.pk}",
            entry_type=LedgerEntryType.RECONCILIATION,
            effective_date=line.value_date,
            description=f"{_first_word(line)} unknown receipt {line.text}"[:300].strip(),
        )
        [posted] = ledger.post([postings.unknown_receipt(subject, amount=line.amount)], by=by, at=at)
        line.ledger_entry = EscrowLedgerEntry.objects.get(
            journal_entry_id=posted.journal_entry_id, ledger_account__kind=LedgerAccount.Kind.BANK
        )
        line.match_reason = "recorded as unknown receipt"
        line.matched_at = at
        line.save(update_fields=["ledger_entry", "match_reason", "matched_at"])
    return line


def claim_receipt(line: BankStatementLine, *, investor: User, by: User, at: datetime) -> ledger.Posted:
    """
    Give an unknown receipt to the investor it came from: SUSPENSE to INVESTOR. Claiming it again claims nothing.

    What the investor owes the account from an earlier return is settled out of it first.

    :raises NotPermitted: if the person may not reconcile
    :raises NotAReceipt: if the line was never recorded as an unknown receipt
    :raises ReferenceReused: if it was claimed for somebody else
    """
    permissions.require(by, permissions.RECONCILE)
    with audit.acting("bank_line.claim_receipt", by=by), transaction.atomic():
        escrow_accounts.lock(line.escrow_account_id)
        line = BankStatementLine.objects.select_related("ledger_entry").get(pk=line.pk)
        if line.ledger_entry is None or line.ledger_entry.reference != f"receipt:{line.pk}":
            raise NotAReceipt("This line was not recorded as an unknown receipt.")
        subject = postings.Subject(
            escrow_account_id=line.escrow_account_id,
            reference=f"receipt:{line.pk}:claimed",
            entry_type=LedgerEntryType.RECONCILIATION,
            effective_date=line.value_date,
            description=f"{_first_word(line)} claimed for {investor}"[:300],
        )
        earlier = JournalEntry.objects.filter(reference=subject.reference).first()
        claimed = postings.receipt_claimed(
            subject,
            investor_id=investor.pk,
            amount=line.amount,
            has_cleared=True,
            owed=_owed(line.escrow_account_id, investor, earlier),
        )
        [posted] = ledger.post([claimed], by=by, at=at)
    return posted


def _owed(escrow_account_id: UUID, investor: User, earlier: JournalEntry | None) -> Decimal:
    """Return what an investor owes; for a claim that was made before what they owed then, so that it is the same."""
    if earlier is None:
        return balances.balance(escrow_account_id, LedgerAccount.Kind.RECEIVABLE, investor.pk)
    settled = earlier.entries.filter(ledger_account__kind=LedgerAccount.Kind.RECEIVABLE).values_list(
        "amount", flat=True
    )
    return -sum(settled, ZERO)


def _accounts(numbers: Iterable[str]) -> dict[str, EscrowAccount]:
    """Find our escrow accounts by the bank's numbers: all of ``external_account_id``, or its last part."""
    wanted = Q()
    for number in sorted(numbers):
        wanted |= Q(external_account_id=number)
        for separator in _SEPARATORS:
            wanted |= Q(external_account_id__endswith=separator + number)
    found = list(EscrowAccount.objects.filter(wanted)) if wanted else []
    accounts = {}
    for number in sorted(numbers):
        named = [a for a in found if a.external_account_id == number]
        ours = named or [a for a in found if a.external_account_id.endswith(number)]
        if len(ours) != 1:
            many = "belongs to more than one escrow account" if ours else "is no escrow account of ours"
            raise UnknownAccount(f"The bank account {number} {many}. Nothing was imported.", account_number=number)
        accounts[number] = ours[0]
    return accounts


def _new_lines(
    stated: Iterable[tuple[BankStatement, bank_files.StatedDay]], *, at: datetime
) -> Sequence[BankStatementLine]:
    """Make rows of the lines that no statement has brought before."""
    pairs = list(stated)
    fingerprints = [line.fingerprint for _, day in pairs for line in day.lines]
    known = set(
        BankStatementLine.objects.filter(
            escrow_account__in={statement.escrow_account_id for statement, _ in pairs}, fingerprint__in=fingerprints
        ).values_list("escrow_account_id", "fingerprint")
    )
    return [
        BankStatementLine(
            escrow_account_id=statement.escrow_account_id,
            statement=statement,
            value_date=line.value_date,
            amount=line.amount,
            type_code=line.type_code,
            bank_reference=line.bank_reference,
            customer_reference=line.customer_reference,
            text=line.text,
            fingerprint=line.fingerprint,
            created_at=at,
        )
        for statement, day in pairs
        for line in day.lines
        if (statement.escrow_account_id, line.fingerprint) not in known
    ]


def _first_word(line: BankStatementLine) -> str:
    """Return the reference by which reconciliation would know the line."""
    return re.sub(r"\s+", "-", line.customer_reference or line.bank_reference) or "no-reference"
