"""Write-offs: an allocation that nobody can be paid is ended for good, for a reason, by two people."""

from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django_fsm import FSMField, FSMModelMixin, transition

from distributions.models.allocations import DistributionAllocation
from realco import guards
from realco.identifiers import new_id
from realco.money import MoneyField, format_money


class WriteOffStatus(models.TextChoices):
    PROPOSED = "PROPOSED", "Proposed"
    EXECUTED = "EXECUTED", "Written off"
    WITHDRAWN = "WITHDRAWN", "Withdrawn"


WRITE_OFF_TRANSITIONS = {
    WriteOffStatus.PROPOSED: (WriteOffStatus.EXECUTED, WriteOffStatus.WITHDRAWN),
    WriteOffStatus.EXECUTED: (),
    WriteOffStatus.WITHDRAWN: (),
}


class AllocationWriteOff(FSMModelMixin, models.Model):
    """
    The end of one allocation that waits, or whose payment failed; the money stays the offering's.

    ``amount`` (US dollars) is what was not paid. ``keeps_deductions`` says that what was taken off the allocation
    stays taken off, because it was remitted before; otherwise that stays the offering's too.
    """

    Status = WriteOffStatus
    TRANSITIONS = WRITE_OFF_TRANSITIONS

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    allocation = models.ForeignKey(DistributionAllocation, on_delete=models.PROTECT, related_name="write_offs")
    status = FSMField(max_length=20, choices=WriteOffStatus.choices, default=WriteOffStatus.PROPOSED, protected=True)
    amount = MoneyField()
    reason = models.CharField(max_length=300)
    keeps_deductions = models.BooleanField(default=False, db_default=False)
    proposed_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    approved_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    executed_at = models.DateTimeField(null=True)
    withdrawn_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    withdrawn_at = models.DateTimeField(null=True)
    withdrawn_reason = models.CharField(max_length=300, blank=True, default="")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        db_table = "allocation_write_offs"
        ordering = ("-created_at", "-id")
        verbose_name = "write-off"
        constraints = (
            guards.known_values("allocation_write_offs", "status", WriteOffStatus),
            models.UniqueConstraint(
                fields=["allocation"], condition=~Q(status="WITHDRAWN"), name="allocation_write_offs_one_open"
            ),
            models.CheckConstraint(condition=Q(amount__gt=0) & ~Q(reason=""), name="allocation_write_offs_say_why"),
            models.CheckConstraint(
                condition=Q(approved_by__isnull=True) | ~Q(approved_by=F("proposed_by")),
                name="allocation_write_offs_four_eyes",
            ),
            models.CheckConstraint(
                condition=Q(status="EXECUTED", approved_by__isnull=False, executed_at__isnull=False)
                | (~Q(status="EXECUTED") & Q(approved_by__isnull=True, executed_at__isnull=True)),
                name="allocation_write_offs_executed_is_approved",
            ),
        )
        triggers = (
            *guards.audited(),
            *guards.never_deleted(),
            guards.immutable("allocation_id", "amount", "reason", "proposed_by_id", "created_at"),
            guards.legal_status(WriteOffStatus.PROPOSED, WRITE_OFF_TRANSITIONS),
            guards.Guard(
                "allocation_write_off_fits", name="fits", when=guards.Before, operation=guards.InsertOrUpdate
            ),
            guards.Guard(
                "allocation_write_off_ends", name="ends", when=guards.After, operation=guards.InsertOrUpdate,
                timing=guards.Deferred,
            ),
        )  # fmt: skip

    def __str__(self) -> str:
        return f"Write-off of {format_money(self.amount)} to {self.allocation.investor}"

    @transition(field=status, source=WriteOffStatus.PROPOSED, target=WriteOffStatus.EXECUTED)
    def mark_executed(self, *, approver: Any, keeps_deductions: bool, at: datetime) -> None:
        self.approved_by = approver
        self.keeps_deductions = keeps_deductions
        self.executed_at = at

    @transition(field=status, source=WriteOffStatus.PROPOSED, target=WriteOffStatus.WITHDRAWN)
    def mark_withdrawn(self, *, by: Any, reason: str, at: datetime) -> None:
        self.withdrawn_by = by
        self.withdrawn_reason = reason
        self.withdrawn_at = at
