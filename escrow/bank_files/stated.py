"""
What a bank says, as plain figures, whatever format its file has; and the refusal of a file that says it badly.

Nothing here touches the database. Each format is read by a module of its own into the types below; what
all of them need, text with numbered lines, exact amounts, days and fingerprints, is here once.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from itertools import pairwise
from typing import NoReturn

from django.db.models import TextChoices

from realco import money
from realco.errors import Refusal

LARGEST_FILE = 100_000_000
REFERENCE_LENGTH, TEXT_LENGTH, CODE_LENGTH = 100, 500, 10
_NOT_STATEMENTS = {
    b"PK\x03\x04": "a zip archive (Excel workbooks are zip archives too)",
    b"\x1f\x8b": "a gzip archive",
    b"%PDF": "a PDF",
    b"\xd0\xcf\x11\xe0": "an old Excel or Word document",
    b"7z\xbc\xaf": "a 7-Zip archive",
}


class FileFormat(TextChoices):
    """The formats that are read."""

    BAI2 = "BAI2", "BAI2"
    OFX = "OFX", "OFX"
    MT940 = "MT940", "MT940"
    CAMT053 = "CAMT053", "camt.053"
    CSV = "CSV", "CSV"


class BrokenStatement(Refusal):
    """The file is not a whole, consistent statement in US dollars; ``details["line"]`` says where."""


@dataclass(frozen=True, slots=True)
class StatedLine:
    """
    One movement: positive when money came in. ``fingerprint`` is the same in every file that states it.

    ``booked`` is the day on which the bank booked it, and ``bank_id`` the name by which the bank tells it from
    all others of the account, where the format has such names.
    """

    value_date: date
    amount: Decimal
    type_code: str
    bank_reference: str
    customer_reference: str
    text: str
    fingerprint: str = ""
    booked: date | None = None
    bank_id: str = ""


@dataclass(slots=True)
class StatedDay:
    """What a file says about one account and day; balances in US dollars."""

    account_number: str
    as_of: date
    opening_balance: Decimal | None
    closing_balance: Decimal
    lines: list[StatedLine] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Balance:
    """What the bank says an account held, for which day, and on which line of the file."""

    amount: Decimal
    day: date
    line: int


# ---- text ----------------------------------------------------------------------------------------------------


def require_readable(data: bytes) -> None:
    """
    Refuse what cannot be a statement before anybody reads it.

    :raises BrokenStatement: if it is too large, an archive, a PDF or a spreadsheet
    """
    if len(data) > LARGEST_FILE:
        raise BrokenStatement("The file is too large to be a statement.", line=0)
    for magic, name in _NOT_STATEMENTS.items():
        if data.startswith(magic):
            refuse(1, f"this is {name}; import the bank's own file, unpacked")


def decode(data: bytes, encoding: str = "") -> str:
    """
    Return a file's text: UTF-8 or UTF-16 by their marks, UTF-8 without one, else Latin-1.

    With an encoding named, it has to be that one.

    :raises BrokenStatement: with the line, if the bytes are no text in the encoding
    """
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        encoding = "utf-16"
    elif not encoding and data[1:2] == b"\0" and data[:1].isascii() and data[:1] != b"\0":
        encoding = "utf-16-le"
    elif not encoding and data[:1] == b"\0" and data[1:2] != b"\0" and len(data) > 1:
        encoding = "utf-16-be"
    if encoding in ("", "utf-8"):
        encoding = encoding and "utf-8-sig"
    try:
        return data.decode(encoding or "utf-8-sig")
    except UnicodeDecodeError as error:
        if encoding:
            refuse(data.count(b"\n", 0, error.start) + 1, f"there are bytes that are no text in {encoding}")
        return data.decode("latin-1")


def require_printable(lines: Iterable[tuple[int, str]]) -> None:
    """
    Refuse text that holds control characters, which no bank means.

    :raises BrokenStatement: with the line
    """
    for number, line in lines:
        if not line.isprintable() and not line.replace("\t", " ").replace("\xa0", " ").isprintable():
            refuse(number, "there is an unprintable character")


def plain(text: str | None, length: int = TEXT_LENGTH) -> str:
    """Return a text on one line without runs of blanks, of a column's length at most."""
    return " ".join((text or "").split())[:length].rstrip()


def refuse(line: int, what: str) -> NoReturn:
    """
    Refuse the file for what is wrong on a line.

    :raises BrokenStatement: always
    """
    raise broken(line, what)


def broken(line: int, what: str) -> BrokenStatement:
    """Make the refusal of a file for what is wrong on a line."""
    return BrokenStatement(f"Line {line}: {what}. Nothing was imported.", line=line)


# ---- figures -------------------------------------------------------------------------------------------------


def exact(amount: Decimal, line: int) -> Decimal:
    """
    Return an amount in whole cents.

    :raises BrokenStatement: with the line, if it has fractions of a cent or is too large
    """
    try:
        return money.parse(amount)
    except money.InvalidAmount as error:
        raise broken(line, _continued(error.message)) from error


def total(lines: Iterable[StatedLine]) -> Decimal:
    """Return what movements come to together."""
    return sum((line.amount for line in lines), money.ZERO)


def require_dollars(currency: str, line: int, account: str) -> None:
    """
    Refuse an account or line that is not in US dollars.

    :raises BrokenStatement: with the line
    """
    if currency != money.CURRENCY:
        said = f"is in {currency[:10]}" if currency else "names no currency"
        refuse(line, f"{account} {said}; escrow is kept in {money.CURRENCY}")


def by_day(number: str, opening: Balance, closing: Balance, lines: Sequence[StatedLine]) -> list[StatedDay]:
    """
    Divide a statement of several days into one for each day on which something was booked, and the last.

    The bank's balance between two days is what it opened with and everything booked until then. A line
    that was booked outside the statement's days counts for the nearest of them.

    :raises BrokenStatement: if the lines do not lead from the opening to the closing balance
    """
    if opening.day > closing.day:
        refuse(closing.line, f"the statement closes on {closing.day}, before it opens on {opening.day}")
    moved = total(lines)
    if opening.amount + moved != closing.amount:
        refuse(
            closing.line,
            f"the lines of account {number} come to {money.format_money(moved)}, but its balance moves from "
            f"{money.format_money(opening.amount)} to {money.format_money(closing.amount)}; a line is missing, doubled "
            "or damaged",
        )
    booked = [line.booked or line.value_date for line in lines]
    first = min((day for day in booked if day >= opening.day), default=closing.day)
    found: dict[date, list[StatedLine]] = {closing.day: []}
    for line, day in zip(lines, booked, strict=True):
        found.setdefault(min(max(day, first), closing.day), []).append(line)
    days, balance = [], opening.amount
    for day, on_it in sorted(found.items(), key=lambda pair: pair[0]):
        after = exact(balance + total(on_it), closing.line)
        days.append(StatedDay(number, day, balance, after, on_it))
        balance = after
    return days


def joined(days: Iterable[StatedDay]) -> list[StatedDay]:
    """Make one statement of the parts that a file gives of one account and day."""
    known: dict[tuple[str, date], StatedDay] = {}
    for day in days:
        first = known.setdefault((day.account_number, day.as_of), day)
        if first is not day:
            first.closing_balance = day.closing_balance
            first.lines.extend(day.lines)
    return list(known.values())


# ---- fingerprints --------------------------------------------------------------------------------------------


def fingerprinted(days: Sequence[StatedDay]) -> list[StatedDay]:
    """
    Give each line the hash of what identifies it and its number among its equals.

    That is the bank's own id with the amount and the day booked, or, without an id, all that is said of it.
    It does not depend on what else the file holds, so that overlapping files state a line alike.
    """
    seen: Counter[tuple[str, ...]] = Counter()
    for day in days:
        for place, line in enumerate(day.lines):
            booked = (line.booked or line.value_date).isoformat()
            if line.bank_id:
                what: tuple[str, ...] = ("id", booked, line.bank_id, str(line.amount))
            else:
                what = ("line", booked, *contents(line))
            seen[day.account_number, *what] += 1
            day.lines[place] = replace(line, fingerprint=hashed(*what, str(seen[day.account_number, *what])))
    return list(days)


def contents(line: StatedLine) -> tuple[str, ...]:
    """Return all that is said of a line, as text."""
    return (
        str(line.value_date),
        str(line.amount),
        line.type_code,
        line.bank_reference,
        line.customer_reference,
        line.text,
    )


def hashed(*parts: str) -> str:
    """Return the fingerprint of what is said."""
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()


def follow(balances: Sequence[tuple[Decimal, Decimal, int]]) -> None:
    """
    Check running balances, each given with its movement and line: every one follows from the one before it.

    :raises BrokenStatement: with the line of the first that does not
    """
    for (before, _, _), (after, moved, line) in pairwise(balances):
        if before + moved != after:
            refuse(
                line,
                f"the balance goes from {money.format_money(before)} to {money.format_money(after)} with a movement of "
                f"{money.format_money(moved)}; a line is missing, doubled or damaged",
            )


def _continued(sentence: str) -> str:
    """Return a sentence as the end of another."""
    said = sentence.rstrip(".")
    return said[:1].lower() + said[1:]
