"""Who the investor is to RealCo, and their password."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from compliance.models import InvestorProfile
from realco.models import User
from realco.portal.access import signed_in


@signed_in
@require_safe
def profile(request: HttpRequest, investor: User) -> HttpResponse:
    """Show what RealCo knows about the signed-in person."""
    context = {"section": "profile", "profile": InvestorProfile.objects.filter(user=investor).first()}
    return render(request, "portal/profile.html", context)
