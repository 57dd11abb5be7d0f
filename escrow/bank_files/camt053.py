"""
Reading ISO 20022 camt.053 files (bank-to-customer statements), versions 001.02 and later.

The XML is read as a stream by ``defusedxml``, which refuses document types, entities and references to
other files, and says on which line each element stands. What is relied on is validated here: ADR 0024
says why no library for the format is used.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from io import BytesIO
from typing import Any
from xml.sax import SAXException
from xml.sax.handler import ContentHandler

from defusedxml import DefusedXmlException
from defusedxml.sax import make_parser

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
    require_readable,
    total,
)
from realco import money

_MESSAGE = re.compile(r"(?:.*[:/])?(?P<kind>camt\.[0-9]{3})\.001\.(?P<version>[0-9]{2})(?:\.xsd)?")
_OLDEST, _NEWEST = 2, 14
_STATEMENT = ["Document", "BkToCstmrStmt", "Stmt"]
_PARTS = ("Acct", "Bal", "TxsSummry", "StmtPgntn", "Ntry")
_AMOUNT = re.compile(r"\+?[0-9]{1,18}(?:\.[0-9]{1,17})?")
_DAY = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})(?:T.*|Z|[+-][0-9]{2}:[0-9]{2})?")
_NO_REFERENCE = {"", "NOTPROVIDED", "NOT PROVIDED", "NONREF"}
_DEEPEST, _LONGEST = 40, 10_000


@dataclass(slots=True)
class _Node:
    """An element: its name without a prefix, the line on which it begins, its text and its children."""

    name: str
    line: int
    text: str = ""
    currency: str = ""
    children: list["_Node"] = field(default_factory=list)

    def all(self, path: str) -> list["_Node"]:
        """Return the elements at a path of names."""
        found = [self]
        for name in path.split("/"):
            found = [child for node in found for child in node.children if child.name == name]
        return found

    def first(self, path: str) -> "_Node | None":
        """Return the first element at a path, if there is one."""
        return next(iter(self.all(path)), None)

    def said(self, *paths: str) -> str:
        """Return the first text that stands at one of the paths."""
        for path in paths:
            for node in self.all(path):
                if node.text.strip():
                    return node.text.strip()
        return ""


@dataclass(slots=True)
class _Statement:
    """What is known of a statement while its elements pass by."""

    line: int
    account: str = ""
    currency: str = ""
    opening: Balance | None = None
    closing: Balance | None = None
    summary: _Node | None = None
    has_unbooked: bool = False
    lines: list[StatedLine] = field(default_factory=list)


def read(data: bytes) -> list[StatedDay]:
    """
    Read a file into one statement for each account and day on which something was booked.

    An entry is one line, also where it is a batch; what its parts say is in its text. Entries that are
    not booked yet are left out.

    :raises BrokenStatement: with the line, if the file is damaged, not in US dollars, or does not add up
    """
    require_readable(data)
    days: list[StatedDay] = []
    handler = _Handler(lambda statement: days.extend(_days(statement)))
    parser: Any = make_parser()
    parser.forbid_dtd = True
    parser.setContentHandler(handler)
    try:
        parser.parse(BytesIO(_bytes(data)))
    except DefusedXmlException as error:
        raise broken(handler.line(), "there is a document type or entity, which no bank sends") from error
    except SAXException as error:
        line = getattr(error, "getLineNumber", lambda: 1)() or 1
        raise broken(line, "the XML is damaged or cut off") from error
    except (LookupError, ValueError) as error:
        raise broken(1, "the XML names an encoding that does not exist, or is damaged") from error
    if not days:
        refuse(handler.line(), "the file has no statement (Stmt)")
    return fingerprinted(joined(days))


def _bytes(data: bytes) -> bytes:
    """Give the parser UTF-8 where a file is something else than it or its declaration says."""
    declared = re.match(rb"\s*<\?xml[^>]*encoding\s*=\s*[\"']([A-Za-z0-9._-]+)", data)
    if declared is not None:
        return data.lstrip()
    text = decode(data).lstrip()
    return re.sub(r"\A<\?xml[^>]*\?>", "<?xml version='1.0'?>", text).encode()


class _Handler(ContentHandler):
    """Builds each part of a statement, hands it on when it is complete, and keeps none of it."""

    def __init__(self, take: Callable[["_Statement"], None]) -> None:
        super().__init__()
        self.take = take
        self.path: list[str] = []
        self.open: list[_Node] = []
        self.statement: _Statement | None = None
        self.at: Any = None

    def setDocumentLocator(self, locator: Any) -> None:
        """Remember who knows the lines."""
        self.at = locator

    def line(self) -> int:
        """Return the line that is being read."""
        return (self.at and self.at.getLineNumber()) or 1

    def startElement(self, name: str, attrs: Any) -> None:
        """Begin an element, or refuse a document that is no camt.053."""
        local = name.rpartition(":")[2]
        if not self.path:
            self._require_statement(name, attrs)
        if len(self.path) >= _DEEPEST:
            refuse(self.line(), "the elements are nested deeper than in any statement")
        self.path.append(local)
        if self.path == _STATEMENT:
            self.statement = _Statement(self.line())
        elif self.open or (len(self.path) == 4 and self.path[:3] == _STATEMENT and local in _PARTS):
            node = _Node(local, self.line(), currency=attrs.get("Ccy", ""))
            if self.open:
                self.open[-1].children.append(node)
            self.open.append(node)

    def characters(self, content: str) -> None:
        """Add to the element's text."""
        if not self.open or not (self.open[-1].text or content.strip()):
            return
        self.open[-1].text += content
        if len(self.open[-1].text) > _LONGEST:
            refuse(self.line(), "there is more text in one element than in any statement")

    def endElement(self, name: str) -> None:
        """Take in a part that is complete, or a whole statement."""
        if self.open:
            node = self.open.pop()
            if not self.open:
                assert self.statement is not None
                _TAKE[node.name](self.statement, node)
        elif self.path == _STATEMENT:
            assert self.statement is not None
            self.take(self.statement)
            self.statement = None
        self.path.pop()

    def _require_statement(self, name: str, attrs: Any) -> None:
        prefix = name.rpartition(":")[0]
        space = attrs.get(f"xmlns:{prefix}" if prefix else "xmlns", "")
        found = _MESSAGE.fullmatch(space)
        if name.rpartition(":")[2] != "Document" or found is None:
            refuse(self.line(), "this is no ISO 20022 document in a camt.053 namespace")
        if found["kind"] != "camt.053":
            refuse(self.line(), f"this is {found['kind']}, a report or notice; a statement is camt.053")
        if not _OLDEST <= int(found["version"]) <= _NEWEST:
            refuse(self.line(), f"camt.053.001.{found['version']} is a version that is not known")


