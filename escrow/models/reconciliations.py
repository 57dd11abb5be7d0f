"""What the bank says, line by line, and the daily comparison of it with our books."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from escrow.bank_files.stated import FileFormat
from escrow.models.bank_file_layouts import BankFileLayout
from escrow.models.escrow_accounts import EscrowAccount
from realco import guards
from realco.identifiers import new_id
from realco.money import MoneyField


class BankStatement(models.Model):
    """
    One imported statement of one account and day; the same file twice adds nothing (its SHA-256 is unique).

    ``layout`` is the version of the layout by which a CSV file was read.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    escrow_account = models.ForeignKey(EscrowAccount, on_delete=models.PROTECT, related_name="bank_statements")
    file_name = models.CharField(max_length=200)
    content_hash = models.CharField(max_length=64)
    file_format = models.CharField(max_length=10, choices=FileFormat, default=FileFormat.BAI2)
    layout = models.ForeignKey(BankFileLayout, null=True, on_delete=models.PROTECT, related_name="statements")
    as_of_date = models.DateField()
    opening_balance = MoneyField(null=True)
    closing_balance = MoneyField()
    line_count = models.PositiveIntegerField()
    imported_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        db_table = "bank_statements"
        ordering = ("-as_of_date", "-created_at")
        constraints = (
            models.UniqueConstraint(
                fields=["escrow_account", "as_of_date", "content_hash"], name="bank_statements_once"
            ),
            guards.known_values("bank_statements", "file_format", FileFormat),
        )
        triggers = (*guards.audited(), *guards.append_only())

    def __str__(self) -> str:
        return f"{self.escrow_account} {self.as_of_date}"


class BankStatementLine(models.Model):
    """
    One movement on the bank account: ``amount`` is positive when money came in.

    ``fingerprint`` identifies the line within its account, so that overlapping files add it once. What
    explains it is in bank_matches. (The columns ledger_entry_id, match_reason and matched_at, which said so
    before, are still in the table and are no longer written.)
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    escrow_account = models.ForeignKey(EscrowAccount, on_delete=models.PROTECT, related_name="bank_lines")
    statement = models.ForeignKey(BankStatement, on_delete=models.PROTECT, related_name="lines")
    value_date = models.DateField()
    amount = MoneyField()
    type_code = models.CharField(max_length=10, blank=True, default="")
    bank_reference = models.CharField(max_length=100, blank=True, default="")
    customer_reference = models.CharField(max_length=100, blank=True, default="")
    text = models.CharField(max_length=500, blank=True, default="")
    fingerprint = models.CharField(max_length=64)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        db_table = "bank_statement_lines"
        ordering = ("value_date", "id")
        indexes = (models.Index(fields=["escrow_account", "value_date", "id"], name="bank_lines_by_day"),)
        constraints = (
            models.UniqueConstraint(fields=["escrow_account", "fingerprint"], name="bank_lines_once"),
            models.CheckConstraint(condition=~Q(amount=0), name="bank_lines_amount_not_zero"),
        )
        triggers = (
            *guards.audited(),
            *guards.never_deleted(),
            guards.immutable(
                "escrow_account_id", "statement_id", "value_date", "amount", "bank_reference", "fingerprint"
            ),
        )

    def __str__(self) -> str:
        return f"{self.value_date} {self.amount} {self.bank_reference}"


class ReconciliationResult(models.TextChoices):
    BALANCED = "BALANCED", "Balanced"
    MISMATCHED = "MISMATCHED", "Mismatched"


class Reconciliation(models.Model):
    """
    The three-way proof of one account at one moment, as it was found. Differences are zero when all agrees.

    Bank lines against BANK entries; assets against liabilities; stored balances against sums. ``aging`` counts
    what had no partner by its age in business days; ``aged_items`` are those of more than five.
    """

    Result = ReconciliationResult

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    escrow_account = models.ForeignKey(EscrowAccount, on_delete=models.PROTECT, related_name="reconciliations")
    as_of_date = models.DateField()
    result = models.CharField(max_length=20, choices=ReconciliationResult)
    bank_balance = MoneyField()
    book_balance = MoneyField()
    assets = MoneyField()
    liabilities = MoneyField()
    matched_lines = models.PositiveIntegerField()
    unmatched_lines = models.PositiveIntegerField()
    unmatched_entries = models.PositiveIntegerField()
    aging = models.JSONField(default=dict)
    aged_items = models.PositiveIntegerField(default=0)
    findings = models.JSONField(default=list)
    run_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        db_table = "reconciliations"
        ordering = ("-created_at",)
        indexes = (models.Index(fields=["escrow_account", "-created_at"], name="reconciliations_latest"),)
        constraints = (guards.known_values("reconciliations", "result", ReconciliationResult),)
        triggers = (*guards.audited(), *guards.append_only())

    def __str__(self) -> str:
        return f"{self.escrow_account} {self.as_of_date} {self.result}"
