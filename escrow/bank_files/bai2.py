"""
Reading BAI2 files (Cash Management Balance Reporting, version 2).

The ``bai2`` package reads the records and proves the file's own control totals; around it this module
keeps line numbers, so that a broken file is explained by line, and turns amounts in cents and type codes
into signed money.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

from bai2.constants import FundsType, GroupStatus
from bai2.exceptions import IntegrityException, NotSupportedYetException, ParsingException
from bai2.helpers import IteratorHelper
from bai2.parsers import Bai2FileParser

from escrow.bank_files.stated import (
    REFERENCE_LENGTH,
    TEXT_LENGTH,
    StatedDay,
    StatedLine,
    broken,
    contents,
    decode,
    hashed,
    joined,
    require_dollars,
    require_readable,
)
from realco import money

_RECORDS = {"01", "02", "03", "16", "49", "88", "98", "99"}
_OPENING_LEDGER, _CLOSING_LEDGER, _NOT_MONEY = "010", "015", "890"
_CREDITS, _DEBITS = range(100, 400), range(400, 700)


class _Records(IteratorHelper):  # type: ignore[misc]
    """The package's iterator, which also remembers on which line the present record begins."""

    def __init__(self, lines: Sequence[tuple[int, str]]) -> None:
        self.starts = [number for number, line in lines if line[:2] != "88"]
        self.position = -1
        self.by_rows: dict[int, int] = {}
        super().__init__(line for _, line in lines)

    def advance(self) -> None:
        super().advance()
        self.position += 1
        self.by_rows[id(self.current_record.rows)] = self.starts[self.position]


def read(data: bytes) -> list[StatedDay]:
    """
    Read a file into one statement for each account and day, in the file's order.

    Lines that are equal in every field and fall on one day are told apart by their number among
    their equals, so that two genuine payments of the same kind both count, in every file alike.

    :raises BrokenStatement: with the line, if the file is damaged, not in US dollars, or says something else
        than plain movements and ledger balances
    """
    require_readable(data)
    lines = _lines(data)
    _require_whole(lines)
    records = _Records(lines)
    file = _parse(records)
    days = []
    for group in file.children:
        line = records.by_rows.get(id(group.header.rows), 0)
        if group.header.group_status is not GroupStatus.update:
            raise broken(line, "only groups with status 1 (update) are read; a person has to look at this one")
        if group.header.as_of_date is None:
            raise broken(line, "the group has no date")
        for account in group.children:
            stated = _day(group, account, records)
            stated.lines.extend(_movements(account, stated.as_of, records))
            days.append(stated)
    return [_fingerprinted(day) for day in joined(days)]


def _lines(data: bytes) -> list[tuple[int, str]]:
    """Decode the file into its numbered lines, without the empty ones."""
    lines = [(number, line.strip()) for number, line in enumerate(decode(data).splitlines(), start=1)]
    for number, line in lines:
        if not line.isprintable() and not line.replace("\t", " ").isprintable():
            raise broken(number, "there is an unprintable character")
    return [(number, line) for number, line in lines if line]


def _require_whole(lines: Sequence[tuple[int, str]]) -> None:
    """Refuse a file that does not go from its header (01) to its trailer (99), which the package would not notice."""
    if not lines:
        raise broken(1, "the file is empty")
    for number, line in lines:
        if line[:2] not in _RECORDS or line[2:3] not in {",", ":", "/", ""}:
            raise broken(number, f"“{line[:20]}” does not begin with a BAI2 record code")
    records = [(number, line[:2]) for number, line in lines if line[:2] != "88"]
    codes = [code for _, code in records]
    if lines[0][1][:2] != "01":
        raise broken(lines[0][0], "a file begins with its header (01)")
    if codes[-1] != "99":
        raise broken(records[-1][0], "the file is cut off: its trailer (99) is missing")
    for code, name in (("01", "header (01)"), ("99", "trailer (99)")):
        if codes.count(code) > 1:
            again = [number for number, found in records if found == code][1]
            raise broken(again, f"there is a second {name}; import one file at a time")


