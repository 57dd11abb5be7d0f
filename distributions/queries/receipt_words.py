"""
A receipt in words: what a payee reads of how the amount came about, beside the tiers.

Everything told here is worked out again from the frozen receipt, so that the page, the statement and
the file say the same.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

from distributions import receipt_replays
from distributions.derivations import SPONSOR
from distributions.grains import nearest_cent
from distributions.models import DistributionAllocation
from distributions.queries import explanations, premium_words, receipts
from realco.money import ZERO, format_money, from_cents

_NATURES = (("return_of_capital", "capital"), ("preferred_return", "preferred return"), ("profit_split", "profit"))


@dataclass(frozen=True, slots=True)
class Span:
    """What one contribution earned between two movements of money, US dollars, to the nearest cent."""

    start: date
    end: date
    days: int
    base: Decimal
    rate: Decimal
    earned: Decimal
    owed_after: Decimal


@dataclass(frozen=True, slots=True)
class Paid:
    """What an earlier distribution brought, US dollars."""

    on: date
    return_of_capital: Decimal
    preferred_return: Decimal
    profit: Decimal

    @property
    def total(self) -> Decimal:
        """All of it."""
        return self.return_of_capital + self.preferred_return + self.profit


@dataclass(frozen=True, slots=True)
class Changed:
    """An amount that somebody decided otherwise than the waterfall gives it."""

    name: str
    worked_out: Decimal
    decided: Decimal


@dataclass(frozen=True, slots=True)
class Moved:
    """What changed hands on a day, US dollars; without a part, the payee took it over."""

    on: date
    part: Decimal | None
    contributed: Decimal
    unreturned: Decimal
    preferred_owed: Decimal | None

    @property
    def words(self) -> str:
        """Say it in a sentence."""
        if self.part is None:
            did = "took over a part of somebody else's investment"
        else:
            did = f"handed over {'all' if self.part == 1 else explanations.percent(self.part)} of what you held"
        parts = [
            f"{format_money(self.contributed)} that had been put in",
            f"{format_money(self.unreturned)} of it not returned by then",
        ]
        if self.preferred_owed is not None:
            parts.append(f"{format_money(self.preferred_owed)} of preferred return accrued on it and not paid")
        return f"On {_day(self.on)} you {did}: {', '.join(parts[:-1])}, and {parts[-1]}."


@dataclass(frozen=True, slots=True)
class Told:
    """A receipt in words and tables."""

    sha256: str
    sentences: tuple[str, ...]
    contributions: tuple[tuple[date, Decimal], ...]
    accruals: tuple[tuple[str, tuple[Span, ...]], ...]
    paid_before: tuple[Paid, ...]
    changed: tuple[Changed, ...]
    decided_because: str
    moves: tuple[Moved, ...] = ()


def told(allocation: DistributionAllocation) -> Told | None:
    """Tell an allocation's receipt; None where none was kept."""
    row = receipts.of(allocation)
    if row is None:
        return None
    receipt = receipts.content(row)
    working = receipt_replays.replay(receipt).working
    if "premiums" in receipt["whole"]:
        return Told(row.sha256, (premium_words.RULE, _cent(working["cents"])), (), (), (), (), "")
    own = receipt["own"]
    paid = tuple(
        Paid(date.fromisoformat(on), Decimal(capital), Decimal(preferred), Decimal(profit))
        for _, on, capital, preferred, profit in own.get("paid_before", [])
    )
    moves = tuple(_moved(line) for line in working.get("changed_hands", []))
    return Told(
        sha256=row.sha256,
        sentences=tuple(_sentences(receipt, working, paid, moves)),
        contributions=tuple((date.fromisoformat(on), Decimal(amount)) for on, amount in own.get("contributions", [])),
        accruals=tuple((_accrual_title(one), tuple(_spans(one))) for one in working.get("accruals", [])),
        paid_before=paid,
        changed=tuple(_changed(receipt)),
        decided_because=receipt["allocated"].get("decided_because", ""),
        moves=moves,
    )


def _sentences(
    receipt: Mapping[str, Any], working: Mapping[str, Any], paid: tuple[Paid, ...], moves: tuple[Moved, ...]
) -> Iterator[str]:
    if receipt["payee"] != SPONSOR:
        on = _day(date.fromisoformat(receipt["whole"]["on"]))
        yield from _put_in(receipt["own"]["contributions"], on, moves)
        if moves:
            yield f"So by {on} you held capital of which {_money(working['contributed'])} had been put in."
        yield _before(paid)
        left = f"{_money(working['unreturned_before'])} of your capital had not been returned by then"
        # Of several preferred returns the first is the one people speak of; the next counts its money too.
        owed = [nearest_cent(max(int(one["owed"]), 0)) for one in working["accruals"]]
        if owed:
            left += f", and {format_money(from_cents(owed[0]))} of preferred return had accrued and not been paid"
        yield f"{left}."
    yield _cent(working["cents"])


