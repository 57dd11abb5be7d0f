"""
Terms in force: which version an offering's waterfall runs on at a day, in the engine's own form.

Drafts count for nothing here; what waits to be activated is looked at through `checks`.
"""

import hashlib
import json
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet

from distributions import examples
from distributions import terms as engine
from distributions.day_counts import DayCount
from distributions.models import WaterfallExample, WaterfallTerms, WaterfallTier
from distributions.models.waterfall_terms import ACTIVATED
from distributions.terms_data import as_data, plain
from realco.models import Offering, User
from realco.money import to_json

Kind = WaterfallTier.Kind


def in_force(offering_id: UUID, on: date) -> WaterfallTerms | None:
    """Return the activated version of an offering's terms that is in force on a day; None before the first."""
    versions = WaterfallTerms.objects.filter(
        Q(superseded_from__isnull=True) | Q(superseded_from__gt=on),
        offering_id=offering_id,
        status__in=ACTIVATED,
        effective_from__lte=on,
    )
    return versions.prefetch_related("tiers").order_by("-effective_from", "-version").first()


def shown_to_investors(offering: Offering, on: date) -> WaterfallTerms | None:
    """Return the version in force on a day or, before the first of them, the one that comes into force first."""
    present = in_force(offering.pk, on)
    if present is not None:
        return present
    coming = WaterfallTerms.objects.filter(offering=offering, status__in=ACTIVATED, effective_from__gt=on)
    return coming.prefetch_related("tiers").order_by("effective_from", "version").first()


def activation_queue(user: User) -> QuerySet[WaterfallTerms]:
    """Return the drafts with examples that somebody else drafted, oldest first."""
    drafts = WaterfallTerms.objects.filter(status=WaterfallTerms.Status.DRAFT, examples__isnull=False)
    return drafts.exclude(created_by=user).distinct().order_by("created_at", "id")


def as_engine(terms: WaterfallTerms) -> engine.Terms | engine.ClassedTerms:
    """
    Return stored terms as the waterfall understands them: with classes where their tiers name any.

    :raises UnworkableTerms: of the engine, if they are a draft without tiers
    """
    return from_rows(terms, sorted(terms.tiers.all(), key=lambda tier: tier.position))


def from_rows(terms: WaterfallTerms, tiers: Sequence[WaterfallTier]) -> engine.Terms | engine.ClassedTerms:
    """Return terms with these tiers, in their order; classes rank as their first tiers do."""
    by_class: dict[str, list[engine.Tier]] = {}
    for tier in tiers:
        by_class.setdefault(tier.class_name, []).append(tier_as_engine(tier))
    profits_by = engine.ProfitBasis(terms.profits_by)
    if by_class.keys() <= {""}:
        return engine.Terms(tuple(by_class.get("", ())), profits_by)
    classes = (
        engine.InvestorClass(name, engine.Terms(tuple(made), profits_by=profits_by)) for name, made in by_class.items()
    )
    return engine.ClassedTerms(tuple(classes), engine.BetweenClasses(terms.between_classes))


def tier_as_engine(tier: WaterfallTier) -> engine.Tier:
    """Return a stored tier as the waterfall understands it."""
    rate, sponsor = tier.rate or Decimal(0), tier.sponsor_share or Decimal(0)
    match tier.kind:
        case Kind.RETURN_OF_CAPITAL:
            return engine.ReturnOfCapital()
        case Kind.PREFERRED_RETURN:
            return engine.PreferredReturn(
                rate=rate,
                base=engine.CapitalBase(tier.base),
                day_count=DayCount(tier.day_count),
                compounding=engine.Compounding(tier.compounding),
                accrues_from=tier.accrues_from,
                cumulative=tier.cumulative,
                lp_share=1 - sponsor,
                gp_share=sponsor,
            )
        case Kind.IRR_HURDLE:
            return engine.IrrHurdle(rate, lp_share=1 - sponsor, gp_share=sponsor)
        case Kind.MULTIPLE_HURDLE:
            return engine.MultipleHurdle(tier.multiple or Decimal(0), lp_share=1 - sponsor, gp_share=sponsor)
        case Kind.CATCH_UP:
            return engine.CatchUp(gp_rate=sponsor, target=tier.sponsor_target or Decimal(0))
        case _:
            return engine.Split(lp_share=1 - sponsor, gp_share=sponsor)


def describe(terms: WaterfallTerms) -> list[dict[str, str]]:
    """Return the tiers in order as JSON-ready figures, rates as fractions in plain text."""
    described = []
    for tier in sorted(terms.tiers.all(), key=lambda tier: tier.position):
        figures = {
            "class": tier.class_name,
            "kind": str(tier.kind),
            "rate": _plain(tier.rate),
            "multiple": _plain(tier.multiple),
            "base": tier.base,
            "day_count": tier.day_count,
            "compounding": tier.compounding,
            "accrues_from": tier.accrues_from.isoformat() if tier.accrues_from else "",
            "cumulative": "" if tier.cumulative else "false",
            "sponsor_share": _plain(tier.sponsor_share),
            "sponsor_target": _plain(tier.sponsor_target),
        }
        described.append({name: figure for name, figure in figures.items() if figure})
    return described


def content_of(terms: WaterfallTerms) -> dict[str, Any]:
    """Return all that a version says, JSON-ready: what its activation signs."""
    return {
        "offering": str(terms.offering_id),
        "version": terms.version,
        "effective_from": terms.effective_from.isoformat(),
        "terms": as_data(as_engine(terms)),
        "examples": sorted((example_as_data(row) for row in terms.examples.all()), key=json.dumps),
    }


def content_hash(terms: WaterfallTerms) -> str:
    """Return the SHA-256 over all that a version says, its examples included."""
    content = json.dumps(content_of(terms), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(content.encode()).hexdigest()


def example_as_data(row: WaterfallExample) -> dict[str, Any]:
    """Return a stored example as `distributions.examples` reads it."""
    return {
        "source": row.source,
        "on": row.on_date.isoformat(),
        "amount": to_json(row.amount),
        "contributions": row.contributions,
        "earlier": row.earlier,
        "expected": row.expected,
        "sponsor": to_json(row.expected_sponsor),
        "tiers": row.expected_tiers,
    }


def checks(terms: WaterfallTerms) -> list[tuple[WaterfallExample, examples.Outcome]]:
    """
    Hold a version's worked examples against its terms, in the order in which they were entered.

    :raises UnworkableTerms: of the engine, if they are a draft without tiers
    """
    made = as_engine(terms)
    rows = sorted(terms.examples.all(), key=lambda row: (row.created_at, row.pk))
    return [(row, examples.hold_against(made, examples.from_data(example_as_data(row)))) for row in rows]


def class_names(terms: WaterfallTerms) -> list[str]:
    """Return the classes of a version, in their order; none where it has no classes."""
    names = [tier.class_name for tier in sorted(terms.tiers.all(), key=lambda tier: tier.position)]
    return [name for name in dict.fromkeys(names) if name]


def _plain(fraction: Decimal | None) -> str:
    return "" if fraction is None else plain(fraction)
