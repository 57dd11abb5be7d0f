"""
Seeing that every guard still stands: triggers, their functions, constraints, as the migrations installed them.

A guard that was switched off, dropped, narrowed or hollowed out leaves no trace in the rows it would have
refused to change. So the database's own catalogue is compared with the models and with the SQL beside
the migrations: whatever is missing, disabled, different or unknown is a fault. The number of queries is
constant, and nothing is locked.
"""

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pgtrigger
from django.apps import apps
from django.db import connection, models
from pgtrigger import registry

from realco.guards import Guard

OURS = ("realco", "compliance", "escrow", "finance", "distributions")
# Django's own tables of privileges have no model of ours to carry a guard (realco/migrations/0004_privileges.py).
PRIVILEGES = ("auth_group", "auth_group_permissions", "users_groups", "users_user_permissions")


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a guard: the table (or function), the guard's name, and words."""

    table: str
    name: str
    message: str


@dataclass(frozen=True, slots=True)
class _Trigger:
    """A trigger as it is declared, or as the catalogue has it."""

    function: str
    arguments: tuple[str, ...]
    form: frozenset[str]
    columns: frozenset[str]
    condition: str


def faults() -> list[Fault]:
    """Return everything that keeps a guard from doing what the migrations installed it for; six queries."""
    return [*_triggers(), *_functions(), *_constraints(), *_nulls(), *_detours()]


# ---- triggers ----


def _triggers() -> Iterator[Fault]:
    expected = dict(_declared())
    seen = set()
    for table, name, state, function, arguments, form, columns, condition in _rows(_TRIGGERS, {"tables": _tables()}):
        if state not in "OA":
            how = "is switched off" if state == "D" else "fires for replicas only"
            yield Fault(table, name, f"trigger {name} of {table} {how}")
        if name.startswith("RI_ConstraintTrigger"):
            continue
        seen.add((table, name))
        declared = expected.get((table, name))
        if declared is None:
            yield Fault(table, name, f"trigger {name} of {table} is none of ours")
            continue
        found = _Trigger(function, tuple(arguments), frozenset(form), frozenset(columns), _told(condition))
        if found != declared:
            yield Fault(table, name, f"trigger {name} of {table} is not the one that was installed")
    for table, name in expected.keys() - seen:
        yield Fault(table, name, f"trigger {name} of {table} is missing")


def _declared() -> Iterator[tuple[tuple[str, str], _Trigger]]:
    """Give what the models declare, and the audit of Django's tables of privileges."""
    for model, trigger in registry.registered():
        if model._meta.app_label in OURS and isinstance(trigger, Guard):
            operation = str(trigger.operation)
            columns = frozenset(
                _column(model, name)
                for part in re.findall(r"UPDATE OF ([^A-Z]*)", operation)
                for name in re.findall(r"\w+", part)
            )
            verbs = frozenset(re.findall(r"INSERT|UPDATE|DELETE|TRUNCATE", operation))
            form = verbs | {str(trigger.level or pgtrigger.Row), str(trigger.when)}
            key = (model._meta.db_table, trigger.get_pgid(model))
            condition = "" if trigger.condition is None else str(trigger.condition.resolve(model))
            yield key, _Trigger(trigger.procedure, trigger.arguments, form, columns, _told(condition))
    for table in PRIVILEGES:
        for verb in ("INSERT", "UPDATE", "DELETE"):
            form = frozenset({verb, "STATEMENT", "AFTER"})
            yield (table, f"realco_audit_{verb.lower()}"), _Trigger("realco_audit", ("",), form, frozenset(), "")


def _told(condition: str) -> str:
    """
    Write a trigger's WHEN as the catalogue and a person would both write it: without casts, parentheses and ANY.

    Enough for conditions that do not mix AND with OR, as none of ours does.
    """
    plain = re.sub(r"::[a-z]+(?: varying)?(?:\[\])?", "", condition)
    plain = re.sub(r"= ANY \(+ARRAY\[(.*?)\]\)+", r"IN (\1)", plain)
    plain = re.sub(r"\b(new|old)\.", lambda found: found[0].upper(), plain)
    words = " ".join(re.sub(r"[()]", " ", plain).split()).removeprefix("WHEN ")
    return re.sub(r" ?, ?", ", ", words)


def _column(model: models.Model | type[models.Model], name: str) -> str:
    """Give the column of a field, which a guard may name either way."""
    return next(
        str(field.column) for field in model._meta.concrete_fields if name in (field.name, field.attname, field.column)
    )


