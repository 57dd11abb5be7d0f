"""
Waterfall terms of an offering: drafted by one person, held against examples, activated by another.

Terms that cannot be worked are refused when they are drafted, by the engine that will work them, and
by the database again. Only whoever drafted a version changes it, so that whoever activates it has
written none of it.
"""

from collections.abc import Callable, Mapping
from datetime import date, datetime
from uuid import UUID

from django.db import transaction
from django.db.models import Max

from distributions import templates
from distributions import terms as engine
from distributions.examples import FIRST_YEAR, LAST_YEAR
from distributions.models import WaterfallTerms, WaterfallTier
from distributions.models.waterfall_terms import ACTIVATED
from distributions.queries import terms as queries
from escrow.models import EscrowAccount
from realco import audit, permissions
from realco.errors import IllegalTransition, NotPermitted, Refusal
from realco.models import Offering, User
from realco.money import format_money

TEMPLATES: Mapping[str, Callable[[], engine.Terms]] = {
    "straight_split": templates.straight_split,
    "preferred_and_split": templates.preferred_and_split,
    "original_four_tiers": templates.original_four_tiers,
    "preferred_and_catch_up": templates.preferred_and_catch_up,
    "three_hurdle_promote": templates.three_hurdle_promote,
}
TEMPLATE_NAMES: Mapping[str, str] = {
    "straight_split": "Straight split: capital, then 80/20",
    "preferred_and_split": "Preferred return, capital, then 80/20",
    "original_four_tiers": "Four tiers: capital, 8% preferred, full catch-up to 30%, then 70/30",
    "preferred_and_catch_up": "Preferred return, capital, 50% catch-up to 20%, then 80/20",
    "three_hurdle_promote": "IRR promote: 8, 12 and 18%, then 70/30",
}
MOST_TIERS = 40


class UnworkableTerms(Refusal):
    """These terms cannot be worked; the message says why and what to change."""


class UnknownTemplate(Refusal):
    """There are no terms of this name."""


class NotDraft(IllegalTransition):
    """The version is activated or withdrawn, and never changes."""


class NotTheirDraft(NotPermitted):
    """Only whoever drafted a version changes it."""


class ActivatorIsDrafter(NotPermitted):
    """Whoever drafted terms may not activate them."""


class NoExample(Refusal):
    """No worked example of the agreement was entered for these terms."""


class ExampleDiffers(Refusal):
    """A worked example does not come out to the cent; the message names the first figure."""


class TermsChanged(IllegalTransition):
    """The version is not what the person saw."""


class BeginsTooEarly(Refusal):
    """A later version is in force already, or was."""


class ReasonMissing(Refusal):
    """No reason was given."""


def draft(
    offering: Offering,
    *,
    terms: engine.Terms | engine.ClassedTerms,
    effective_from: date,
    note: str = "",
    by: User,
    at: datetime,
) -> WaterfallTerms:
    """
    Draft a new version of an offering's terms. It counts for nothing until it is activated.

    :raises NotPermitted: if the person may not draft terms
    :raises UnworkableTerms: if the terms cannot be kept as written
    """
    permissions.require(by, permissions.DRAFT_TERMS)
    tiers = rows_of(terms)
    with audit.acting("terms.draft", by=by), transaction.atomic():
        Offering.objects.select_for_update(no_key=True).get(pk=offering.pk)
        latest = WaterfallTerms.objects.filter(offering=offering).aggregate(latest=Max("version"))["latest"]
        drafted = WaterfallTerms(
            offering=offering,
            version=(latest or 0) + 1,
            effective_from=effective_from,
            note=note.strip()[:300],
            created_by=by,
            created_at=at,
        )
        _say(drafted, terms)
        drafted.save(force_insert=True)
        _put(drafted, tiers, at)
    return drafted


def draft_from_template(
    offering: Offering, *, template: str, effective_from: date, note: str = "", by: User, at: datetime
) -> WaterfallTerms:
    """
    Draft the terms of a name, to be changed from there. Raises like ``draft``.

    :raises UnknownTemplate: if there is no such name
    """
    if template not in TEMPLATES:
        raise UnknownTemplate(f"There are no terms called “{template}”; choose one of {', '.join(TEMPLATES)}.")
    return draft(offering, terms=TEMPLATES[template](), effective_from=effective_from, note=note, by=by, at=at)


