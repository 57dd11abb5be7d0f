"""
How one bank writes its CSV files: which column is what, and how days and amounts are written.

A layout is saved once per bank as JSON and chosen at import. It is validated here, completely, so that
a layout that was saved can be read with; what it cannot mean is refused in words.
"""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import date
from decimal import Decimal
from typing import Any

from realco.errors import Refusal

ENCODINGS = ("", "utf-8", "utf-16", "latin-1", "cp1252")
DELIMITERS = (",", ";", "\t", "|")
DECIMALS = (".", ",")
THOUSANDS = ("", ",", ".", " ", "'")
ONE: tuple[str, ...] = (
    "date", "value_date", "amount", "debit", "credit", "indicator", "balance", "bank_reference", "customer_reference",
    "type_code", "account", "currency",
)  # fmt: skip
MANY: tuple[str, ...] = ("text",)
MOST_SKIPPED = 1000

_TOKENS = {
    "YYYY": r"(?P<year>[0-9]{4})",
    "YY": r"(?P<year>[0-9]{2})",
    "MMM": r"(?P<month>[A-Za-z]{3})",
    "MM": r"(?P<month>[0-9]{2})",
    "M": r"(?P<month>[0-9]{1,2})",
    "DD": r"(?P<day>[0-9]{2})",
    "D": r"(?P<day>[0-9]{1,2})",
    "hh": r"[0-9]{2}",
    "mm": r"[0-9]{2}",
    "ss": r"[0-9]{2}",
}
_TOKEN = re.compile("|".join(_TOKENS))
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")


class BadLayout(Refusal):
    """The layout cannot be read with."""


