"""Bank statements: taking in what the escrow bank says, each line once."""

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import PurePath
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from escrow.bank_files import csv_layouts, reading
from escrow.bank_files.stated import FileFormat, StatedDay, StatedLine
from escrow.models import BankFileLayout, BankStatement, BankStatementLine, EscrowAccount
from escrow.queries import statements as query
from realco import audit, permissions
from realco.errors import Refusal
from realco.models import User

ZERO = Decimal("0.00")
_SEPARATORS = ("-", ":", "/", " ", "_")
_BATCH = 5000
_DAYS_APART = timedelta(days=7)


class UnknownAccount(Refusal):
    """The file is about a bank account that is no escrow account of ours."""


def _tell_nobody(_: str) -> None:
    """Keep progress to oneself."""


def import_file(
    data: bytes,
    *,
    file_name: str,
    by: User | None,
    at: datetime,
    file_format: str | None = None,
    layout: BankFileLayout | None = None,
    account_number: str = "",
    closing_balance: Decimal | None = None,
    tell: Callable[[str], None] = _tell_nobody,
) -> list[BankStatement]:
    """
    Import a bank's file, all of it or nothing, and return the statements it added.

    A file that was imported before adds nothing, and the list is empty; a line that another file
    stated before is not added again. The format is found out unless it is named; a CSV file needs the
    bank's ``layout``. ``account_number``, ours or the bank's, is the account the file has to be about, and
    is needed where the file names none; ``closing_balance`` is for CSV files without balances. ``by`` is
    nobody when the system fetched the file itself. ``tell`` is told in words how far it has come.

    :raises NotPermitted: if the person may not reconcile
    :raises BrokenStatement: with the line, if the file is damaged
    :raises UnknownAccount: with the number, if it is about an account that is not ours, or not the one named
    """
    if by is not None:
        permissions.require(by, permissions.RECONCILE)
    content_hash = hashlib.sha256(data).hexdigest()
    wanted = _named_account(account_number) if account_number else None
    contents = reading.read(
        data,
        file_format=file_format,
        layout=csv_layouts.from_json(layout.contents) if layout is not None else None,
        account_number=wanted.external_account_id if wanted is not None else "",
        closing_balance=closing_balance,
    )
    tell(f"Read {sum(len(day.lines) for day in contents.days):,} lines of {len(contents.days):,} days.")
    with audit.acting("bank_statement.import", by=by), transaction.atomic():
        accounts = _accounts({day.account_number for day in contents.days})
        _require_only(wanted, accounts)
        # Two imports at once would both find a line new; the accounts' locks make the second wait.
        ours = EscrowAccount.objects.filter(pk__in={account.pk for account in accounts.values()})
        list(ours.order_by("pk").select_for_update(no_key=True))
        if BankStatement.objects.filter(content_hash=content_hash, escrow_account__in=accounts.values()).exists():
            return []
        statements = [
            _statement(day, accounts[day.account_number], file_name=file_name, content_hash=content_hash, by=by, at=at)
            for day in contents.days
        ]
        for statement in statements:
            statement.file_format, statement.layout = contents.file_format, layout
        BankStatement.objects.bulk_create(statements)
        _store(_new_lines(zip(statements, contents.days, strict=True), contents.file_format, at=at), tell)
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


def _named_account(number: str) -> EscrowAccount:
    """Find the account that a person named, by our number or the bank's."""
    ours = EscrowAccount.objects.filter(account_number=number.strip().upper()).first()
    return ours or _accounts([number.strip()])[number.strip()]


def _require_only(wanted: EscrowAccount | None, accounts: Mapping[str, EscrowAccount]) -> None:
    """Refuse a file about another account than the one that was named."""
    for number, account in sorted(accounts.items()):
        if wanted is not None and account != wanted:
            raise UnknownAccount(
                f"The file is about the bank account {number}, which is {account} and not {wanted}. Nothing was "
                "imported.",
                account_number=number,
            )


def _statement(
    day: StatedDay, account: EscrowAccount, *, file_name: str, content_hash: str, by: User | None, at: datetime
) -> BankStatement:
    return BankStatement(
        escrow_account=account,
        file_name=PurePath(file_name).name[:200],
        content_hash=content_hash,
        as_of_date=day.as_of,
        opening_balance=day.opening_balance,
        closing_balance=day.closing_balance,
        line_count=len(day.lines),
        imported_by=by,
        created_at=at,
    )


def _new_lines(
    stated: Iterable[tuple[BankStatement, StatedDay]], file_format: FileFormat, *, at: datetime
) -> Sequence[BankStatementLine]:
    """Make rows of the lines that no statement has brought before, in this format or another."""
    pairs = [(statement, line) for statement, day in stated for line in day.lines]
    accounts = {statement.escrow_account_id for statement, _ in pairs}
    fingerprints = {line.fingerprint for _, line in pairs}
    known = query.known_fingerprints(accounts, fingerprints)
    new = [(s, line) for s, line in pairs if (s.escrow_account_id, line.fingerprint) not in known]
    elsewhere = _Elsewhere(accounts, new, fingerprints, file_format)
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
        for statement, line in new
        if not elsewhere.knows(statement.escrow_account_id, line)
    ]


class _Elsewhere:
    """
    The lines that files of other formats have brought under the same references of the bank's.

    The same movement reads differently in each format; the bank's own reference with the amount, a few
    days apart at most, says that it is one. Each line known stands for one line of the file.
    """

    def __init__(
        self,
        accounts: Set[UUID],
        new: Sequence[tuple[BankStatement, StatedLine]],
        fingerprints: Set[str],
        file_format: FileFormat,
    ) -> None:
        self.waiting: dict[tuple[UUID, str, Decimal], list[date]] = defaultdict(list)
        references = {line.bank_reference for _, line in new if _names_one(line.bank_reference)}
        for row in query.lines_of_other_formats(accounts, references, file_format=file_format):
            if row.fingerprint not in fingerprints:
                self.waiting[row.escrow_account_id, row.bank_reference, row.amount].append(row.value_date)

    def knows(self, account_id: UUID, line: StatedLine) -> bool:
        """Whether the line was brought before; each time it is asked takes one of those that were."""
        days = self.waiting.get((account_id, line.bank_reference, line.amount), [])
        nearest = min(days, key=lambda day: abs(day - line.value_date), default=None)
        if nearest is None or abs(nearest - line.value_date) > _DAYS_APART:
            return False
        days.remove(nearest)
        return True


def _names_one(reference: str) -> bool:
    """Whether a reference of the bank's can be that of one movement; zeros and words for none are not."""
    return bool(reference.strip("0 ")) and reference.upper() not in {"NONREF", "NOTPROVIDED", "N/A", "NONE"}


def _store(lines: Sequence[BankStatementLine], tell: Callable[[str], None]) -> None:
    for start in range(0, len(lines), _BATCH):
        BankStatementLine.objects.bulk_create(lines[start : start + _BATCH])
        tell(f"Stored {min(start + _BATCH, len(lines)):,} of {len(lines):,} new lines.")