def draft_from_version(version: WaterfallTerms, *, effective_from: date, by: User, at: datetime) -> WaterfallTerms:
    """
    Draft a new version that says the same as one there is, to be changed from there. Raises like ``draft``.

    Its examples are not taken along: they belong to the agreement that the other version was of.
    """
    try:
        same = queries.as_engine(version)
    except engine.UnworkableTerms as error:
        raise UnworkableTerms(str(error)) from error
    note = f"As version {version.version}"
    return draft(version.offering, terms=same, effective_from=effective_from, note=note, by=by, at=at)


def change(
    version: WaterfallTerms,
    *,
    terms: engine.Terms | engine.ClassedTerms,
    effective_from: date,
    note: str,
    by: User,
    at: datetime,
) -> WaterfallTerms:
    """
    Change a draft: its tiers as a whole, its classes, its day.

    :raises NotPermitted: if the person may not draft terms
    :raises NotTheirDraft: if somebody else drafted it
    :raises NotDraft: if it is activated or withdrawn
    :raises UnworkableTerms: if the terms cannot be kept as written
    """
    permissions.require(by, permissions.DRAFT_TERMS)
    tiers = rows_of(terms)
    with audit.acting("terms.change", by=by), transaction.atomic():
        version = lock_draft(version.pk)
        if version.created_by_id != by.pk:
            raise NotTheirDraft(
                f"{version.created_by} drafted this version and alone changes it. Begin a draft of your own from it."
            )
        version.effective_from = effective_from
        version.note = note.strip()[:300]
        _say(version, terms)
        version.save()
        WaterfallTier.objects.filter(terms=version).delete()
        _put(version, tiers, at)
    return version


def activate(version: WaterfallTerms, *, content_hash: str, approver: User, at: datetime) -> WaterfallTerms:
    """
    Bring a draft into force from its day; the version before it ends there.

    Signed is the hash of what the person saw, examples included. From now on it never changes.

    :raises NotPermitted: if the person may not activate terms
    :raises NotDraft: if it is activated or withdrawn
    :raises ActivatorIsDrafter: if the person drafted it
    :raises TermsChanged: if it says something else than the person saw
    :raises NoExample: if no worked example was entered
    :raises ExampleDiffers: if an example does not come out to the cent
    :raises BeginsTooEarly: if a version that begins later was activated before
    """
    permissions.require(approver, permissions.ACTIVATE_TERMS)
    with audit.acting("terms.activate", by=approver), transaction.atomic():
        # A distribution of the offering is signed under the lock of its account: on these terms or on those before.
        EscrowAccount.objects.select_for_update(no_key=True).filter(offering_id=version.offering_id).first()
        Offering.objects.select_for_update(no_key=True).get(pk=version.offering_id)
        version = lock_draft(version.pk)
        if version.created_by_id == approver.pk:
            raise ActivatorIsDrafter("You drafted this version; a second person has to hold it against the agreement.")
        if content_hash != queries.content_hash(version):
            raise TermsChanged("These terms were changed meanwhile. Look at them as they are now, and decide again.")
        require_reproduced(version)
        _supersede(version)
        version.mark_active(by=approver, content_hash=content_hash, at=at)
        version.save()
    return version


def withdraw(version: WaterfallTerms, *, by: User, reason: str, at: datetime) -> WaterfallTerms:
    """
    Put a draft aside for good.

    :raises NotPermitted: unless the person may draft or activate terms
    :raises ReasonMissing: without a reason
    :raises NotDraft: if it is activated or withdrawn
    """
    if not (by.is_active and by.has_perm(permissions.ACTIVATE_TERMS)):
        permissions.require(by, permissions.DRAFT_TERMS)
    if not reason.strip():
        raise ReasonMissing("Say why; the reason is kept in the audit trail.")
    with audit.acting("terms.withdraw", by=by, reason=reason), transaction.atomic():
        version = lock_draft(version.pk)
        version.mark_withdrawn(by=by, reason=reason.strip()[:300], at=at)
        version.save()
    return version


