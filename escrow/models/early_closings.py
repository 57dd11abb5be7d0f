"""Notices that an offering will close before its deadline, which Regulation CF asks for (17 CFR 227.304(b))."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from escrow.models.escrow_accounts import EscrowAccount
from realco import guards
from realco.identifiers import new_id


class EarlyClosingNotice(models.Model):
    """
    One notice: given at ``notice_at``, the offering closes at ``closes_at`` over what was committed by then.

    The database refuses a notice that is too short, an offering that was open too briefly, and a
    closing moment that is not before the deadline. Until that moment comes a notice may be withdrawn, with
    a reason, once and for ever; from then on it counts for nothing.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    escrow_account = models.ForeignKey(
        EscrowAccount, on_delete=models.PROTECT, related_name="early_closing_notices", db_index=False
    )
    notice_at = models.DateTimeField()
    closes_at = models.DateTimeField()
    given_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    withdrawn_at = models.DateTimeField(null=True)
    withdrawn_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    withdrawn_reason = models.CharField(max_length=300, blank=True, default="")
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        db_table = "early_closing_notices"
        ordering = ("-closes_at",)
        constraints = (
            models.UniqueConstraint(
                fields=["escrow_account", "closes_at"],
                condition=Q(withdrawn_at__isnull=True),
                name="early_closing_notices_living_once",
            ),
            models.CheckConstraint(
                condition=Q(withdrawn_at__isnull=True, withdrawn_by__isnull=True, withdrawn_reason="")
                | (Q(withdrawn_at__isnull=False, withdrawn_by__isnull=False) & ~Q(withdrawn_reason="")),
                name="early_closing_notices_withdrawn_by_somebody",
            ),
            models.CheckConstraint(condition=Q(closes_at__gt=F("notice_at")), name="early_closing_notices_in_order"),
        )
        triggers = (
            *guards.audited(),
            *guards.never_deleted(),
            guards.immutable("id", "escrow_account_id", "notice_at", "closes_at", "given_by_id", "created_at"),
            guards.written_once("withdrawn_at", "withdrawn_by_id", "withdrawn_reason"),
            guards.Guard(
                "early_closing_is_announced_in_time",
                name="announced_in_time",
                when=guards.Before,
                operation=guards.Insert,
            ),
            guards.Guard(
                "early_closing_is_withdrawn_in_time",
                name="withdrawn_in_time",
                when=guards.Before,
                operation=guards.InsertOrUpdate,
                condition=guards.Condition("NEW.withdrawn_at IS NOT NULL"),
            ),
        )

    def __str__(self) -> str:
        return f"Early closing of {self.escrow_account} at {self.closes_at:%Y-%m-%d %H:%M} UTC"

    @property
    def is_withdrawn(self) -> bool:
        return self.withdrawn_at is not None
