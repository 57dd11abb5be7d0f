"""Each time a payment was given to a provider: what we asked, under which key, and what came of it."""

from django.db import models
from django.utils import timezone

from finance.models.transactions import Transaction
from realco import guards
from realco.identifiers import new_id


class AttemptOutcome(models.TextChoices):
    SENDING = "SENDING", "Sending"
    ACCEPTED = "ACCEPTED", "Accepted"
    SETTLED = "SETTLED", "Settled"
    REFUSED = "REFUSED", "Refused"
    FAILED = "FAILED", "Failed"
    RETURNED = "RETURNED", "Returned"
    UNKNOWN = "UNKNOWN", "Unknown"


class TransactionAttempt(models.Model):
    """One submission of a payment to a provider; number 0 is the first, retries count up."""

    Outcome = AttemptOutcome

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    payment = models.ForeignKey(Transaction, on_delete=models.PROTECT, related_name="attempts")
    number = models.PositiveSmallIntegerField()
    provider = models.CharField(max_length=30)
    idempotency_key = models.CharField(max_length=100, unique=True)
    provider_reference = models.CharField(max_length=100, blank=True, default="", db_index=True)
    outcome = models.CharField(max_length=20, choices=AttemptOutcome, default=AttemptOutcome.SENDING)
    code = models.CharField(max_length=60, blank=True, default="")
    message = models.CharField(max_length=500, blank=True, default="")
    sent_at = models.DateTimeField()
    answered_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        db_table = "transaction_attempts"
        ordering = ("payment", "number")
        constraints = (
            guards.known_values("transaction_attempts", "outcome", AttemptOutcome),
            models.UniqueConstraint(fields=["payment", "number"], name="transaction_attempts_once"),
        )
        triggers = (
            *guards.audited(),
            *guards.never_deleted(),
            guards.immutable("payment_id", "number", "provider", "idempotency_key", "sent_at"),
            guards.written_once("provider_reference"),
        )

    def __str__(self) -> str:
        return self.idempotency_key
