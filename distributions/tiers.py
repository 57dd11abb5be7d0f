"""
Tiers: the steps of a waterfall, each refused when it is made if it could never be worked.

Rates and shares are Decimal fractions (8 % is 0.08), with twelve places at most, so that
every figure fits the grain in which the engine counts.
"""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import ClassVar

from distributions.day_counts import DayCount


class UnworkableTerms(Exception):
    """These terms cannot be worked; the message says why and what to change."""


class TierKind(StrEnum):
    RETURN_OF_CAPITAL = "RETURN_OF_CAPITAL"
    PREFERRED_RETURN = "PREFERRED_RETURN"
    IRR_HURDLE = "IRR_HURDLE"
    MULTIPLE_HURDLE = "MULTIPLE_HURDLE"
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


PERIODS_A_YEAR = {
    Compounding.SIMPLE: 0,
    Compounding.ANNUAL: 1,
    Compounding.SEMI_ANNUAL: 2,
    Compounding.QUARTERLY: 4,
    Compounding.MONTHLY: 12,
    Compounding.DAILY: 365,
}
_YEARS_OF_360_DAYS = (DayCount.ACT_360, DayCount.THIRTY_360_US, DayCount.THIRTY_E_360)
_ALL, _NONE = Decimal(1), Decimal(0)
_PLACES = 12


@dataclass(frozen=True)
class ReturnOfCapital:
    """Pay investors their unreturned capital, each in proportion to it."""

    kind: ClassVar = TierKind.RETURN_OF_CAPITAL


@dataclass(frozen=True)
class PreferredReturn:
    """
    Pay investors what their capital has earned, each what has accrued to them.

    Each contribution earns from its own date or, where `accrues_from` is given, every
    contribution from that day, whenever it was made. A compounding period is that part
    of a year as the day count measures it, counted from the day the contribution began
    to earn; the rate of a period is the yearly rate divided by the periods. A return that
    is not cumulative lapses at the end of each such year as far as it was not paid.

    Of several preferred returns each counts what all of them have paid, so that a second
    one of 10 % after a first of 8 % takes the other two.
    """

    rate: Decimal
    base: CapitalBase = CapitalBase.UNRETURNED
    day_count: DayCount = DayCount.ACT_365
    compounding: Compounding = Compounding.SIMPLE
    accrues_from: date | None = None
    cumulative: bool = True
    lp_share: Decimal = _ALL
    gp_share: Decimal = _NONE
    kind: ClassVar = TierKind.PREFERRED_RETURN

    def __post_init__(self) -> None:
        _require_fraction(self.rate, "A preferred return's rate")
        if not self.rate:
            raise UnworkableTerms("A preferred return of nothing is no tier; leave it out.")
        _require_one_of(CapitalBase, self.base, "capital base")
        _require_one_of(DayCount, self.day_count, "day count")
        _require_one_of(Compounding, self.compounding, "compounding")
        if not self.cumulative and self.compounding is not Compounding.SIMPLE:
            raise UnworkableTerms(
                "A preferred return that is not cumulative loses what was not paid, so there is nothing to "
                "compound; make it simple or cumulative."
            )
        _require_hurdle_shares(self.lp_share, self.gp_share, "a preferred return")

    @property
    def periods(self) -> int:
        """The compounding periods in a year; none when the return is simple."""
        if self.compounding is Compounding.DAILY and self.day_count in _YEARS_OF_360_DAYS:
            return 360
        return PERIODS_A_YEAR[self.compounding]


@dataclass(frozen=True)
class IrrHurdle:
    """
    Pay until investors together have earned a yearly rate on their money, day by day.

    An account grows at (1 + rate)^(days / 365), rises with contributions and falls with all
    cash investors get; the tier takes what is left on it, divided by the investors' share.
    """

    rate: Decimal
    lp_share: Decimal = _ALL
    gp_share: Decimal = _NONE
    kind: ClassVar = TierKind.IRR_HURDLE

    def __post_init__(self) -> None:
        _require_fraction(self.rate, "An IRR hurdle's rate")
        if not self.rate:
            raise UnworkableTerms("An IRR hurdle of nothing is a return of capital; use that tier.")
        _require_hurdle_shares(self.lp_share, self.gp_share, "an IRR hurdle")


@dataclass(frozen=True)
class MultipleHurdle:
    """Pay until all cash investors got is so many times what they contributed."""

    multiple: Decimal
    lp_share: Decimal = _ALL
    gp_share: Decimal = _NONE
    kind: ClassVar = TierKind.MULTIPLE_HURDLE

    def __post_init__(self) -> None:
        if not isinstance(self.multiple, Decimal) or not self.multiple.is_finite() or not 1 <= self.multiple <= 100:
            raise UnworkableTerms(
                f"A multiple hurdle lies between 1 and 100 (write 1.5x as 1.5); it is {self.multiple}."
            )
        _require_places(self.multiple, "A multiple hurdle")
        _require_hurdle_shares(self.lp_share, self.gp_share, "a multiple hurdle")


@dataclass(frozen=True)
class CatchUp:
    """Pay the sponsor `gp_rate` of each dollar until it has `target` of all profit."""

    gp_rate: Decimal
    target: Decimal
    kind: ClassVar = TierKind.CATCH_UP

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
    kind: ClassVar = TierKind.SPLIT

    def __post_init__(self) -> None:
        _require_shares(self.lp_share, self.gp_share, "a split")


Hurdle = PreferredReturn | IrrHurdle | MultipleHurdle
Tier = ReturnOfCapital | Hurdle | CatchUp | Split


def _require_fraction(value: Decimal, name: str) -> None:
    if not isinstance(value, Decimal) or not value.is_finite() or not 0 <= value <= 1:
        raise UnworkableTerms(f"{name} must lie between 0 and 1 (write 8% as 0.08); it is {value}.")
    _require_places(value, name)


def _require_places(value: Decimal, name: str) -> None:
    exponent = value.normalize().as_tuple().exponent
    if not isinstance(exponent, int) or exponent < -_PLACES:
        raise UnworkableTerms(f"{name} can have twelve decimals at most; {value} has more.")


def _require_shares(lp_share: Decimal, gp_share: Decimal, tier: str) -> None:
    _require_fraction(lp_share, f"The investors' share of {tier}")
    _require_fraction(gp_share, f"The sponsor's share of {tier}")
    if lp_share + gp_share != 1:
        raise UnworkableTerms(
            f"{tier[0].upper()}{tier[1:]} of {lp_share:%} and {gp_share:%} does not divide "
            "the whole; the two shares must add up to 100%."
        )


def _require_hurdle_shares(lp_share: Decimal, gp_share: Decimal, tier: str) -> None:
    _require_shares(lp_share, gp_share, tier)
    if not lp_share:
        raise UnworkableTerms(f"Investors never reach {tier} that pays them nothing; give them a share of it.")


def _require_one_of(kinds: type[StrEnum], value: object, name: str) -> None:
    if not isinstance(value, kinds):
        known = ", ".join(kinds)
        raise UnworkableTerms(f"{value} is no {name} that is known here; choose one of {known}.")
