"""
Receipt files: what a payee is given, how it is written and hashed, and how it is read.

A file holds the receipt, the working that follows from it, and the SHA-256 of the receipt. The hash
is over canonical JSON (keys sorted, no spaces, ASCII) of the receipt, in which the *whole*, the same
for all payees, stands as its own hash. docs/distributions.md describes every field. Pure.
"""

import hashlib
import json
from collections.abc import Mapping
from datetime import date
from fractions import Fraction
from typing import Any, NoReturn

FORMAT = "realco-receipt/1"
MOST_BYTES = 1_000_000
"""No receipt file is longer: ten years of monthly distributions make a tenth of it."""

MOST_DIGITS = 4_000
MOST_EVENTS = 5_000
EARLIEST, LATEST = date(1900, 1, 1), date(2200, 1, 1)
ABOUT = (
    "This receipt shows how one payee's amount of one distribution came about. “receipt” holds what the amount "
    "follows from and the amount itself; “working” is every step between, worked out from it by the waterfall.",
    "“whole” is the same for all payees: the terms, the amount distributed and, for each tier, what it took and the "
    "weight of all investors together. It names nobody. “own” is yours: keep the file to yourself.",
    "“sha256” is the SHA-256 of the receipt. It was kept when the distribution was submitted and is part of what its "
    "approvers signed. “manage.py replay_receipt FILE” works everything out again from this file alone; your page "
    "compares the hash with the one kept. docs/distributions.md says what that proves, and what not.",
    "Amounts are US dollars. Exact figures are fractions of a cent, written numerator/denominator; weights and "
    "accruals are in the parts of a cent given beside them.",
)
ABOUT_PREMIUMS = (
    "This receipt shows how one payee's part of premiums came about: of interest that those admitted late have paid. "
    "“receipt” holds what the amount follows from and the amount itself; “working” is every step between.",
    "“whole” is the same for all payees: each premium, the share of each earlier call that it was paid on, and what "
    "that call called of all. It names nobody. “own” is yours, with what each of those calls called of you.",
    *ABOUT[2:],
)
RECEIPT_FIELDS = {"distribution", "allocation", "payee", "whole", "own", "result", "allocated"}


class NotAReceipt(Exception):
    """The file is no receipt; the message says what is wrong with it."""


# ---- writing -------------------------------------------------------------------------------------------------


def canonical(content: Any) -> bytes:
    """Write content so that the same content is always the same bytes."""
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False).encode()


def digest(content: Any) -> str:
    """Return the SHA-256 of content."""
    return hashlib.sha256(canonical(content)).hexdigest()


def receipt_hash(receipt: Mapping[str, Any], *, whole_hash: str = "") -> str:
    """Return the SHA-256 of a receipt; the hash of its whole may be given, since many receipts share it."""
    return digest({"format": FORMAT, **receipt, "whole": whole_hash or digest(receipt["whole"])})


def compose(receipt: Mapping[str, Any], working: Mapping[str, Any]) -> dict[str, Any]:
    """Write a receipt as the content of its file."""
    return {
        "format": FORMAT,
        "about": list(ABOUT_PREMIUMS if "premiums" in receipt["whole"] else ABOUT),
        "receipt": dict(receipt),
        "working": dict(working),
        "sha256": receipt_hash(receipt),
    }


def text_of(content: Mapping[str, Any]) -> str:
    """Write a file's content for people to read."""
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


# ---- reading -------------------------------------------------------------------------------------------------


def read(data: bytes) -> dict[str, Any]:
    """
    Read a receipt file: its form only, not whether it is true.

    :raises NotAReceipt: with what is wrong, if it is none
    """
    content = _loaded(data)
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise NotAReceipt(f"This is no receipt: it does not say “format”: “{FORMAT}”.")
    if set(content) != {"format", "about", "receipt", "working", "sha256"}:
        raise NotAReceipt("A receipt file has format, about, receipt, working and sha256, and nothing else.")
    receipt = mapping(content["receipt"], "receipt")
    if set(receipt) != RECEIPT_FIELDS:
        odd = ", ".join(sorted(set(receipt) ^ RECEIPT_FIELDS))
        raise NotAReceipt(f"“receipt” has exactly the fields of its format; missing or too many: {odd}.")
    for name in RECEIPT_FIELDS - {"allocation", "payee"}:
        mapping(receipt[name], name)
    for name in ("allocation", "payee"):
        text(receipt[name], name)
    mapping(content["working"], "working")
    text(content["sha256"], "sha256")
    return content


