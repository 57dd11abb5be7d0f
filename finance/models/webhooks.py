"""What providers told us, exactly as they said it, before anything was done about it."""

from django.db import models
from django.db.models import Q
from django.utils import timezone

from finance.models.transactions import Transaction
from realco import guards
from realco.identifiers import new_id


class TransactionWebhook(models.Model):
    """
    One delivered event. ``event_id`` is unique per provider, so a second delivery is the same row.

    The row is the queue: one that came before its time is tried again from ``next_attempt_at`` on.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    transaction = models.ForeignKey(Transaction, null=True, on_delete=models.PROTECT, related_name="webhooks")
    provider = models.CharField(max_length=30)
    event_id = models.CharField(max_length=255)
    event_type = models.CharField(max_length=100)
    raw_payload = models.TextField()
    signature = models.CharField(max_length=500)
    processed = models.BooleanField(default=False)
    processed_at = models.DateTimeField(null=True)
    processing_error = models.CharField(max_length=500, blank=True, default="")
    attempts = models.PositiveSmallIntegerField(default=0)
    next_attempt_at = models.DateTimeField(default=timezone.now)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        db_table = "transaction_webhooks"
        ordering = ("-created_at", "-id")
        indexes = (
            models.Index(fields=["created_at"], condition=Q(processed=False), name="transaction_webhooks_waiting"),
        )
        constraints = (models.UniqueConstraint(fields=["provider", "event_id"], name="transaction_webhooks_once"),)
        triggers = (
            *guards.audited(),
            *guards.never_deleted(),
            guards.immutable("provider", "event_id", "event_type", "raw_payload", "signature"),
            guards.written_once("transaction_id", "processed_at"),
        )

    def __str__(self) -> str:
        return f"{self.provider} {self.event_type} {self.event_id}"
