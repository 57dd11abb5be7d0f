"""How much may be paid: dated rows, so that yesterday's decision can be explained tomorrow."""

from django.db import models
from django.utils import timezone

from realco import guards
from realco.identifiers import new_id
from realco.money import MoneyField


class LimitType(models.TextChoices):
    DAILY_DEPOSIT = "DAILY_DEPOSIT", "Daily deposit"
    MONTHLY_DEPOSIT = "MONTHLY_DEPOSIT", "Monthly deposit"
    ANNUAL_INVESTMENT = "ANNUAL_INVESTMENT", "Annual investment"
    PER_TRANSACTION = "PER_TRANSACTION", "Per transaction"
    ACCREDITED_INVESTOR = "ACCREDITED_INVESTOR", "Accredited investor"
    NON_ACCREDITED_INVESTOR = "NON_ACCREDITED_INVESTOR", "Non-accredited investor"


class TransactionLimit(models.Model):
    """A limit in US dollars, in force from ``effective_from`` to before ``effective_to`` (null: still)."""

    LimitType = LimitType

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    limit_type = models.CharField(max_length=30, choices=LimitType)
    amount = MoneyField()
    effective_from = models.DateField()
    effective_to = models.DateField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        db_table = "transaction_limits"
        ordering = ("limit_type", "effective_from")
        constraints = (
            guards.known_values("transaction_limits", "limit_type", LimitType),
            models.CheckConstraint(condition=models.Q(amount__gt=0), name="transaction_limits_amount_positive"),
            models.CheckConstraint(
                condition=models.Q(effective_to__isnull=True) | models.Q(effective_to__gt=models.F("effective_from")),
                name="transaction_limits_dates_in_order",
            ),
            models.UniqueConstraint(fields=["limit_type", "effective_from"], name="transaction_limits_one_a_day"),
        )
        triggers = (
            *guards.audited(),
            *guards.never_deleted(),
            guards.immutable("limit_type", "amount", "effective_from"),
        )

    def __str__(self) -> str:
        return f"{self.get_limit_type_display()} {self.amount} from {self.effective_from}"
