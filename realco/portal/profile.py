"""Who the investor is to RealCo, and their password."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from compliance.models import InvestorProfile
from realco.models import User


@login_required
@require_safe
def profile(request: HttpRequest) -> HttpResponse:
    """Show what RealCo knows about the signed-in person."""
    assert isinstance(request.user, User)
    context = {"section": "profile", "profile": InvestorProfile.objects.filter(user=request.user).first()}
    return render(request, "portal/profile.html", context)
