"""Who among staff has looked at pages that show one investor's money and what stands against paying them."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from realco import guards
from realco.identifiers import new_id


class ReadingKind(models.TextChoices):
    DISTRIBUTIONS = "DISTRIBUTIONS", "A person’s distributions"
    QUARTER_STATEMENT = "QUARTER_STATEMENT", "The statement of a quarter"
    WAITING = "WAITING", "Who waits or was not paid, and why"
    WRITE_OFF = "WRITE_OFF", "A write-off"
    WRITE_OFFS = "WRITE_OFFS", "The list of write-offs"


class PersonalReading(models.Model):
    """
    One page or file that somebody had, like the exports for tax forms. Append-only.

    ``subject`` is whose it is, nobody's alone for a list; ``detail`` says which one, such as a quarter or the row;
    ``content_hash`` is the SHA-256 of a file.
    """

    Kind = ReadingKind

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    kind = models.CharField(max_length=20, choices=ReadingKind)
    subject = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="readings_of_them"
    )
    detail = models.CharField(max_length=100, blank=True, default="")
    content_hash = models.CharField(max_length=64, blank=True, default="")
    read_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        db_table = "personal_readings"
        ordering = ("-created_at", "-id")
        constraints = (
            guards.known_values("personal_readings", "kind", ReadingKind),
            models.CheckConstraint(
                condition=Q(kind="WRITE_OFFS") | Q(subject__isnull=False), name="personal_readings_are_of_somebody"
            ),
        )
        triggers = (*guards.audited(), *guards.append_only())

    def __str__(self) -> str:
        return f"{self.get_kind_display()}, read by {self.read_by}"
