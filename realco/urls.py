"""The doors: admin for staff, the portal for investors, the API for programs, webhooks for banks."""

from django.contrib import admin
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import include, path

from escrow import proof_files
from realco import signing


def health(request: HttpRequest) -> HttpResponse:
    """Answer that the process lives."""
    return HttpResponse("ok", content_type="text/plain")


def proof_keys(request: HttpRequest) -> HttpResponse:
    """Publish the keys that proofs of balances are checked with; anybody may read them."""
    return JsonResponse(proof_files.compose_keys(signing.public_keys()), json_dumps_params={"indent": 2})


urlpatterns = [
    path("health", health, name="health"),
    path(".well-known/realco-proof-keys.json", proof_keys, name="proof_keys"),
    path("admin/", admin.site.urls),
    path("api/v1/", include("realco.api.urls")),
    path("webhooks/", include("finance.urls")),
    path("", include("realco.portal.urls")),
]

handler500 = "realco.middleware.server_error"
