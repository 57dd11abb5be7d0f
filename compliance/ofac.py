"""
OFAC's list of specially designated nationals, read from the csv files that OFAC publishes.

Four files make one list: sdn (parties), alt (their other names), add (addresses) and sdn_comments
(what did not fit into the remarks of sdn, to be appended). They have no header, are written in
Latin-1, say ``-0-`` for nothing, and may end with the DOS end-of-file byte. One bad line makes the
whole list unreadable: half a sanctions list is worse than yesterday's.
"""

import csv
import gzip
import hashlib
import io
import json
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from realco.errors import Refusal

LIST_NAME = "OFAC_SDN"
_NULL = "-0-"
_END_OF_FILE = b"\x1a"
_COLUMNS = {"sdn": 12, "alt": 5, "add": 6, "sdn_comments": 2}
_LONGEST_NAME = 400
_NAMES_IN_REMARKS = re.compile(r"a\.k\.a\. '(.+?)'(?=[;.]|$)")
_VESSEL = ("call sign", "vessel type", "tonnage", "gross registered tonnage", "flag", "owner")


class SanctionsFileBroken(Refusal):
    """A file of the list is missing or cannot be read; ``details`` names the file and the line."""

    def __init__(self, file: str, line: int | None, problem: str) -> None:
        where = file if line is None else f"{file}, line {line}"
        super().__init__(f"{where}: {problem}. Nothing was imported.", file=file, line=line)


@dataclass(slots=True)
class Party:
    """A listed party as published; ``names`` begins with the primary one and holds each once."""

    entity_number: str
    name: str
    party_type: str
    programs: str
    remarks: str
    names: list[str] = field(default_factory=list)
    addresses: list[str] = field(default_factory=list)

    @property
    def full_remarks(self) -> str:
        """The remarks, with the addresses after them: what a reviewer tells people apart by."""
        parts = [self.remarks, f"Addresses: {' | '.join(self.addresses)}" if self.addresses else ""]
        return "\n".join(part for part in parts if part)

    @property
    def content_hash(self) -> str:
        """A fingerprint of everything published about the party; names and addresses in any order."""
        content = [self.entity_number, self.name, self.party_type, self.programs, self.remarks]
        document = json.dumps([*content, sorted(self.names), sorted(self.addresses)])
        return hashlib.sha256(document.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class _Row:
    file: str
    line: int
    cells: list[str]

    def broken(self, problem: str) -> SanctionsFileBroken:
        return SanctionsFileBroken(self.file, self.line, problem)


def read_directory(directory: Path) -> list[Party]:
    """
    Read the list from a directory that holds its files, as csv or gzipped csv.

    :raises SanctionsFileBroken: naming the file, and the line if it is one
    """
    if not directory.is_dir():
        raise SanctionsFileBroken(str(directory), None, "there is no such directory")
    parties: dict[str, Party] = {}
    for row in _rows(directory, "sdn"):
        number = _number(row)
        if number in parties:
            raise row.broken(f"party {number} is listed twice")
        parties[number] = _party(row)
    if not parties:
        raise SanctionsFileBroken("sdn.csv", None, "it lists nobody")
    for row in _rows(directory, "sdn_comments", is_required=False):
        # A comment on a party that is not listed adds no name to anybody, so it breaks nothing.
        if _number(row) in parties:
            parties[row.cells[0]].remarks += row.cells[1]
    for row in _rows(directory, "alt"):
        _owner(row, parties).names.append(_name(row, row.cells[3]))
    for row in _rows(directory, "add"):
        address = ", ".join(cell for cell in row.cells[2:] if cell)
        if address:
            _owner(row, parties).addresses.append(address)
    for party in parties.values():
        # Names of low quality ("a.k.a. 'BNC'") are published in the remarks only.
        weak = [name for name in _NAMES_IN_REMARKS.findall(party.remarks) if len(name) <= _LONGEST_NAME]
        party.names = list(dict.fromkeys([party.name, *party.names, *weak]))
    return list(parties.values())


def content_hash(parties: list[Party]) -> str:
    """Fingerprint a whole list, in whatever order its parties come."""
    hashes = sorted(party.content_hash for party in parties)
    return hashlib.sha256("".join(hashes).encode()).hexdigest()


def _party(row: _Row) -> Party:
    number, name, party_type, programs, title, *vessel, remarks = row.cells
    facts = [f"{label.capitalize()}: {value}" for label, value in zip(_VESSEL, vessel, strict=True) if value]
    if title:
        facts.insert(0, f"Title: {title}")
    programs = programs.replace("] [", "; ")
    if len(programs) > 300 or len(party_type) > 30:
        raise row.broken("a party's type or programs are too long to be true")
    # The remarks come last, because sdn_comments continues them in the middle of a word.
    return Party(number, _name(row, name), party_type, programs, "; ".join([*facts, remarks]).removesuffix("; "))


def _name(row: _Row, name: str) -> str:
    if not name or len(name) > _LONGEST_NAME:
        raise row.broken(f"a name is missing, or longer than {_LONGEST_NAME} letters")
    return name


def _number(row: _Row) -> str:
    number = row.cells[0]
    if not (number.isascii() and number.isdigit() and len(number) <= 30):
        raise row.broken(f"“{number[:40]}” is not the number of a party")
    return number


def _owner(row: _Row, parties: dict[str, Party]) -> Party:
    number = _number(row)
    if number not in parties:
        raise row.broken(f"party {number} is not in the sdn file")
    return parties[number]


def _rows(directory: Path, stem: str, *, is_required: bool = True) -> Iterator[_Row]:
    """Read one file row by row, each with as many cells as its kind has, nulls as empty text."""
    path = _find(directory, stem)
    if path is None:
        if is_required:
            raise SanctionsFileBroken(f"{stem}.csv", None, f"it is missing in {directory}, gzipped or not")
        return
    reader = csv.reader(io.StringIO(_text(path), newline=""), strict=True)
    try:
        for cells in reader:
            row = _Row(path.name, reader.line_num, [_cell(cell) for cell in cells])
            if not cells:
                continue
            if len(cells) != _COLUMNS[stem]:
                raise row.broken(f"{len(cells)} columns instead of {_COLUMNS[stem]}")
            if any("\x00" in cell for cell in cells):
                raise row.broken("there is a zero byte in it")
            yield row
    except csv.Error as error:
        raise SanctionsFileBroken(path.name, reader.line_num, f"it is not csv: {error}") from None


def _cell(cell: str) -> str:
    bare = cell.strip()
    return "" if bare == _NULL else bare


def _find(directory: Path, stem: str) -> Path | None:
    """Return the file of a kind, whatever its case; the plain one if there are both."""
    names = {path.name.lower(): path for path in sorted(directory.iterdir())}
    return names.get(f"{stem}.csv") or names.get(f"{stem}.csv.gz")


def _text(path: Path) -> str:
    try:
        data = path.read_bytes()
        if path.suffix.lower() == ".gz":
            data = gzip.decompress(data)
    except (OSError, EOFError, zlib.error) as error:
        raise SanctionsFileBroken(path.name, None, f"it cannot be read: {error}") from None
    return data.rstrip(b"\r\n ").removesuffix(_END_OF_FILE).decode("latin-1")
