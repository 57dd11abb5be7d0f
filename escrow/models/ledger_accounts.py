"""Ledger accounts: who owns which part of an escrow account, as double-entry bookkeeping sees it."""

from decimal import Decimal
from uuid import UUID

from django.conf import settings
from django.db import models
from django.db.models import Q, Value
from django.db.models.functions import Coalesce
from django.utils import timezone

from escrow.models.escrow_accounts import EscrowAccount
from realco import guards
from realco.identifiers import new_id
from realco.money import MoneyField

NOBODY = UUID(int=0)
"""Stands for a missing owner in the unique index, where nulls would not be found by an equality."""


class LedgerAccountKind(models.TextChoices):
    BANK = "BANK", "Bank"
    CLEARING = "CLEARING", "Clearing"
    RECEIVABLE = "RECEIVABLE", "Receivable"
    UNCLEARED = "UNCLEARED", "Uncleared"
    PAYOUTS = "PAYOUTS", "Payouts"
    INVESTOR = "INVESTOR", "Investor"
    OFFERING = "OFFERING", "Offering"
    FEES = "FEES", "Fees"
    HELD = "HELD", "Held"
    SUSPENSE = "SUSPENSE", "Suspense"


class LedgerAccount(models.Model):
    """
    One account of the ledger, and its balance and last sequence number.

    A balance is signed so that it is ≥ 0 when normal: assets grow with debits, all others with
    credits. Rows are made and changed only by the database function ``ledger_post``.
    """

    Kind = LedgerAccountKind

    ASSETS = (LedgerAccountKind.BANK, LedgerAccountKind.CLEARING, LedgerAccountKind.RECEIVABLE)
    PENDING = (LedgerAccountKind.UNCLEARED, LedgerAccountKind.PAYOUTS)
    AVAILABLE = (LedgerAccountKind.INVESTOR, LedgerAccountKind.OFFERING, LedgerAccountKind.FEES)
    HELD = (LedgerAccountKind.HELD, LedgerAccountKind.SUSPENSE)
    NEVER_NEGATIVE = (
        LedgerAccountKind.BANK,
        LedgerAccountKind.INVESTOR,
        LedgerAccountKind.OFFERING,
        LedgerAccountKind.PAYOUTS,
        LedgerAccountKind.HELD,
        LedgerAccountKind.SUSPENSE,
    )
    OWNED = (LedgerAccountKind.UNCLEARED, LedgerAccountKind.INVESTOR, LedgerAccountKind.RECEIVABLE)

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    escrow_account = models.ForeignKey(
        EscrowAccount, on_delete=models.PROTECT, related_name="ledger_accounts", db_index=False
    )
    kind = models.CharField(max_length=20, choices=LedgerAccountKind)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    currency = models.CharField(max_length=3, default="USD")
    balance = MoneyField(default=Decimal("0.00"))
    entry_count = models.BigIntegerField(default=0)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        db_table = "ledger_accounts"
        ordering = ("kind",)
        constraints = (
            guards.known_values("ledger_accounts", "kind", LedgerAccountKind),
            guards.known_values("ledger_accounts", "currency", ["USD"]),
            models.UniqueConstraint(
                "escrow_account",
                "kind",
                Coalesce("owner", Value(NOBODY, output_field=models.UUIDField())),
                name="ledger_accounts_once",
            ),
            models.CheckConstraint(
                condition=~Q(kind__in=["BANK", "INVESTOR", "OFFERING", "PAYOUTS", "HELD"]) | Q(balance__gte=0),
                name="ledger_accounts_never_negative",
            ),
            models.CheckConstraint(
                condition=~Q(kind="SUSPENSE") | Q(balance__gte=0),
                name="ledger_accounts_suspense_never_negative",
            ),
            models.CheckConstraint(
                condition=Q(kind__in=["UNCLEARED", "INVESTOR", "RECEIVABLE"], owner__isnull=False)
                | Q(kind="HELD")
                | Q(kind__in=["BANK", "CLEARING", "PAYOUTS", "OFFERING", "FEES", "SUSPENSE"], owner__isnull=True),
                name="ledger_accounts_owner_fits_kind",
            ),
        )
        triggers = (
            *guards.audited(update=None),
            *guards.never_deleted(),
            guards.immutable("id", "escrow_account_id", "kind", "owner_id", "currency", "created_at"),
            *(
                guards.Guard(
                    "ledger_heads_are_last_entries",
                    name=name,
                    level=guards.Statement,
                    when=guards.After,
                    operation=operation,
                    referencing=guards.NewRows,
                )
                for name, operation in (("begins_empty", guards.Insert), ("heads_are_last_entries", guards.Update))
            ),
            guards.Guard(
                "held_is_what_holds_say",
                name="held_is_what_holds_say",
                when=guards.After,
                operation=guards.InsertOrUpdate,
                timing=guards.Deferred,
                condition=guards.IsHeld,
            ),
        )

    def __str__(self) -> str:
        return f"{self.kind} of {self.owner}" if self.owner_id else str(self.kind)

    @property
    def is_asset(self) -> bool:
        """Whether debits make it grow."""
        return self.kind in self.ASSETS

    @property
    def key(self) -> tuple[UUID, str, UUID | None]:
        """The escrow account, the kind and the owner, by which postings name a ledger account."""
        return (self.escrow_account_id, self.kind, self.owner_id)
