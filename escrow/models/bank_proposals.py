"""What one person proposes to do about bank lines, and a second one signs or turns down."""

from datetime import datetime

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django_fsm import FSMField, FSMModelMixin, transition

from escrow.models.bank_matches import BankMatch
from escrow.models.escrow_accounts import EscrowAccount
from escrow.models.journal_entries import JournalEntry
from escrow.models.ledger_accounts import LedgerAccount
from escrow.models.reconciliations import BankStatementLine
from realco import guards
from realco.identifiers import new_id
from realco.models import User
from realco.money import MoneyField


class ProposalKind(models.TextChoices):
    BANK_FEE = "BANK_FEE", "Write off as bank fee"
    RECEIPT_CLAIM = "RECEIPT_CLAIM", "Give a receipt to an investor"
    MANUAL_MATCH = "MANUAL_MATCH", "Match by hand"


class ProposalStatus(models.TextChoices):
    PROPOSED = "PROPOSED", "Proposed"
    APPROVED = "APPROVED", "Approved"
    REJECTED = "REJECTED", "Rejected"


TRANSITIONS = {
    ProposalStatus.PROPOSED: (ProposalStatus.APPROVED, ProposalStatus.REJECTED),
    ProposalStatus.APPROVED: (),
    ProposalStatus.REJECTED: (),
}


class BankProposal(FSMModelMixin, models.Model):
    """
    Something about bank lines that needs two people; nothing happens before the second one signs.

    A fee and a claim are about one ``line`` and its ``amount`` (positive); a claim names its
    ``investor``, a fee who bears it (``source``). A match by hand names its rows in ``line_ids`` and
    ``entry_ids``, as text.
    """

    Kind = ProposalKind
    Status = ProposalStatus

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    escrow_account = models.ForeignKey(EscrowAccount, on_delete=models.PROTECT, related_name="bank_proposals")
    kind = models.CharField(max_length=20, choices=ProposalKind)
    status = FSMField(max_length=20, choices=ProposalStatus.choices, default=ProposalStatus.PROPOSED, protected=True)
    line = models.ForeignKey(BankStatementLine, null=True, on_delete=models.PROTECT, related_name="proposals")
    investor = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    amount = MoneyField()
    source = models.CharField(max_length=20, blank=True, default="")
    line_ids = models.JSONField(default=list)
    entry_ids = models.JSONField(default=list)
    reason = models.CharField(max_length=300)
    proposed_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    proposed_at = models.DateTimeField(default=timezone.now)
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    decided_at = models.DateTimeField(null=True)
    decided_reason = models.CharField(max_length=300, blank=True, default="")
    match = models.OneToOneField(BankMatch, null=True, on_delete=models.PROTECT, related_name="proposal")
    journal_entry = models.OneToOneField(
        JournalEntry, null=True, on_delete=models.PROTECT, related_name="bank_proposal"
    )

    class Meta:
        db_table = "bank_proposals"
        ordering = ("-proposed_at", "-id")
        permissions = (("approve_bankproposal", "Can sign what another person proposes about bank lines"),)
        indexes = (models.Index(fields=["proposed_at"], condition=Q(status="PROPOSED"), name="bank_proposals_waiting"),)
        constraints = (
            guards.known_values("bank_proposals", "kind", ProposalKind),
            guards.known_values("bank_proposals", "status", ProposalStatus),
            models.CheckConstraint(condition=Q(amount__gte=0), name="bank_proposals_amount_not_negative"),
            models.CheckConstraint(condition=~Q(reason=""), name="bank_proposals_say_why"),
            models.CheckConstraint(
                condition=Q(decided_by__isnull=True) | ~Q(status="APPROVED") | ~Q(decided_by=F("proposed_by")),
                name="bank_proposals_two_people",
            ),
            models.CheckConstraint(
                condition=Q(status="PROPOSED", decided_by__isnull=True, decided_at__isnull=True)
                | (~Q(status="PROPOSED") & Q(decided_by__isnull=False, decided_at__isnull=False)),
                name="bank_proposals_decided_by_somebody",
            ),
            models.CheckConstraint(
                condition=Q(
                    kind="BANK_FEE", line__isnull=False, investor__isnull=True,
                    source__in=[LedgerAccount.Kind.FEES.value, LedgerAccount.Kind.OFFERING.value],
                )
                | Q(kind="RECEIPT_CLAIM", line__isnull=False, investor__isnull=False, source="")
                | Q(kind="MANUAL_MATCH", line__isnull=True, investor__isnull=True, source=""),
                name="bank_proposals_fit_kind",
            ),
        )  # fmt: skip
        triggers = (
            *guards.audited(),
            *guards.never_deleted(),
            guards.immutable(
                "escrow_account_id", "kind", "line_id", "investor_id", "amount", "source", "line_ids", "entry_ids",
                "reason", "proposed_by_id", "proposed_at",
            ),
            guards.written_once("decided_by_id", "decided_at", "decided_reason", "match_id", "journal_entry_id"),
            guards.legal_status(ProposalStatus.PROPOSED, TRANSITIONS),
        )  # fmt: skip

    def __str__(self) -> str:
        return f"{self.get_kind_display()}, {self.amount}"

    @transition(field=status, source=[ProposalStatus.PROPOSED], target=ProposalStatus.APPROVED)
    def mark_approved(self, *, by: User, reason: str, at: datetime) -> None:
        self.decided_by, self.decided_at, self.decided_reason = by, at, reason

    @transition(field=status, source=[ProposalStatus.PROPOSED], target=ProposalStatus.REJECTED)
    def mark_rejected(self, *, by: User, reason: str, at: datetime) -> None:
        self.decided_by, self.decided_at, self.decided_reason = by, at, reason
