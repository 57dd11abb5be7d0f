"""Escrow accounts: one segregated account for each offering, with its balances kept by the ledger."""

from datetime import datetime
from decimal import Decimal

from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django_fsm import FSMField, FSMModelMixin, transition

from realco import guards
from realco.identifiers import new_id
from realco.models import Offering
from realco.money import MoneyField

ZERO = Decimal("0.00")


class EscrowAccountStatus(models.TextChoices):
    ACTIVE = "ACTIVE", "Active"
    FROZEN = "FROZEN", "Frozen"
    CLOSED = "CLOSED", "Closed"
    LIQUIDATING = "LIQUIDATING", "Liquidating"


TRANSITIONS = {
    EscrowAccountStatus.ACTIVE: (
        EscrowAccountStatus.FROZEN,
        EscrowAccountStatus.LIQUIDATING,
        EscrowAccountStatus.CLOSED,
    ),
    EscrowAccountStatus.FROZEN: (EscrowAccountStatus.ACTIVE, EscrowAccountStatus.LIQUIDATING),
    EscrowAccountStatus.LIQUIDATING: (EscrowAccountStatus.FROZEN, EscrowAccountStatus.CLOSED),
    EscrowAccountStatus.CLOSED: (),
}


class EscrowAccount(FSMModelMixin, models.Model):
    """
    An offering's own escrow account.

    Balances change only with the ledger: a trigger on its entries adds them up here, and refuses
    every other update of them. ``current = available + pending + held``, in US dollars.
    """

    Status = EscrowAccountStatus
    TRANSITIONS = TRANSITIONS

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    offering = models.OneToOneField(Offering, on_delete=models.PROTECT, related_name="escrow_account")
    account_number = models.CharField(max_length=20, unique=True)
    bank_account = models.ForeignKey(
        "finance.BankAccount", null=True, on_delete=models.PROTECT, related_name="escrow_accounts"
    )
    external_account_id = models.CharField(max_length=100, unique=True)
    currency = models.CharField(max_length=3, default="USD")
    current_balance = MoneyField(default=ZERO)
    available_balance = MoneyField(default=ZERO)
    pending_balance = MoneyField(default=ZERO)
    held_balance = MoneyField(default=ZERO)
    total_deposits = MoneyField(default=ZERO)
    total_withdrawals = MoneyField(default=ZERO)
    total_distributions = MoneyField(default=ZERO)
    status = FSMField(
        max_length=20, choices=EscrowAccountStatus.choices, default=EscrowAccountStatus.ACTIVE, protected=True
    )
    frozen_reason = models.CharField(max_length=300, blank=True, default="")
    frozen_at = models.DateTimeField(null=True, blank=True)
    closed_at = models.DateTimeField(null=True, blank=True)
    last_reconciled_at = models.DateTimeField(null=True, blank=True)
    last_reconciled_balance = MoneyField(null=True, blank=True)
    metadata = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        db_table = "escrow_accounts"
        ordering = ("account_number",)
        permissions = (
            ("manage_escrowaccount", "Can open and close escrow accounts"),
            ("freeze_escrowaccount", "Can freeze and unfreeze escrow accounts"),
            ("reconcile_escrowaccount", "Can import statements and reconcile"),
        )
        constraints = (
            guards.known_values("escrow_accounts", "status", EscrowAccountStatus),
            guards.known_values("escrow_accounts", "currency", ["USD"]),
            models.CheckConstraint(
                condition=Q(current_balance=F("available_balance") + F("pending_balance") + F("held_balance")),
                name="escrow_accounts_equation",
            ),
            models.CheckConstraint(
                condition=Q(account_number__regex=r"^ESCROW-[0-9]{4}-[0-9]{4,}$"),
                name="escrow_accounts_number_form",
            ),
            models.CheckConstraint(
                condition=~Q(status="FROZEN") | (Q(frozen_at__isnull=False) & ~Q(frozen_reason="")),
                name="escrow_accounts_frozen_says_why",
            ),
            models.CheckConstraint(
                condition=~Q(status="CLOSED")
                | Q(closed_at__isnull=False, current_balance=0, available_balance=0, pending_balance=0, held_balance=0),
                name="escrow_accounts_closed_is_empty",
            ),
        )
        triggers = (
            *guards.audited(),
            *guards.never_deleted(),
            guards.immutable("offering_id", "account_number", "currency", "external_account_id"),
            guards.written_once("bank_account_id", "closed_at"),
            guards.legal_status(EscrowAccountStatus.ACTIVE, TRANSITIONS),
            guards.Guard(
                "escrow_balances_follow_ledger",
                name="balances_follow_ledger",
                when=guards.Before,
                operation=guards.InsertOrUpdate,
            ),
            guards.Guard(
                "escrow_account_life", name="life", when=guards.Before, operation=guards.UpdateOf("status", "metadata")
            ),
        )

    def __str__(self) -> str:
        return self.account_number

    @transition(
        field=status,
        source=[EscrowAccountStatus.ACTIVE, EscrowAccountStatus.LIQUIDATING],
        target=EscrowAccountStatus.FROZEN,
    )
    def mark_frozen(self, *, reason: str, at: datetime) -> None:
        self.frozen_reason = reason
        self.frozen_at = at

    @transition(field=status, source=[EscrowAccountStatus.FROZEN], target=EscrowAccountStatus.ACTIVE)
    def mark_active(self) -> None:
        self.frozen_reason = ""
        self.frozen_at = None

    @transition(
        field=status,
        source=[EscrowAccountStatus.ACTIVE, EscrowAccountStatus.FROZEN],
        target=EscrowAccountStatus.LIQUIDATING,
    )
    def mark_liquidating(self) -> None:
        """Only distributions and refunds leave from here on."""

    @transition(
        field=status,
        source=[EscrowAccountStatus.ACTIVE, EscrowAccountStatus.LIQUIDATING],
        target=EscrowAccountStatus.CLOSED,
    )
    def mark_closed(self, *, at: datetime) -> None:
        self.closed_at = at
