"""
Wholes of receipts: what is the same for all payees of a distribution, read and held against itself.

Of everybody together a receipt knows totals only: what each tier took and the weight of all. They are
checked against each other and the terms, and taken as given. Pure: no Django, no database.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from distributions.receipt_files import amount, day, fraction, mapping, sequence, whole_number
from distributions.receipts import exact
from distributions.runs import Flow, sponsor_rate
from distributions.terms import CatchUp, PreferredReturn, Split, Terms, classes_of
from distributions.terms_data import from_data


class ReceiptBroken(Exception):
    """The receipt can be read, and what it says cannot be so; the message says what."""


@dataclass(frozen=True)
class Total:
    """What a tier took of everybody's money."""

    flow: Flow
    weight: int


class Whole:
    """What is the same for all payees, read and held against itself."""

    def __init__(self, whole: Mapping[str, Any]) -> None:
        self.terms = from_data(whole["terms"])
        self.classes = classes_of(self.terms).classes
        self.on = day(whole["on"], "on")
        self.amount = amount(whole["amount"], "amount")
        self.origin = day(whole["first_contribution"], "first_contribution")
        self.data = [mapping(one, "class") for one in sequence(whole["classes"], "classes")]
        if [one["name"] for one in self.data] != [one.name for one in self.classes]:
            raise ReceiptBroken("The classes of the receipt are not those of its terms.")
        self.totals = [
            [_total(mapping(row, "tier"), tier) for row, tier in _pairs(data["tiers"], one.terms)]
            for data, one in zip(self.data, self.classes, strict=True)
        ]
        self.cents_left_over = whole["cents_left_over"]
        self.payees_with_a_fraction = whole["payees_with_a_fraction"]
        self._check()

    def _check(self) -> None:
        """Hold the tiers' totals against the amount and the terms."""
        taken = sum((total.flow.taken for tiers in self.totals for total in tiers), Fraction(0))
        if taken != self.amount:
            raise ReceiptBroken(f"The tiers take {exact(taken)} cents together, the amount is {self.amount}.")
        left = Fraction(self.amount)
        for tiers in self.totals:
            for number, total in enumerate(tiers, start=1):
                _check_tier(total.flow, number)
                need = total.flow.need
                if len(self.totals) == 1 and left and total.flow.taken != (left if need is None else min(left, need)):
                    raise ReceiptBroken(f"Tier {number} does not take its need of what is left for it.")
                left -= total.flow.taken


def _pairs(rows: object, terms: Terms) -> list[tuple[Any, Any]]:
    tiers = sequence(rows, "tiers")
    if len(tiers) != len(terms.tiers):
        raise ReceiptBroken(f"The terms have {len(terms.tiers)} tiers, the receipt has {len(tiers)}.")
    return list(zip(tiers, terms.tiers, strict=True))


def _total(row: Mapping[str, Any], tier: Any) -> Total:
    if row["kind"] != tier.kind.value:
        raise ReceiptBroken(f"A tier is {tier.kind.value} in the terms and {row['kind']!r} in the receipt.")
    profits = (Fraction(0), Fraction(0))
    if "investors_profit" in row:
        profits = (fraction(row["investors_profit"], "investors_profit"), fraction(row["sponsor_profit"], "…_profit"))
    flow = Flow(
        tier=tier,
        lp=fraction(row["investors_take"], "investors_take"),
        gp=fraction(row["sponsor_takes"], "sponsor_takes"),
        need=None if row["need"] is None else fraction(row["need"], "need"),
        profits=profits,
        fractions=fraction(row["part_of_fractions"], "part_of_fractions") if "part_of_fractions" in row else None,
    )
    return Total(flow, whole_number(row["weight_of_all"], "weight_of_all"))


def _check_tier(flow: Flow, number: int) -> None:
    tier = flow.tier
    if min(flow.lp, flow.gp, Fraction(0) if flow.need is None else flow.need) < 0:
        raise ReceiptBroken(f"Tier {number} takes less than nothing.")
    if flow.fractions is not None and not (isinstance(tier, PreferredReturn) and 0 <= flow.fractions <= 1):
        raise ReceiptBroken(f"Tier {number} does not pay a part of fractions of a cent.")
    if flow.gp != flow.taken * sponsor_rate(tier):
        raise ReceiptBroken(f"In tier {number} the sponsor does not get the part that the terms say.")
    takes_all = flow.need is None
    if (flow.taken and takes_all != isinstance(tier, Split)) or (flow.need is not None and flow.taken > flow.need):
        raise ReceiptBroken(f"Tier {number} takes more than its need.")
    if isinstance(tier, CatchUp) and flow.taken:
        investors, sponsor = flow.profits
        target, rate = Fraction(tier.target), Fraction(tier.gp_rate)
        if flow.need != max((target * (investors + sponsor) - sponsor) / (rate - target), Fraction(0)):
            raise ReceiptBroken(f"Tier {number}, the catch-up, does not need what profit so far makes it need.")
