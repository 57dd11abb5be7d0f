"""The sandbox bank's own books, kept apart from RealCo's: its transfers, its messages, its statements."""

from django.db import models
from django.db.models import Q
from django.utils import timezone

from realco.identifiers import new_id
from realco.money import MoneyField


class SandboxTransferState(models.TextChoices):
    ACCEPTED = "ACCEPTED", "Accepted"
    SETTLED = "SETTLED", "Settled"
    FAILED = "FAILED", "Failed"
    RETURNED = "RETURNED", "Returned"
    REFUSED = "REFUSED", "Refused"


class SandboxTransfer(models.Model):
    """
    One transfer as the simulated bank sees it; ``amount`` is positive into escrow, negative out of it.

    Its fate is decided when it is taken on. ``due_date`` is when it next changes: ACCEPTED settles
    then, or fails when an ``outcome_code`` waits; SETTLED is returned with the ``return_code``.
    ``webhook_copies`` and ``tells_return_first`` are how badly the bank tells of it.
    """

    State = SandboxTransferState

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    idempotency_key = models.CharField(max_length=100, unique=True)
    request_hash = models.CharField(max_length=64)
    reference = models.CharField(max_length=40, unique=True)
    external_account_id = models.CharField(max_length=100)
    method = models.CharField(max_length=20)
    amount = MoneyField()
    counterparty = models.CharField(max_length=200, blank=True, default="")
    state = models.CharField(max_length=20, choices=SandboxTransferState)
    outcome_code = models.CharField(max_length=20, blank=True, default="")
    return_code = models.CharField(max_length=20, blank=True, default="")
    due_date = models.DateField(null=True)
    settled_date = models.DateField(null=True)
    return_date = models.DateField(null=True)
    webhook_copies = models.PositiveSmallIntegerField(default=1)
    tells_return_first = models.BooleanField(default=False)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        db_table = "sandbox_transfers"
        indexes = (
            models.Index(fields=["due_date"], condition=Q(due_date__isnull=False), name="sandbox_transfers_due"),
        )

    def __str__(self) -> str:
        return self.reference


class SandboxLostRequest(models.Model):
    """A request that the simulated network swallowed, so that the same one arrives when it is sent again."""

    idempotency_key = models.CharField(max_length=100, primary_key=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        db_table = "sandbox_lost_requests"

    def __str__(self) -> str:
        return self.idempotency_key


class SandboxDelivery(models.Model):
    """
    One webhook the simulated bank owes us; ``delivered_at`` is empty until our endpoint answered 200.

    Until then it is sent again, from ``next_attempt_at`` on; ``copies`` is how many times it is sent at once.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    transfer = models.ForeignKey(SandboxTransfer, on_delete=models.CASCADE, related_name="deliveries")
    event_id = models.CharField(max_length=60)
    event_type = models.CharField(max_length=60)
    payload = models.TextField()
    copies = models.PositiveSmallIntegerField(default=1)
    attempts = models.PositiveIntegerField(default=0)
    next_attempt_at = models.DateTimeField(default=timezone.now)
    delivered_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        db_table = "sandbox_deliveries"
        indexes = (
            models.Index(
                fields=["created_at"], condition=Q(delivered_at__isnull=True), name="sandbox_deliveries_waiting"
            ),
        )

    def __str__(self) -> str:
        return f"{self.event_type} {self.event_id}"


class SandboxStatementLine(models.Model):
    """One line of the simulated bank's statement of an escrow account, positive for money received."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    external_account_id = models.CharField(max_length=100)
    value_date = models.DateField()
    amount = MoneyField()
    type_code = models.CharField(max_length=3)
    reference = models.CharField(max_length=40)
    text = models.CharField(max_length=200)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        db_table = "sandbox_statement_lines"
        indexes = (models.Index(fields=["external_account_id", "value_date"], name="sandbox_lines_account_day"),)

    def __str__(self) -> str:
        return f"{self.value_date} {self.amount}"
