"""Bank statements: taking in what the escrow bank says, each line once."""

import hashlib
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import PurePath

from django.db import transaction
from django.db.models import Q

from escrow import bank_files
from escrow.models import BankStatement, BankStatementLine, EscrowAccount
from realco import audit, permissions
from realco.errors import Refusal
from realco.models import User

_SEPARATORS = ("-", ":", "/", " ", "_")


class UnknownAccount(Refusal):
    """The file is about a bank account that is no escrow account of ours."""


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
