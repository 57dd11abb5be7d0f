"""The house rules that no other tool checks: where money and time may be touched, and how code is laid out."""

import ast
import inspect
import re
from collections.abc import Iterator
from datetime import date, datetime
from functools import cache
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import ModuleType
from typing import get_type_hints

import pytest
from celery import current_app
from django.apps import apps
from django.conf import settings
from django.db import models
from django.db.migrations.loader import MigrationLoader

from finance.gateways import manual, registry, sandbox
from finance.gateways.interface import Gateway
from realco import events
from realco.subscriptions import SUBSCRIPTIONS

ROOT = Path(__file__).parents[1]
PACKAGES = ("realco", "finance", "escrow", "distributions", "compliance", "devtools")
APPS = PACKAGES[:-1]
MOST_LINES, MOST_TEST_LINES, MOST_FUNCTION_LINES = 450, 560, 55
FORBIDDEN_NAMES = {
    "utils",
    "util",
    "helpers",
    "helper",
    "common",
    "services",
    "base",
    "signals",
    "constants",
    "exceptions",
}
DOORS = re.compile(r"(admin\w*|api|portal|staff|management|imports|story)\b|views|tasks|forms|middleware|templatetags")
MIGRATIONS_BEFORE_THE_ORDER = {
    "0002_links", "0004_triggers", "0006_lines_fit_their_event", "0007_compare_references_by_statement",
    "0008_audit_a_posting_once", "0015_custody_triggers", "0052_keep_indexes_that_are_used",
}  # fmt: skip
COUNT_SECONDS_IN_FLOATS = {"realco/settings.py", "realco/api/throttles.py"}


@cache
def sources(*packages: str) -> dict[str, str]:
    """Our Python files by path, without migrations."""
    found = (path for package in packages or PACKAGES for path in (ROOT / package).rglob("*.py"))
    return {str(path.relative_to(ROOT)): path.read_text() for path in sorted(found) if "migrations" not in path.parts}


@cache
def tree(path: str) -> ast.Module:
    return ast.parse((ROOT / path).read_text(), path)


@cache
def calls(path: str) -> list[tuple[int, str]]:
    """Every call in a file: its line and what is called, as written."""
    found = (node for node in ast.walk(tree(path)) if isinstance(node, ast.Call))
    return [(node.lineno, ast.unparse(node.func)) for node in found]


def modules_of(layer: str) -> list[str]:
    return [path for path in sources(*APPS) if f"/{layer}/" in path and not path.endswith("__init__.py")]


def imported(path: str) -> ModuleType:
    return import_module(path.removesuffix(".py").replace("/", "."))


def functions(path: str) -> Iterator[ast.FunctionDef]:
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.FunctionDef):
            yield node


