"""Which stored events wait for their turn, and which for a person."""

from datetime import datetime

from django.db.models import QuerySet

from finance.models import TransactionWebhook

MAX_ATTEMPTS = 25
"""Tries before an operator is asked; with the waits between them a little more than three days."""


def waiting(*, at: datetime) -> QuerySet[TransactionWebhook]:
    """Return the events whose turn it is, oldest first."""
    return TransactionWebhook.objects.filter(
        processed=False, attempts__lt=MAX_ATTEMPTS, next_attempt_at__lte=at
    ).order_by("created_at", "id")


def for_operators() -> QuerySet[TransactionWebhook]:
    """Return the events that were tried too often, or contradict our records."""
    return TransactionWebhook.objects.filter(processed=False, attempts__gte=MAX_ATTEMPTS)
