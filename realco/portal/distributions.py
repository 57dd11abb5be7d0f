"""An investor's distributions, and how each was computed, tier by tier."""

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from distributions.queries import investor_distributions
from realco.models import User
from realco.money import ZERO
from realco.portal.access import signed_in


@signed_in
@require_safe
def distributions(request: HttpRequest, investor: User) -> HttpResponse:
    """List what distributions have brought the person, newest first."""
    context = {"section": "distributions", "allocations": investor_distributions.of(investor)}
    return render(request, "portal/distributions.html", context)


@signed_in
@require_safe
def distribution(request: HttpRequest, investor: User, allocation_id: UUID) -> HttpResponse:
    """Show one of the person's allocations with the tiers that led to it."""
    allocation = get_object_or_404(investor_distributions.of(investor), pk=allocation_id)
    tiers = investor_distributions.tiers(allocation)
    context = {
        "section": "distributions",
        "allocation": allocation,
        "tiers": tiers,
        "sponsor_total": sum((tier.to_sponsor for tier in tiers), ZERO),
        "investors_total": sum((tier.to_investors for tier in tiers), ZERO),
        "standing": investor_distributions.standing(allocation),
    }
    return render(request, "portal/distribution.html", context)