def _take_account(statement: _Statement, node: _Node) -> None:
    statement.account = node.said("Id/IBAN", "Id/Othr/Id")
    statement.currency = node.said("Ccy")
    if not statement.account:
        refuse(node.line, "the account has no number (Acct, Id)")
    if statement.currency:
        require_dollars(statement.currency, node.line, f"account {statement.account}")


def _take_balance(statement: _Statement, node: _Node) -> None:
    """Keep the opening booked balance (OPBD, or the previous closing one) and the closing booked one (CLBD)."""
    code = node.said("Tp/CdOrPrtry/Cd")
    if code not in ("OPBD", "PRCD", "CLBD"):
        return
    balance = Balance(_amount(node), _day(node, "Dt"), node.line)
    if code == "CLBD":
        if statement.closing is not None:
            refuse(node.line, "there is a second closing booked balance (CLBD) in one statement")
        statement.closing = balance
    elif statement.opening is None or code == "OPBD":
        statement.opening = balance


def _take_summary(statement: _Statement, node: _Node) -> None:
    statement.summary = node


def _take_page(statement: _Statement, node: _Node) -> None:
    if node.said("PgNb") not in ("", "1") or node.said("LastPgInd") == "false":
        refuse(node.line, "the statement is divided into pages; ask the bank for it in one piece")


def _take_entry(statement: _Statement, node: _Node) -> None:
    """Read an entry; the direction is that of the money, also where it reverses an earlier one."""
    status = node.said("Sts/Cd", "Sts/Prtry", "Sts")
    if status != "BOOK":
        if status not in ("PDNG", "INFO", "FUTR"):
            refuse(node.line, f"the entry's status “{status[:20]}” is not known")
        statement.has_unbooked = True
        return
    amount = _amount(node)
    if not amount:
        return
    booked = _day(node, "BookgDt") if node.first("BookgDt") else None
    value = _day(node, "ValDt") if node.first("ValDt") else booked
    if value is None:
        refuse(node.line, "the entry has neither a booking nor a value date")
    identity = node.said("AcctSvcrRef")
    details = node.all("NtryDtls/TxDtls")
    only = details[0] if len(details) == 1 else None
    bank = identity or (only.said("Refs/AcctSvcrRef") if only else "")
    statement.lines.append(
        StatedLine(
            value_date=value,
            amount=amount,
            type_code=_code(node),
            bank_reference="" if bank.upper() in _NO_REFERENCE else plain(bank, REFERENCE_LENGTH),
            customer_reference=plain(_reference(node, only), REFERENCE_LENGTH),
            text=plain(" ".join(_words(node, details))),
            booked=booked or value,
            bank_id="" if identity.upper() in _NO_REFERENCE else identity,
        )
    )


