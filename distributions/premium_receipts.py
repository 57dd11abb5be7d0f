"""
Replays of receipts of premiums: the interest, the parts and the cents, worked out again from one receipt alone.

What was called of all together is taken as given: a receipt names nobody else. Pure: no Django, no database.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

from distributions import premiums
from distributions.day_counts import DayCount, year_fraction
from distributions.receipt_files import NotAReceipt, amount, day, fraction, mapping, sequence, text
from distributions.receipt_wholes import ReceiptBroken
from distributions.receipts import exact

_RATE = re.compile(r"0(\.[0-9]{1,6})?")


@dataclass(frozen=True, slots=True)
class _Part:
    """A part of a premium as its receipt tells it, in cents."""

    earlier_call: str
    amount: int
    pool: int
    days: int
    years: Fraction


def replay(whole: Mapping[str, Any], own: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """
    Return the working and the result that follow from a receipt's whole and own.

    :raises NotAReceipt: if a field is missing or of the wrong form
    :raises ReceiptBroken: if its figures contradict each other
    """
    told = [mapping(one, "premium") for one in sequence(whole["premiums"], "premiums")]
    if sum(amount(one["amount"], "amount") for one in told) != amount(whole["amount"], "amount"):
        raise ReceiptBroken("The premiums do not add up to what is paid on.")
    parts = [part for premium in told for part in _parts(premium)]
    called = [amount(one, "called") for one in sequence(own["called"], "called")]
    odd = sequence(own["odd_cents"], "odd_cents")
    if not len(called) == len(odd) == len(parts) or any(type(one) is not int or one not in (0, 1) for one in odd):
        raise NotAReceipt("“called” and “odd_cents” have a figure for each part; an odd cent is 0 or 1.")
    shares, cells = [], []
    for part, theirs, cent in zip(parts, called, odd, strict=True):
        if not 0 <= theirs <= part.pool:
            raise ReceiptBroken(f"More of {part.earlier_call} was called of one payee than of all.")
        share = Fraction(part.amount * theirs, part.pool)
        if cent and share.denominator == 1:
            raise ReceiptBroken("An odd cent is given where nothing was left over.")
        shares.append(share)
        cells.append(share.numerator // share.denominator + cent)
    together = sum(shares, Fraction(0))
    floor = together.numerator // together.denominator
    if not 0 <= sum(cells) - floor <= 1:
        raise ReceiptBroken("The odd cents are more than the fractions of a cent they stand for.")
    working = {
        "parts": [
            {
                "earlier_call": part.earlier_call,
                "days": part.days,
                "years": exact(part.years),
                "exact": exact(share),
                "cents": cell,
            }
            for part, share, cell in zip(parts, shares, cells, strict=True)
        ],
        "cents": {
            "exact": exact(together),
            "floor": floor,
            "behind_before": exact(fraction(own["behind_before"], "behind_before")),
            "place_by_how_far_behind": own["place_by_how_far_behind"],
            "cents_left_over": whole["cents_left_over"],
            "payees_with_a_fraction": whole["payees_with_a_fraction"],
            "leftover_cent": sum(cells) - floor,
            "total": sum(cells),
        },
    }
    return working, premiums.result_of(cells)


def _parts(premium: Mapping[str, Any]) -> list[_Part]:
    """Read the parts of a premium, and work their interest and amounts out again."""
    rows = [mapping(one, "part") for one in sequence(premium["parts"], "parts")]
    interests = [_interest(row) for row in rows]
    arrived = amount(premium["amount"], "amount")
    if not interests or min(interests) < 0 or not sum(interests) or arrived <= 0:
        raise ReceiptBroken("A premium is interest on the share of an earlier call.")
    found = []
    for row, given in zip(rows, premiums.amounts_of(arrived, interests), strict=True):
        pool = amount(row["called_of_all"], "called_of_all")
        if amount(row["amount"], "amount") != given or pool <= 0:
            raise ReceiptBroken(f"The part for {row['earlier_call']} is not what its interest makes it.")
        start, end, day_count = _span(row)
        years = year_fraction(start, end, day_count)
        found.append(_Part(text(row["earlier_call"], "earlier_call"), given, pool, (end - start).days, years))
    return found


def _interest(row: Mapping[str, Any]) -> int:
    start, end, day_count = _span(row)
    if not _RATE.fullmatch(text(row["rate"], "rate")):
        raise NotAReceipt("“rate” is no yearly fraction such as 0.085.")
    rate, share = Decimal(row["rate"]), amount(row["share"], "share")
    worked_out = premiums.simple_interest(share, rate, start, end, day_count.value)
    if amount(row["interest"], "interest") != worked_out:
        raise ReceiptBroken(f"The interest on the share of {row['earlier_call']} is not what rate and days make it.")
    return worked_out


def _span(row: Mapping[str, Any]) -> tuple[date, date, DayCount]:
    start, end = day(row["from"], "from"), day(row["to"], "to")
    if end < start:
        raise ReceiptBroken("A premium runs from an earlier day to a later one.")
    try:
        return start, end, DayCount(text(row["day_count"], "day_count"))
    except ValueError as error:
        raise ReceiptBroken(f"There is no day count {row['day_count']!r}.") from error
