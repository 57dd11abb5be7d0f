"""A row's audit events in words: who changed what, when, by which operation and why."""

import json
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from django.core.exceptions import FieldDoesNotExist
from django.db import models
from django.db.models import QuerySet
from django.db.models.functions import Cast

from realco.encryption import EncryptedCharField, EncryptedTextField
from realco.models import AuditEvent, User
from realco.money import MoneyField, format_money

PAGE = 50
ENCRYPTED = (EncryptedCharField, EncryptedTextField)
TOGETHER = "*"
"""Under this name, which no column has, an event tells of several rows that were made together."""
_NOISE = frozenset({"updated_at"})


@dataclass(frozen=True, slots=True)
class Change:
    """One column's value before and after, as people read it."""

    label: str
    before: str
    after: str
    is_secret: bool


@dataclass(frozen=True, slots=True)
class Event:
    """One audit event and the columns it touched."""

    event: AuditEvent
    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True)
class Page:
    """Events, newest first, and the sequence from which older ones follow; empty when none do."""

    events: tuple[Event, ...]
    older: str


def page_of(row: models.Model, *, before: str = "") -> Page:
    """
    Return a page of a row's events; two queries, however many there are.

    A row that is only ever written together with another (``audited_with``) has that row's events. Where rows that
    are made together are told by one event, it is found under what they are about (``made_about``), and says what
    it says of this row.
    """
    row = getattr(row, "audited_with", row)
    with_others = models.Q(
        entity_id__in=[str(pk) for pk in getattr(row, "made_about", ())],
        changes__contains={"after": {TOGETHER: [{"id": str(row.pk)}]}},
    )
    events = AuditEvent.objects.filter(models.Q(entity_id=str(row.pk)) | with_others, entity_type=row._meta.db_table)
    events = exact(events)
    if before.isdecimal() and len(before) < 19:
        events = events.filter(sequence__lt=int(before))
    found = list(events.select_related("user").order_by("-sequence")[: PAGE + 1])
    shown = found[:PAGE]
    return Page(
        events=tuple(described(shown, type(row), of=str(row.pk))),
        older=str(shown[-1].sequence) if len(found) > PAGE else "",
    )


def exact(events: QuerySet[AuditEvent]) -> QuerySet[AuditEvent]:
    """Read what changed as text, so that amounts never pass through floats."""
    return events.defer("changes").annotate(changes_text=Cast("changes", models.TextField()))


def described(events: Iterable[AuditEvent], model: type[models.Model] | None, *, of: str = "") -> list[Event]:
    """Put events of one table, or what they say ``of`` one row, into words; people are named with one query."""
    rows = [(event, _sides(event, of)) for event in events]
    names = _names([side for _, sides in rows for side in sides], model)
    return [Event(event, tuple(_changes(event, sides, model, names))) for event, sides in rows]


def _sides(event: AuditEvent, of: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the columns before and after, amounts as Decimals."""
    changes = json.loads(getattr(event, "changes_text", "{}"), parse_float=Decimal)
    before, after = changes.get("before") or {}, changes.get("after") or {}
    if of and event.entity_id != of:
        after = next((one for one in after.get(TOGETHER, ()) if one["id"] == of), {})
    return before, after


def _changes(
    event: AuditEvent,
    sides: tuple[dict[str, Any], dict[str, Any]],
    model: type[models.Model] | None,
    names: dict[str, str],
) -> Iterable[Change]:
    before, after = sides
    for number, row in enumerate(after.get(TOGETHER, ()), start=1):
        for change in _changes(event, ({}, row), model, names):
            yield replace(change, label=f"{number}. {change.label}")
    for column in after or before:
        if column == TOGETHER:
            continue
        if column in _NOISE and event.operation == AuditEvent.Operation.UPDATE:
            continue
        field = _field(model, column)
        is_secret = isinstance(field, ENCRYPTED) or _is_veiled(before.get(column)) or _is_veiled(after.get(column))
        was, now = _words(field, before.get(column), names), _words(field, after.get(column), names)
        if was == now == "" or column == "id":
            continue
        if is_secret:
            was, now = "", "changed" if before and after else "set"
        yield Change(_label(field, column), was, now, is_secret)


def _words(field: Any, value: Any, names: dict[str, str]) -> str:
    """Write a stored value as people read it."""
    if value is None or value == "" or value == {} or value == []:
        return ""
    if isinstance(field, MoneyField):
        return format_money(Decimal(str(value)))
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(field, models.DateTimeField):
        return str(value)[:19].replace("T", " ")
    if isinstance(value, list | dict):
        return json.dumps(value, default=str, ensure_ascii=False)
    choices = dict(getattr(field, "flatchoices", None) or ())
    if value in choices:
        return str(choices[value])
    return names.get(str(value), str(value))


def _names(sides: list[dict[str, Any]], model: type[models.Model] | None) -> dict[str, str]:
    """Name the people whose ids stand in the events."""
    ids = {
        value
        for side in sides
        for column, value in side.items()
        if value and getattr(_field(model, column), "related_model", None) is User
    }
    known = {uuid.UUID(str(value)) for value in ids}
    return {str(user.pk): str(user) for user in User.objects.filter(pk__in=known)} if known else {}


def _field(model: type[models.Model] | None, column: str) -> Any:
    if model is None:
        return None
    try:
        return model._meta.get_field(column)
    except FieldDoesNotExist:
        return next((field for field in model._meta.fields if field.column == column), None)


def _label(field: Any, column: str) -> str:
    return str(getattr(field, "verbose_name", "") or column.replace("_", " "))


def _is_veiled(value: Any) -> bool:
    return isinstance(value, str) and value.startswith("[encrypted")
