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
from distributions.queries import receipts
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
class Told:
    """A receipt in words and tables."""

    sha256: str
    sentences: tuple[str, ...]
    contributions: tuple[tuple[date, Decimal], ...]
    accruals: tuple[tuple[str, tuple[Span, ...]], ...]
    paid_before: tuple[Paid, ...]
    changed: tuple[Changed, ...]
    decided_because: str


def told(allocation: DistributionAllocation) -> Told | None:
    """Tell an allocation's receipt; None where none was kept."""
    row = receipts.of(allocation)
    if row is None:
        return None
    receipt = receipts.content(row)
    working = receipt_replays.replay(receipt).working
    own = receipt["own"]
    paid = tuple(
        Paid(date.fromisoformat(on), Decimal(capital), Decimal(preferred), Decimal(profit))
        for _, on, capital, preferred, profit in own.get("paid_before", [])
    )
    return Told(
        sha256=row.sha256,
        sentences=tuple(_sentences(receipt, working, paid)),
        contributions=tuple((date.fromisoformat(on), Decimal(amount)) for on, amount in own.get("contributions", [])),
        accruals=tuple((_accrual_title(one), tuple(_spans(one))) for one in working.get("accruals", [])),
        paid_before=paid,
        changed=tuple(_changed(receipt)),
        decided_because=receipt["allocated"].get("decided_because", ""),
    )


def _sentences(receipt: Mapping[str, Any], working: Mapping[str, Any], paid: tuple[Paid, ...]) -> Iterator[str]:
    if receipt["payee"] != SPONSOR:
        on = date.fromisoformat(receipt["whole"]["on"])
        payments = len(receipt["own"]["contributions"])
        times = "in one payment" if payments == 1 else f"in {payments} payments"
        yield f"By {on:%B} {on.day}, {on.year} you had put in {_money(working['contributed'])}, {times}."
        yield _before(paid)
        left = f"{_money(working['unreturned_before'])} of your capital had not been returned by then"
        yield f"{left}{_also_owed(working)}."
    yield _cent(working["cents"])


def _also_owed(working: Mapping[str, Any]) -> str:
    """Say what preferred return was owed, where the terms know any; of several tiers, all together."""
    owed = [nearest_cent(max(int(one["owed"]), 0)) for one in working["accruals"]]
    if not owed:
        return ""
    return f", and {format_money(from_cents(sum(owed)))} of preferred return had accrued and not been paid"


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
