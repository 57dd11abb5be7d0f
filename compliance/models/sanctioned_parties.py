"""Whom nobody may pay: the parties and names of imported sanctions lists."""

from django.db import models
from django.utils import timezone

from realco import guards
from realco.identifiers import new_id


class SanctionsImport(models.Model):
    """One loading of a published list, and what it changed."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    list_name = models.CharField(max_length=30)
    content_hash = models.CharField(max_length=64)
    parties = models.PositiveIntegerField()
    names = models.PositiveIntegerField()
    added = models.PositiveIntegerField()
    changed = models.PositiveIntegerField()
    removed = models.PositiveIntegerField()
    imported_at = models.DateTimeField(default=timezone.now)

    class Meta:
        db_table = "sanctions_imports"
        ordering = ("-imported_at",)
        triggers = (*guards.audited(), *guards.append_only())

    def __str__(self) -> str:
        return f"{self.list_name} {self.content_hash[:12]}"


class SanctionedParty(models.Model):
    """
    One entry of a sanctions list, as published; ``removed_at`` says when the list dropped it.

    ``entity_number`` is the list's own number (OFAC's ent_num). Kept ten years after removal.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    list_name = models.CharField(max_length=30)
    entity_number = models.CharField(max_length=30)
    name = models.CharField(max_length=400)
    party_type = models.CharField(max_length=30, blank=True, default="")
    programs = models.CharField(max_length=300, blank=True, default="")
    remarks = models.TextField(blank=True, default="")
    content_hash = models.CharField(max_length=64)
    listed_at = models.DateTimeField(default=timezone.now)
    removed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "sanctioned_parties"
        verbose_name_plural = "sanctioned parties"
        ordering = ("name",)
        constraints = (
            models.UniqueConstraint(fields=["list_name", "entity_number"], name="sanctioned_parties_number"),
        )
        triggers = (*guards.audited(), *guards.never_deleted())

    def __str__(self) -> str:
        return f"{self.name} ({self.list_name} {self.entity_number})"


class SanctionedName(models.Model):
    """One name of a listed party, primary or also-known-as; ``normalized`` is what is compared."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    party = models.ForeignKey(SanctionedParty, on_delete=models.CASCADE, related_name="names")
    name = models.CharField(max_length=400)
    normalized = models.CharField(max_length=400, db_index=True)
    is_primary = models.BooleanField(default=False)

    class Meta:
        db_table = "sanctioned_names"
        constraints = (models.UniqueConstraint(fields=["party", "name"], name="sanctioned_names_once"),)
        triggers = (*guards.audited(),)

    def __str__(self) -> str:
        return self.name
