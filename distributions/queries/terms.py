"""Terms in force: which version an offering's waterfall runs on at a day, in the engine's own form."""

from datetime import date
from decimal import Decimal
from uuid import UUID

from distributions import terms as engine
from distributions.day_counts import DayCount
from distributions.models import WaterfallTerms, WaterfallTier

Kind = WaterfallTier.Kind


def in_force(offering_id: UUID, on: date) -> WaterfallTerms | None:
    """Return the highest version of an offering's terms that is effective on a day; None before the first."""
    versions = WaterfallTerms.objects.filter(offering_id=offering_id, effective_from__lte=on)
    return versions.prefetch_related("tiers").order_by("-version").first()


def as_engine(terms: WaterfallTerms) -> engine.Terms:
    """Return stored terms as the waterfall understands them."""
    tiers = sorted(terms.tiers.all(), key=lambda tier: tier.position)
    return engine.Terms(
        tiers=tuple(tier_as_engine(tier) for tier in tiers), profits_by=engine.ProfitBasis(terms.profits_by)
    )


def tier_as_engine(tier: WaterfallTier) -> engine.Tier:
    """Return a stored tier as the waterfall understands it."""
    if tier.kind == Kind.RETURN_OF_CAPITAL:
        return engine.ReturnOfCapital()
    if tier.kind == Kind.PREFERRED_RETURN:
        return engine.PreferredReturn(
            rate=tier.rate or Decimal(0),
            base=engine.CapitalBase(tier.base),
            day_count=DayCount(tier.day_count),
            compounding=engine.Compounding(tier.compounding),
            accrues_from=tier.accrues_from,
        )
    sponsor = tier.sponsor_share or Decimal(0)
    if tier.kind == Kind.CATCH_UP:
        return engine.CatchUp(gp_rate=sponsor, target=tier.sponsor_target or Decimal(0))
    return engine.Split(lp_share=1 - sponsor, gp_share=sponsor)


def describe(terms: WaterfallTerms) -> list[dict[str, str]]:
    """Return the tiers in order as JSON-ready figures, rates as fractions in plain text."""
    described = []
    for tier in sorted(terms.tiers.all(), key=lambda tier: tier.position):
        figures = {
            "kind": str(tier.kind),
            "rate": _plain(tier.rate),
            "base": tier.base,
            "day_count": tier.day_count,
            "compounding": tier.compounding,
            "accrues_from": tier.accrues_from.isoformat() if tier.accrues_from else "",
            "sponsor_share": _plain(tier.sponsor_share),
            "sponsor_target": _plain(tier.sponsor_target),
        }
        described.append({name: figure for name, figure in figures.items() if figure})
    return described


def _plain(fraction: Decimal | None) -> str:
    return "" if fraction is None else f"{fraction.normalize():f}"
