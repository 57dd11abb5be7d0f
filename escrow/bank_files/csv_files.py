"""
Reading CSV files by a bank's layout.

A CSV file proves nothing by itself. Where it has a balance on every row, each has to follow from the one
before it; where it has none, whoever imports it says what the account held at the end.
"""

import csv
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import islice

from escrow.bank_files.csv_layouts import CsvLayout
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
    follow,
    joined,
    plain,
    refuse,
    require_dollars,
    require_printable,
    require_readable,
    total,
)
from realco import money


@dataclass(frozen=True, slots=True)
class _Row:
    """A row: the line of the file on which it begins, and its values by what they are."""

    line: int
    values: Mapping[str, str]

    def __getitem__(self, name: str) -> str:
        return self.values.get(name, "")


@dataclass(frozen=True, slots=True)
class _Movement:
    """A row that was read: whose it is, and the balance after it where the file says so."""

    line: int
    account: str
    stated: StatedLine
    balance: Decimal | None


def read(
    data: bytes, layout: CsvLayout, *, account_number: str = "", closing_balance: Decimal | None = None
) -> list[StatedDay]:
    """
    Read a file into one statement for each account and day on which something was booked.

    ``account_number`` is for files that name no account, ``closing_balance`` for those without balances.

    :raises BrokenStatement: with the line, if the file is not as the layout says, or does not add up
    """
    require_readable(data)
    rows = list(rows_of(data, layout))
    if not rows:
        refuse(layout.skip_rows + 1, "the file has no rows")
    number = layout.account_number or account_number
    movements = [_movement(row, layout, number) for row in (reversed(rows) if layout.newest_first else rows)]
    accounts: dict[str, list[_Movement]] = {}
    for movement in movements:
        accounts.setdefault(movement.account, []).append(movement)
    if "balance" not in layout.columns and len(accounts) > 1:
        refuse(rows[0].line, "the file is about several accounts and has no balances; import one account at a time")
    days = [day for name, found in accounts.items() for day in _days(name, found, closing_balance)]
    return fingerprinted(joined(days))


def rows_of(data: bytes, layout: CsvLayout) -> Iterator[_Row]:
    """
    Give the file's rows by what their columns are, without blank ones.

    :raises BrokenStatement: with the line, if a column is missing or a row has more or fewer than the others
    """
    found = list(_cells(data, layout))
    kept = found[: len(found) - layout.skip_last_rows] if layout.skip_last_rows else found
    if not kept:
        return
    width, places = len(kept[0][1]), _places(*kept[0], layout)
    for line, cells in kept[1:] if layout.has_header else kept:
        if len(cells) != width:
            refuse(
                line, f"there are {len(cells)} values for {width} columns; is it the right layout, or a quote missing?"
            )
        values = {name: " ".join(filter(None, (cells[at].strip() for at in at_all))) for name, at_all in places.items()}
        yield _Row(line, values)


def _cells(data: bytes, layout: CsvLayout) -> Iterator[tuple[int, list[str]]]:
    """Give each row's cells with the line on which it begins."""
    lines = decode(data, layout.encoding).replace("\r\n", "\n").replace("\r", "\n").split("\n")
    require_printable(enumerate(lines, start=1))
    reader = csv.reader((line + "\n" for line in lines[layout.skip_rows :]), delimiter=layout.delimiter, strict=True)
    begun = layout.skip_rows + 1
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                yield begun, cells
            begun = layout.skip_rows + reader.line_num + 1
    except csv.Error as error:
        raise broken(begun, "a quote is opened and not closed, or stands where none may") from error


def _places(line: int, header: Sequence[str], layout: CsvLayout) -> dict[str, list[int]]:
    """Find the place of each column, by its title or number."""
    titles = [title.strip().casefold() for title in header]
    places = {}
    for name, wanted in layout.columns.items():
        places[name] = [_place(line, title, titles, layout) for title in wanted]
    return places


def _place(line: int, title: str, titles: Sequence[str], layout: CsvLayout) -> int:
    if not layout.has_header:
        if int(title) > len(titles):
            refuse(line, f"there is no column {title}; a row has {len(titles)}")
        return int(title) - 1
    if titles.count(title.casefold()) != 1:
        many = "twice" if title.casefold() in titles else "not there"
        refuse(line, f"the column “{title}” is {many}; is it the right layout?")
    return titles.index(title.casefold())