class TestWhoMayDoWhat:
    def test_only_operations_take_a_transition(self) -> None:
        """STYLE: ``mark_*`` guards and signs its own row; operations do everything else."""
        wrong = [
            f"{path}:{line} {name}"
            for path in sources(*APPS)
            if "/operations/" not in path and "/models/" not in path
            for line, name in calls(path)
            if re.search(r"\.mark_\w+$", name)
        ]
        assert wrong == []

    def test_time_is_passed_in(self) -> None:
        """Only doors read the clock; operations, queries and what is below them are told."""
        wrong = [
            f"{path}:{line} {name}"
            for path in sources(*APPS)
            if not DOORS.search(path) and path not in ("realco/clock.py", "finance/operations/sandbox.py")
            for line, name in calls(path)
            if re.fullmatch(r"(clock|timezone|datetime|date|time)\.(now|utcnow|today|time)", name)
        ]
        assert wrong == []

    def test_nothing_writes_but_operations(self) -> None:
        """Queries read; doors call one operation."""
        writes = re.compile(r"\.(save|bulk_create|bulk_update|update_or_create|get_or_create|select_for_update)$")
        creates = re.compile(r"\.objects\.(create|create_user|update|delete)$")
        wrong = [
            f"{path}:{line} {name}"
            for path in sources(*APPS)
            if "/queries/" in path or re.search(r"/(admin|api|portal|staff)(/|\b)|views|tasks\.py|forms", path)
            for line, name in calls(path)
            if writes.search(name) or creates.search(name)
        ]
        assert wrong == []

    def test_gateways_are_asked_outside_transactions(self) -> None:
        """A call to a provider may take minutes; no row is locked meanwhile."""
        asking = re.compile(r"(registry\.(current|named)\(.*\)|gateway)\.(submit|lookup)$")
        found = []
        for path in modules_of("operations"):
            for function in functions(path):
                asks = [
                    node
                    for node in ast.walk(function)
                    if isinstance(node, ast.Call) and asking.search(ast.unparse(node.func))
                ]
                found += [f"{path} {function.name}"] * len(asks)
                text = ast.unparse(function)
                assert not asks or "atomic" not in text, f"{path} {function.name} asks a provider inside a transaction"
        assert found == ["finance/operations/settlements.py ask", "finance/operations/settlements.py resolve_unknown"]

    @pytest.mark.parametrize("name", ["ask", "_ask", "_send", "resolve_unknown"])
    def test_what_asks_gateways_is_not_called_inside_a_transaction(self, name: str) -> None:
        for path in sources(*APPS):
            for node in ast.walk(tree(path)):
                if isinstance(node, ast.With) and "atomic" in ast.unparse(node.items[0]) + ast.unparse(node.items[-1]):
                    called = [ast.unparse(call.func) for call in ast.walk(node) if isinstance(call, ast.Call)]
                    assert not {name, f"settlements.{name}"} & set(called), path

    def test_only_the_connection_signal_is_used(self) -> None:
        """No Django signals for business rules; ``connection_created`` gives connections their audit stamp."""
        found = {
            path: text
            for path, text in sources().items()
            if re.search(r"django\S*\.signals|\bSignal\(|@receiver", text)
        }
        assert list(found) == ["realco/apps.py"]
        assert re.findall(r"signals import (.+)", found["realco/apps.py"]) == ["connection_created"]

    def test_nothing_prints(self) -> None:
        wrong = [
            f"{path}:{line}" for path in sources(*APPS) for line, name in calls(path) if name in ("print", "breakpoint")
        ]
        assert wrong == []


class TestMoney:
    def test_no_float_is_near_it(self) -> None:
        """No annotation, call or literal: amounts are Decimal from the door to the database."""
        wrong = []
        for path in sources(*APPS):
            if path in COUNT_SECONDS_IN_FLOATS:
                continue
            for node in ast.walk(tree(path)):
                if isinstance(node, ast.Name) and node.id == "float" and not _tells_floats_apart(path, node):
                    wrong.append(f"{path}:{node.lineno} float")
                elif isinstance(node, ast.Constant) and isinstance(node.value, float):
                    wrong.append(f"{path}:{node.lineno} {node.value}")
        assert wrong == []

    def test_no_column_is_a_float(self) -> None:
        wrong = [
            f"{model._meta.label}.{field.name}"
            for model in apps.get_models()
            if model._meta.app_label in APPS
            for field in model._meta.concrete_fields
            if isinstance(field, models.FloatField)
        ]
        assert wrong == []

    def test_amounts_have_two_places(self) -> None:
        wrong = [
            f"{model._meta.label}.{field.name}"
            for model in apps.get_models()
            if model._meta.app_label in APPS
            for field in model._meta.concrete_fields
            if re.search(r"(amount|balance|total)$|_(owed|paid|capital|profits)$", field.name)
            and isinstance(field, models.DecimalField)
            and (field.max_digits, field.decimal_places) != (18, 2)
        ]
        assert wrong == []


def _tells_floats_apart(path: str, name: ast.Name) -> bool:
    """Whether the name stands in ``isinstance(…, float)``: refusing floats, or a schedule in seconds."""
    return any(
        isinstance(node, ast.Call) and ast.unparse(node.func) == "isinstance" and name in ast.walk(node)
        for node in ast.walk(tree(path))
    )