_TAKE = {
    "Acct": _take_account,
    "Bal": _take_balance,
    "TxsSummry": _take_summary,
    "StmtPgntn": _take_page,
    "Ntry": _take_entry,
}


def _days(statement: _Statement) -> list[StatedDay]:
    """Hold a statement to what it has to say, and divide it into days."""
    number, opening, closing = statement.account, statement.opening, statement.closing
    if not number:
        refuse(statement.line, "the statement names no account (Acct)")
    if opening is None:
        refuse(statement.line, f"account {number} has no opening booked balance (OPBD)")
    if closing is None:
        refuse(statement.line, f"account {number} has no closing booked balance (CLBD)")
    if statement.summary is not None and not statement.has_unbooked:
        _require_totals(statement, statement.summary)
    return by_day(number, opening, closing, statement.lines)


def _require_totals(statement: _Statement, summary: _Node) -> None:
    """Refuse a statement whose own totals are not those of its entries."""
    sides = {"TtlCdtNtries": [line for line in statement.lines if line.amount > 0]}
    sides["TtlDbtNtries"] = [line for line in statement.lines if line.amount < 0]
    for name, lines in sides.items():
        number, stated = summary.said(f"{name}/NbOfNtries"), summary.said(f"{name}/Sum")
        # Entries of zero move nothing and are not kept, so there may be more of them than lines.
        if number.isdecimal() and int(number[:10]) < len(lines):
            refuse(summary.line, f"{name} states {number} entries, but there are {len(lines)}")
        if stated and (_AMOUNT.fullmatch(stated) is None or Decimal(stated) != abs(total(lines))):
            refuse(summary.line, f"{name} states {stated[:40]}, but the entries come to {abs(total(lines)):,}")


def _amount(node: _Node) -> Decimal:
    """Return an element's amount, signed by its credit or debit indicator."""
    amount, direction = node.first("Amt"), node.said("CdtDbtInd")
    if amount is None:
        refuse(node.line, "there is no amount (Amt)")
    written = amount.text.strip()
    require_dollars(amount.currency, amount.line, "the amount")
    if _AMOUNT.fullmatch(written) is None:
        refuse(amount.line, f"“{written[:40]}” is not an amount")
    if direction not in ("CRDT", "DBIT"):
        refuse(node.line, "the amount is said to be neither credit nor debit (CdtDbtInd)")
    unsigned = exact(Decimal(written), amount.line)
    return money.ZERO - unsigned if direction == "DBIT" else unsigned


def _day(node: _Node, name: str) -> date:
    """Return the day that an element names, in the bank's own time where it is a moment."""
    written = node.said(f"{name}/Dt", f"{name}/DtTm")
    found = _DAY.fullmatch(written)
    if found is not None:
        try:
            return date(*map(int, found.groups()))
        except ValueError:
            pass
    part = node.first(name)
    raise broken(part.line if part else node.line, f"{name} “{written[:40]}” is not a day")


def _code(node: _Node) -> str:
    family, detail = node.said("BkTxCd/Domn/Fmly/Cd"), node.said("BkTxCd/Domn/Fmly/SubFmlyCd")
    code = f"{family}-{detail}" if family else node.said("BkTxCd/Prtry/Cd")
    reverses = "R:" if node.said("RvslInd") in ("true", "1") else ""
    return f"{reverses}{code}"[:CODE_LENGTH]


def _reference(node: _Node, only: _Node | None) -> str:
    """Return the name by which the customer knows an entry; of a batch, that of the batch."""
    names = [node.said("NtryDtls/Btch/PmtInfId", "NtryDtls/Btch/MsgId")]
    if only is not None:
        paths = ("EndToEndId", "InstrId", "PmtInfId", "MsgId", "TxId", "ChqNb")
        names = [only.said(f"Refs/{path}") for path in paths]
    names.append(node.said("NtryRef"))
    return next((name for name in names if name.upper() not in _NO_REFERENCE), "")


def _words(node: _Node, details: list[_Node]) -> Iterator[str]:
    """Give what an entry and its parts say in words; a part of a batch begins with its reference and amount."""
    yield node.said("AddtlNtryInf")
    for part in details:
        if len(details) > 1:
            yield f"[{part.said('Refs/EndToEndId')} {part.said('Amt', 'AmtDtls/TxAmt/Amt')}]"
        parties = (f"RltdPties/{who}/{name}" for who in ("Dbtr", "Cdtr") for name in ("Nm", "Pty/Nm"))
        yield " ".join(part.said(path) for path in parties)
        yield " ".join(words.text for words in part.all("RmtInf/Ustrd"))
        yield part.said("RmtInf/Strd/CdtrRefInf/Ref", "AddtlTxInf")