def require_reproduced(version: WaterfallTerms) -> None:
    """
    Refuse unless the version has worked examples, and every one comes out to the cent.

    :raises NoExample: if there is none
    :raises ExampleDiffers: naming the first figure that is different
    """
    checks = queries.checks(version)
    if not checks:
        raise NoExample(
            "Enter at least one worked example of the operating agreement first; terms are activated when it comes"
            " out to the cent."
        )
    for number, (row, outcome) in enumerate(checks, start=1):
        if outcome.problem:
            raise ExampleDiffers(f"Example {number} ({row.source}) cannot be worked by these terms: {outcome.problem}")
        figure = outcome.first_difference
        if figure is not None:
            off = format_money(abs(figure.difference))
            raise ExampleDiffers(
                f"Example {number} ({row.source}) does not come out: {figure.what} should get"
                f" {format_money(figure.expected)}, these terms give {format_money(figure.computed)}, {off}"
                f" {'more' if figure.difference > 0 else 'less'}.",
                example=str(row.pk),
                expected=str(figure.expected),
                computed=str(figure.computed),
            )


def lock_draft(version_id: UUID) -> WaterfallTerms:
    """
    Return a version with its row locked.

    :raises NotDraft: if it is activated or withdrawn
    """
    version = (
        WaterfallTerms.objects.select_for_update(of=("self",), no_key=True)
        .select_related("created_by", "offering")
        .get(pk=version_id)
    )
    if not version.is_draft:
        raise NotDraft(f"Version {version.version} is {version.status.lower()} and never changes. Draft a new version.")
    return version


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


def rows_of(terms: engine.Terms | engine.ClassedTerms) -> list[WaterfallTier]:
    """
    Return the tiers of terms as rows, not saved yet, class after class.

    :raises UnworkableTerms: if there are too many, a class has too long a name, or a return accrues from a day
        that no deal knows
    """
    rows: list[WaterfallTier] = []
    for one in engine.classes_of(terms).classes:
        if len(one.name) > 60:
            raise UnworkableTerms("The name of a class can have 60 letters at most.")
        rows += [row_of(tier, one.name) for tier in one.terms.tiers]
    for row in rows:
        if row.accrues_from is not None and not FIRST_YEAR <= row.accrues_from.year <= LAST_YEAR:
            raise UnworkableTerms(f"A preferred return accrues from a day between {FIRST_YEAR} and {LAST_YEAR}.")
    if len(rows) > MOST_TIERS:
        raise UnworkableTerms(f"Terms can have {MOST_TIERS} tiers at most; these have {len(rows)}.")
    return rows


def row_of(tier: engine.Tier, class_name: str = "") -> WaterfallTier:
    """Return an engine's tier as a row, not saved yet; a row holds twelve places, as the engine does."""
    row = WaterfallTier(kind=tier.kind.value, class_name=class_name)
    if isinstance(tier, engine.PreferredReturn):
        row.rate, row.sponsor_share = tier.rate, tier.gp_share
        row.base, row.day_count, row.compounding = tier.base, tier.day_count, tier.compounding
        row.accrues_from, row.cumulative = tier.accrues_from, tier.cumulative
    elif isinstance(tier, engine.IrrHurdle):
        row.rate, row.sponsor_share = tier.rate, tier.gp_share
    elif isinstance(tier, engine.MultipleHurdle):
        row.multiple, row.sponsor_share = tier.multiple, tier.gp_share
    elif isinstance(tier, engine.CatchUp):
        row.sponsor_share, row.sponsor_target = tier.gp_rate, tier.target
    elif isinstance(tier, engine.Split):
        row.sponsor_share = tier.gp_share
    return row


def _say(version: WaterfallTerms, terms: engine.Terms | engine.ClassedTerms) -> None:
    """Write on the version itself what holds for all its tiers."""
    classes = engine.classes_of(terms)
    version.profits_by = classes.classes[0].terms.profits_by.value
    version.between_classes = classes.between.value


def _put(version: WaterfallTerms, tiers: list[WaterfallTier], at: datetime) -> None:
    for position, tier in enumerate(tiers, start=1):
        tier.terms, tier.position, tier.created_at = version, position, at
    WaterfallTier.objects.bulk_create(tiers)


def _supersede(version: WaterfallTerms) -> None:
    """End the version in force where this one begins."""
    activated = WaterfallTerms.objects.filter(offering_id=version.offering_id, status__in=ACTIVATED)
    latest = activated.order_by("-effective_from", "-version").first()
    if latest is not None and version.effective_from < latest.effective_from:
        raise BeginsTooEarly(
            f"Version {latest.version} is in force from {latest.effective_from}; a newer version cannot begin"
            " earlier than that."
        )
    for active in activated.select_for_update(no_key=True).filter(status=WaterfallTerms.Status.ACTIVE):
        active.mark_superseded(from_day=version.effective_from)
        active.save()
