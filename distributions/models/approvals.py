"""Approvals of distributions: who has signed which numbers."""

from django.conf import settings
from django.db import models

from distributions.models.distributions import Distribution
from realco import guards
from realco.identifiers import new_id


class DistributionApproval(models.Model):
    """One person's signature under the hash of a distribution's numbers."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    distribution = models.ForeignKey(Distribution, on_delete=models.PROTECT, related_name="approvals")
    approver = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    content_hash = models.CharField(max_length=64)
    note = models.CharField(max_length=300, blank=True, default="")
    approved_at = models.DateTimeField()

    class Meta:
        db_table = "distribution_approvals"
        ordering = ("approved_at",)
        constraints = (
            models.UniqueConstraint(
                fields=["distribution", "approver", "content_hash"], name="distribution_approvals_once"
            ),
        )
        triggers = (
            *guards.audited(),
            *guards.append_only(),
            guards.Guard(
                "distributions_approver_is_another",
                name="approver_is_another",
                when=guards.Before,
                operation=guards.Insert,
            ),
        )

    def __str__(self) -> str:
        return f"{self.approver} approved {self.distribution}"
