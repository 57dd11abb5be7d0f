"""The doors: admin for staff, the portal for investors, the API for programs, webhooks for banks."""

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import include, path


def health(request: HttpRequest) -> HttpResponse:
    """Answer that the process lives."""
    return HttpResponse("ok", content_type="text/plain")


handler500 = "realco.middleware.server_error"
urlpatterns = [
    path("health", health, name="health"),
    path("admin/", admin.site.urls),
    path("api/v1/", include("realco.api.urls")),
    path("webhooks/", include("finance.urls")),
    path("", include("realco.portal.urls")),
]
