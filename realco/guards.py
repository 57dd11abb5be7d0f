"""
The database's own rules: triggers and CHECKs that hold whatever road a change takes.

A guard is a django-pgtrigger trigger that executes one of the kernel's PL/pgSQL functions
(``realco/migrations/0002_guards.sql``) instead of a generated one: the generated ones can be
switched off by anybody with ``SET pgtrigger.ignore``, ours cannot.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any

import pgtrigger
from django.db import models
from django.db.migrations.state import ProjectState
from pgtrigger.migrations import AddTrigger

HELD_FROM = "<held_from>"
Before = pgtrigger.Before
Condition = pgtrigger.Condition
After = pgtrigger.After
Insert = pgtrigger.Insert
Update = pgtrigger.Update
Delete = pgtrigger.Delete
InsertOrUpdate = pgtrigger.Insert | pgtrigger.Update
Statement = pgtrigger.Statement
UpdateOf = pgtrigger.UpdateOf
Deferred = pgtrigger.Deferred
NewRows = pgtrigger.Referencing(new="new_rows")
IsHeld = pgtrigger.Condition("NEW.kind = 'HELD'")
"""Only ledger accounts of held money."""
OldAndNewRows = pgtrigger.Referencing(old="old_rows", new="new_rows")


class Guard(pgtrigger.Trigger):
    """A trigger whose body is the named database function, called with literal arguments."""

    func = "RETURN NULL;"

    def __init__(self, procedure: str, *arguments: str, **trigger: Any) -> None:
        self.procedure = procedure
        self.arguments = arguments
        super().__init__(**trigger)

    def render_execute(self, model: models.Model) -> str:
        quoted = ", ".join("'" + argument.replace("'", "''") + "'" for argument in self.arguments)
        return f"{self.procedure}({quoted})"


def audited(*secret: str, **instead: str | None) -> list[pgtrigger.Trigger]:
    """
    Write every insert, update and delete to audit_events; columns named secret show only that they changed.

    ``insert``, ``update`` and ``delete`` name another function for a table that needs its own words, or
    None where another row's event already says all.
    """
    referencing = {
        "insert": pgtrigger.Referencing(new="new_rows"),
        "update": pgtrigger.Referencing(old="old_rows", new="new_rows"),
        "delete": pgtrigger.Referencing(old="old_rows"),
    }
    operations = {"insert": pgtrigger.Insert, "update": pgtrigger.Update, "delete": pgtrigger.Delete}
    return [
        Guard(
            instead.get(verb) or "realco_audit",
            *([] if verb in instead else [",".join(secret)]),
            name=f"audit_{verb}",
            level=pgtrigger.Statement,
            when=pgtrigger.After,
            operation=operations[verb],
            referencing=referencing[verb],
        )
        for verb in operations
        if instead.get(verb, "") is not None
    ]


def append_only() -> list[pgtrigger.Trigger]:
    """Refuse every update, delete and truncate."""
    return [
        Guard(
            "realco_append_only",
            name="append_only",
            when=pgtrigger.Before,
            operation=pgtrigger.Update | pgtrigger.Delete,
        ),
        never_truncated(),
    ]


def never_deleted() -> list[pgtrigger.Trigger]:
    """Refuse delete and truncate: financial rows are kept for seven years."""
    return [
        Guard("realco_append_only", name="never_deleted", when=pgtrigger.Before, operation=pgtrigger.Delete),
        never_truncated(),
    ]


def never_truncated() -> pgtrigger.Trigger:
    """Refuse to empty the table at once, past its row triggers."""
    return Guard(
        "realco_append_only",
        name="never_truncated",
        level=pgtrigger.Statement,
        when=pgtrigger.Before,
        operation=pgtrigger.Truncate,
    )


def immutable(*columns: str, name: str = "immutable") -> pgtrigger.Trigger:
    """Refuse an update that changes one of the columns."""
    return Guard(
        "realco_immutable",
        *columns,
        name=name,
        when=pgtrigger.Before,
        operation=pgtrigger.UpdateOf(*columns),
    )


def written_once(*columns: str) -> pgtrigger.Trigger:
    """Refuse an update that changes one of the columns after it was given a value."""
    return Guard(
        "realco_written_once",
        *columns,
        name="written_once",
        when=pgtrigger.Before,
        operation=pgtrigger.UpdateOf(*columns),
    )


def legal_status(
    initial: str, transitions: Mapping[Any, Iterable[str]], *, on_insert: bool = True
) -> pgtrigger.Trigger:
    """
    Refuse every change of status that is not in the table of transitions, and every other first status.

    Not ``on_insert``, another guard of the table says what a row may begin as.
    """
    table = {str(source): sorted(str(target) for target in targets) for source, targets in transitions.items()}
    remembered = ["held_from"] if sources_of(transitions, HELD_FROM) else []
    return Guard(
        "realco_legal_status",
        str(initial),
        json.dumps(table, sort_keys=True),
        name="legal_status",
        when=pgtrigger.Before,
        operation=(
            pgtrigger.Insert | pgtrigger.UpdateOf("status", *remembered)
            if on_insert
            else pgtrigger.UpdateOf("status", *remembered)
        ),
    )


def known_values(table: str, column: str, values: Iterable[str]) -> models.CheckConstraint:
    """Return the CHECK that a text column holds one of its enum's values (or null, where it may be)."""
    return models.CheckConstraint(
        condition=models.Q(**{f"{column}__in": [str(value) for value in values]}),
        name=f"{table}_{column}_known",
    )


def sources_of(transitions: Mapping[Any, Iterable[str]], target: str) -> list[str]:
    """Return the statuses from which the target may be entered, for django-fsm's ``source``."""
    return [str(source) for source, targets in transitions.items() if target in set(targets)]


class AddGuard(AddTrigger):
    """
    Installs a guard in a migration, without rendering every related model anew for each.

    A trigger changes no Python class, so the state only has to remember it; with two hundred of
    them that is half of the time that migrating an empty database takes.
    """

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        options = state.models[app_label, self.model_name].options
        options["triggers"] = [*options.get("triggers", []), self.trigger]


DROP_UNUSED_FUNCTIONS = """
DO $$ DECLARE unused regprocedure; BEGIN
    FOR unused IN SELECT p.oid FROM pg_proc p
                   WHERE p.pronamespace = current_schema()::regnamespace AND p.proname LIKE 'pgtrigger\\_%'
                     AND NOT EXISTS (SELECT FROM pg_trigger t WHERE t.tgname = p.proname)
    LOOP EXECUTE 'DROP FUNCTION ' || unused; END LOOP;
    IF NOT EXISTS (SELECT FROM pg_trigger WHERE tgname LIKE 'pgtrigger\\_%') THEN
        DROP FUNCTION IF EXISTS _pgtrigger_should_ignore(name);
    END IF;
END $$
"""
"""What a triggers migration runs last when it is reversed: django-pgtrigger leaves its functions behind."""
