"""
Effects: what each choice in terms is worth in dollars, on a sample distribution.

Pure arithmetic. Each choice is changed alone, everything else left as it stands, and the sample
run again: order, day count, compounding, base and catch-up.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from enum import StrEnum
from functools import partial
from typing import Any

from distributions.day_counts import DayCount
from distributions.positions import PastDistribution, PastLine, Position, Transfer
from distributions.terms import (
    CapitalBase,
    CatchUp,
    ClassedTerms,
    Compounding,
    InvestorClass,
    PreferredReturn,
    ReturnOfCapital,
    Split,
    Terms,
    Tier,
    UnworkableTerms,
)
from distributions.waterfall import calculate


@dataclass(frozen=True, slots=True)
class Variant:
    """Terms with one choice made otherwise; ``terms`` is None where ``problem`` says why that cannot be."""

    choice: str
    name: str
    terms: Terms | ClassedTerms | None
    is_drafted: bool = False
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Effect:
    """What investors and sponsor get of the sample under a variant, and how much more than as drafted."""

    choice: str
    name: str
    investors: Decimal
    sponsor: Decimal
    difference: Decimal
    is_drafted: bool
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Effects:
    """The sample as drafted, and every variant beside it; the difference is the investors'."""

    investors: Decimal
    sponsor: Decimal
    rows: tuple[Effect, ...]

    @property
    def is_caught_up(self) -> bool:
        """Whether a catch-up is completed, so that the sponsor has its share of profit whatever else is chosen."""
        others = [row for row in self.rows if row.choice != "Catch-up" and not row.problem]
        return len(others) < len(self.rows) and bool(others) and not any(row.difference for row in others)


def effects(
    terms: Terms | ClassedTerms,
    positions: Sequence[Position],
    history: Sequence[PastDistribution],
    amount: Decimal,
    on: date,
    *,
    transfers: Sequence[Transfer] = (),
) -> Effects:
    """
    Run the sample through the terms and through each variant of them.

    :raises UnworkableFigures: if the sample cannot be worked
    """
    drafted = calculate(terms, positions, history, amount, on, transfers=transfers)
    investors = amount - drafted.sponsor.total
    rows = []
    for one in variants(terms):
        sponsor = drafted.sponsor.total
        if one.terms is not None and not one.is_drafted:
            sponsor = calculate(one.terms, positions, history, amount, on, transfers=transfers).sponsor.total
        rows.append(
            Effect(
                choice=one.choice,
                name=one.name,
                investors=amount - sponsor,
                sponsor=sponsor,
                difference=drafted.sponsor.total - sponsor,
                is_drafted=one.is_drafted,
                problem=one.problem,
            )
        )
    return Effects(investors, drafted.sponsor.total, tuple(rows))


