"""Reading a bank's file whatever format it has: found out from its contents, or named."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from escrow.bank_files import bai2, camt053, csv_files, mt940, ofx
from escrow.bank_files.csv_layouts import CsvLayout
from escrow.bank_files.stated import FileFormat, StatedDay, broken, decode, refuse, require_readable

_HEAD = 4000
_READERS: Mapping[FileFormat, Callable[[bytes], list[StatedDay]]] = {
    FileFormat.BAI2: bai2.read,
    FileFormat.OFX: ofx.read,
    FileFormat.MT940: mt940.read,
    FileFormat.CAMT053: camt053.read,
}
_SIGNS = (
    (FileFormat.OFX, re.compile(r"(?:OFXHEADER\s*:|.*<\?OFX\b|.*<OFX>)", re.DOTALL)),
    (FileFormat.CAMT053, re.compile(r"<(?:\?xml|!DOCTYPE|!--|(?:[A-Za-z0-9_]+:)?Document\b)")),
    (FileFormat.BAI2, re.compile(r"[0-9]{2},")),
    (FileFormat.MT940, re.compile(r"(?:\{[1-4]:|.*^:20:)", re.DOTALL | re.MULTILINE)),
)


@dataclass(frozen=True, slots=True)
class Contents:
    """What a file says, and the format in which it says it."""

    file_format: FileFormat
    days: list[StatedDay]


def read(
    data: bytes,
    *,
    file_format: str | None = None,
    layout: CsvLayout | None = None,
    account_number: str = "",
    closing_balance: Decimal | None = None,
) -> Contents:
    """
    Read a file into one statement for each account and day.

    CSV files need the bank's layout, and with a layout a file is CSV. ``account_number`` is for CSV files that
    name no account, ``closing_balance`` for those without balances.

    :raises BrokenStatement: with the line, if the file is damaged, or not of the format or currency
    """
    require_readable(data)
    found = FileFormat(file_format) if file_format else FileFormat.CSV if layout else detected(data)
    if found is FileFormat.CSV:
        if layout is None:
            refuse(1, "a CSV file is read by the bank's layout; choose one, or save one first")
        read_days = csv_files.read(data, layout, account_number=account_number, closing_balance=closing_balance)
        return Contents(found, read_days)
    if layout is not None:
        refuse(1, f"a layout is for CSV files; this one is to be read as {found.label}")
    if closing_balance is not None:
        refuse(1, f"a closing balance is given for CSV files without balances; a file in {found.label} states its own")
    return Contents(found, _READERS[found](data))


def detected(data: bytes) -> FileFormat:
    """
    Find out a file's format from how it begins.

    :raises BrokenStatement: if it begins like none of them
    """
    head = decode(data[:_HEAD] if data[:_HEAD].isascii() else data)[:_HEAD].lstrip()
    if not head:
        refuse(1, "the file is empty")
    for file_format, sign in _SIGNS:
        if sign.match(head):
            return file_format
    raise broken(1, f"“{head[:20].splitlines()[0]}” begins no BAI2, OFX, MT940 or camt.053 file; CSV needs a layout")