class TestLayout:
    def test_modules_are_named_for_nouns(self) -> None:
        parts = {path: set(Path(path).with_suffix("").parts) for path in sources(*APPS)}
        assert [path for path, names in parts.items() if names & FORBIDDEN_NAMES] == []

    def test_files_are_short(self) -> None:
        """STYLE says about 400 lines; when one grows, the noun is really two."""
        lengths = {path: text.count("\n") for path, text in sources().items()}
        assert {path: lines for path, lines in lengths.items() if lines > MOST_LINES} == {}
        tests = {path: text.count("\n") for path, text in sources("tests").items()}
        assert {path: lines for path, lines in tests.items() if lines > MOST_TEST_LINES} == {}

    def test_functions_are_short(self) -> None:
        lengths = {
            f"{path} {function.name}": (function.end_lineno or 0) - function.lineno + 1
            for path in (*sources(), *sources("tests"))
            for function in functions(path)
        }
        assert {name: lines for name, lines in lengths.items() if lines > MOST_FUNCTION_LINES} == {}

    def test_every_module_says_what_lives_in_it(self) -> None:
        wrong = [path for path, text in sources().items() if text.strip() and ast.get_docstring(tree(path)) is None]
        assert [path for path in wrong if not path.endswith("__init__.py")] == []

    def test_only_models_re_export(self) -> None:
        """``models/__init__`` because Django needs it, ``admin/__init__`` because it is found by its name."""
        exporting = [path for path, text in sources(*APPS).items() if path.endswith("__init__.py") and text.strip()]
        allowed = re.compile(r"/models/__init__|/admin/__init__|^realco/__init__")
        assert [path for path in exporting if not allowed.search(path)] == []

    def test_one_noun_has_one_file_name(self) -> None:
        """Operations on a model live in the file that is called like the model's."""
        for app in ("finance", "escrow", "distributions"):
            nouns = {path.stem for path in (ROOT / app / "models").glob("*.py")}
            assert len({path.stem for path in (ROOT / app / "operations").glob("*.py")} & nouns) >= 2, app

    def test_the_old_django_fsm_is_not_installed(self) -> None:
        """It and django-fsm-2 install over each other silently (LESSONS)."""
        with pytest.raises(PackageNotFoundError):
            version("django-fsm")
        assert version("django-fsm-2")

    def test_the_admin_does_not_run_transitions_itself(self) -> None:
        """django-fsm-2's FSMAdminMixin runs transitions whose permission nobody holds."""
        assert [path for path, text in sources().items() if "FSMAdminMixin" in text] == []

    def test_statuses_change_only_through_transitions(self) -> None:
        fields = [
            field
            for model in apps.get_models()
            if model._meta.app_label in APPS
            for field in model._meta.concrete_fields
            if type(field).__name__.startswith("FSM")
        ]
        assert len(fields) >= 6
        assert [str(field) for field in fields if not getattr(field, "protected", False)] == []


class TestOperations:
    """Verb first, keyword-only after the primary object, annotated, the time passed in."""

    def public(self) -> Iterator[tuple[str, str, inspect.Signature, dict[str, object]]]:
        for path in modules_of("operations"):
            module = imported(path)
            for name, function in inspect.getmembers(module, inspect.isfunction):
                if function.__module__ == module.__name__ and not name.startswith("_"):
                    yield path, name, inspect.signature(function), get_type_hints(function)

    def test_are_annotated_throughout(self) -> None:
        found = list(self.public())
        assert len(found) > 80
        wrong = [
            f"{path} {name}"
            for path, name, signature, hints in found
            if "return" not in hints or set(signature.parameters) - set(hints)
        ]
        assert wrong == []

    def test_take_keywords_after_the_primary_object(self) -> None:
        """At most two positional arguments, the second only where both are what the verb is about."""
        wrong = []
        for path, name, signature, _ in self.public():
            positional = [p.name for p in signature.parameters.values() if p.kind is p.POSITIONAL_OR_KEYWORD]
            if len(positional) > 2 and name != "receive":
                wrong.append(f"{path} {name}({', '.join(positional)})")
        assert wrong == []

    def test_are_told_who_and_when_by_keyword(self) -> None:
        wrong = []
        for path, name, signature, hints in self.public():
            for parameter in list(signature.parameters.values())[1:]:
                if parameter.name in ("by", "at", "approver", "reviewer", "reason"):
                    if parameter.kind is not parameter.KEYWORD_ONLY:
                        wrong.append(f"{path} {name} {parameter.name}")
                    if parameter.name == "at" and hints["at"] not in (datetime, datetime | None):
                        wrong.append(f"{path} {name} at: {hints['at']}")
                if hints[parameter.name] is date and parameter.name == "at":
                    wrong.append(f"{path} {name}: a day is not a moment")
        assert wrong == []

    def test_say_what_they_refuse(self) -> None:
        """Public operations have docstrings; the first line says what the function does."""
        wrong = [
            f"{path} {function.name}"
            for path in modules_of("operations")
            for function in tree(path).body
            if isinstance(function, ast.FunctionDef)
            and not function.name.startswith("_")
            and not ast.get_docstring(function)
        ]
        assert wrong == []

    def test_refusals_are_named_for_facts(self) -> None:
        wrong = [
            f"{path} {node.name}"
            for path in sources(*APPS)
            for node in ast.walk(tree(path))
            if isinstance(node, ast.ClassDef) and node.name.endswith(("Error", "Exception", "Failure"))
        ]
        assert wrong == []


