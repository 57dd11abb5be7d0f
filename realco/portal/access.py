"""The portal's front door: who is not signed in goes to the sign-in page first."""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec

from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils.cache import add_never_cache_headers

from realco.models import User

P = ParamSpec("P")
PortalView = Callable[Concatenate[HttpRequest, User, P], HttpResponse]


def signed_in(view: PortalView[P]) -> Callable[Concatenate[HttpRequest, P], HttpResponseBase]:
    """
    Call the view with the signed-in person as its second argument, or ask them to sign in.

    What it answers is never cached, so that the back button shows nothing after signing out.
    """

    @wraps(view)
    def guarded(request: HttpRequest, /, *args: P.args, **options: P.kwargs) -> HttpResponseBase:
        if not isinstance(request.user, User):
            return redirect_to_login(request.get_full_path())
        response = view(request, request.user, *args, **options)
        add_never_cache_headers(response)
        return response

    return guarded
