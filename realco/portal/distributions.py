"""An investor's distributions, and how each was computed, tier by tier."""

from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from distributions.queries import investor_distributions
from realco.models import User


@login_required
@require_safe
def distributions(request: HttpRequest) -> HttpResponse:
    """List what distributions have brought the person, newest first."""
    assert isinstance(request.user, User)
    context = {"section": "distributions", "allocations": investor_distributions.of(request.user)}
    return render(request, "portal/distributions.html", context)


@login_required
@require_safe
def distribution(request: HttpRequest, allocation_id: UUID) -> HttpResponse:
    """Show one of the person's allocations with the tiers that led to it."""
    assert isinstance(request.user, User)
    allocation = get_object_or_404(investor_distributions.of(request.user), pk=allocation_id)
    context = {
        "section": "distributions",
        "allocation": allocation,
        "tiers": investor_distributions.tiers(allocation),
    }
    return render(request, "portal/distribution.html", context)