class TestTasks:
    @pytest.fixture(autouse=True)
    def _loaded(self) -> None:
        current_app.loader.import_default_modules()

    def ours(self) -> dict[str, object]:
        return {name: task for name, task in current_app.tasks.items() if not name.startswith("celery.")}

    def test_have_explicit_names_and_take_only_keywords(self) -> None:
        found = self.ours()
        assert len(found) >= 12
        for path in sources(*APPS):
            for function in functions(path):
                for decorator in function.decorator_list:
                    if "task" in ast.unparse(decorator).split("(")[0]:
                        assert "name=" in ast.unparse(decorator), f"{path} {function.name} has no explicit name"
                        assert not function.args.args, f"{path} {function.name} takes positional arguments"
                        assert function.args.kwarg is not None, (
                            f"{path} {function.name} refuses a later version's arguments"
                        )

    def test_names_are_app_and_verb(self) -> None:
        assert [name for name in self.ours() if not re.fullmatch(rf"({'|'.join(APPS)})\.[a-z_]+", name)] == []

    def test_every_scheduled_task_exists(self) -> None:
        scheduled = {str(entry["task"]) for entry in settings.CELERY_BEAT_SCHEDULE.values()}
        assert scheduled <= set(self.ours())

    def test_every_listener_exists_and_every_event_is_published(self) -> None:
        listeners = {task for tasks in SUBSCRIPTIONS.values() for task in tasks}
        assert listeners <= set(self.ours())
        published = {
            name for text in sources(*APPS).values() for name in re.findall(r'events\.publish\(\s*"([\w.]+)"', text)
        }
        assert published == set(SUBSCRIPTIONS)

    def test_an_event_nobody_listed_is_a_defect(self) -> None:
        with pytest.raises(events.UnknownEvent):
            events.publish("finance.transaction.misspelt")

    def test_every_name_that_operations_call_exists(self) -> None:
        called = {
            name for text in sources(*APPS).values() for name in re.findall(r'queue\.enqueue\(\s*"([\w.]+)"', text)
        }
        assert len(called) >= 2
        assert called <= set(self.ours())


class TestGateways:
    @pytest.mark.parametrize("module", [sandbox, manual])
    def test_have_the_functions_of_the_interface(self, module: ModuleType) -> None:
        wanted = {
            name for name, value in vars(Gateway).items() if inspect.isfunction(value) and not name.startswith("_")
        }
        for name in wanted:
            given = inspect.signature(getattr(module, name))
            asked = inspect.signature(getattr(Gateway, name))
            assert list(given.parameters) == list(asked.parameters)[1:], f"{module.__name__}.{name}"

    def test_each_is_registered(self) -> None:
        assert dict(registry.GATEWAYS) == {"sandbox": sandbox, "manual": manual}


class TestMigrations:
    def test_take_the_ledgers_tables_in_the_order_of_postings(self) -> None:
        """Or a posting and a migration wait for each other (docs/decisions/0031). What landed before stays as it is."""
        order = ("escrowaccount", "ledgeraccount", "journalentry", "escrowledgerentry")
        loader = MigrationLoader(None, load=False)
        loader.load_disk()
        wrong = set()
        for key, migration in loader.disk_migrations.items():
            touched = [str(getattr(step, "model_name", "")).lower() for step in migration.operations]
            places = [order.index(name) for name in touched if key[0] == "escrow" and name in order]
            if places != sorted(places):
                wrong.add(key[1])
        assert wrong == MIGRATIONS_BEFORE_THE_ORDER