def _put_in(contributions: list[Any], on: str, moves: tuple[Moved, ...]) -> Iterator[str]:
    """Say what the payee had put in, and what had changed hands since."""
    if contributions:
        amount = sum((Decimal(paid) for _, paid in contributions), ZERO)
        times = "in one payment" if len(contributions) == 1 else f"in {len(contributions)} payments"
        yield f"By {on} you had put in {format_money(amount)}, {times}."
    for move in moves:
        yield move.words


def _moved(line: Mapping[str, Any]) -> Moved:
    # Of several preferred returns the first is the one people speak of.
    owed = [from_cents(nearest_cent(max(int(grains), 0))) for _, grains in line["owed"]]
    return Moved(
        on=date.fromisoformat(line["on"]),
        part=None if line["part"] is None else Decimal(line["part"]),
        contributed=Decimal(line["contributed"]),
        unreturned=Decimal(line["unreturned"]),
        preferred_owed=owed[0] if owed else None,
    )


def _day(day: date) -> str:
    return f"{day:%B} {day.day}, {day.year}"


def _before(paid: tuple[Paid, ...]) -> str:
    if not paid:
        return "No distribution had paid you anything before."
    parts = [
        sum((getattr(one, name) for one in paid), ZERO) for name in ("return_of_capital", "preferred_return", "profit")
    ]
    words = ", ".join(
        f"{format_money(part)} of {name}" for part, (_, name) in zip(parts, _NATURES, strict=True) if part
    )
    number = "One earlier distribution" if len(paid) == 1 else f"{len(paid)} earlier distributions"
    return f"{number} had paid you {format_money(sum(parts, ZERO))}: {words}."


def _cent(line: Mapping[str, Any]) -> str:
    """Say how the exact share became whole cents, and who got the odd ones."""
    exact = Fraction(line["exact"])
    if exact.denominator == 1:
        return f"Your share came to {format_money(from_cents(int(exact)))} exactly; nothing was rounded."
    shown = f"{Decimal(exact.numerator * 10**4 // exact.denominator).scaleb(-6):,.6f}"
    left, among, place = (
        line[name] for name in ("cents_left_over", "payees_with_a_fraction", "place_by_how_far_behind")
    )
    cents = "one cent was" if left == 1 else f"{left:,} cents were"
    got = "so one of them is in your amount" if line["leftover_cent"] else "so none of them is in your amount"
    return (
        f"Your exact share was ${shown}… The shares of all {among:,} payees with a fraction of a cent were rounded "
        f"down; {cents} left over and went one each to those furthest behind what is exactly theirs over "
        f"all distributions. You were number {place:,} in that order, {got}."
    )


def _accrual_title(accrual: Mapping[str, Any]) -> str:
    owed = format_money(from_cents(nearest_cent(max(int(accrual["owed"]), 0))))
    return f"Preferred return, tier {accrual['tier'] + 1}: {owed} owed on the day"


def _spans(accrual: Mapping[str, Any]) -> Iterator[Span]:
    for span in accrual["spans"]:
        after = int(span["unpaid_after"]) + int(span["accrued_after"])
        if not after and Decimal(span["base"]) == ZERO:
            # All of it was handed over.
            continue
        yield Span(
            start=date.fromisoformat(span["from"]),
            end=date.fromisoformat(span["to"]),
            days=span["days"],
            base=Decimal(span["base"]),
            rate=Decimal(span["rate"]),
            earned=from_cents(nearest_cent(int(span["amount"]))),
            owed_after=from_cents(nearest_cent(max(after, 0))),
        )


def _changed(receipt: Mapping[str, Any]) -> Iterator[Changed]:
    result, allocated = receipt["result"], receipt["allocated"]
    for name, words in (*_NATURES, ("sponsor_catch_up", "catch-up")):
        worked_out, decided = Decimal(result.get(name, "0.00")), Decimal(allocated[name])
        if worked_out != decided:
            yield Changed(words[0].upper() + words[1:], worked_out, decided)


def _money(amount: str) -> str:
    return format_money(Decimal(amount))
