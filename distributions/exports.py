"""
Exports: tables as CSV and XLSX that a spreadsheet reads as data and never as a formula.

Text that begins with a sign a spreadsheet takes for a formula gets an apostrophe before it, in both
formats: a sheet is often saved again as the other one.
"""

import csv
from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal
from io import BytesIO, StringIO

import xlsxwriter

Cell = str | int | Decimal | date | None
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def escaped(text: str) -> str:
    """Return text that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def as_csv(titles: Sequence[str], rows: Iterable[Sequence[Cell]]) -> bytes:
    """Write a table as CSV, in UTF-8 with the mark by which a spreadsheet knows it."""
    out = StringIO()
    writer = csv.writer(out)
    writer.writerow([escaped(title) for title in titles])
    writer.writerows([_written(cell) for cell in row] for row in rows)
    return out.getvalue().encode("utf-8-sig")


def as_xlsx(name: str, titles: Sequence[str], rows: Iterable[Sequence[Cell]]) -> bytes:
    """Write a table as one sheet, row by row, so that fifty thousand rows take little memory."""
    out = BytesIO()
    book = xlsxwriter.Workbook(out, {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False})
    book.set_properties({"title": name})
    sheet = book.add_worksheet("Table")
    bold, money = book.add_format({"bold": True}), book.add_format({"num_format": "#,##0.00"})
    day = book.add_format({"num_format": "yyyy-mm-dd"})
    sheet.freeze_panes(1, 1)
    for column, title in enumerate(titles):
        sheet.set_column(column, column, 18)
        sheet.write_string(0, column, escaped(title), bold)
    for number, row in enumerate(rows, start=1):
        for column, cell in enumerate(row):
            if isinstance(cell, Decimal):
                sheet.write_number(number, column, cell, money)
            elif isinstance(cell, int):
                sheet.write_number(number, column, cell)
            elif isinstance(cell, date):
                sheet.write_datetime(number, column, cell, day)
            elif cell is not None:
                sheet.write_string(number, column, escaped(cell))
    book.close()
    return out.getvalue()


def _written(cell: Cell) -> str:
    if isinstance(cell, Decimal):
        return f"{cell:f}"
    return escaped(cell) if isinstance(cell, str) else "" if cell is None else str(cell)