def _loaded(data: bytes) -> Any:
    if len(data) > MOST_BYTES:
        raise NotAReceipt("The file is longer than any receipt.")
    try:
        return json.loads(
            data, object_pairs_hook=_each_once, parse_float=_no_number, parse_constant=_no_number, parse_int=_short
        )
    except (ValueError, RecursionError) as error:
        raise NotAReceipt("The file is not JSON that can be read.") from error


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(dict(pairs)) < len(pairs):
        raise NotAReceipt("The file names a field twice; which value is meant nobody can know.")
    return dict(pairs)


def _no_number(written: str) -> NoReturn:
    raise NotAReceipt(f"The file holds the number {written[:40]}; amounts are text.")


def _short(written: str) -> int:
    if len(written) > 18:
        raise NotAReceipt("The file holds a number of more than 18 digits.")
    return int(written)


def mapping(value: object, name: str) -> Mapping[str, Any]:
    """
    Return what has to be an object.

    :raises NotAReceipt: if it is none
    """
    if not isinstance(value, dict):
        raise NotAReceipt(f"“{name}” is missing or no object.")
    return value


def sequence(value: object, name: str) -> list[Any]:
    """
    Return what has to be a list, of a length that can be worked.

    :raises NotAReceipt: if it is none
    """
    if not isinstance(value, list) or len(value) > MOST_EVENTS:
        raise NotAReceipt(f"“{name}” is missing, no list, or longer than {MOST_EVENTS}.")
    return value


def text(value: object, name: str) -> str:
    """
    Return what has to be text.

    :raises NotAReceipt: if it is none
    """
    if not isinstance(value, str) or len(value) > MOST_DIGITS:
        raise NotAReceipt(f"“{name}” is missing or no text.")
    return value


def fraction(value: object, name: str) -> Fraction:
    """
    Return an exact figure, written numerator/denominator.

    :raises NotAReceipt: if it is none
    """
    numerator, slash, denominator = text(value, name).partition("/")
    if not slash or not _is_whole(numerator) or not _is_whole(denominator) or not int(denominator):
        raise NotAReceipt(f"“{name}” is no fraction written numerator/denominator.")
    return Fraction(int(numerator), int(denominator))


def whole_number(value: object, name: str) -> int:
    """
    Return a whole number, written as text.

    :raises NotAReceipt: if it is none
    """
    if not _is_whole(text(value, name)):
        raise NotAReceipt(f"“{name}” is no whole number.")
    return int(str(value))


def _is_whole(written: str) -> bool:
    digits = written.removeprefix("-")
    return digits.isascii() and digits.isdigit()


def amount(value: object, name: str) -> int:
    """
    Return an amount of dollars as whole cents.

    :raises NotAReceipt: if it is none
    """
    whole, point, fractional = text(value, name).partition(".")
    if not point or not _is_whole(whole) or len(fractional) != 2 or not _is_whole(fractional) or len(whole) > 16:
        raise NotAReceipt(f"“{name}” is no amount of dollars with two places.")
    return int(whole + fractional)


def day(value: object, name: str) -> date:
    """
    Return a day.

    :raises NotAReceipt: if it is none, or lies centuries away
    """
    try:
        found = date.fromisoformat(text(value, name))
    except ValueError as error:
        raise NotAReceipt(f"“{name}” is no day such as 2026-03-31.") from error
    if not EARLIEST <= found <= LATEST:
        raise NotAReceipt(f"“{name}” lies outside of {EARLIEST.year} to {LATEST.year}.")
    return found
