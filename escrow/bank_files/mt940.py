"""
Reading SWIFT MT940 files: one message or many, each a page or the whole of an account's statement.

The ``mt-940`` package reads each field; this module finds the fields with their lines, so that a broken
file is explained by line, and holds each message to what it has to say. The package's own way through a
file passes over unknown fields, lets days that do not exist become others, and knows no lines.
"""

import logging
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

import mt940.models
import mt940.options
import mt940.tags

from escrow.bank_files.stated import (
    CODE_LENGTH,
    REFERENCE_LENGTH,
    Balance,
    StatedDay,
    StatedLine,
    broken,
    by_day,
    decode,
    exact,
    fingerprinted,
    joined,
    plain,
    refuse,
    require_dollars,
    require_printable,
    require_readable,
)

# The package logs the contents of a field that it cannot read; the refusal says enough.
logging.getLogger("mt940").setLevel(logging.CRITICAL)

_FIELD = re.compile(r":(?P<tag>[0-9]{2}[A-Z]?|NS):")
_ENVELOPE = re.compile(r"\{[1-5]:.*|-\}?(\{5:.*)?")
_AMOUNT = re.compile(r"[0-9]{1,14},[0-9]{0,8}")
_BALANCE = re.compile(r"[CD][0-9]{6}[A-Z]{3}(?P<amount>[0-9,.]+)")
_LINE = re.compile(r"[0-9]{6}(?:[0-9]{4}|\s{4})?R?[CD][A-Z]?[\n ]?(?P<amount>[0-9,.]+)")
_NONE = {"", "NONREF", "NOTPROVIDED", "KEINE REFERENZ"}
_END_TO_END = re.compile(r"(?:/EREF/|(?:\?2[0-9])?EREF\+)(?P<name>[^/?+]+?)(?=/|\?[0-9]{2}|[A-Z]{4}\+|$)")
_KNOWN = {"13", "13D", "20", "21", "25", "25P", "28", "28C", "34", "34F", "60F", "60M", "61", "62F", "62M", "64", "65"}
_KNOWN |= {"86", "90", "90C", "90D", "NS"}


@dataclass(frozen=True, slots=True)
class _Field:
    """One field: its tag, its value with the lines that continue it, and the line on which it begins."""

    tag: str
    value: str
    line: int


@dataclass(slots=True)
class _Message:
    """One message: whose statement it is, what it opens and closes with, and what lies between."""

    line: int
    account: str = ""
    opening: Balance | None = None
    closing: Balance | None = None
    is_first_page: bool = True
    is_last_page: bool = True
    lines: list[tuple[_Field, list[str]]] = field(default_factory=list)


def read(data: bytes) -> list[StatedDay]:
    """
    Read a file into one statement for each account and day on which something was booked.

    :raises BrokenStatement: with the line, if the file is damaged, not in US dollars, or a page is missing
    """
    require_readable(data)
    messages = list(_messages(_fields(decode(data))))
    if not messages:
        refuse(1, "there is no message: none begins with :20:")
    days: list[StatedDay] = []
    waiting: dict[str, list[_Message]] = {}
    for message in messages:
        pages = waiting.pop(message.account, [])
        _require_next(pages, message)
        pages.append(message)
        if message.is_last_page:
            days.extend(_days(pages))
        else:
            waiting[message.account] = pages
    for pages in waiting.values():
        refuse(pages[-1].line, "the statement's last page is missing: its closing balance is an intermediate one (62M)")
    return fingerprinted(joined(days))


def _fields(text: str) -> Iterator[_Field]:
    """Give the file's fields, without the envelope that SWIFT puts around a message."""
    numbered = [(number, line.rstrip()) for number, line in enumerate(text.splitlines(), start=1)]
    require_printable(numbered)
    tag, value, begun = "", list[str](), 0
    for number, line in numbered:
        found = _FIELD.match(line)
        envelope = _ENVELOPE.fullmatch(line) if found is None else None
        if (found or envelope) and tag:
            yield _Field(tag, "\n".join(value).rstrip(), begun)
        if found:
            if found["tag"] not in _KNOWN:
                refuse(number, f"a statement has no field {found['tag']}")
            tag, value, begun = found["tag"], [line[found.end() :]], number
        elif envelope:
            tag = ""
        elif tag:
            value.append(line)
        elif line.strip():
            refuse(number, f"“{line[:20]}” belongs to no field")
    if tag:
        yield _Field(tag, "\n".join(value).rstrip(), begun)


