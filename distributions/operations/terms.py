"""
Waterfall terms of an offering: versions, never edited.

Terms that cannot be worked are refused when they are made, by the engine that will work them, and
by the database again.
"""

from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal

from django.db import transaction

from distributions import templates
from distributions import terms as engine
from distributions.models import WaterfallTerms, WaterfallTier
from distributions.queries import terms as queries
from realco import audit, permissions
from realco.errors import Refusal
from realco.models import Offering, User

TEMPLATES: Mapping[str, Callable[[], engine.Terms]] = {
    "original_four_tiers": templates.original_four_tiers,
    "case_a": templates.case_a_terms,
}
_FINEST = Decimal("0.000001")


class UnworkableTerms(Refusal):
    """These terms cannot be worked; the message says why and what to change."""


class UnknownTemplate(Refusal):
    """There are no terms of this name."""


def create(
    offering: Offering, *, terms: engine.Terms, effective_from: date, by: User | None, at: datetime
) -> WaterfallTerms:
    """
    Give an offering a new version of its waterfall terms.

    The same terms from the same day once more are the version that is there, so that a seed may
    run twice. ``by`` is None for a command run by the operator of the system.

    :raises NotPermitted: if the person may not create distributions
    :raises UnworkableTerms: if the terms cannot be kept as written
    """
    if by is not None:
        permissions.require(by, permissions.CREATE_DISTRIBUTION)
    tiers = [_row(tier) for tier in terms.tiers]
    for row, wanted in zip(tiers, terms.tiers, strict=True):
        if row.kind not in WaterfallTier.Kind.values or queries.tier_as_engine(row) != wanted:
            raise UnworkableTerms(
                "Terms are kept with capital, one preferred return, a catch-up and a split; IRR and multiple hurdles,"
                " returns that lapse and hurdles shared with the sponsor are not kept yet."
            )
    with audit.acting("terms.create", by=by), transaction.atomic():
        Offering.objects.select_for_update(no_key=True).get(pk=offering.pk)
        latest = WaterfallTerms.objects.filter(offering=offering).prefetch_related("tiers").order_by("-version").first()
        if latest and latest.effective_from == effective_from and queries.as_engine(latest) == terms:
            return latest
        if latest and effective_from < latest.effective_from:
            raise UnworkableTerms(
                f"Version {latest.version} is in force from {latest.effective_from}; a newer version cannot begin"
                " earlier than that."
            )
        created = WaterfallTerms.objects.create(
            offering=offering,
            version=latest.version + 1 if latest else 1,
            effective_from=effective_from,
            profits_by=terms.profits_by,
            created_by=by,
            created_at=at,
        )
        for position, tier in enumerate(tiers, start=1):
            tier.terms, tier.position, tier.created_at = created, position, at
        WaterfallTier.objects.bulk_create(tiers)
    return created


def create_from_template(
    offering: Offering, *, template: str, effective_from: date, by: User | None, at: datetime
) -> WaterfallTerms:
    """
    Give an offering the terms of a name: "original_four_tiers" or "case_a". Raises like ``create``.

    :raises UnknownTemplate: if there is no such name
    """
    if template not in TEMPLATES:
        raise UnknownTemplate(f"There are no terms called “{template}”; choose one of {', '.join(TEMPLATES)}.")
    return create(offering, terms=TEMPLATES[template](), effective_from=effective_from, by=by, at=at)


def workable(*tiers: engine.Tier | Callable[[], engine.Tier], profits_by: str = "CONTRIBUTED") -> engine.Terms:
    """
    Put tiers together to terms, for doors that read them from people.

    A tier may be given as a function that makes it, whose refusal is turned into ours.

    :raises UnworkableTerms: if a tier, or all of them together, cannot be worked
    """
    try:
        made = tuple(tier() if callable(tier) else tier for tier in tiers)
        return engine.Terms(made, profits_by=engine.ProfitBasis(profits_by))
    except (engine.UnworkableTerms, ValueError) as error:
        raise UnworkableTerms(str(error)) from error


def _row(tier: engine.Tier) -> WaterfallTier:
    """Return an engine's tier as a row, not saved yet."""
    row = WaterfallTier(kind=tier.kind.value)
    if isinstance(tier, engine.PreferredReturn):
        row.rate = _kept(tier.rate, "A preferred return's rate")
        if row.rate == 1:
            raise UnworkableTerms("A preferred return of 100% a year is refused; write 8% as 0.08.")
        row.base, row.day_count, row.compounding = tier.base, tier.day_count, tier.compounding
        row.accrues_from = tier.accrues_from
    elif isinstance(tier, engine.CatchUp):
        row.sponsor_share = _kept(tier.gp_rate, "The sponsor's share inside a catch-up")
        row.sponsor_target = _kept(tier.target, "A catch-up's target")
    elif isinstance(tier, engine.Split):
        row.sponsor_share = _kept(tier.gp_share, "The sponsor's share of a split")
    return row


def _kept(fraction: Decimal, name: str) -> Decimal:
    """Return a fraction that its column holds without rounding it."""
    if fraction != fraction.quantize(_FINEST):
        raise UnworkableTerms(f"{name} is kept with six decimals at most; {fraction} has more.")
    return fraction
