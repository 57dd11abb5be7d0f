"""Companies: the platform itself and the sponsors who run offerings."""

from django.db import models
from django.utils import timezone

from realco import guards
from realco.identifiers import new_id
from realco.models.users import User


class OrganizationKind(models.TextChoices):
    PLATFORM = "PLATFORM", "Platform"
    SPONSOR = "SPONSOR", "Sponsor"


class Organization(models.Model):
    """A company, and the person who acts and is paid for it."""

    Kind = OrganizationKind

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    name = models.CharField(max_length=200, unique=True)
    kind = models.CharField(max_length=20, choices=OrganizationKind)
    owner = models.ForeignKey(User, on_delete=models.PROTECT, related_name="organizations")
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        db_table = "organizations"
        ordering = ("name",)
        constraints = (guards.known_values("organizations", "kind", OrganizationKind),)
        triggers = (*guards.audited(),)

    def __str__(self) -> str:
        return self.name