@dataclass(frozen=True, slots=True)
class CsvLayout:
    """
    A layout: ``columns`` names each column by its title, or by its number from 1 where there is no header row.

    Money is one signed ``amount``, or ``amount`` with an ``indicator`` that says ``credit_words`` or
    ``debit_words``, or a ``debit`` and a ``credit`` column. ``text`` may be several columns.
    """

    columns: Mapping[str, tuple[str, ...]]
    delimiter: str = ","
    encoding: str = ""
    skip_rows: int = 0
    has_header: bool = True
    skip_last_rows: int = 0
    date_format: str = "YYYY-MM-DD"
    decimal: str = "."
    thousands: str = ","
    newest_first: bool = False
    is_negated: bool = False
    account_number: str = ""
    credit_words: tuple[str, ...] = ("C", "CR", "CREDIT")
    debit_words: tuple[str, ...] = ("D", "DR", "DEBIT")
    days: re.Pattern[str] = field(init=False, repr=False, compare=False)
    figures: re.Pattern[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        _require(self)
        object.__setattr__(self, "days", _days_pattern(self.date_format))
        object.__setattr__(self, "figures", _figures_pattern(self.decimal, self.thousands))

    def day(self, written: str) -> date:
        """
        Read a day.

        :raises ValueError: if it is none as the bank writes them
        """
        found = self.days.fullmatch(written.strip())
        if found is None:
            raise ValueError
        month = found["month"].lower()
        number = int(month) if month.isdecimal() else _MONTHS.index(month) + 1
        year = int(found["year"])
        return date(year if year > 99 else 2000 + year, number, int(found["day"]))

    def amount(self, written: str) -> Decimal:
        """
        Read an amount with its sign: a minus before or after it, or parentheses; "$" and "USD" are passed over.

        :raises ValueError: if it is none as the bank writes them, or could be read in two ways
        """
        text = written.replace("\xa0", " ").replace("−", "-").strip()
        is_negative = text.startswith("(") and text.endswith(")")
        text = text[1:-1].strip() if is_negative else text
        found = self.figures.fullmatch(text)
        if found is None or (found["before"] + found["after"] != "") + is_negative > 1:
            raise ValueError
        if found["before"] and found["after"]:
            raise ValueError
        whole = found["whole"].replace(self.thousands, "") if self.thousands else found["whole"]
        number = Decimal(f"{whole}.{found['cents'] or '0'}")
        return -number if is_negative or "-" in found["before"] + found["after"] else number


def from_json(contents: object) -> CsvLayout:
    """
    Read a layout as it is saved.

    :raises BadLayout: if it is no layout, has keys that mean nothing, or cannot be read with
    """
    if not isinstance(contents, Mapping):
        raise BadLayout("A layout is a JSON object.")
    known = {one.name for one in fields(CsvLayout) if one.init}
    if unknown := sorted(map(str, set(contents) - known)):
        raise BadLayout(f"A layout has no “{unknown[0]}”; it knows {', '.join(sorted(known))}.")
    values = dict(contents)
    columns = values.get("columns")
    if not isinstance(columns, Mapping):
        raise BadLayout("A layout says in “columns” which column is what.")
    values["columns"] = {str(name): _titles(name, titles) for name, titles in columns.items() if titles not in ("", [])}
    for name in ("credit_words", "debit_words"):
        if name in values:
            values[name] = _titles(name, values[name])
    return CsvLayout(**values)


def to_json(layout: CsvLayout) -> dict[str, Any]:
    """Return a layout as it is saved: every setting, also those that are not given."""
    saved = {name: value for name, value in asdict(layout).items() if name not in ("days", "figures")}
    saved["columns"] = {name: list(titles) for name, titles in sorted(layout.columns.items())}
    saved["credit_words"], saved["debit_words"] = list(layout.credit_words), list(layout.debit_words)
    return saved


def _titles(name: object, titles: object) -> tuple[str, ...]:
    if isinstance(titles, str | int) and not isinstance(titles, bool):
        return (str(titles).strip(),)
    if isinstance(titles, list | tuple) and all(isinstance(title, str | int) for title in titles):
        return tuple(str(title).strip() for title in titles)
    raise BadLayout(f"“{name}” is a column's title or number, or a list of them.")


def _require(layout: CsvLayout) -> None:
    """Refuse a layout that cannot be read with."""
    choices = {"delimiter": DELIMITERS, "encoding": ENCODINGS, "decimal": DECIMALS, "thousands": THOUSANDS}
    for name, allowed in choices.items():
        if getattr(layout, name) not in allowed:
            raise BadLayout(f"“{name}” is one of {', '.join(map(repr, allowed))}.")
    if layout.decimal == layout.thousands:
        raise BadLayout("The sign before the cents and the one between thousands cannot be the same.")
    for name in ("skip_rows", "skip_last_rows"):
        rows = getattr(layout, name)
        if isinstance(rows, bool) or not isinstance(rows, int) or not 0 <= rows <= MOST_SKIPPED:
            raise BadLayout(f"“{name}” is a number of rows from 0 to {MOST_SKIPPED}.")
    for name in ("has_header", "newest_first", "is_negated"):
        if not isinstance(getattr(layout, name), bool):
            raise BadLayout(f"“{name}” is true or false.")
    for name in ("account_number", "date_format"):
        if not isinstance(getattr(layout, name), str) or len(getattr(layout, name)) > 100:
            raise BadLayout(f"“{name}” is text of at most 100 signs.")
    _require_columns(layout)
    _require_words(layout)


def _require_columns(layout: CsvLayout) -> None:
    columns = layout.columns
    if unknown := sorted(set(columns) - {*ONE, *MANY}):
        raise BadLayout(f"No column is a “{unknown[0]}”; there are {', '.join((*ONE, *MANY))}.")
    for name, titles in columns.items():
        if not titles or any(not title or len(title) > 100 for title in titles):
            raise BadLayout(f"The column “{name}” has no title or number.")
        if name in ONE and len(titles) > 1:
            raise BadLayout(f"“{name}” is one column.")
        if not layout.has_header and not all(title.isdecimal() and 0 < int(title[:4]) <= 500 for title in titles):
            raise BadLayout(f"Without a header row, columns are numbers from 1; “{name}” is not.")
    if "date" not in columns:
        raise BadLayout("Say which column is the date.")
    sides = {"debit", "credit"} & set(columns)
    if ("amount" in columns) == bool(sides) or len(sides) == 1:
        raise BadLayout("Say which column is the amount, or which two are debit and credit.")
    if "indicator" in columns and sides:
        raise BadLayout("An indicator goes with one amount column, not with debit and credit.")
    if layout.is_negated and ("indicator" in columns or sides):
        raise BadLayout("Only a signed amount can have its sign the other way round.")


def _require_words(layout: CsvLayout) -> None:
    credits, debits = ({word.upper() for word in words} for words in (layout.credit_words, layout.debit_words))
    if "indicator" in layout.columns and (not credits or not debits or credits & debits):
        raise BadLayout("The words for credit and for debit differ, and there is at least one of each.")


def _days_pattern(written: str) -> re.Pattern[str]:
    pattern, end = "", 0
    for found in _TOKEN.finditer(written):
        pattern += re.escape(written[end : found.start()]) + _TOKENS[found[0]]
        end = found.end()
    try:
        compiled = re.compile(pattern + re.escape(written[end:]))
    except re.error as error:
        raise BadLayout("A date format names year, month and day once each, such as MM/DD/YYYY.") from error
    if set(compiled.groupindex) != {"year", "month", "day"}:
        raise BadLayout("A date format names year, month and day once each, such as MM/DD/YYYY.")
    return compiled


def _figures_pattern(decimal: str, thousands: str) -> re.Pattern[str]:
    point, sign = re.escape(decimal), r"(?P<{}>[+-]?)"
    grouped = rf"|[0-9]{{1,3}}(?:{re.escape(thousands)}[0-9]{{3}})+" if thousands else ""
    whole = rf"(?P<whole>[0-9]{{1,20}}{grouped})(?:{point}(?P<cents>[0-9]{{1,8}}))?"
    coin = r"(?:\$|USD)?\s*"
    return re.compile(rf"{coin}{sign.format('before')}\s*{coin}{whole}\s*(?:USD)?{sign.format('after')}")
