"""
Statements as PDF: tagged, so that a screen reader reads them (PDF/UA), with all that they show inside.

WeasyPrint lays them out with the Pango library of the system. Where that is missing, everything else
works, a check says so when RealCo starts, and a statement is refused in words.
"""

from ctypes.util import find_library
from datetime import datetime
from typing import Any

from django.core import checks
from django.template.loader import render_to_string

from distributions.queries.statements import Statement
from realco.errors import Refusal

MISSING = (
    "PDF statements need the Pango library, which this machine does not have. Install it, for example with "
    "“apt install libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0”, and start RealCo again."
)


class CannotMakePdf(Refusal):
    """The machine lacks a library that lays out PDF."""


def pdf_of(statement: Statement, *, at: datetime) -> bytes:
    """
    Return a statement as a tagged PDF.

    :raises CannotMakePdf: if the machine lacks Pango
    """
    html = render_to_string("statements/statement.html", {"statement": statement, "made_at": at})
    try:
        from weasyprint import HTML
    except OSError as error:
        raise CannotMakePdf(MISSING) from error
    written = HTML(string=html, url_fetcher=_fetch_nothing).write_pdf(pdf_variant="pdf/ua-1")
    return bytes(written)


def file_name(statement: Statement) -> str:
    """Return what a statement is called as a file."""
    words = "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in statement.title.lower())
    return "-".join(part for part in words.split("-") if part) + ".pdf"


def check_pango(**_: Any) -> list[checks.CheckMessage]:
    """Say when RealCo starts that PDF statements cannot be made, if so."""
    if find_library("pango-1.0") and find_library("pangoft2-1.0"):
        return []
    return [checks.Warning(MISSING, id="distributions.W001")]


def _fetch_nothing(url: str, *_: Any, **__: Any) -> Any:
    raise ValueError(f"A statement fetches nothing, and not {url[:80]}.")
