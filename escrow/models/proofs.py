"""Proof snapshots: what the books of one account said at the end of a day, signed, with a root over its investors."""

from django.db import models
from django.db.models import Q
from django.utils import timezone

from escrow.models.escrow_accounts import EscrowAccount
from escrow.models.reconciliations import Reconciliation
from realco import guards
from realco.identifiers import new_id
from realco.money import MoneyField


class ProofLeaves(models.Model):
    """
    The balances that a tree was built from: compressed JSON, ``[[investor id, [cents by kind]], …]`` in id order.

    Kept so that an investor can be given a proof of an earlier day. Days on which nobody's balance
    changed share one row; ``content_hash`` is the SHA-256 of the JSON.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    escrow_account = models.ForeignKey(
        EscrowAccount, on_delete=models.PROTECT, related_name="proof_leaves", db_index=False
    )
    content_hash = models.CharField(max_length=64)
    data = models.BinaryField()
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        db_table = "proof_leaves"
        verbose_name_plural = "proof leaves"
        constraints = (models.UniqueConstraint(fields=["escrow_account", "content_hash"], name="proof_leaves_once"),)
        triggers = (*guards.audited("data"), *guards.append_only())

    def __str__(self) -> str:
        return f"Leaves of {self.escrow_account} {self.content_hash[:12]}"


class ProofSnapshot(models.Model):
    """
    The signed proof of one account and day; another run with other figures adds a revision and edits nothing.

    ``figures`` is the balance sheet by kind, ``equalities`` the four comparisons with both sides,
    ``sums`` the root's cents by kind. ``content_hash`` covers everything signed, ``previous_hash``
    among it, so that the snapshots of an account form a chain; ``sequence`` counts them from 1.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    escrow_account = models.ForeignKey(
        EscrowAccount, on_delete=models.PROTECT, related_name="proof_snapshots", db_index=False
    )
    reconciliation = models.ForeignKey(Reconciliation, on_delete=models.PROTECT, related_name="proof_snapshots")
    as_of_date = models.DateField()
    revision = models.PositiveIntegerField()
    sequence = models.PositiveIntegerField()
    figures = models.JSONField()
    equalities = models.JSONField()
    is_balanced = models.BooleanField()
    investor_count = models.PositiveIntegerField()
    merkle_root = models.CharField(max_length=64)
    sums = models.JSONField()
    total = MoneyField()
    leaves = models.ForeignKey(ProofLeaves, on_delete=models.PROTECT, related_name="snapshots")
    previous_hash = models.CharField(max_length=64, blank=True, default="")
    content_hash = models.CharField(max_length=64, unique=True)
    key_id = models.CharField(max_length=32)
    signature = models.CharField(max_length=100)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        db_table = "proof_snapshots"
        ordering = ("-created_at", "-id")
        constraints = (
            models.UniqueConstraint(fields=["escrow_account", "sequence"], name="proof_snapshots_chain"),
            models.UniqueConstraint(fields=["escrow_account", "as_of_date", "revision"], name="proof_snapshots_day"),
            models.CheckConstraint(condition=Q(sequence__gte=1, revision__gte=1), name="proof_snapshots_from_one"),
            models.CheckConstraint(condition=Q(total__gte=0), name="proof_snapshots_never_negative"),
        )
        triggers = (
            *guards.audited(),
            *guards.append_only(),
            guards.Guard(
                "proof_snapshots_follow", name="snapshots_follow", when=guards.Before, operation=guards.Insert
            ),
        )

    def __str__(self) -> str:
        revision = f" (revision {self.revision})" if self.revision > 1 else ""
        return f"Proof of {self.escrow_account} {self.as_of_date}{revision}"
