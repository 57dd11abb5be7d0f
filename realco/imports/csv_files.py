"""
CSV files as people write them: quotes, blank lines, thousands separators, and now and then a broken row.

A file is read whole and judged before anything is imported. A row that cannot be right is reported
by file and line; whether it stops the import or is skipped is for the person to say.
"""

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from django.db import DataError, transaction

from compliance.operations.gate import ComplianceRefused
from realco.errors import Refusal


class UnreadableFile(Refusal):
    """The file is not there, not text, or lacks a column or has it twice."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row: the line of the file it ends on, and its values by column, stripped."""

    file: str
    line: int
    values: dict[str, str]

    def __getitem__(self, column: str) -> str:
        return self.values[column]


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that was not imported, and why."""

    file: str
    line: int
    problem: str

    def __str__(self) -> str:
        return f"{self.file}, line {self.line}: {self.problem}"


@dataclass(frozen=True, slots=True)
class Report:
    """What became of a file's rows: imported, there already, and impossible; and whether anything was kept."""

    imported: int
    known: int
    bad: tuple[BadRow, ...]
    was_kept: bool


class _Undo(Exception):
    """Leaves the import's transaction without keeping anything."""


def read(path: Path, columns: Sequence[str]) -> Iterator[Row | BadRow]:
    """
    Give the file's rows; blank lines are passed over.

    :raises UnreadableFile: if it cannot be read, or a column is missing or comes twice
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise UnreadableFile(f"There is no file {path}.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise UnreadableFile(f"{path} cannot be read as UTF-8 text: {error}.") from error
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = [name.strip().lower() for name in next(reader, [])]
        if missing := [column for column in columns if column not in header]:
            raise UnreadableFile(f"{path.name} lacks the columns: {', '.join(missing)}.")
        if twice := sorted({column for column in columns if header.count(column) > 1}):
            raise UnreadableFile(f"{path.name} has the columns twice: {', '.join(twice)}.")
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            if len(cells) != len(header):
                problem = f"{len(cells)} values for {len(header)} columns; is a quote missing?"
                yield BadRow(path.name, reader.line_num, problem)
                continue
            if any("\0" in cell for cell in cells):
                yield BadRow(
                    path.name, reader.line_num, "A value holds the character NUL; save the file as text again."
                )
                continue
            yield Row(path.name, reader.line_num, dict(zip(header, map(str.strip, cells), strict=True)))
    except csv.Error as error:
        raise UnreadableFile(f"{path.name}, line {reader.line_num}: {error}.") from error


def import_rows(path: Path, columns: Sequence[str], import_row: Callable[[Row], bool], *, skip_bad: bool) -> Report:
    """
    Import each row in one transaction, all or none.

    ``import_row`` returns whether the row is new and raises a Refusal where it is not possible.
    With ``skip_bad`` such rows are left out and reported; without it nothing is imported. What
    compliance has refused is reported too, and kept with its checks, as when a person asks for it.

    :raises UnreadableFile: if the file cannot be read
    """
    imported = known = 0
    bad: list[BadRow] = []
    with _undone_when(lambda: bool(bad) and not skip_bad):
        for row in read(path, columns):
            if isinstance(row, BadRow):
                bad.append(row)
                continue
            try:
                is_new = _import_one(row, import_row)
            except Refusal as refusal:
                bad.append(BadRow(row.file, row.line, refusal.message))
            except DataError:
                bad.append(BadRow(row.file, row.line, "A value is longer than it can be."))
            else:
                imported, known = imported + is_new, known + (not is_new)
    was_kept = skip_bad or not bad
    return Report(imported if was_kept else 0, known, tuple(bad), was_kept)


def _import_one(row: Row, import_row: Callable[[Row], bool]) -> bool:
    """Import a row, or undo what it began; only what compliance leaves behind when it refuses stays."""
    with transaction.atomic():
        try:
            return import_row(row)
        except ComplianceRefused as refusal:
            refused = refusal
    raise refused


@contextmanager
def _undone_when(is_to_be_undone: Callable[[], bool]) -> Iterator[None]:
    try:
        with transaction.atomic():
            yield
            if is_to_be_undone():
                raise _Undo
    except _Undo:
        pass
