"""Terms in plain words: what each tier gives to whom, for investors, staff and whoever compares two versions."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import zip_longest

from distributions import terms as engine
from distributions.day_counts import DayCount
from distributions.models import WaterfallTerms
from distributions.queries import terms as queries
from distributions.terms_data import plain

DAY_COUNTS: dict[DayCount, str] = {
    DayCount.ACT_365: "actual days over 365",
    DayCount.ACT_360: "actual days over 360",
    DayCount.ACT_ACT_ISDA: "actual days over the days of each year",
    DayCount.THIRTY_360_US: "30-day months over 360 (US)",
    DayCount.THIRTY_E_360: "30-day months over 360 (European)",
}
COMPOUNDINGS: dict[engine.Compounding, str] = {
    engine.Compounding.SIMPLE: "not compounded",
    engine.Compounding.ANNUAL: "compounded every year",
    engine.Compounding.SEMI_ANNUAL: "compounded every half-year",
    engine.Compounding.QUARTERLY: "compounded every quarter",
    engine.Compounding.MONTHLY: "compounded every month",
    engine.Compounding.DAILY: "compounded every day",
}
BETWEEN: dict[str, str] = {
    "PRO_RATA": "Classes share each distribution by the capital they put in; each then runs its own tiers.",
    "IN_STEP": "Classes are paid tier by tier, each tier by what is due to each class in it.",
    "SENIOR": "The tiers of the first class are filled before the next class is paid anything.",
}


@dataclass(frozen=True, slots=True)
class TierInWords:
    """A tier as a person reads it."""

    number: int
    class_name: str
    title: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Compared:
    """What two versions say in the same place; an empty side says nothing there."""

    place: str
    before: str
    after: str

    @property
    def is_same(self) -> bool:
        """Whether both say the same."""
        return self.before == self.after


def tiers(terms: WaterfallTerms) -> list[TierInWords]:
    """Return a version's tiers in order, each with a title and a sentence."""
    rows = sorted(terms.tiers.all(), key=lambda row: row.position)
    made = [(row, queries.tier_as_engine(row)) for row in rows]
    return [TierInWords(row.position, row.class_name, title(tier), sentence(tier)) for row, tier in made]


def title(tier: engine.Tier) -> str:
    """Name a tier as people speak of it."""
    match tier:
        case engine.ReturnOfCapital():
            return "Return of capital"
        case engine.PreferredReturn():
            return f"{percent(tier.rate)} preferred return"
        case engine.IrrHurdle():
            return f"{percent(tier.rate)} IRR hurdle"
        case engine.MultipleHurdle():
            return f"{plain(tier.multiple)}x multiple hurdle"
        case engine.CatchUp():
            return "Catch-up for the sponsor"
        case engine.Split():
            return "Profit split"


def sentence(tier: engine.Tier) -> str:
    """Say what a tier gives to whom, and until when."""
    match tier:
        case engine.ReturnOfCapital():
            return "All to investors, in proportion to capital not yet returned, until all of it is back."
        case engine.PreferredReturn():
            return (
                f"{_shared(tier)}, until each investor has had {percent(tier.rate)} a year on"
                f" {_base(tier)}, {COMPOUNDINGS[tier.compounding]}, counted in {DAY_COUNTS[tier.day_count]}"
                f"{_from(tier.accrues_from)}.{_lapses(tier)}"
            )
        case engine.IrrHurdle():
            return f"{_shared(tier)}, until investors have earned {percent(tier.rate)} a year on their money (IRR)."
        case engine.MultipleHurdle():
            return f"{_shared(tier)}, until investors have had {plain(tier.multiple)} times what they put in."
        case engine.CatchUp():
            rest = f", {percent(1 - tier.gp_rate)} to investors" if tier.gp_rate < 1 else ""
            return (
                f"{percent(tier.gp_rate)} to the sponsor{rest}, until the sponsor has had {percent(tier.target)} of"
                " all profit."
            )
        case engine.Split():
            return f"All that is left: {percent(tier.lp_share)} to investors, {percent(tier.gp_share)} to the sponsor."


def percent(fraction: Decimal) -> str:
    """Write a fraction as a percentage, without zeros that say nothing."""
    return f"{plain(fraction * 100)}%"


def compare(before: WaterfallTerms, after: WaterfallTerms) -> list[Compared]:
    """Put two versions beside each other, place by place: the day, what holds for all tiers, then tier after tier."""
    found = [
        Compared("In force from", f"{before.effective_from:%B %-d, %Y}", f"{after.effective_from:%B %-d, %Y}"),
        Compared("Profit shared by", before.get_profits_by_display(), after.get_profits_by_display()),
    ]
    sides = (tiers(before), tiers(after))
    if any(tier.class_name for side in sides for tier in side):
        found.append(Compared("Between classes", BETWEEN[before.between_classes], BETWEEN[after.between_classes]))
    names = list(dict.fromkeys(tier.class_name for side in sides for tier in side))
    for name in names:
        own = ([tier for tier in side if tier.class_name == name] for side in sides)
        for number, (one, other) in enumerate(zip_longest(*own), start=1):
            place = f"{name}, tier {number}" if name else f"Tier {number}"
            found.append(Compared(place, _whole(one), _whole(other)))
    return found


def _whole(tier: TierInWords | None) -> str:
    return f"{tier.title}. {tier.sentence}" if tier else ""


def _shared(tier: engine.Hurdle) -> str:
    if not tier.gp_share:
        return "All to investors"
    return f"{percent(tier.lp_share)} to investors and {percent(tier.gp_share)} to the sponsor"


def _base(tier: engine.PreferredReturn) -> str:
    return "capital not yet returned" if tier.base is engine.CapitalBase.UNRETURNED else "the capital they put in"


def _from(day: date | None) -> str:
    return f", from {day:%B %-d, %Y} for everybody" if day else ""


def _lapses(tier: engine.PreferredReturn) -> str:
    return "" if tier.cumulative else " What is not paid within a year is not made up for later."
