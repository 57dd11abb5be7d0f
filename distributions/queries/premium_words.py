"""Premiums in words: what a payee reads of interest that others paid because they were admitted later."""

from datetime import date
from decimal import Decimal

from distributions import cents, premiums
from distributions.day_counts import DayCount
from distributions.premiums import Part, Premium, Shared
from distributions.queries import explanations
from realco.money import format_money, to_json

RULE = (
    "Somebody was admitted to the offering after you had paid in. They paid interest on their share of what had been "
    "called before, for the time that your money was in and theirs was not. It is passed on to those who had been "
    "called on, in proportion to what was called of each. It is income: neither your capital nor a return on it, and "
    "it changes nothing of what the offering owes you otherwise."
)


def explain(shared: Shared, key: str, *, on: date) -> dict[str, object]:
    """Return the explanation of a payee's part of premiums, JSON-ready; its lines are laid out like tiers."""
    lines = [
        {**_figures(premium, part), "words": words(part, part.called[key], yours), "yours": _written(yours)}
        for premium, part, yours in premiums.lines_of(shared, key)
    ]
    total = sum((Decimal(line["yours"]) for line in lines), Decimal("0.00"))
    return {
        "as_of_date": on.isoformat(),
        "distributed": _written(sum(part.amount for part in shared.parts)),
        "yours": to_json(total),
        "tiers": lines,
    }


def tiers(shared: Shared) -> list[dict[str, str]]:
    """Return each part of each premium with its title and what it comes to, JSON-ready."""
    return [_figures(premium, part) for premium in shared.premiums for part in premium.parts]


def words(part: Part, called: int, yours: int) -> str:
    """Say in a sentence or two what a part of a premium comes to, and what of it is a payee's; cents."""
    count = explanations.DAY_COUNTS[DayCount(part.day_count)]
    sentence = (
        f"An investor admitted later paid {explanations.percent(part.rate)} a year on their share of "
        f"{part.earlier_call}, {_shown(part.share)}, from {_day(part.start)} to {_day(part.end)} ({part.days:,} days, "
        f"{count}): {_shown(part.interest)}."
    )
    if part.amount != part.interest:
        sentence += f" Of what they paid, {_shown(part.amount)} is for that."
    return (
        f"{sentence} Of the {_shown(part.pool)} that {part.earlier_call} called, {_shown(called)} was called of you, "
        f"so your part is {_shown(yours)}."
    )


def _figures(premium: Premium, part: Part) -> dict[str, str]:
    amount = _written(part.amount)
    return {
        "kind": "PREMIUM",
        "title": f"Late-closing interest on {part.earlier_call}, by {premium.late_call}",
        "took": amount,
        "to_investors": amount,
        "to_sponsor": "0.00",
    }


def _written(amount: int) -> str:
    return str(cents.to_decimal(amount))


def _shown(amount: int) -> str:
    return format_money(cents.to_decimal(amount))


def _day(day: date) -> str:
    return f"{day:%B} {day.day}, {day.year}"
