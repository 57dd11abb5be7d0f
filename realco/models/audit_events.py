"""The audit trail: what changed, who did it, from where and why. Written by triggers only."""

from django.db import models
from django.db.models import Func, Value
from django.utils import timezone

from realco import guards
from realco.identifiers import new_id
from realco.models.users import User


class AuditOperation(models.TextChoices):
    INSERT = "INSERT", "Created"
    UPDATE = "UPDATE", "Changed"
    DELETE = "DELETE", "Deleted"


class AuditEvent(models.Model):
    """
    One row's change in one statement.

    ``changes`` is ``{"before": …, "after": …}``: whole rows for inserts and deletes, the changed
    columns for updates. Rows that one event tells of together are a list under ``"*"``, and ``entity_id`` is what they
    are about. ``sequence`` orders events; clocks do not. ``entity_type`` is the table.
    """

    Operation = AuditOperation

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    sequence = models.BigIntegerField(
        unique=True, editable=False, db_default=Func(Value("audit_events_sequence"), function="nextval")
    )
    operation = models.CharField(max_length=10, choices=AuditOperation)
    action = models.CharField(max_length=80)
    reason = models.TextField()
    entity_type = models.CharField(max_length=63)
    entity_id = models.CharField(max_length=64)
    user = models.ForeignKey(
        User, null=True, on_delete=models.PROTECT, related_name="+", db_index=False, db_constraint=False
    )
    changes = models.JSONField()
    request_id = models.CharField(max_length=100)
    ip_address = models.GenericIPAddressField(null=True)
    database_role = models.CharField(max_length=63)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        db_table = "audit_events"
        ordering = ("-sequence",)
        indexes = (
            models.Index(fields=["entity_type", "entity_id", "-sequence"], name="audit_events_entity"),
            models.Index(fields=["user", "-sequence"], name="audit_events_user"),
        )
        constraints = (guards.known_values("audit_events", "operation", AuditOperation),)
        triggers = (
            *guards.append_only(),
            guards.Guard(
                "realco_events_name_people",
                name="name_people",
                level=guards.Statement,
                when=guards.After,
                operation=guards.Insert,
                referencing=guards.NewRows,
            ),
        )

    def __str__(self) -> str:
        return f"{self.entity_type} {self.operation.lower()} {self.action}".strip()
