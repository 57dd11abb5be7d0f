"""
Waterfall terms: the tiers of an offering, in the order in which they are paid.

Terms are explicit, never assumed, and refused when they are made rather than when
money is due: terms that exist can be worked. Rates and shares are Decimal fractions
(8 % is 0.08).
"""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum

from distributions.day_counts import DayCount


class UnworkableTerms(Exception):
    """These terms cannot be worked; the message says why and what to change."""


class TierKind(StrEnum):
    RETURN_OF_CAPITAL = "RETURN_OF_CAPITAL"
    PREFERRED_RETURN = "PREFERRED_RETURN"
    CATCH_UP = "CATCH_UP"
    SPLIT = "SPLIT"


class CapitalBase(StrEnum):
    """What a preferred return is earned on."""

    UNRETURNED = "UNRETURNED"
    ORIGINAL = "ORIGINAL"


class Compounding(StrEnum):
    """How often unpaid preferred return begins to earn preferred return itself."""

    SIMPLE = "SIMPLE"
    ANNUAL = "ANNUAL"
    SEMI_ANNUAL = "SEMI_ANNUAL"
    QUARTERLY = "QUARTERLY"
    MONTHLY = "MONTHLY"
    DAILY = "DAILY"


class ProfitBasis(StrEnum):
    """What investors share profit by, once the hurdles are met."""

    CONTRIBUTED = "CONTRIBUTED"
    OWNERSHIP = "OWNERSHIP"


PERIODS_A_YEAR = {
    Compounding.SIMPLE: 0,
    Compounding.ANNUAL: 1,
    Compounding.SEMI_ANNUAL: 2,
    Compounding.QUARTERLY: 4,
    Compounding.MONTHLY: 12,
    Compounding.DAILY: 365,
}


@dataclass(frozen=True)
class ReturnOfCapital:
    """Pay investors their unreturned capital, each in proportion to it."""

    kind = TierKind.RETURN_OF_CAPITAL


@dataclass(frozen=True)
class PreferredReturn:
    """
    Pay investors what their capital has earned, each what has accrued to them.

    Each contribution earns from its own date or, where `accrues_from` is given, every
    contribution from that day, whenever it was made. A compounding period is that part
    of a year as the day count measures it, counted from the day the contribution began
    to earn; the rate of a period is the yearly rate divided by the periods.
    """

    rate: Decimal
    base: CapitalBase = CapitalBase.UNRETURNED
    day_count: DayCount = DayCount.ACT_365
    compounding: Compounding = Compounding.SIMPLE
    accrues_from: date | None = None
    kind = TierKind.PREFERRED_RETURN

    def __post_init__(self) -> None:
        _require_fraction(self.rate, "A preferred return's rate")
        if not self.rate:
            raise UnworkableTerms("A preferred return of nothing is no tier; leave it out.")

    @property
    def periods(self) -> int:
        """The compounding periods in a year; none when the return is simple."""
        if self.compounding is Compounding.DAILY and self.day_count in _YEARS_OF_360_DAYS:
            return 360
        return PERIODS_A_YEAR[self.compounding]


@dataclass(frozen=True)
class CatchUp:
    """Pay the sponsor `gp_rate` of each dollar until it has `target` of all profit."""

    gp_rate: Decimal
    target: Decimal
    kind = TierKind.CATCH_UP

    def __post_init__(self) -> None:
        _require_fraction(self.gp_rate, "The sponsor's share inside a catch-up")
        _require_fraction(self.target, "A catch-up's target")
        if not self.target:
            raise UnworkableTerms("A catch-up to nothing is no tier; leave it out.")
        if self.gp_rate <= self.target:
            raise UnworkableTerms(
                f"A catch-up that gives the sponsor {self.gp_rate:%} of each dollar never brings it to "
                f"{self.target:%} of all profit; the share must be greater than the target."
            )


@dataclass(frozen=True)
class Split:
    """Divide all that is left between investors and sponsor; always the last tier."""

    lp_share: Decimal
    gp_share: Decimal
    kind = TierKind.SPLIT

    def __post_init__(self) -> None:
        _require_fraction(self.lp_share, "The investors' share of a split")
        _require_fraction(self.gp_share, "The sponsor's share of a split")
        if self.lp_share + self.gp_share != 1:
            raise UnworkableTerms(
                f"A split of {self.lp_share:%} and {self.gp_share:%} does not divide the whole; "
                "the two shares must add up to 100%."
            )


Tier = ReturnOfCapital | PreferredReturn | CatchUp | Split


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
        kinds = [tier.kind for tier in self.tiers]
        if not kinds or kinds[-1] is not TierKind.SPLIT:
            raise UnworkableTerms(
                "The last tier must be a split; otherwise money beyond the other tiers belongs to nobody."
            )
        for kind in kinds:
            if kinds.count(kind) > 1:
                raise UnworkableTerms(f"There can be one {_words(kind)} tier, not {kinds.count(kind)}.")

    @property
    def preferred_return(self) -> PreferredReturn | None:
        """The tier that accrues, if there is one."""
        return next((tier for tier in self.tiers if isinstance(tier, PreferredReturn)), None)


def original_four_tiers() -> Terms:
    """Return the seeded example: capital, 8 % preferred, full catch-up to 30 %, then 70/30."""
    return Terms(
        tiers=(
            ReturnOfCapital(),
            PreferredReturn(rate=Decimal("0.08")),
            CatchUp(gp_rate=Decimal("1"), target=Decimal("0.30")),
            Split(lp_share=Decimal("0.70"), gp_share=Decimal("0.30")),
        )
    )


def case_a_terms() -> Terms:
    """Return 8 % preferred, then capital, a 50/50 catch-up to 20 %, then 80/20."""
    return Terms(
        tiers=(
            PreferredReturn(rate=Decimal("0.08")),
            ReturnOfCapital(),
            CatchUp(gp_rate=Decimal("0.50"), target=Decimal("0.20")),
            Split(lp_share=Decimal("0.80"), gp_share=Decimal("0.20")),
        )
    )


_YEARS_OF_360_DAYS = (DayCount.ACT_360, DayCount.THIRTY_360_US, DayCount.THIRTY_E_360)


def _require_fraction(value: Decimal, name: str) -> None:
    if not isinstance(value, Decimal) or not value.is_finite() or not 0 <= value <= 1:
        raise UnworkableTerms(f"{name} must lie between 0 and 1 (write 8% as 0.08); it is {value}.")


def _words(kind: TierKind) -> str:
    return kind.value.lower().replace("_", " ")
