"""Staff pages of what providers told us and of each time they were asked."""

from django.contrib import admin

from finance.models import TransactionAttempt, TransactionWebhook
from realco.admin_pages import ReadOnlyAdmin, badge_column, link_column, moment_column


@admin.register(TransactionWebhook)
class TransactionWebhookAdmin(ReadOnlyAdmin):
    """Messages from providers, as they came; the signature was checked before they were stored."""

    list_display = (
        moment_column("created_at", "received"), "provider", "event_type", "event_id", link_column("transaction"),
        "processed", "processing_error",
    )  # fmt: skip
    list_filter = ("processed", "provider")
    list_select_related = ("transaction",)
    search_fields = ("id", "event_id", "transaction__id")
    search_help_text = "An id, an event id, or a payment's id."
    fieldsets = (
        (
            None,
            {
                "fields": (
                    moment_column("created_at", "received"), "provider", "event_type", "event_id",
                    link_column("transaction"), "processed", moment_column("processed_at", "processed at"), "attempts",
                    moment_column("next_attempt_at", "next attempt"), "processing_error",
                )
            },
        ),
        ("As it came", {"fields": ("raw_payload", "signature")}),
    )  # fmt: skip


@admin.register(TransactionAttempt)
class TransactionAttemptAdmin(ReadOnlyAdmin):
    """Each time a payment was given to a provider."""

    list_display = (
        moment_column("sent_at", "sent"), link_column("payment"), "number", "provider", "provider_reference",
        badge_column("outcome"), "code",
    )  # fmt: skip
    list_filter = ("outcome", "provider")
    list_select_related = ("payment",)
    ordering = ("-created_at", "-id")
    search_fields = ("id", "provider_reference", "idempotency_key", "payment__id")
    search_help_text = "An id, a bank reference, or a payment's id."
    fieldsets = (
        (
            None,
            {
                "fields": (
                    link_column("payment"), "number", "provider", "idempotency_key", "provider_reference",
                    badge_column("outcome"), "code", "message", moment_column("sent_at", "sent"),
                    moment_column("answered_at", "answered"),
                )
            },
        ),
    )  # fmt: skip
