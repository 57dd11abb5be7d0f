"""Transfers: a part of an investment, or all of it, changes hands. Earlier distributions stay where they were paid."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django_fsm import FSMField, FSMModelMixin, transition

from realco import guards
from realco.identifiers import new_id
from realco.models import Offering
from realco.money import MoneyField

ZERO = Decimal("0.00")


class TransferStatus(models.TextChoices):
    PROPOSED = "PROPOSED", "Proposed"
    EXECUTED = "EXECUTED", "Executed"
    CANCELLED = "CANCELLED", "Cancelled"


TRANSFER_TRANSITIONS = {
    TransferStatus.PROPOSED: (TransferStatus.EXECUTED, TransferStatus.CANCELLED),
    TransferStatus.EXECUTED: (),
    TransferStatus.CANCELLED: (),
}


class InvestmentTransfer(FSMModelMixin, models.Model):
    """
    One transfer from one investment to another of the same offering.

    ``part`` is the fraction of what the seller holds that is handed over; the amounts are what that came
    to when it was executed: commitment, capital paid in, and how much of that had been returned.
    """

    Status = TransferStatus
    TRANSITIONS = TRANSFER_TRANSITIONS

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    offering = models.ForeignKey(Offering, on_delete=models.PROTECT, related_name="transfers")
    seller_investment = models.ForeignKey("escrow.Investment", on_delete=models.PROTECT, related_name="transfers_out")
    buyer = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="transfers_in")
    buyer_investment = models.ForeignKey(
        "escrow.Investment", null=True, on_delete=models.PROTECT, related_name="transfers_in"
    )
    part = models.DecimalField(max_digits=11, decimal_places=10)
    effective_date = models.DateField()
    document_reference = models.CharField(max_length=200)
    status = FSMField(max_length=20, choices=TransferStatus.choices, default=TransferStatus.PROPOSED, protected=True)
    committed_amount = MoneyField(default=ZERO)
    funded_amount = MoneyField(default=ZERO)
    returned_amount = MoneyField(default=ZERO)
    proposed_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    proposed_at = models.DateTimeField()
    approved_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    executed_at = models.DateTimeField(null=True)
    cancelled_at = models.DateTimeField(null=True)
    cancelled_reason = models.CharField(max_length=300, blank=True, default="")
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        db_table = "investment_transfers"
        ordering = ("-created_at", "-id")
        permissions = (
            ("propose_investmenttransfer", "Can propose transfers of investments"),
            ("approve_investmenttransfer", "Can approve transfers of investments"),
        )
        constraints = (
            guards.known_values("investment_transfers", "status", TransferStatus),
            models.CheckConstraint(condition=Q(part__gt=0, part__lte=1), name="investment_transfers_part"),
            models.UniqueConstraint(
                fields=["seller_investment"], condition=Q(status="PROPOSED"), name="investment_transfers_one_open"
            ),
            models.CheckConstraint(
                condition=Q(approved_by__isnull=True) | ~Q(approved_by=F("proposed_by")),
                name="investment_transfers_four_eyes",
            ),
            models.CheckConstraint(
                condition=Q(
                    status="EXECUTED",
                    approved_by__isnull=False,
                    executed_at__isnull=False,
                    buyer_investment__isnull=False,
                    committed_amount__gt=0,
                    funded_amount__gte=F("returned_amount"),
                    returned_amount__gte=0,
                )
                | (
                    ~Q(status="EXECUTED")
                    & Q(committed_amount=0, funded_amount=0, returned_amount=0, buyer_investment__isnull=True)
                ),
                name="investment_transfers_executed_is_approved",
            ),
        )
        triggers = (
            *guards.audited(),
            *guards.never_deleted(),
            guards.immutable(
                "offering_id", "seller_investment_id", "buyer_id", "part", "effective_date", "document_reference",
                "proposed_by_id", "proposed_at", "created_at",
            ),
            guards.written_once("approved_by_id", "executed_at", "cancelled_at", "buyer_investment_id"),
            guards.legal_status(TransferStatus.PROPOSED, TRANSFER_TRANSITIONS),
            guards.Guard(
                "investment_transfer_fits", name="fits", when=guards.Before, operation=guards.InsertOrUpdate
            ),
            guards.Guard(
                "investment_transfer_moves", name="moves", when=guards.After, operation=guards.InsertOrUpdate,
                timing=guards.Deferred,
            ),
        )  # fmt: skip

    def __str__(self) -> str:
        return f"Transfer of {self.seller_investment} to {self.buyer}"

    @transition(field=status, source=TransferStatus.PROPOSED, target=TransferStatus.EXECUTED)
    def mark_executed(self, *, approver: Any, at: datetime) -> None:
        self.approved_by = approver
        self.executed_at = at

    @transition(field=status, source=TransferStatus.PROPOSED, target=TransferStatus.CANCELLED)
    def mark_cancelled(self, *, reason: str, at: datetime) -> None:
        self.cancelled_reason = reason
        self.cancelled_at = at
