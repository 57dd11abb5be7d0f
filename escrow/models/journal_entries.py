"""The journal: events that moved money, and the entries each made on ledger accounts. Append-only."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from escrow.models.escrow_accounts import EscrowAccount
from escrow.models.ledger_accounts import LedgerAccount
from realco import guards
from realco.identifiers import new_id
from realco.money import MoneyField


class LedgerEntryType(models.TextChoices):
    """What a journal entry was for, in the words of the original schema."""

    DEPOSIT = "DEPOSIT", "Deposit"
    WITHDRAWAL = "WITHDRAWAL", "Withdrawal"
    DISTRIBUTION = "DISTRIBUTION", "Distribution"
    FEE = "FEE", "Fee"
    REFUND = "REFUND", "Refund"
    ADJUSTMENT = "ADJUSTMENT", "Adjustment"
    RECONCILIATION = "RECONCILIATION", "Reconciliation"


class JournalEvent(models.TextChoices):
    INBOUND_ACCEPTED = "INBOUND_ACCEPTED", "Inbound accepted"
    INBOUND_SETTLED = "INBOUND_SETTLED", "Inbound settled"
    INBOUND_CLEARED = "INBOUND_CLEARED", "Inbound cleared"
    INBOUND_FAILED = "INBOUND_FAILED", "Inbound failed"
    RETURN_BEFORE_CLEARING = "RETURN_BEFORE_CLEARING", "Returned before clearing"
    RETURN_AFTER_CLEARING = "RETURN_AFTER_CLEARING", "Returned after clearing"
    RELEASE = "RELEASE", "Released at closing"
    RESERVE = "RESERVE", "Reserved for payout"
    UNRESERVE = "UNRESERVE", "Reservation undone"
    OUTBOUND_SETTLED = "OUTBOUND_SETTLED", "Paid out"
    PAYOUT_RETURNED = "PAYOUT_RETURNED", "Payout returned"
    HOLD = "HOLD", "Held"
    HOLD_RELEASED = "HOLD_RELEASED", "Hold released"
    UNKNOWN_RECEIPT = "UNKNOWN_RECEIPT", "Unknown receipt"
    RECEIPT_CLAIMED = "RECEIPT_CLAIMED", "Receipt claimed"
    FEE_RETURNED = "FEE_RETURNED", "Fee given back"
    BANK_FEE = "BANK_FEE", "Bank fee"
    REVERSAL = "REVERSAL", "Reversal"


class JournalEntry(models.Model):
    """
    One event of the posting table. Its entries sum to zero, and there are exactly ``entry_count``,
    written with it by one statement.

    ``reference`` is unique: posting it twice posts once, posting it with other contents (another
    ``request_hash``) is refused. ``effective_date`` is when it happened at the bank,
    ``created_at`` when we knew.
    """

    Event = JournalEvent

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    escrow_account = models.ForeignKey(
        EscrowAccount, on_delete=models.PROTECT, related_name="journal_entries", db_index=False, db_constraint=False
    )
    event = models.CharField(max_length=30, choices=JournalEvent)
    entry_type = models.CharField(max_length=20, choices=LedgerEntryType)
    reference = models.CharField(max_length=200, unique=True)
    request_hash = models.CharField(max_length=64)
    entry_count = models.PositiveIntegerField()
    description = models.CharField(max_length=300, blank=True, default="")
    effective_date = models.DateField()
    transaction = models.ForeignKey(
        "finance.Transaction", null=True, on_delete=models.PROTECT, related_name="journal_entries", db_constraint=False
    )
    distribution = models.ForeignKey(
        "distributions.Distribution",
        null=True,
        on_delete=models.PROTECT,
        related_name="journal_entries",
        db_index=False,
    )
    reverses = models.OneToOneField("self", null=True, on_delete=models.PROTECT, related_name="reversed_by")
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        db_table = "journal_entries"
        verbose_name_plural = "journal entries"
        ordering = ("-created_at", "-id")
        indexes = (
            models.Index(fields=["escrow_account", "created_at"], name="journal_entries_escrow_time"),
            models.Index(
                fields=["distribution"], condition=Q(distribution__isnull=False), name="journal_entries_distribution"
            ),
        )
        constraints = (
            guards.known_values("journal_entries", "event", JournalEvent),
            guards.known_values("journal_entries", "entry_type", LedgerEntryType),
            models.CheckConstraint(condition=Q(entry_count__gte=2), name="journal_entries_two_or_more"),
            models.CheckConstraint(condition=~Q(reference=""), name="journal_entries_reference_given"),
            models.CheckConstraint(
                condition=Q(event="REVERSAL", reverses__isnull=False)
                | (~Q(event="REVERSAL") & Q(reverses__isnull=True)),
                name="journal_entries_reversal_names_its_entry",
            ),
        )
        triggers = (
            *guards.audited(insert="ledger_audit_journal_entries"),
            *guards.append_only(),
            guards.Guard(
                "ledger_event_is_allowed",
                name="event_is_allowed",
                level=guards.Statement,
                when=guards.After,
                operation=guards.Insert,
                referencing=guards.NewRows,
            ),
            guards.Guard(
                "ledger_halves_move_together",
                name="halves_move_together",
                level=guards.Statement,
                when=guards.After,
                operation=guards.Insert,
                referencing=guards.NewRows,
            ),
            guards.Guard(
                "ledger_reversal_is_approved",
                name="reversal_is_approved",
                when=guards.Before,
                operation=guards.Insert,
                condition=guards.Condition("NEW.event = 'REVERSAL' OR NEW.reverses_id IS NOT NULL"),
            ),
            guards.Guard(
                "ledger_suspense_is_accounted_for",
                name="suspense_is_accounted_for",
                when=guards.After,
                operation=guards.Insert,
                condition=guards.Condition("NEW.event IN ('UNKNOWN_RECEIPT', 'RECEIPT_CLAIMED', 'BANK_FEE')"),
            ),
        )

    def __str__(self) -> str:
        return f"{self.get_event_display()} {self.reference}"


class EscrowLedgerEntry(models.Model):
    """
    One line of a journal entry on one ledger account.

    ``amount`` is positive for a debit, negative for a credit. ``balance_before`` and
    ``balance_after`` are the ledger account's own balance, in its normal sign; ``sequence`` counts
    its entries from 1 without a gap, so that a lost update cannot commit.

    What it says besides is its journal entry's, word for word, and ``ledger_entries_follow`` compares: so its
    foreign keys are that trigger's and the journal entry's, not constraints of their own (ADR 20), and its
    audit event is the journal entry's.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    escrow_account = models.ForeignKey(
        EscrowAccount, on_delete=models.PROTECT, related_name="ledger_entries", db_index=False, db_constraint=False
    )
    ledger_account = models.ForeignKey(
        LedgerAccount, on_delete=models.PROTECT, related_name="entries", db_index=False, db_constraint=False
    )
    journal_entry = models.ForeignKey(
        JournalEntry, on_delete=models.PROTECT, related_name="entries", db_constraint=False
    )
    transaction = models.ForeignKey(
        "finance.Transaction", null=True, on_delete=models.PROTECT, related_name="ledger_entries", db_constraint=False
    )
    distribution = models.ForeignKey(
        "distributions.Distribution",
        null=True,
        on_delete=models.PROTECT,
        related_name="ledger_entries",
        db_constraint=False,
        db_index=False,
    )
    entry_type = models.CharField(max_length=20, choices=LedgerEntryType)
    sequence = models.BigIntegerField()
    amount = MoneyField()
    balance_before = MoneyField()
    balance_after = MoneyField()
    description = models.CharField(max_length=300, blank=True, default="")
    reference = models.CharField(max_length=200)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        on_delete=models.PROTECT,
        related_name="+",
        db_constraint=False,
        db_index=False,
    )
    metadata = models.JSONField(default=dict, blank=True)
    effective_date = models.DateField()
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        db_table = "escrow_ledger_entries"
        verbose_name_plural = "escrow ledger entries"
        ordering = ("-created_at", "-id")
        indexes = (
            models.Index(fields=["escrow_account", "created_at", "id"], name="escrow_entries_escrow_time"),
            models.Index(fields=["ledger_account", "created_at", "id"], name="escrow_entries_account_time"),
            models.Index(
                fields=["ledger_account", "effective_date"],
                include=["amount", "sequence"],
                name="escrow_entries_account_day",
            ),
        )
        constraints = (
            guards.known_values("escrow_ledger_entries", "entry_type", LedgerEntryType),
            models.UniqueConstraint(fields=["ledger_account", "sequence"], name="escrow_entries_sequence"),
            models.CheckConstraint(condition=~Q(amount=0), name="escrow_entries_amount_not_zero"),
            models.CheckConstraint(condition=Q(sequence__gte=1), name="escrow_entries_sequence_from_one"),
        )
        triggers = (
            *guards.audited(insert=None),
            *guards.append_only(),
            guards.Guard(
                "ledger_entries_follow",
                name="entries_follow",
                level=guards.Statement,
                when=guards.After,
                operation=guards.Insert,
                referencing=guards.NewRows,
            ),
            guards.Guard(
                "ledger_custody",
                name="custody",
                level=guards.Statement,
                when=guards.After,
                operation=guards.Insert,
                referencing=guards.NewRows,
            ),
        )

    def __str__(self) -> str:
        return f"{self.amount} {self.reference}"

    @property
    def audited_with(self) -> JournalEntry:
        """The row whose audit events are this one's."""
        return self.journal_entry