def _movement(row: _Row, layout: CsvLayout, number: str) -> _Movement:
    account = row["account"] or number
    if not account:
        refuse(row.line, "the row names no account, and none was given; name it at the import")
    if "currency" in layout.columns:
        require_dollars(row["currency"].upper(), row.line, "the row")
    booked = _day(row, "date", layout)
    value = _day(row, "value_date", layout) if row["value_date"] else booked
    stated = StatedLine(
        value_date=value,
        amount=_amount(row, layout),
        type_code=plain(row["type_code"], CODE_LENGTH),
        bank_reference=plain(row["bank_reference"], REFERENCE_LENGTH),
        customer_reference=plain(row["customer_reference"], REFERENCE_LENGTH),
        text=plain(row["text"]),
        booked=booked,
    )
    balance = _figure(row, "balance", layout.amount) if "balance" in layout.columns else None
    return _Movement(row.line, account, stated, balance)


def _amount(row: _Row, layout: CsvLayout) -> Decimal:
    """Return a row's amount, positive for money that came in."""
    if "amount" not in layout.columns:
        debit, credit = (_figure(row, name, layout.amount) if row[name] else None for name in ("debit", "credit"))
        if bool(debit) == bool(credit):
            refuse(row.line, "a row has either a debit or a credit, and not both")
        if (debit or credit or money.ZERO) < 0:
            refuse(row.line, "an amount under debit or credit carries no minus sign")
        return credit or money.ZERO - (debit or money.ZERO)
    amount = _figure(row, "amount", layout.amount)
    if "indicator" not in layout.columns:
        return money.ZERO - amount if layout.is_negated else amount
    word = row["indicator"].upper()
    if amount < 0:
        refuse(row.line, "an amount with an indicator carries no minus sign")
    if word in {known.upper() for known in layout.credit_words}:
        return amount
    if word in {known.upper() for known in layout.debit_words}:
        return money.ZERO - amount
    raise broken(row.line, f"“{word[:20]}” says neither credit nor debit")


def _figure(row: _Row, name: str, reading: Callable[[str], Decimal]) -> Decimal:
    try:
        amount = reading(row[name])
    except ValueError as error:
        raise broken(row.line, f"{name} “{row[name][:40]}” is not an amount as the layout writes them") from error
    return exact(amount, row.line)


def _day(row: _Row, name: str, layout: CsvLayout) -> date:
    try:
        return layout.day(row[name])
    except ValueError as error:
        raise broken(row.line, f"{name} “{row[name][:40]}” is not a day like {layout.date_format}") from error


def _days(account: str, movements: Sequence[_Movement], closing_balance: Decimal | None) -> list[StatedDay]:
    """Hold an account's rows to their balances, and divide them into days."""
    first, last = movements[0], movements[-1]
    lines = [movement.stated for movement in movements if movement.stated.amount]
    booked = [movement.stated.booked or movement.stated.value_date for movement in movements]
    opened, closed = min(booked), max(booked)
    if last.balance is None or first.balance is None:
        if closing_balance is None:
            refuse(
                last.line,
                "the file has no balances; say at the import what the account held at the end of its last day, "
                f"{closed}",
            )
        closing = exact(closing_balance, last.line)
        opening = exact(closing - total(lines), last.line)
    else:
        if closing_balance is not None and closing_balance != last.balance:
            refuse(last.line, f"the balance is {money.format_money(last.balance)}, not what was given at the import")
        follow([(found.balance, found.stated.amount, found.line) for found in movements if found.balance is not None])
        opening = exact(first.balance - first.stated.amount, first.line)
        closing = last.balance
    return by_day(account, Balance(opening, opened, first.line), Balance(closing, closed, last.line), lines)


@dataclass(frozen=True, slots=True)
class Preview:
    """What a layout makes of a sample's first rows: the movements with their lines and balances."""

    rows: Sequence[tuple[int, StatedLine, Decimal | None]]


def preview(data: bytes, layout: CsvLayout, *, most: int) -> Preview:
    """
    Read the first rows of a sample, which may be the beginning of a file, in the file's order.

    :raises BrokenStatement: with the line, if they are not as the layout says, or their balances do not follow
    """
    require_readable(data)
    rows = list(islice(rows_of(data, layout), most))
    if not rows:
        refuse(layout.skip_rows + 1, "the sample has no rows")
    movements = [_movement(row, layout, layout.account_number or "(named at the import)") for row in rows]
    in_time = movements[::-1] if layout.newest_first else movements
    if len({movement.account for movement in movements}) == 1:
        follow([(found.balance, found.stated.amount, found.line) for found in in_time if found.balance is not None])
    return Preview([(found.line, found.stated, found.balance) for found in movements])


def first_cells(data: bytes, layout: CsvLayout, *, most: int) -> list[tuple[int, list[str]]]:
    """
    Return a sample's first rows as they are, without knowing what they mean.

    :raises BrokenStatement: with the line, if it is no CSV file with the layout's delimiter and encoding
    """
    require_readable(data)
    return list(islice(_cells(data, layout), most))
