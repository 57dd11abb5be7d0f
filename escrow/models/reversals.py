"""Journal reversals: one person asks to undo a journal entry and says why, another one decides."""

from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django_fsm import FSMField, FSMModelMixin, transition

from escrow.models.journal_entries import JournalEntry
from realco import guards
from realco.identifiers import new_id


class ReversalStatus(models.TextChoices):
    PROPOSED = "PROPOSED", "Proposed"
    EXECUTED = "EXECUTED", "Executed"
    REJECTED = "REJECTED", "Rejected"


TRANSITIONS = {
    ReversalStatus.PROPOSED: (ReversalStatus.EXECUTED, ReversalStatus.REJECTED),
    ReversalStatus.EXECUTED: (),
    ReversalStatus.REJECTED: (),
}


class JournalReversal(FSMModelMixin, models.Model):
    """
    A proposal to post the exact mirror of a journal entry, and what became of it.

    An entry has one living proposal at most. The ledger takes a REVERSAL only with an executed row
    here, and an executed row is only kept with its REVERSAL.
    """

    Status = ReversalStatus
    TRANSITIONS = TRANSITIONS

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    journal_entry = models.ForeignKey(JournalEntry, on_delete=models.PROTECT, related_name="reversals")
    status = FSMField(max_length=20, choices=ReversalStatus.choices, default=ReversalStatus.PROPOSED, protected=True)
    reason = models.CharField(max_length=300)
    proposed_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    proposed_at = models.DateTimeField()
    approved_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    approved_at = models.DateTimeField(null=True)
    rejected_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    rejected_at = models.DateTimeField(null=True)
    rejected_reason = models.CharField(max_length=300, blank=True, default="")
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        db_table = "journal_reversals"
        ordering = ("-created_at", "-id")
        permissions = (
            ("propose_journalreversal", "Can propose the reversal of a journal entry"),
            ("approve_journalreversal", "Can approve the reversal of a journal entry"),
        )
        constraints = (
            guards.known_values("journal_reversals", "status", ReversalStatus),
            models.UniqueConstraint(
                fields=["journal_entry"], condition=~Q(status="REJECTED"), name="journal_reversals_one_living"
            ),
            models.CheckConstraint(condition=~Q(reason=""), name="journal_reversals_say_why"),
            models.CheckConstraint(
                condition=Q(approved_by__isnull=True) | ~Q(approved_by=F("proposed_by")),
                name="journal_reversals_four_eyes",
            ),
            models.CheckConstraint(
                condition=Q(status="EXECUTED", approved_by__isnull=False, approved_at__isnull=False)
                | (~Q(status="EXECUTED") & Q(approved_by__isnull=True, approved_at__isnull=True)),
                name="journal_reversals_executed_is_approved",
            ),
        )
        triggers = (
            *guards.audited(),
            *guards.never_deleted(),
            guards.immutable("journal_entry_id", "reason", "proposed_by_id", "proposed_at"),
            guards.written_once("approved_by_id", "approved_at"),
            guards.legal_status(ReversalStatus.PROPOSED, TRANSITIONS),
            guards.Guard(
                "journal_reversals_are_posted",
                name="executed_is_posted",
                when=guards.After,
                operation=guards.InsertOrUpdate,
                timing=guards.Deferred,
            ),
        )

    def __str__(self) -> str:
        return f"Reversal of {self.journal_entry}"

    @transition(field=status, source=ReversalStatus.PROPOSED, target=ReversalStatus.EXECUTED)
    def mark_executed(self, *, approver: Any, at: datetime) -> None:
        self.approved_by = approver
        self.approved_at = at

    @transition(field=status, source=ReversalStatus.PROPOSED, target=ReversalStatus.REJECTED)
    def mark_rejected(self, *, by: Any, reason: str, at: datetime) -> None:
        self.rejected_by = by
        self.rejected_reason = reason
        self.rejected_at = at