def _messages(fields: Iterator[_Field]) -> Iterator[_Message]:
    """Put the fields of each message together, and hold it to the order they come in."""
    message: _Message | None = None
    for found in fields:
        if found.tag == "20":
            if message is not None:
                yield _whole(message)
            message = _Message(found.line)
        elif message is None:
            refuse(found.line, f"field {found.tag} comes before the message begins (20)")
        elif found.tag in ("25", "25P"):
            if message.account:
                refuse(found.line, "the message names a second account")
            message.account = found.value.split("\n", 1)[0].strip().removesuffix("USD").strip()
        elif found.tag in ("60F", "60M"):
            _once(message.opening, found)
            message.opening, message.is_first_page = _balance(found), found.tag == "60F"
        elif found.tag in ("62F", "62M"):
            _once(message.closing, found)
            if message.opening is None:
                refuse(found.line, "the statement closes without an opening balance (60F or 60M)")
            message.closing, message.is_last_page = _balance(found), found.tag == "62F"
        elif found.tag == "61":
            if message.opening is None or message.closing is not None:
                refuse(found.line, "a line stands between the opening and the closing balance")
            message.lines.append((found, []))
        elif found.tag == "86" and message.lines and message.closing is None:
            message.lines[-1][1].append(found.value)
    if message is not None:
        yield _whole(message)


def _once(known: Balance | None, found: _Field) -> None:
    if known is not None:
        refuse(found.line, f"there is a second balance {found.tag[:2]} in one message")


def _whole(message: _Message) -> _Message:
    if not message.account:
        refuse(message.line, "the message names no account (25)")
    if message.closing is None:
        refuse(message.line, "the message is cut off: it has no closing balance (62F or 62M)")
    return message


def _require_next(pages: Sequence[_Message], message: _Message) -> None:
    """Refuse a page that does not follow the one before it."""
    if message.is_first_page and pages:
        refuse(message.line, f"the last page of account {message.account}'s statement before this one is missing")
    if not message.is_first_page and not pages:
        refuse(message.line, f"an earlier page of account {message.account}'s statement is missing: it opens with 60M")
    if pages and message.opening and pages[-1].closing and message.opening.amount != pages[-1].closing.amount:
        refuse(message.opening.line, "the page does not open with the balance that the one before it closed with")


def _days(pages: Sequence[_Message]) -> list[StatedDay]:
    opening, closing = pages[0].opening, pages[-1].closing
    assert opening is not None and closing is not None
    lines = [line for page in pages for found, details in page.lines for line in _movement(found, details)]
    return by_day(pages[0].account, opening, closing, lines)


def _parsed(found: _Field, reader: Any, amount: str) -> dict[str, Any]:
    """Let the package read a field, and turn whatever it stumbles over into a refusal with the line."""
    if _AMOUNT.fullmatch(amount) is None:
        refuse(found.line, f"“{amount[:20]}” is not an amount; it has a comma before the cents")
    within = mt940.models.Transactions(options=mt940.options.Options.all())
    try:
        parsed: dict[str, Any] = reader(within, reader.parse(within, found.value))
    except Exception as error:
        # Impossible days, wrong letters and missing parts come out as errors of several kinds.
        raise broken(found.line, f"field {found.tag} is damaged, or names a day that does not exist") from error
    return parsed


def _balance(found: _Field) -> Balance:
    shape = _BALANCE.fullmatch(found.value)
    if shape is None:
        refuse(found.line, f"the balance {found.tag} is damaged")
    [balance] = _parsed(found, mt940.tags.TAG_BY_ID[found.tag], shape["amount"]).values()
    require_dollars(balance.amount.currency, found.line, "the balance")
    return Balance(_amount(balance.amount, found.line), _day(balance.date), found.line)


def _movement(found: _Field, details: Sequence[str]) -> Iterator[StatedLine]:
    shape = _LINE.match(found.value)
    if shape is None:
        refuse(found.line, "the line (61) is damaged")
    parsed = _parsed(found, _STATEMENT, shape["amount"])
    code, name = parsed.get("id"), (parsed.get("customer_reference") or "").strip()
    if not code:
        refuse(found.line, "the line (61) has no type")
    amount = _amount(parsed["amount"], found.line)
    if not amount:
        return
    words = "\n".join(details)
    joined_words = words.replace("\n", "")
    if name.upper() in _NONE:
        ends = _END_TO_END.search(joined_words)
        name = "" if ends is None or ends["name"].strip() in _NONE else ends["name"]
    bank = (parsed.get("bank_reference") or "").strip()
    booked = parsed.get("entry_date") or parsed["date"]
    text = re.sub(r"\?[0-9]{2}", " ", joined_words if re.match(r"[0-9]{3}\?", words) else words)
    text = re.sub(r"\A/EREF/[^/]*(?=/)|/REMI/", " ", text)
    yield StatedLine(
        value_date=_day(parsed["date"]),
        amount=amount,
        type_code=f"{'R' if parsed['status'].upper().startswith('R') else ''}{code}"[:CODE_LENGTH].strip(),
        bank_reference="" if bank.upper() in _NONE else plain(bank, REFERENCE_LENGTH),
        customer_reference=plain(name, REFERENCE_LENGTH),
        text=plain(f"{parsed.get('extra_details') or ''} {text}"),
        booked=_day(booked),
    )


# Customer references longer than SWIFT's sixteen characters are common; this reader does not cut them.
_STATEMENT = mt940.tags.StatementGLS()


def _amount(amount: Any, line: int) -> Decimal:
    return exact(amount.amount, line)


def _day(day: date) -> date:
    """Return a plain date; the package has a class of its own."""
    return date(day.year, day.month, day.day)
