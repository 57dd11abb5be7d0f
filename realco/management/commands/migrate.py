"""
Django's migrate, made safe while others work: one instance at a time, and no lock waited for that stalls them.

A statement that waits for a table's lock makes everybody behind it wait too. So it waits a second at
most, gives way for as long, and tries the same migration again; each is one transaction, so nothing
is left half done, or can be gone on with half way (realco/indexes.py).
"""

import copy
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import django_fsm
from django.core.management.base import CommandError, CommandParser
from django.core.management.commands import migrate
from django.db import OperationalError, connections
from django.db.migrations.state import ProjectState
from django.db.models import Field

from realco import patience

# Any number will do, as long as all instances use the same one and nothing else does.
ADVISORY_LOCK = 7_265_616_131
GIVE_WAY_SECONDS = 1
LOOK_AGAIN_SECONDS = timedelta(milliseconds=200).total_seconds()
_NOT_NOW = {"55P03", "40P01"}


class Command(migrate.Command):
    """Migrate under an advisory lock, with a short lock_timeout, again and again until it is done."""

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "--lock-timeout",
            type=int,
            default=1000,
            metavar="MS",
            help="longest wait for a table's lock (default 1000)",
        )
        parser.add_argument(
            "--patience",
            type=int,
            default=600,
            metavar="SECONDS",
            help="how long to try, and to wait for another instance that is migrating (default 600)",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["plan"] or options["check_unapplied"]:
            super().handle(*args, **options)
            return
        until = time.monotonic_ns() + options["patience"] * 10**9
        database = options["database"]
        with self._alone(database, until), self._hurried(database, options["lock_timeout"]), _models_of_the_past():
            while not self._was_done(*args, until=until, **options):
                time.sleep(GIVE_WAY_SECONDS)

    def _was_done(self, *args: Any, until: int, **options: Any) -> bool:
        """Migrate as far as others let us; what was applied before a lock was refused stays applied."""
        try:
            super().handle(*args, **options)
        except OperationalError as error:
            if patience.sqlstate(error) not in _NOT_NOW or time.monotonic_ns() > until:
                raise
            self.stderr.write("  A table is in use just now; giving way, then trying this migration again.")
            return False
        return True

    @contextmanager
    def _alone(self, database: str, until: int) -> Iterator[None]:
        """Hold the advisory lock. It is asked for again and again: waiting inside a statement would hold a snapshot."""
        connection = connections[database]
        is_told = False
        with connection.cursor() as cursor:
            while True:
                cursor.execute("SELECT pg_try_advisory_lock(%s)", [ADVISORY_LOCK])
                if cursor.fetchone() == (True,):
                    break
                if time.monotonic_ns() > until:
                    raise CommandError("Another instance is still migrating this database. Look whether it hangs.")
                if not is_told:
                    self.stdout.write("Another instance is migrating this database; waiting for it.")
                    is_told = True
                time.sleep(LOOK_AGAIN_SECONDS)
        try:
            yield
        finally:
            self._say_if_connected(database, "SELECT pg_advisory_unlock(%s)", ADVISORY_LOCK)

    @contextmanager
    def _hurried(self, database: str, milliseconds: int) -> Iterator[None]:
        """Wait little for locks, and as long as it takes for the work itself; then as the process is used to."""
        with connections[database].cursor() as cursor:
            cursor.execute("SELECT set_config('lock_timeout', %s, false)", [f"{milliseconds}ms"])
            cursor.execute("SET statement_timeout = 0")
        try:
            yield
        finally:
            self._say_if_connected(database, "RESET lock_timeout")
            self._say_if_connected(database, "RESET statement_timeout")

    def _say_if_connected(self, database: str, statement: str, *values: int) -> None:
        """Tidy up after ourselves; a connection that was lost took its settings and locks with it."""
        connection = connections[database]
        if connection.connection is not None and connection.is_usable():
            with connection.cursor() as cursor:
                cursor.execute(statement, values)


class _Deaf:
    """Stands for a signal that nobody ever sends."""

    def connect(self, *_: object, **__: object) -> None:
        """Listen to nothing."""


@contextmanager
def _models_of_the_past() -> Iterator[None]:
    """
    Spare the models that migrations make anew, thousands of them, what is more than half of their time.

    django-fsm would look for transitions in each, which they have none of, through a listener of every field there
    ever was. And a constraint, an index or a trigger changes no class, whether it comes or goes: the state has to
    remember it, but not to make the model and all that are related to it once more. Whatever makes the model anew
    later finds it as it is by then. Django also takes each field apart to make one that is like it; a copy of it,
    which knows no model yet either, is like it too.
    """
    past: Any = ProjectState
    fsm: Any = django_fsm
    fields: Any = Field
    before = past._append_option, past._remove_option, fsm.class_prepared, fields.clone
    append, remove, _, clone = before

    def copied(field: Any) -> Any:
        return clone(field) if hasattr(field, "model") else _copied(field)

    def without_models(change: Callable[..., None]) -> Callable[..., None]:
        def remember(state: ProjectState, *option: Any) -> None:
            made = state.__dict__.pop("apps", None)
            try:
                change(state, *option)
            finally:
                if made is not None:
                    state.__dict__["apps"] = made

        return remember

    past._append_option, past._remove_option = without_models(append), without_models(remove)
    fsm.class_prepared, fields.clone = _Deaf(), copied
    try:
        yield
    finally:
        past._append_option, past._remove_option, fsm.class_prepared, fields.clone = before


def _copied(field: Any) -> Any:
    """Copy a field of no model, as one that is younger than all there are: models order their fields by age."""
    made = copy.copy(field)
    if made.remote_field is not None:
        made.remote_field = copy.copy(made.remote_field)
        made.remote_field.field = made
    if not made.auto_created:
        made.creation_counter = Field.creation_counter
        Field.creation_counter += 1
    return made
