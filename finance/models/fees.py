"""What payments cost: dated rules, so that an old payment's fee can be explained."""

from decimal import Decimal

from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from realco import guards
from realco.identifiers import new_id
from realco.money import MoneyField


class FeeRule(models.Model):
    """
    One part of a fee: ``rate`` × amount + ``fixed_amount``, at least ``minimum``, at most ``maximum``.

    ``transaction_types`` lists the types it applies to; an empty ``payment_method`` means any.
    In force from ``effective_from`` to before ``effective_to``. Amounts are US dollars.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    name = models.CharField(max_length=60)
    transaction_types = models.JSONField()
    payment_method = models.CharField(max_length=20, blank=True, default="")
    rate = models.DecimalField(max_digits=7, decimal_places=6, default=Decimal(0))
    fixed_amount = MoneyField(default=Decimal("0.00"))
    minimum = MoneyField(null=True, blank=True)
    maximum = MoneyField(null=True, blank=True)
    effective_from = models.DateField()
    effective_to = models.DateField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        db_table = "fee_rules"
        ordering = ("name", "effective_from")
        constraints = (
            guards.known_values(
                "fee_rules", "payment_method", ["", "ACH", "WIRE", "CHECK", "CREDIT_CARD", "INTERNAL_TRANSFER"]
            ),
            models.CheckConstraint(
                condition=Q(rate__gte=0, rate__lt=1, fixed_amount__gte=0), name="fee_rules_not_negative"
            ),
            models.CheckConstraint(
                condition=Q(minimum__isnull=True) | Q(maximum__isnull=True) | Q(maximum__gte=F("minimum")),
                name="fee_rules_bounds_in_order",
            ),
            models.CheckConstraint(
                condition=Q(effective_to__isnull=True) | Q(effective_to__gt=F("effective_from")),
                name="fee_rules_dates_in_order",
            ),
            models.UniqueConstraint(fields=["name", "effective_from"], name="fee_rules_one_a_day"),
        )
        triggers = (
            *guards.audited(),
            *guards.never_deleted(),
            guards.immutable(
                "name", "transaction_types", "payment_method", "rate", "fixed_amount", "minimum", "maximum",
                "effective_from",
            ),
        )  # fmt: skip

    def __str__(self) -> str:
        return f"{self.name} from {self.effective_from}"
