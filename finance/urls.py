"""The addresses that payment providers send their messages to, below /webhooks/."""

from django.urls import path

from finance import views

urlpatterns = [
    path("sandbox", views.receive_from_sandbox, name="webhook-sandbox"),
]
