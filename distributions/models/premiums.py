"""Premiums of late closings that are paid on: which distribution pays which premium, once."""

from django.db import models
from django.db.models import Q
from django.utils import timezone

from distributions.models.capital_calls import CapitalCallItem
from distributions.models.distributions import Distribution
from realco import guards
from realco.identifiers import new_id
from realco.money import MoneyField


class PremiumPaidOn(models.Model):
    """
    A premium that has arrived, and the distribution that pays it on: all of it, US dollars.

    It is in one distribution that stands, at most; cancelling that frees it (``freed_at``) for another.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    distribution = models.ForeignKey(Distribution, on_delete=models.PROTECT, related_name="premiums")
    item = models.ForeignKey(CapitalCallItem, on_delete=models.PROTECT, related_name="paid_on", db_index=False)
    amount = MoneyField()
    freed_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        db_table = "premiums_paid_on"
        ordering = ("created_at", "id")
        verbose_name = "premium paid on"
        verbose_name_plural = "premiums paid on"
        constraints = (
            models.UniqueConstraint(fields=["item"], condition=Q(freed_at__isnull=True), name="premiums_paid_on_once"),
            models.CheckConstraint(condition=Q(amount__gt=0), name="premiums_paid_on_amount_positive"),
        )
        triggers = (
            *guards.audited(),
            *guards.never_deleted(),
            guards.immutable("distribution_id", "item_id", "amount", "created_at"),
            guards.written_once("freed_at"),
            guards.Guard("premium_paid_on_fits", name="fits", when=guards.Before, operation=guards.InsertOrUpdate),
        )

    def __str__(self) -> str:
        return f"Premium of {self.item}"