def pooled(
    positions: Sequence[Position], history: Sequence[PastDistribution]
) -> tuple[list[Position], list[PastDistribution]]:
    """
    Return the investors of each class as one, with all they put in and had back.

    What investors and sponsor get in all comes out the same, but for cents, and at once however
    many investors there are. What changed hands between two of a class changes nothing then.
    """
    classes = {position.key: position.investor_class for position in positions}
    flows: dict[str, dict[date, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
    for position in positions:
        for day, paid in position.contributions:
            flows[position.investor_class][day] += paid
    together = [
        Position(f"class {name}", tuple(sorted(paid.items())), investor_class=name) for name, paid in flows.items()
    ]
    past = []
    for one in history:
        lines: dict[str, list[Decimal]] = defaultdict(lambda: [Decimal(), Decimal(), Decimal()])
        for line in one.lines:
            sums = lines[classes[line.key]]
            for place, amount in enumerate((line.return_of_capital, line.preferred_return, line.profit_split)):
                sums[place] += amount
        past.append(replace(one, lines=tuple(PastLine(f"class {name}", *sums) for name, sums in lines.items())))
    return together, past


def variants(terms: Terms | ClassedTerms) -> list[Variant]:
    """Return every choice that these terms make, each as made and otherwise; choices without a tier are left out."""
    everything = [tier for one in _each(terms) for tier in one.tiers]
    returns = [tier for tier in everything if isinstance(tier, PreferredReturn)]
    found: list[Variant] = []
    if returns and any(isinstance(tier, ReturnOfCapital) for tier in everything):
        found += [
            _variant(terms, "Order", "Preferred return before capital", lambda one: _ordered(one, PreferredReturn)),
            _variant(terms, "Order", "Capital before preferred return", lambda one: _ordered(one, ReturnOfCapital)),
        ]
    if returns:
        found += [
            *_each_value(terms, "Day count", _DAY_COUNTS, "day_count"),
            *_each_value(terms, "Compounding", _COMPOUNDINGS, "compounding"),
            *_each_value(terms, "Base", _BASES, "base"),
        ]
    if any(isinstance(tier, CatchUp) for tier in everything):
        found += [
            _variant(terms, "Catch-up", "None", _without_catch_up),
            _variant(terms, "Catch-up", "Half of each dollar to the sponsor", lambda one: _caught_up(one, "0.5")),
            _variant(terms, "Catch-up", "All of it to the sponsor", lambda one: _caught_up(one, "1")),
        ]
    elif returns:
        found += [
            _variant(terms, "Catch-up", "None", lambda one: one),
            _variant(terms, "Catch-up", "All to the sponsor, to its share of the split", _with_catch_up),
        ]
    return found


_DAY_COUNTS: Mapping[StrEnum, str] = {
    DayCount.ACT_365: "ACT/365",
    DayCount.ACT_360: "ACT/360",
    DayCount.ACT_ACT_ISDA: "ACT/ACT ISDA",
    DayCount.THIRTY_360_US: "30/360 US",
    DayCount.THIRTY_E_360: "30E/360",
}
_COMPOUNDINGS: Mapping[StrEnum, str] = {one: one.value.capitalize().replace("_", "-") for one in Compounding}
_BASES: Mapping[StrEnum, str] = {
    CapitalBase.UNRETURNED: "Capital not returned yet",
    CapitalBase.ORIGINAL: "Original capital",
}


def _each_value(
    terms: Terms | ClassedTerms, choice: str, names: Mapping[StrEnum, str], field: str
) -> Iterator[Variant]:
    for value, name in names.items():
        yield _variant(terms, choice, name, partial(_returns, change={field: value}))


def _variant(terms: Terms | ClassedTerms, choice: str, name: str, change: Callable[[Terms], Terms]) -> Variant:
    try:
        if isinstance(terms, Terms):
            changed: Terms | ClassedTerms = change(terms)
        else:
            classes = tuple(InvestorClass(one.name, change(one.terms)) for one in terms.classes)
            changed = replace(terms, classes=classes)
    except UnworkableTerms as error:
        return Variant(choice, name, None, problem=str(error))
    return Variant(choice, name, changed, is_drafted=changed == terms)


def _each(terms: Terms | ClassedTerms) -> list[Terms]:
    return [terms] if isinstance(terms, Terms) else [one.terms for one in terms.classes]


def _returns(terms: Terms, change: dict[str, Any]) -> Terms:
    tiers = (replace(tier, **change) if isinstance(tier, PreferredReturn) else tier for tier in terms.tiers)
    return replace(terms, tiers=tuple(tiers))


def _ordered(terms: Terms, first: type[Tier]) -> Terms:
    """Put returns of capital and preferred returns into the places they have together, one kind first."""
    places = [place for place, tier in enumerate(terms.tiers) if isinstance(tier, PreferredReturn | ReturnOfCapital)]
    moved = sorted((terms.tiers[place] for place in places), key=lambda tier: not isinstance(tier, first))
    tiers = list(terms.tiers)
    for place, tier in zip(places, moved, strict=True):
        tiers[place] = tier
    return replace(terms, tiers=tuple(tiers))


def _without_catch_up(terms: Terms) -> Terms:
    return replace(terms, tiers=tuple(tier for tier in terms.tiers if not isinstance(tier, CatchUp)))


def _caught_up(terms: Terms, rate: str) -> Terms:
    tiers = (replace(tier, gp_rate=Decimal(rate)) if isinstance(tier, CatchUp) else tier for tier in terms.tiers)
    return replace(terms, tiers=tuple(tiers))


def _with_catch_up(terms: Terms) -> Terms:
    last = terms.tiers[-1]
    if not isinstance(last, Split) or not 0 < last.gp_share < 1:
        return terms
    return replace(terms, tiers=(*terms.tiers[:-1], CatchUp(Decimal(1), last.gp_share), last))
