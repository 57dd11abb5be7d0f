"""Exports of investors' figures for tax forms: who took which, and whether tax ids were whole."""

from django.conf import settings
from django.db import models
from django.utils import timezone

from realco import guards
from realco.identifiers import new_id
from realco.models import Offering


class TaxExport(models.Model):
    """One file that somebody took. Append-only; ``content_hash`` is the SHA-256 of the file."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    offering = models.ForeignKey(Offering, on_delete=models.PROTECT, related_name="tax_exports")
    year = models.PositiveSmallIntegerField()
    row_count = models.PositiveIntegerField()
    shows_tax_ids = models.BooleanField()
    content_hash = models.CharField(max_length=64)
    exported_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        db_table = "tax_exports"
        ordering = ("-created_at", "-id")
        permissions = (
            ("create_taxexport", "Can export investors' figures for tax forms"),
            ("show_taxids", "Can have tax ids whole in that export"),
        )
        triggers = (*guards.audited(), *guards.append_only())

    def __str__(self) -> str:
        return f"{self.offering}, {self.year}"
