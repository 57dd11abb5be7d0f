"""Closings: the release of investors' cleared money to an offering that met its minimum."""

from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django_fsm import FSMField, FSMModelMixin, transition

from escrow.models.escrow_accounts import EscrowAccount
from realco import guards
from realco.identifiers import new_id
from realco.money import MoneyField, format_money


class ClosingStatus(models.TextChoices):
    PROPOSED = "PROPOSED", "Proposed"
    EXECUTED = "EXECUTED", "Executed"
    CANCELLED = "CANCELLED", "Cancelled"


TRANSITIONS = {
    ClosingStatus.PROPOSED: (ClosingStatus.EXECUTED, ClosingStatus.CANCELLED),
    ClosingStatus.EXECUTED: (),
    ClosingStatus.CANCELLED: (),
}


class Closing(FSMModelMixin, models.Model):
    """
    One proposed and executed release.

    ``figures`` lists what each investor had cleared when it was proposed (user id → amount as a
    string), ``content_hash`` is its SHA-256; two approvers sign that hash. ``approved_by`` is the
    second of them, whose signature executed it.
    """

    Status = ClosingStatus
    TRANSITIONS = TRANSITIONS

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    escrow_account = models.ForeignKey(EscrowAccount, on_delete=models.PROTECT, related_name="closings")
    status = FSMField(max_length=20, choices=ClosingStatus.choices, default=ClosingStatus.PROPOSED, protected=True)
    total_amount = MoneyField()
    figures = models.JSONField()
    content_hash = models.CharField(max_length=64)
    proposed_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    proposed_at = models.DateTimeField()
    approved_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    executed_at = models.DateTimeField(null=True)
    cancelled_at = models.DateTimeField(null=True)
    cancelled_reason = models.CharField(max_length=300, blank=True, default="")
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        db_table = "closings"
        ordering = ("-created_at",)
        permissions = (
            ("propose_closing", "Can propose the closing of an offering"),
            ("approve_closing", "Can approve the closing of an offering"),
        )
        constraints = (
            guards.known_values("closings", "status", ClosingStatus),
            models.CheckConstraint(condition=Q(total_amount__gt=0), name="closings_amount_positive"),
            models.UniqueConstraint(
                fields=["escrow_account"], condition=Q(status="PROPOSED"), name="closings_one_open"
            ),
            models.CheckConstraint(
                condition=Q(approved_by__isnull=True) | ~Q(approved_by=F("proposed_by")), name="closings_four_eyes"
            ),
            models.CheckConstraint(
                condition=~Q(status="EXECUTED") | Q(approved_by__isnull=False, executed_at__isnull=False),
                name="closings_executed_is_approved",
            ),
        )
        triggers = (
            *guards.audited(),
            *guards.never_deleted(),
            guards.immutable("escrow_account_id", "total_amount", "figures", "content_hash", "proposed_by_id"),
            guards.legal_status(ClosingStatus.PROPOSED, TRANSITIONS),
            guards.Guard(
                "realco_immutable", "proposed_at", "created_at", name="proposed_once", when=guards.Before,
                operation=guards.UpdateOf("proposed_at", "created_at"),
            ),
            guards.Guard(
                "realco_written_once", "approved_by_id", "executed_at", "cancelled_at", name="ended_once",
                when=guards.Before, operation=guards.UpdateOf("approved_by_id", "executed_at", "cancelled_at"),
            ),
            guards.Guard(
                "closing_figures_add_up", name="figures_add_up", when=guards.Before, operation=guards.Insert
            ),
            guards.Guard(
                "closing_passes_the_gate", name="passes_the_gate", when=guards.After, operation=guards.Update
            ),
            guards.Guard(
                "closing_releases_its_figures", name="releases_its_figures", when=guards.After,
                operation=guards.InsertOrUpdate, timing=guards.Deferred,
            ),
        )  # fmt: skip

    def __str__(self) -> str:
        return f"Closing of {self.escrow_account} for {format_money(self.total_amount)}"

    @transition(field=status, source=ClosingStatus.PROPOSED, target=ClosingStatus.EXECUTED)
    def mark_executed(self, *, approver: Any, at: datetime) -> None:
        self.approved_by = approver
        self.executed_at = at

    @transition(field=status, source=ClosingStatus.PROPOSED, target=ClosingStatus.CANCELLED)
    def mark_cancelled(self, *, reason: str, at: datetime) -> None:
        self.cancelled_reason = reason
        self.cancelled_at = at


class ClosingApproval(models.Model):
    """
    One person's signature on the figures of a closing. Two of them, by two people, execute it.

    The database takes a signature only on a closing that is proposed, over its own hash, from
    somebody who did not propose it.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    closing = models.ForeignKey(Closing, on_delete=models.PROTECT, related_name="approvals", db_index=False)
    approver = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    content_hash = models.CharField(max_length=64)
    signed_at = models.DateTimeField()
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        db_table = "closing_approvals"
        ordering = ("signed_at", "id")
        constraints = (models.UniqueConstraint(fields=["closing", "approver"], name="closing_approvals_once_each"),)
        triggers = (
            *guards.audited(),
            *guards.append_only(),
            guards.Guard("closing_signature_counts", name="counts", when=guards.Before, operation=guards.Insert),
        )

    def __str__(self) -> str:
        return f"{self.approver} signed {self.closing}"
