"""
Waterfall terms: the tiers of an offering, in the order in which they are paid.

Terms are explicit, never assumed, and refused when they are made rather than when
money is due: terms that exist can be worked.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum
from itertools import pairwise

from distributions.tiers import (
    PERIODS_A_YEAR,
    CapitalBase,
    CatchUp,
    Compounding,
    Hurdle,
    IrrHurdle,
    MultipleHurdle,
    PreferredReturn,
    ReturnOfCapital,
    Split,
    Tier,
    TierKind,
    UnworkableTerms,
)

# Whoever writes terms needs the tiers as well; one import gives both.
__all__ = [
    "PERIODS_A_YEAR",
    "BetweenClasses",
    "CapitalBase",
    "CatchUp",
    "ClassedTerms",
    "Compounding",
    "Hurdle",
    "InvestorClass",
    "IrrHurdle",
    "MultipleHurdle",
    "PreferredReturn",
    "ProfitBasis",
    "ReturnOfCapital",
    "Split",
    "Terms",
    "Tier",
    "TierKind",
    "UnworkableTerms",
]


class ProfitBasis(StrEnum):
    """What investors share profit by, once the hurdles are met."""

    CONTRIBUTED = "CONTRIBUTED"
    OWNERSHIP = "OWNERSHIP"


@dataclass(frozen=True)
class Terms:
    """
    The tiers in order of payment, and what investors share profit by.

    :raises UnworkableTerms: if the tiers do not make a waterfall
    """

    tiers: tuple[Tier, ...]
    profits_by: ProfitBasis = ProfitBasis.CONTRIBUTED

    def __post_init__(self) -> None:
        for tier in self.tiers:
            if not isinstance(tier, Tier):
                raise UnworkableTerms(f"{tier!r} is not a tier that can be worked here.")
        if not isinstance(self.profits_by, ProfitBasis):
            raise UnworkableTerms(f"Investors cannot share profit by {self.profits_by!r}.")
        kinds = [tier.kind for tier in self.tiers]
        if not kinds or kinds[-1] is not TierKind.SPLIT:
            raise UnworkableTerms(
                "The last tier must be a split; otherwise money beyond the other tiers belongs to nobody."
            )
        for kind in (TierKind.RETURN_OF_CAPITAL, TierKind.SPLIT):
            if kinds.count(kind) > 1:
                words = kind.value.lower().replace("_", " ")
                raise UnworkableTerms(f"There can be one {words} tier, not {kinds.count(kind)}.")
        _require_rising([t.rate for t in self.tiers if isinstance(t, IrrHurdle)], "IRR hurdles")
        _require_rising([t.multiple for t in self.tiers if isinstance(t, MultipleHurdle)], "multiple hurdles")
        _require_rising([t.target for t in self.tiers if isinstance(t, CatchUp)], "targets of catch-ups")
        _require_rising_returns([t for t in self.tiers if isinstance(t, PreferredReturn)])

    @property
    def preferred_return(self) -> PreferredReturn | None:
        """The first tier that accrues a preferred return, if there is one."""
        return next((tier for tier in self.tiers if isinstance(tier, PreferredReturn)), None)


class BetweenClasses(StrEnum):
    """
    How money is divided between classes before each divides its own.

    PRO_RATA: by contributed capital; each class then runs its own waterfall on its part.
    IN_STEP: tier by tier, each tier by what is due to each class in it (unreturned capital,
    what has accrued); the final splits by contributed capital.
    SENIOR: the first class's tiers are filled, all but its final split, then the next
    class's; what is left goes to the final splits by contributed capital.
    """

    PRO_RATA = "PRO_RATA"
    IN_STEP = "IN_STEP"
    SENIOR = "SENIOR"


@dataclass(frozen=True)
class InvestorClass:
    """A class of investors with terms of its own."""

    name: str
    terms: Terms


@dataclass(frozen=True)
class ClassedTerms:
    """
    Terms of an offering whose investors belong to classes.

    :raises UnworkableTerms: if the classes cannot be told apart or do not fit together
    """

    classes: tuple[InvestorClass, ...]
    between: BetweenClasses

    def __post_init__(self) -> None:
        names = [one.name for one in self.classes]
        if not names:
            raise UnworkableTerms("There must be one class at least.")
        for name in names:
            if names.count(name) > 1 or (not name and len(names) > 1):
                raise UnworkableTerms(f"Every class needs a name of its own; “{name}” will not do.")
        if not isinstance(self.between, BetweenClasses):
            raise UnworkableTerms(f"Money cannot be divided between classes by {self.between!r}.")
        if len({one.terms.profits_by for one in self.classes}) > 1:
            raise UnworkableTerms("All classes must share profit by the same: contributed capital or ownership.")

    def of(self, name: str) -> Terms | None:
        """Return the terms of a class, None where there is none of this name."""
        return next((one.terms for one in self.classes if one.name == name), None)


def classes_of(terms: Terms | ClassedTerms) -> ClassedTerms:
    """Return terms as classes; terms without classes are those of one class without a name."""
    if isinstance(terms, ClassedTerms):
        return terms
    return ClassedTerms((InvestorClass("", terms),), BetweenClasses.PRO_RATA)


def _require_rising(hurdles: Sequence[Decimal], name: str) -> None:
    for lower, higher in pairwise(hurdles):
        if lower >= higher:
            raise UnworkableTerms(f"The {name} are out of order: {higher} comes after {lower}; put the lower first.")


def _require_rising_returns(returns: Sequence[PreferredReturn]) -> None:
    for index, later in enumerate(returns):
        for earlier in returns[:index]:
            alike = replace(later, rate=earlier.rate, lp_share=earlier.lp_share, gp_share=earlier.gp_share) == earlier
            if alike and later.rate <= earlier.rate:
                raise UnworkableTerms(
                    f"The preferred returns are out of order: after {earlier.rate:%} a second one of {later.rate:%} "
                    "never takes anything; put the lower first."
                )
