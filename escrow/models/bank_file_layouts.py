"""How each bank writes its CSV files, as staff saved it."""

from django.conf import settings
from django.db import models
from django.utils import timezone

from realco import guards
from realco.identifiers import new_id


class BankFileLayout(models.Model):
    """
    One version of one layout: never changed, so that it stays known how a statement was read.

    A layout is improved by adding it under its name again, which makes the next version; the last one is used.
    ``contents`` is what ``escrow.bank_files.csv_layouts`` reads, with every setting written out.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    name = models.CharField(max_length=100)
    version = models.PositiveIntegerField()
    bank_name = models.CharField(max_length=100)
    contents = models.JSONField()
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        db_table = "bank_file_layouts"
        ordering = ("name", "-version")
        constraints = (
            models.UniqueConstraint(fields=["name", "version"], name="bank_file_layouts_once"),
            models.CheckConstraint(
                condition=models.Q(version__gte=1) & ~models.Q(name="") & ~models.Q(bank_name=""),
                name="bank_file_layouts_named",
            ),
        )
        triggers = (*guards.audited(), *guards.append_only())

    def __str__(self) -> str:
        return f"{self.name}, version {self.version}"
