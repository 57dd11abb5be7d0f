"""Which bank lines are which BANK entries: matches that are only ever added, and undone by another match."""

from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from escrow.models.escrow_accounts import EscrowAccount
from escrow.models.journal_entries import EscrowLedgerEntry
from escrow.models.reconciliations import BankStatementLine
from realco import guards
from realco.identifiers import new_id


class MatchMethod(models.TextChoices):
    """How a match was found, or who made it and what for."""

    REFERENCE = "REFERENCE", "By reference"
    AMOUNT = "AMOUNT", "By amount and day"
    MANY_TO_ONE = "MANY_TO_ONE", "Several lines, one entry"
    ONE_TO_MANY = "ONE_TO_MANY", "One line, several entries"
    OFFSET = "OFFSET", "An entry and its reversal"
    MANUAL = "MANUAL", "By a person"
    RECEIPT = "RECEIPT", "Unknown receipt"
    BANK_FEE = "BANK_FEE", "Bank fee"
    REVERSAL = "REVERSAL", "Undone"


class BankMatch(models.Model):
    """
    Bank lines that are explained by BANK entries; both sides come to the same amount.

    ``line_count`` and ``entry_count`` are announced, and the database holds the match to them at commit.
    A match is undone by another of method REVERSAL, which has no parts of its own and names it in
    ``reverses``: its lines and entries are free again. Nothing is changed or deleted. ``confidence``
    is between 0 and 1; ``made_by`` is nobody when reconciliation found the match itself.
    """

    Method = MatchMethod

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    escrow_account = models.ForeignKey(EscrowAccount, on_delete=models.PROTECT, related_name="bank_matches")
    method = models.CharField(max_length=20, choices=MatchMethod)
    confidence = models.DecimalField(max_digits=4, decimal_places=3)
    reason = models.CharField(max_length=300)
    line_count = models.PositiveIntegerField()
    entry_count = models.PositiveIntegerField()
    made_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    approved_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    made_at = models.DateTimeField(default=timezone.now)
    reverses = models.OneToOneField("self", null=True, on_delete=models.PROTECT, related_name="reversed_by")

    class Meta:
        db_table = "bank_matches"
        verbose_name_plural = "bank matches"
        ordering = ("-made_at", "-id")
        indexes = (models.Index(fields=["escrow_account", "-made_at", "-id"], name="bank_matches_latest"),)
        constraints = (
            guards.known_values("bank_matches", "method", MatchMethod),
            models.CheckConstraint(
                condition=Q(confidence__gte=0, confidence__lte=1), name="bank_matches_confidence_is_a_fraction"
            ),
            models.CheckConstraint(condition=~Q(reason=""), name="bank_matches_say_why"),
            models.CheckConstraint(
                condition=Q(method="REVERSAL", reverses__isnull=False, line_count=0, entry_count=0)
                | (~Q(method="REVERSAL") & Q(reverses__isnull=True, line_count__gte=1, entry_count__gte=1))
                | Q(method__in=["OFFSET", "MANUAL"], reverses__isnull=True, line_count=0, entry_count__gte=2)
                | Q(method="MANUAL", reverses__isnull=True, line_count__gte=2, entry_count=0),
                name="bank_matches_parts_fit_method",
            ),
            models.CheckConstraint(
                condition=Q(approved_by__isnull=True) | (Q(made_by__isnull=False) & ~Q(approved_by=F("made_by"))),
                name="bank_matches_two_people",
            ),
            models.CheckConstraint(
                condition=Q(made_by__isnull=False) | ~Q(method__in=["MANUAL", "RECEIPT", "BANK_FEE", "REVERSAL"]),
                name="bank_matches_made_by_somebody",
            ),
        )
        triggers = (
            *guards.audited(),
            *guards.append_only(),
            guards.Guard(
                "bank_match_adds_up",
                name="match_adds_up",
                when=guards.After,
                operation=guards.Insert,
                timing=guards.Deferred,
            ),
            guards.Guard(
                "bank_match_frees_parts",
                name="match_frees_parts",
                level=guards.Statement,
                when=guards.After,
                operation=guards.Insert,
                referencing=guards.NewRows,
            ),
        )

    def __str__(self) -> str:
        return f"{self.get_method_display()}: {self.line_count} to {self.entry_count}"


def _part_triggers(procedure: str) -> tuple[Any, ...]:
    """Return what guards a part of a match: added with its match, freed by a reversal, otherwise for ever."""
    return (
        *guards.audited(),
        *guards.never_deleted(),
        guards.Guard("bank_match_part_is_freed", name="part_is_freed", when=guards.Before, operation=guards.Update),
        guards.Guard(
            procedure,
            name="part_fits",
            level=guards.Statement,
            when=guards.After,
            operation=guards.Insert,
            referencing=guards.NewRows,
        ),
    )


class BankMatchLine(models.Model):
    """A bank line of a match. ``is_living`` ends when the match is undone, and only then; by the database itself."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    match = models.ForeignKey(BankMatch, on_delete=models.PROTECT, related_name="match_lines")
    line = models.ForeignKey(BankStatementLine, on_delete=models.PROTECT, related_name="match_lines")
    is_living = models.BooleanField(default=True)

    class Meta:
        db_table = "bank_match_lines"
        ordering = ("id",)
        constraints = (
            models.UniqueConstraint(fields=["match", "line"], name="bank_match_lines_once"),
            models.UniqueConstraint(fields=["line"], condition=Q(is_living=True), name="bank_match_lines_one_living"),
        )
        triggers = _part_triggers("bank_match_lines_fit")

    def __str__(self) -> str:
        return str(self.line)


class BankMatchEntry(models.Model):
    """A BANK entry of a match. ``is_living`` ends when the match is undone, and only then; by the database itself."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    match = models.ForeignKey(BankMatch, on_delete=models.PROTECT, related_name="match_entries")
    entry = models.ForeignKey(EscrowLedgerEntry, on_delete=models.PROTECT, related_name="match_entries")
    is_living = models.BooleanField(default=True)

    class Meta:
        db_table = "bank_match_entries"
        verbose_name_plural = "bank match entries"
        ordering = ("id",)
        constraints = (
            models.UniqueConstraint(fields=["match", "entry"], name="bank_match_entries_once"),
            models.UniqueConstraint(
                fields=["entry"], condition=Q(is_living=True), name="bank_match_entries_one_living"
            ),
        )
        triggers = _part_triggers("bank_match_entries_fit")

    def __str__(self) -> str:
        return str(self.entry)
