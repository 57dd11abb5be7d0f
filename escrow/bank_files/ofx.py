"""
Reading OFX files, version 1 (SGML) and version 2 (XML).

The ``ofxtools`` package reads the header and builds the tree, with or without end tags. It passes over
what it cannot read, so this module first goes through the same tags itself: it proves that they nest and
leave nothing out, and notes on which line each statement and movement begins.

An OFX file states one balance, of one moment, and none that it opened with.
"""

import logging
import re
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from html import unescape
from io import BytesIO
from typing import NoReturn
from xml.etree.ElementTree import Element
from xml.sax.saxutils import escape

from ofxtools.header import OFXHeaderError, parse_header
from ofxtools.Parser import TreeBuilder

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
    total,
)

# The package tells of each step, and would write what it reads into the log at debug level.
logging.getLogger("ofxtools").setLevel(logging.WARNING)

_CDATA = re.compile(r"<!\[CDATA\[(.*?)\]\]>", re.DOTALL)
_EMPTY = re.compile(
    r"<(NAME|MEMO|CHECKNUM|REFNUM|SRVRTID|SIC|PAYEEID|EXTDNAME|BRANCHID|ACCTKEY|ORG|FID|MESSAGE|MKTGINFO|LANGUAGE)>"
    r"(?=\s*<(?!/\1>))"
)
_AMOUNT = re.compile(r"[+-]?[0-9]{1,20}(?:[.,][0-9]{1,8})?")
_MOMENT = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})(?:[0-9]{2,6}(?:\.[0-9]+)?)?(?:\[.*\])?")


def read(data: bytes) -> list[StatedDay]:
    """
    Read a file into one statement for each account and day.

    Where the balance is of the last day of the file's period, the days before are worked out from it; a
    balance of a later moment is one statement of that moment, with all the lines.

    :raises BrokenStatement: with the line, if the file is damaged, not in US dollars, or not a bank account's
    """
    require_readable(data)
    text = decode(data, _encoding(data)).replace("\r\n", "\n").replace("\r", "\n")
    require_printable(enumerate(text.split("\n"), start=1))
    tree = _Tree(text)
    status = next((node for node in tree.root.iter("STATUS") if (_text(node, "SEVERITY") or "INFO") == "ERROR"), None)
    if status is not None:
        tree.refuse(status, f"the bank answered with an error: {_text(status, 'MESSAGE') or _text(status, 'CODE')}")
    card = next(tree.root.iter("CCSTMTRS"), None)
    if card is not None:
        tree.refuse(card, "this is a credit card's statement; escrow is kept in bank accounts")
    days = [day for statement in tree.root.iter("STMTRS") for day in _statement(tree, statement)]
    if not days:
        refuse(1, "the file has no bank statement (STMTRS)")
    return fingerprinted(joined(days))


def _encoding(data: bytes) -> str:
    """Return Windows-1252 where the header names it and the bytes are not UTF-8 in truth; else nothing."""
    if b"CHARSET:1252" in data[:500]:
        try:
            data.decode("utf-8")
        except UnicodeDecodeError:
            return "cp1252"
    return ""


class _Tree:
    """The file's elements, each with the line on which it begins."""

    def __init__(self, text: str) -> None:
        marker = re.search(r"<!DOCTYPE|<!ENTITY", text, re.IGNORECASE)
        if marker:
            refuse(_line(text, marker.start()), "there is a document type or entity, which no bank sends")
        if text.count("<![CDATA[") != text.count("]]>"):
            refuse(text.count("\n") + 1, "a CDATA section is not closed")
        body = self._body(text)
        body = _CDATA.sub(lambda found: escape(found[1]), body)
        body = _EMPTY.sub(lambda found: " " * len(found[0]), body)
        # Everything before the body has its lines too.
        self.before = text.count("\n") - body.count("\n")
        self.starts = list(self._proven(body))
        builder = TreeBuilder()
        try:
            builder.feed(body)
            self.root = builder.close()
        except (SyntaxError, AssertionError, IndexError, ValueError) as error:
            raise broken(text.count("\n") + 1, "the file is cut off, or its tags do not match") from error
        self.lines = dict(zip(map(id, self.root.iter()), self.starts, strict=False))

    @staticmethod
    def _body(text: str) -> str:
        # What follows the header is read from the text decoded here, whatever encoding the header names.
        start = re.search(r"<OFX>", text)
        if start is None:
            refuse(1, "there is no <OFX>")
        head = text[: start.start()].strip()
        try:
            parse_header(BytesIO(_ascii(head) + b"\r\n\r\n<OFX></OFX>"))
        except (OFXHeaderError, ValueError, LookupError, KeyError, AttributeError, TypeError) as error:
            raise broken(1, "the OFX header is damaged, or names a version that does not exist") from error
        return text[start.start() :]

    def _proven(self, body: str) -> Iterator[int]:
        """Go through the tags as the package will, and give the line of each that opens."""
        opened: list[str] = []
        line, counted, end = self.before + 1, 0, 0
        for found in TreeBuilder.regex.finditer(body):
            line, counted = line + body.count("\n", counted, found.start()), found.start()
            if body[end : found.start()].strip() or (found["tail"] or "").strip():
                refuse(line, "there is something between the tags that is none")
            end, tag, has_text = found.end(), found["tag"], bool((found["text"] or "").strip())
            if tag.startswith("/"):
                if has_text or not opened or opened.pop() != tag[1:]:
                    refuse(line, f"<{tag[:40]}> ends what was not begun")
                continue
            if not opened and tag != "OFX":
                refuse(line, "there is something after </OFX>")
            yield line
            if not has_text and not found["closetag"]:
                opened.append(tag)
        if body[end:].strip() or opened:
            refuse(self.before + body.count("\n") + 1, "the file is cut off: </OFX> is missing")

    def line(self, node: Element) -> int:
        """Return the line on which an element begins."""
        return self.lines.get(id(node), 0)

    def refuse(self, node: Element, what: str) -> NoReturn:
        """Refuse the file for an element."""
        raise broken(self.line(node), what)


