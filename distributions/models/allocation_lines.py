"""Lines of an allocation: what is taken off before it is paid, and the rates by which tax is withheld."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from distributions.models.allocations import DistributionAllocation
from realco import guards
from realco.identifiers import new_id
from realco.money import MoneyField


class LineKind(models.TextChoices):
    PLATFORM_FEE = "PLATFORM_FEE", "Platform fee"
    WITHHOLDING = "WITHHOLDING", "Withholding"


class AllocationLine(models.Model):
    """
    One deduction from an allocation: ``amount`` (US dollars) of ``base_amount``, by the rule or for the reason named.

    The parts before deductions are the allocation's own columns and are not repeated here.
    """

    Kind = LineKind

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    allocation = models.ForeignKey(DistributionAllocation, on_delete=models.PROTECT, related_name="lines")
    kind = models.CharField(max_length=20, choices=LineKind)
    amount = MoneyField()
    base_amount = MoneyField()
    rate = models.DecimalField(max_digits=7, decimal_places=6, null=True)
    reason = models.CharField(max_length=300)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        db_table = "allocation_lines"
        ordering = ("allocation", "kind", "id")
        constraints = (
            guards.known_values("allocation_lines", "kind", LineKind),
            models.CheckConstraint(
                condition=Q(amount__gt=0, base_amount__gte=models.F("amount")) & ~Q(reason=""),
                name="allocation_lines_part_of_their_base",
            ),
        )
        triggers = (*guards.audited(), *guards.append_only())

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.amount}"


class WithholdingRate(models.Model):
    """
    The part of an investor's income that is withheld for taxes from a day on, until a newer row says otherwise.

    Income is preferred return and profit; capital that comes back is none. A rate of 0 ends withholding.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    investor = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="withholding_rates")
    rate = models.DecimalField(max_digits=7, decimal_places=6)
    reason = models.CharField(max_length=300)
    effective_from = models.DateField()
    entered_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        db_table = "withholding_rates"
        ordering = ("investor", "-effective_from", "-created_at")
        indexes = (
            models.Index(fields=["investor", "-effective_from", "-created_at"], name="withholding_rates_latest"),
        )
        constraints = (
            models.CheckConstraint(condition=Q(rate__gte=0, rate__lt=1), name="withholding_rates_a_fraction"),
            models.CheckConstraint(condition=~Q(reason=""), name="withholding_rates_say_why"),
            models.CheckConstraint(
                condition=~Q(entered_by=models.F("investor")), name="withholding_rates_entered_by_another"
            ),
        )
        triggers = (*guards.audited(), *guards.append_only())

    def __str__(self) -> str:
        return f"{(self.rate * 100).normalize():f}% of {self.investor} from {self.effective_from}"