def _parse(records: _Records) -> Any:
    """Let the package read the records, and turn whatever it stumbles over into a refusal with the line."""
    try:
        return Bai2FileParser(records).parse()
    except IntegrityException as error:
        # It has read on past the trailer whose totals are wrong, except at the end of the file.
        at_end = records.current_record.code.value == "99"
        raise broken(records.starts[records.position - (not at_end)], _said(error)) from error
    except Exception as error:
        # The package lets ValueError, IndexError, TypeError and AttributeError out of damaged records alike.
        raise broken(records.starts[max(records.position, 0)], _said(error)) from error


def _day(group: Any, account: Any, records: _Records) -> StatedDay:
    """Read an account's identifier record (03)."""
    line = records.by_rows.get(id(account.header.rows), 0)
    number = (account.header.customer_account_number or "").strip()
    if not number:
        raise broken(line, "the account has no number")
    currency = account.header.currency or group.header.currency
    require_dollars(currency or "", line, f"account {number}")
    balances = {summary.type_code.code: summary.amount for summary in account.header.summary_items}
    opening, closing = balances.get(_OPENING_LEDGER), balances.get(_CLOSING_LEDGER)
    if closing is None:
        raise broken(line, f"account {number} has no closing ledger balance (015)")
    return StatedDay(
        account_number=number,
        as_of=group.header.as_of_date,
        opening_balance=None if opening is None else _amount(opening, line),
        closing_balance=_amount(closing, line),
    )


def _movements(account: Any, as_of: date, records: _Records) -> Iterator[StatedLine]:
    """Read an account's transaction records (16), as yet without fingerprints."""
    for detail in account.children:
        line = records.by_rows.get(id(detail.rows), 0)
        code = detail.type_code.code
        if code == _NOT_MONEY or not detail.amount:
            continue
        if detail.amount < 0:
            raise broken(line, "an amount carries no sign; its type code says which way it goes")
        sign = _sign(code)
        if sign is None:
            raise broken(line, f"type code {code} is neither a credit (100–399) nor a debit (400–699)")
        value_date = as_of
        if detail.funds_type is FundsType.value_dated and detail.availability.get("date"):
            value_date = detail.availability["date"]
        yield StatedLine(
            value_date=value_date,
            amount=_amount(detail.amount, line) * sign,
            type_code=code,
            bank_reference=(detail.bank_reference or "").strip()[:REFERENCE_LENGTH],
            customer_reference=(detail.customer_reference or "").strip()[:REFERENCE_LENGTH],
            text=" ".join((detail.text or "").replace("/", " ").split())[:TEXT_LENGTH],
            booked=as_of,
        )


def _fingerprinted(day: StatedDay) -> StatedDay:
    """Give each line the hash of its day, its contents and its number among its equals."""
    seen: Counter[StatedLine] = Counter()
    for place, line in enumerate(day.lines):
        seen[line] += 1
        # The empty part stands where the fingerprint will; lines imported long ago are known by it.
        day.lines[place] = replace(
            line, fingerprint=hashed(day.as_of.isoformat(), *contents(line), "", str(seen[line]))
        )
    return day


def _sign(code: str) -> int | None:
    """Return +1 for the codes of credits, -1 for those of debits."""
    if not code.isdigit():
        return None
    return 1 if int(code) in _CREDITS else -1 if int(code) in _DEBITS else None


def _amount(cents: int, line: int) -> Decimal:
    try:
        return money.parse(money.from_cents(cents))
    except money.InvalidAmount as error:
        raise broken(line, error.message) from error


def _said(error: Exception) -> str:
    """Repeat the package's own words where they say something."""
    said = str(error).rstrip(".")
    if isinstance(error, IntegrityException | ParsingException | NotSupportedYetException | ValueError) and said:
        return (said[:1].lower() + said[1:]).replace("RecordCode.", "").replace("_", " ")
    return "the record is damaged, or lacks fields"
