"""Funds as they were drawn up: which one an offering is in, and what an activation signs."""

import hashlib
import json
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from distributions.models import FundArrangement
from distributions.queries import terms as terms_queries
from distributions.terms_data import as_data, plain
from realco.models import Offering, User

Status = FundArrangement.Status
VIEW = "distributions.view_fundarrangement"


def visible_to(user: User) -> QuerySet[FundArrangement]:
    """Return the funds a person may see: staff all of them, a sponsor's owner those of theirs that were activated."""
    rows = FundArrangement.objects.select_related("organization", "terms__offering")
    if not user.is_active:
        return rows.none()
    if user.is_staff and user.has_perm(VIEW):
        return rows
    return rows.filter(organization__owner=user, status__in=[Status.ACTIVE, Status.SUPERSEDED])


def of_offering(offering_id: UUID) -> FundArrangement | None:
    """Return the fund that an offering counts for; there is one at most."""
    found = FundArrangement.objects.filter(status=Status.ACTIVE, deals__offering_id=offering_id)
    return found.select_related("organization", "terms").first()


def offerings(arrangement: FundArrangement) -> list[Offering]:
    """Return the offerings of a fund, by name."""
    return list(arrangement.offerings.select_related("escrow_account").order_by("name", "pk"))


def activation_queue(user: User) -> QuerySet[FundArrangement]:
    """Return the drafts that somebody else drew up, oldest first."""
    return FundArrangement.objects.filter(status=Status.DRAFT).exclude(created_by=user).order_by("created_at", "id")


def content_of(arrangement: FundArrangement) -> dict[str, Any]:
    """Return all that a fund says, JSON-ready: what its activation signs."""
    deals = arrangement.deals.order_by("offering_id").values_list("offering_id", flat=True)
    return {
        "organization": str(arrangement.organization_id),
        "name": arrangement.name,
        "version": arrangement.version,
        "offerings": sorted(map(str, deals)),
        "measured_by": str(arrangement.terms_id),
        "terms": as_data(terms_queries.as_engine(arrangement.terms)),
        "tax_rate": plain(arrangement.tax_rate),
        "note": arrangement.note,
    }


def content_hash(arrangement: FundArrangement) -> str:
    """Return the SHA-256 over all that a fund says."""
    content = json.dumps(content_of(arrangement), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(content.encode()).hexdigest()
