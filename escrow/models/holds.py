"""Holds: part of an investor's cleared money that nobody may use, who blocked it, why, and until when."""

from datetime import datetime
from decimal import Decimal

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django_fsm import FSMField, FSMModelMixin, transition

from escrow.models.escrow_accounts import EscrowAccount
from realco import guards
from realco.identifiers import new_id
from realco.money import MoneyField

ZERO = Decimal("0.00")


class HoldStatus(models.TextChoices):
    OPEN = "OPEN", "Open"
    RELEASED = "RELEASED", "Released"
    EXPIRED = "EXPIRED", "Expired"


TRANSITIONS = {
    HoldStatus.OPEN: (HoldStatus.RELEASED, HoldStatus.EXPIRED),
    HoldStatus.RELEASED: (),
    HoldStatus.EXPIRED: (),
}


class Hold(FSMModelMixin, models.Model):
    """
    One blocking of an investor's cleared money.

    ``amount`` was blocked, ``released_amount`` of it is free again, US dollars. An investor's HELD
    balance is what their open holds still block: the database compares the two at commit, so that
    no journal entry holds or frees money without its row here.
    """

    Status = HoldStatus
    TRANSITIONS = TRANSITIONS

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    escrow_account = models.ForeignKey(EscrowAccount, on_delete=models.PROTECT, related_name="holds", db_index=False)
    investor = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    amount = MoneyField()
    released_amount = MoneyField(default=ZERO)
    status = FSMField(max_length=20, choices=HoldStatus.choices, default=HoldStatus.OPEN, protected=True)
    reason = models.CharField(max_length=300)
    reference = models.CharField(max_length=200, unique=True)
    placed_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    placed_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        db_table = "holds"
        ordering = ("-placed_at", "-id")
        indexes = (
            models.Index(
                fields=["escrow_account", "investor"], condition=Q(status="OPEN"), name="holds_open_by_investor"
            ),
            models.Index(fields=["escrow_account", "-placed_at"], name="holds_of_account"),
            models.Index(
                fields=["expires_at"], condition=Q(status="OPEN", expires_at__isnull=False), name="holds_expiring"
            ),
        )
        constraints = (
            guards.known_values("holds", "status", HoldStatus),
            models.CheckConstraint(condition=Q(amount__gt=0), name="holds_amount_positive"),
            models.CheckConstraint(
                condition=Q(released_amount__gte=0) & Q(released_amount__lte=F("amount")),
                name="holds_release_no_more_than_held",
            ),
            models.CheckConstraint(
                condition=(Q(status="OPEN", ended_at__isnull=True) & Q(released_amount__lt=F("amount")))
                | (~Q(status="OPEN") & Q(ended_at__isnull=False) & Q(released_amount=F("amount"))),
                name="holds_end_when_all_is_released",
            ),
            models.CheckConstraint(
                condition=~Q(status="EXPIRED") | Q(expires_at__isnull=False, ended_at__gte=F("expires_at")),
                name="holds_expire_in_their_time",
            ),
            models.CheckConstraint(
                condition=Q(expires_at__isnull=True) | Q(expires_at__gt=F("placed_at")), name="holds_expire_later"
            ),
            models.CheckConstraint(condition=~Q(reason="") & ~Q(reference=""), name="holds_say_why"),
        )
        triggers = (
            *guards.audited(),
            *guards.never_deleted(),
            guards.immutable(
                "escrow_account_id", "investor_id", "amount", "reason", "reference", "placed_by_id", "placed_at",
                "expires_at",
            ),
            guards.written_once("ended_at"),
            guards.legal_status(HoldStatus.OPEN, TRANSITIONS),
            guards.Guard(
                "hold_only_shrinks", name="only_shrinks", when=guards.Before, operation=guards.InsertOrUpdate
            ),
            guards.Guard(
                "held_is_what_holds_say",
                name="held_is_what_holds_say",
                when=guards.After,
                operation=guards.InsertOrUpdate,
                timing=guards.Deferred,
            ),
        )  # fmt: skip

    def __str__(self) -> str:
        return f"Hold on {self.left} of {self.investor}"

    @property
    def left(self) -> Decimal:
        """What the hold still blocks."""
        return self.amount - self.released_amount

    def is_due(self, at: datetime) -> bool:
        """Whether it is open and its time is over."""
        return self.status == HoldStatus.OPEN and self.expires_at is not None and self.expires_at <= at

    @transition(field=status, source=HoldStatus.OPEN, target=HoldStatus.RELEASED)
    def mark_released(self, *, at: datetime) -> None:
        self.ended_at = at

    @transition(field=status, source=HoldStatus.OPEN, target=HoldStatus.EXPIRED)
    def mark_expired(self, *, at: datetime) -> None:
        self.ended_at = at