_TRIGGERS = r"""
SELECT t.tgrelid::regclass::text, t.tgname, t.tgenabled::text, p.proname,
       (string_to_array(replace(encode(t.tgargs, 'escape'), '\000', E'\x01'), E'\x01'))[:t.tgnargs],
       array_remove(ARRAY[CASE WHEN t.tgtype & 1 > 0 THEN 'ROW' ELSE 'STATEMENT' END,
                          CASE WHEN t.tgtype & 2 > 0 THEN 'BEFORE' ELSE 'AFTER' END,
                          CASE WHEN t.tgtype & 4 > 0 THEN 'INSERT' END, CASE WHEN t.tgtype & 8 > 0 THEN 'DELETE' END,
                          CASE WHEN t.tgtype & 16 > 0 THEN 'UPDATE' END,
                          CASE WHEN t.tgtype & 32 > 0 THEN 'TRUNCATE' END], NULL),
       ARRAY(SELECT a.attname::text FROM pg_attribute a WHERE a.attrelid = t.tgrelid AND a.attnum = ANY (t.tgattr)),
       CASE WHEN t.tgqual IS NULL THEN ''
            ELSE substring(pg_get_triggerdef(t.oid) FROM ' WHEN \((.*)\) EXECUTE FUNCTION ') END
  FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid
  JOIN pg_class c ON c.oid = t.tgrelid
 WHERE c.relnamespace = current_schema()::regnamespace AND c.relname = ANY (%(tables)s)
"""


# ---- functions ----


def _functions() -> Iterator[Fault]:
    texts = _function_texts()
    found: dict[str, set[str]] = {}
    for name, body in _rows(_FUNCTIONS, {"names": list(texts)}):
        found.setdefault(name, set()).add(_plain(body))
    for name, bodies in texts.items():
        if name not in found:
            yield Fault("pg_proc", name, f"function {name} is missing")
        elif not found[name] <= bodies:
            yield Fault("pg_proc", name, f"function {name} does not do what the migrations say")


@cache
def _function_texts() -> Mapping[str, frozenset[str]]:
    """Give each function that a migration makes, with its text in the last migration of an app that has one."""
    texts: dict[tuple[str, str], set[str]] = {}
    for app in OURS:
        for path in sorted(Path(apps.get_app_config(app).path, "migrations").glob("[0-9]*")):
            if path.suffix not in (".sql", ".py") or "reverse" in path.stem:
                continue
            written: dict[str, set[str]] = {}
            for sql in _sql_of(path):
                for name, _, body, quoted in _FUNCTION.findall(sql):
                    written.setdefault(name, set()).add(_plain(body or quoted))
                for name in re.findall(r"DROP FUNCTION (?:IF EXISTS )?(\w+)", sql) if path.suffix == ".sql" else ():
                    texts.pop((app, name), None)
            texts.update({(app, name): bodies for name, bodies in written.items()})
    together: dict[str, set[str]] = {}
    for (_, name), bodies in texts.items():
        together.setdefault(name, set()).update(bodies)
    return {name: frozenset(bodies) for name, bodies in together.items()}


def _sql_of(path: Path) -> Iterator[str]:
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".sql":
        yield text
        return
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def _plain(body: str) -> str:
    return " ".join(body.split())


_FUNCTION = re.compile(
    r"CREATE (?:OR REPLACE )?FUNCTION (\w+)\s*\((?:(?!CREATE ).)*?\bAS\s+(?:\$(\w*)\$(.*?)\$\2\$|'([^']*)')", re.DOTALL
)
_FUNCTIONS = """
SELECT p.proname, p.prosrc FROM pg_proc p
 WHERE p.pronamespace = current_schema()::regnamespace AND p.proname = ANY (%(names)s)
"""


# ---- constraints ----


def _constraints() -> Iterator[Fault]:
    found: dict[tuple[str, str], set[tuple[str, ...]]] = {}
    for table, name, kind, columns, is_valid in _rows(_CONSTRAINTS, {"tables": _tables()}):
        if not is_valid:
            yield Fault(table, name, f"constraint {name} of {table} is not in force")
            continue
        found.setdefault((table, kind), set()).update({(name,), tuple(columns)})
    for table, kind, mark, name in _declared_constraints():
        if mark not in found.get((table, kind), set()):
            yield Fault(table, name, f"constraint {name} of {table} is missing")


