"""
Funds of a sponsor: drawn up by one person, activated by another, superseded by the next version.

An arrangement says what is measured together for the sponsor's clawback. It moves no money: every offering goes on
paying from its own escrow account, by its own terms. A draft is not changed but withdrawn and drawn up anew.
"""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from django.db import transaction
from django.db.models import Max

from distributions.models import FundArrangement, FundDeal, WaterfallTerms
from distributions.models.waterfall_terms import ACTIVATED
from distributions.queries import fund_arrangements as queries
from realco import audit, permissions
from realco.errors import IllegalTransition, NotPermitted, Refusal
from realco.models import Offering, Organization, User

Status = FundArrangement.Status
MOST_OFFERINGS = 40
_FINEST = Decimal("0.000001")


class NoFund(Refusal):
    """These offerings, these terms or this tax make no fund; the message says why."""


class InAnotherFund(Refusal):
    """An offering is in another fund already, whose clawback it counts for."""


class FundNotDraft(IllegalTransition):
    """The arrangement is activated or withdrawn, and never changes."""


class FundChanged(IllegalTransition):
    """The arrangement is not what the person read."""


class ActivatorDrewUp(NotPermitted):
    """Whoever drew a fund up may not activate it."""


class FundReasonMissing(Refusal):
    """No reason was given."""


def draft(
    organization: Organization,
    *,
    name: str,
    offerings: Sequence[Offering],
    terms: WaterfallTerms,
    tax_rate: Decimal,
    note: str = "",
    by: User,
    at: datetime,
) -> FundArrangement:
    """
    Draw up a fund, or the next version of the one of this name. It counts for nothing until it is activated.

    ``tax_rate`` is the assumed tax on a promote, as a fraction.

    :raises NotPermitted: if the person may not draft terms
    :raises NoFund: if the offerings, the terms or the tax do not make a fund
    :raises InAnotherFund: if an offering is in another fund
    """
    permissions.require(by, permissions.DRAFT_TERMS)
    name = " ".join(name.split())
    if not name or len(name) > 120:
        raise NoFund("Give the fund a name of 1 to 120 letters.")
    if not tax_rate.is_finite() or not 0 <= tax_rate <= 1 or tax_rate != tax_rate.quantize(_FINEST):
        raise NoFund("The tax on a promote lies between 0 and 100 %, with four decimals at most.")
    require_one_fund(organization, offerings)
    require_measuring(terms, offerings)
    with audit.acting("fund.draft", by=by), transaction.atomic():
        Organization.objects.select_for_update(no_key=True).get(pk=organization.pk)
        versions = FundArrangement.objects.filter(organization=organization, name=name)
        arrangement = FundArrangement.objects.create(
            organization=organization,
            name=name,
            version=(versions.aggregate(latest=Max("version"))["latest"] or 0) + 1,
            terms=terms,
            tax_rate=tax_rate,
            note=note.strip()[:300],
            created_by=by,
            created_at=at,
        )
        FundDeal.objects.bulk_create(
            FundDeal(arrangement=arrangement, offering=offering, created_at=at)
            for offering in sorted(offerings, key=lambda one: one.pk)
        )
        _require_free(arrangement)
    return arrangement


def activate(arrangement: FundArrangement, *, content_hash: str, approver: User, at: datetime) -> FundArrangement:
    """
    Let a draft count from now on; the version before it ends. Signed is the hash of what the person read.

    :raises NotPermitted: if the person may not activate terms
    :raises FundNotDraft: if it is activated or withdrawn
    :raises ActivatorDrewUp: if the person drew it up
    :raises FundChanged: if it says something else than the person read
    :raises NoFund: if offerings and terms make no fund any more, or a later version was activated
    :raises InAnotherFund: if an offering is in another fund
    """
    permissions.require(approver, permissions.ACTIVATE_TERMS)
    with audit.acting("fund.activate", by=approver), transaction.atomic():
        Organization.objects.select_for_update(no_key=True).get(pk=arrangement.organization_id)
        ids = arrangement.deals.order_by("offering_id").values_list("offering_id", flat=True)
        offerings = list(Offering.objects.select_for_update(no_key=True).filter(pk__in=list(ids)).order_by("pk"))
        arrangement = _lock_draft(arrangement.pk)
        if arrangement.created_by_id == approver.pk:
            raise ActivatorDrewUp("You drew this fund up; a second person has to hold it against the agreement.")
        if content_hash != queries.content_hash(arrangement):
            raise FundChanged("This fund is not what you read. Look at it as it is now, and decide again.")
        require_one_fund(arrangement.organization, offerings)
        require_measuring(arrangement.terms, offerings)
        _supersede(arrangement, at=at)
        _require_free(arrangement)
        arrangement.mark_active(by=approver, content_hash=content_hash, at=at)
        arrangement.save()
    return arrangement


def withdraw(arrangement: FundArrangement, *, by: User, reason: str, at: datetime) -> FundArrangement:
    """
    Put a draft aside for good.

    :raises NotPermitted: unless the person may draft or activate terms
    :raises FundReasonMissing: without a reason
    :raises FundNotDraft: if it is activated or withdrawn
    """
    if not (by.is_active and by.has_perm(permissions.ACTIVATE_TERMS)):
        permissions.require(by, permissions.DRAFT_TERMS)
    if not reason.strip():
        raise FundReasonMissing("Say why; the reason is kept in the audit trail.")
    with audit.acting("fund.withdraw", by=by, reason=reason), transaction.atomic():
        arrangement = _lock_draft(arrangement.pk)
        arrangement.mark_withdrawn(by=by, reason=reason.strip()[:300], at=at)
        arrangement.save()
    return arrangement


def require_one_fund(organization: Organization, offerings: Sequence[Offering]) -> None:
    """
    Refuse offerings that cannot be measured together.

    :raises NoFund: if there are too few or too many, one is somebody else's, or they are in several currencies
    """
    if len({offering.pk for offering in offerings}) < len(offerings):
        raise NoFund("Name every offering once.")
    if not 2 <= len(offerings) <= MOST_OFFERINGS:
        raise NoFund(f"A fund is of 2 to {MOST_OFFERINGS} offerings; an offering alone is its own deal.")
    strange = [offering.name for offering in offerings if offering.organization_id != organization.pk]
    if strange:
        raise NoFund(f"{', '.join(strange)} is not {organization}'s; a fund is of one sponsor.")
    currencies = sorted({offering.currency for offering in offerings})
    if len(currencies) > 1:
        raise NoFund(f"These offerings are in {' and '.join(currencies)}; what is added up is in one currency.")


def require_measuring(terms: WaterfallTerms, offerings: Sequence[Offering]) -> None:
    """
    Refuse terms by which several offerings cannot be measured as one.

    :raises NoFund: if they are no offering's of these, were never activated over an example, or share profit by
        ownership, which is of one offering
    """
    if terms.offering_id not in {offering.pk for offering in offerings}:
        raise NoFund("Measure a fund by terms of one of its offerings.")
    if terms.status not in ACTIVATED:
        raise NoFund(f"Version {terms.version} of the terms is {terms.status.lower()}; activate it first.")
    if terms.taken_over:
        raise NoFund(
            f"Version {terms.version} of the terms was never held against an example. Activate a version that was."
        )
    if terms.profits_by != WaterfallTerms.ProfitBasis.CONTRIBUTED:
        raise NoFund("These terms share profit by ownership, which is of one offering; a fund goes by capital.")


def _require_free(arrangement: FundArrangement) -> None:
    """Refuse offerings that another fund counts already."""
    taken = FundDeal.objects.filter(
        arrangement__status=Status.ACTIVE, offering__in=arrangement.deals.values("offering_id")
    ).exclude(arrangement__organization_id=arrangement.organization_id, arrangement__name=arrangement.name)
    other = taken.select_related("offering", "arrangement").first()
    if other is not None:
        raise InAnotherFund(
            f"{other.offering} is in {other.arrangement.name}. A promote counts for one clawback only; take the "
            "offering out of that fund first, by a new version of it."
        )


def _supersede(arrangement: FundArrangement, *, at: datetime) -> None:
    """End the version in force where this one begins."""
    versions = FundArrangement.objects.filter(
        organization_id=arrangement.organization_id, name=arrangement.name, status=Status.ACTIVE
    )
    for active in versions.select_for_update(no_key=True):
        if active.version > arrangement.version:
            raise NoFund(f"Version {active.version} of this fund is in force; draw up a new version.")
        active.mark_superseded(at=at)
        active.save()


def _lock_draft(arrangement_id: UUID) -> FundArrangement:
    rows = FundArrangement.objects.select_for_update(of=("self",), no_key=True)
    arrangement = rows.select_related("organization", "terms", "created_by").get(pk=arrangement_id)
    if not arrangement.is_draft:
        raise FundNotDraft(f"{arrangement} is {arrangement.status.lower()} and never changes. Draw up a new version.")
    return arrangement