def _statement(tree: _Tree, statement: Element) -> list[StatedDay]:
    number = _text(statement, "BANKACCTFROM/ACCTID")
    if not number:
        tree.refuse(statement, "the account has no number (BANKACCTFROM, ACCTID)")
    require_dollars(_text(statement, "CURDEF"), tree.line(statement), f"account {number}")
    ledger = statement.find("LEDGERBAL")
    if ledger is None:
        tree.refuse(statement, f"account {number} has no ledger balance (LEDGERBAL)")
    as_of = _day(tree, ledger, "DTASOF")
    closing = _amount(tree, ledger, "BALAMT")
    listed = statement.find("BANKTRANLIST")
    lines = [] if listed is None else [line for node in listed.iter("STMTTRN") for line in _movement(tree, node)]
    booked = [line.booked or as_of for line in lines]
    if _ends(tree, listed, as_of) < as_of or max(booked, default=as_of) > as_of:
        return [StatedDay(number, as_of, None, closing, lines)]
    first = min(booked, default=as_of)
    opening = exact(closing - total(lines), tree.line(ledger))
    return by_day(number, Balance(opening, first, tree.line(ledger)), Balance(closing, as_of, tree.line(ledger)), lines)


def _ends(tree: _Tree, listed: Element | None, as_of: date) -> date:
    """Return the last day whose movements are all listed; a period that ends at midnight stops before that day."""
    if listed is None or not _text(listed, "DTEND"):
        return as_of
    at_midnight = re.match(r"[0-9]{8}0{4,6}\b", _text(listed, "DTEND")) is not None
    return _day(tree, listed, "DTEND") - timedelta(days=at_midnight)


def _movement(tree: _Tree, node: Element) -> Iterator[StatedLine]:
    if _text(node, "CORRECTFITID"):
        tree.refuse(node, "this line corrects or deletes an earlier one; a person has to look at it")
    # ORIGCURRENCY only says what was exchanged; with CURRENCY the amount itself is not in the account's own.
    if node.find("CURRENCY") is not None:
        require_dollars(_text(node, "CURRENCY/CURSYM"), tree.line(node), "the line")
    identity = _text(node, "FITID")
    if not identity:
        tree.refuse(node, "the line has no id of the bank's (FITID)")
    amount, posted = _amount(tree, node, "TRNAMT"), _day(tree, node, "DTPOSTED")
    if not amount:
        return
    available = _day(tree, node, "DTAVAIL") if _text(node, "DTAVAIL") else posted
    words = [_text(node, name) for name in ("NAME", "PAYEE/NAME", "EXTDNAME", "MEMO")]
    yield StatedLine(
        value_date=available,
        amount=amount,
        type_code=_text(node, "TRNTYPE")[:CODE_LENGTH],
        bank_reference=plain(identity, REFERENCE_LENGTH),
        customer_reference=plain(_text(node, "REFNUM") or _text(node, "CHECKNUM"), REFERENCE_LENGTH),
        text=plain(" ".join(filter(None, words))),
        booked=posted,
        bank_id=identity,
    )


def _text(node: Element, path: str) -> str:
    return unescape(node.findtext(path) or "").strip()


def _amount(tree: _Tree, node: Element, name: str) -> Decimal:
    written = _text(node, name)
    if _AMOUNT.fullmatch(written) is None:
        tree.refuse(node, f"{name} “{written[:40]}” is not an amount")
    return exact(Decimal(written.replace(",", ".")), tree.line(node))


def _day(tree: _Tree, node: Element, name: str) -> date:
    """Return the day a moment falls on where the bank is, whatever its distance from Greenwich."""
    written = _text(node, name)
    found = _MOMENT.fullmatch(written)
    if found is not None:
        try:
            return date(*map(int, found.groups()))
        except ValueError:
            pass
    raise broken(tree.line(node), f"{name} “{written[:40]}” is not a day")


def _line(text: str, position: int) -> int:
    return text.count("\n", 0, position) + 1


def _ascii(text: str) -> bytes:
    return text.encode("ascii", "replace").replace(b"\n", b"\r\n")