def _declared_constraints() -> Iterator[tuple[str, str, tuple[str, ...], str]]:
    """Give (table, kind, what to look for, name): named constraints by name, those of fields by their column."""
    for model in _models():
        table = model._meta.db_table
        for constraint in model._meta.constraints:
            kind = "check" if isinstance(constraint, models.CheckConstraint) else "unique"
            yield table, kind, (constraint.name,), constraint.name
        for field in model._meta.local_concrete_fields:
            assert field.column is not None
            if field.primary_key:
                yield table, "unique", (field.column,), f"primary key {field.column}"
            elif field.unique:
                yield table, "unique", (field.column,), f"unique {field.column}"
            if isinstance(field, models.ForeignKey) and getattr(field, "db_constraint", True):
                target = field.related_model._meta.db_table
                yield table, "foreign", (field.column, f"-> {target}"), f"foreign key {field.column}"


_CONSTRAINTS = """
SELECT c.conrelid::regclass::text, c.conname,
       CASE c.contype WHEN 'c' THEN 'check' WHEN 'f' THEN 'foreign' ELSE 'unique' END,
       ARRAY(SELECT a.attname::text FROM unnest(c.conkey) WITH ORDINALITY k (number, ord)
               JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.number ORDER BY k.ord)
       || CASE WHEN c.contype = 'f' THEN ARRAY['-> ' || c.confrelid::regclass::text] ELSE '{}' END,
       c.convalidated AND coalesce((to_jsonb(c) ->> 'conenforced')::boolean, true)
       AND (c.contype <> 'c' OR cardinality(c.conkey) > 0)
  FROM pg_constraint c JOIN pg_class r ON r.oid = c.conrelid
 WHERE r.relnamespace = current_schema()::regnamespace AND r.relname = ANY (%(tables)s)
   AND c.contype IN ('c', 'f', 'p', 'u')
UNION ALL
SELECT i.indrelid::regclass::text, x.relname, 'unique',
       CASE WHEN i.indpred IS NULL AND i.indexprs IS NULL
            THEN ARRAY(SELECT a.attname::text FROM unnest(i.indkey::smallint[]) WITH ORDINALITY k (number, ord)
                         JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.number ORDER BY k.ord)
            ELSE '{}' END,
       i.indisvalid AND i.indisready
  FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid JOIN pg_class r ON r.oid = i.indrelid
 WHERE r.relnamespace = current_schema()::regnamespace AND r.relname = ANY (%(tables)s) AND i.indisunique
"""


def _nulls() -> Iterator[Fault]:
    never_null = {
        (model._meta.db_table, field.column)
        for model in _models()
        for field in model._meta.local_concrete_fields
        if not field.null
    }
    for table, column in _rows(_NULLS, {"tables": [model._meta.db_table for model in _models()]}):
        if (table, column) in never_null:
            yield Fault(table, column, f"column {column} of {table} may be empty, which the models forbid")


_NULLS = """
SELECT r.relname, a.attname FROM pg_attribute a JOIN pg_class r ON r.oid = a.attrelid
 WHERE r.relnamespace = current_schema()::regnamespace AND r.relname = ANY (%(tables)s)
   AND a.attnum > 0 AND NOT a.attisdropped AND NOT a.attnotnull
"""


# ---- roads around all of them ----


def _detours() -> Iterator[Fault]:
    """Look for rewrite rules, and for roles or databases whose sessions fire no triggers."""
    for table, rule in _rows(_RULES, {"tables": _tables()}):
        yield Fault(table, rule, f"rule {rule} rewrites what is written to {table}")
    for whose, setting in _rows(_SETTINGS, {}):
        yield Fault("pg_db_role_setting", setting, f"{whose} is set to {setting}, so its sessions fire no triggers")


_RULES = "SELECT tablename, rulename FROM pg_rules WHERE schemaname = current_schema() AND tablename = ANY (%(tables)s)"
_SETTINGS = """
SELECT coalesce('role ' || r.rolname, 'database ' || d.datname, 'every role'), s.setting
  FROM pg_db_role_setting x CROSS JOIN LATERAL unnest(x.setconfig) AS s (setting)
  LEFT JOIN pg_roles r ON r.oid = x.setrole LEFT JOIN pg_database d ON d.oid = x.setdatabase
 WHERE s.setting ILIKE 'session_replication_role=%%' AND s.setting NOT ILIKE '%%=origin'
   AND (x.setdatabase = 0 OR d.datname = current_database())
"""


def _models() -> list[type[models.Model]]:
    return [
        model
        for model in apps.get_models(include_auto_created=True)
        if model._meta.app_label in OURS and model._meta.managed and not model._meta.proxy
    ]


def _tables() -> list[str]:
    return sorted({*(model._meta.db_table for model in _models()), *PRIVILEGES})


def _rows(sql: str, values: dict[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows
