"""Receipts: what each amount of a submitted distribution follows from, kept under its hash for good."""

from django.db import models
from django.db.models import Q

from distributions.models.allocations import DistributionAllocation
from distributions.models.distributions import Distribution
from realco import guards
from realco.identifiers import new_id


class ReceiptWhole(models.Model):
    """What all receipts of one submission have in common; it names nobody."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    distribution = models.ForeignKey(Distribution, on_delete=models.PROTECT, related_name="receipt_wholes")
    content = models.JSONField()
    sha256 = models.CharField(max_length=64)
    created_at = models.DateTimeField()

    class Meta:
        db_table = "distribution_receipt_wholes"
        ordering = ("distribution", "created_at", "id")
        triggers = (*guards.audited("content"), *guards.append_only())

    def __str__(self) -> str:
        return f"Receipts of {self.distribution}"


class Receipt(models.Model):
    """
    One payee's receipt: what it adds to the whole, and the SHA-256 of both together.

    An allocation has one for each time its distribution was submitted; the newest counts.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    allocation = models.ForeignKey(DistributionAllocation, on_delete=models.PROTECT, related_name="receipts")
    whole = models.ForeignKey(ReceiptWhole, on_delete=models.PROTECT, related_name="receipts")
    content = models.JSONField()
    sha256 = models.CharField(max_length=64)
    created_at = models.DateTimeField()

    class Meta:
        db_table = "distribution_receipts"
        ordering = ("allocation", "created_at", "id")
        constraints = (
            models.UniqueConstraint(fields=["allocation", "whole"], name="distribution_receipts_once"),
            models.CheckConstraint(
                condition=Q(sha256__regex=r"^[0-9a-f]{64}$"), name="distribution_receipts_hash_form"
            ),
        )
        # Never changed, so that the trail needs its hash and not a second copy of all it holds.
        triggers = (*guards.audited("content"), *guards.append_only())

    def __str__(self) -> str:
        return f"Receipt of {self.allocation}"
