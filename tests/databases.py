"""
The databases of the processes that test side by side: migrated once, and copied for each of them.

Migrating takes longer than most files of tests. The first process that needs a database migrates one that is
named for the run, the others wait for it, and Django makes everybody's test database with that as its template.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings
from django.db import connection
from django.db.backends.utils import CursorWrapper

# Any number will do, as long as all processes of a run use the same one and nothing else does.
ADVISORY_LOCK = 7_265_616_132


@contextmanager
def migrated_once(run: str, *, worker: str) -> Iterator[None]:
    """Have the test database that Django is about to make copied from a migrated one, which goes with the last."""
    given = connection.settings_dict
    own = str(given["TEST"]["NAME"])
    template = f"{own.removesuffix(worker)}{run[:8]}"
    with _alone() as server:
        if not _are_there(server, template):
            _migrate(template)
    given["TEST"]["TEMPLATE"] = template
    yield
    with _alone() as server:
        if not _are_there(server, f"{own.removesuffix(worker)}gw%"):
            server.execute(f'DROP DATABASE IF EXISTS "{template}"')


@contextmanager
def _alone() -> Iterator[CursorWrapper]:
    """Hold the lock, on a connection to no database of ours."""
    with connection._nodb_cursor() as cursor:
        cursor.execute("SET lock_timeout = 0")
        cursor.execute("SET statement_timeout = 0")
        cursor.execute("SELECT pg_advisory_lock(%s)", [ADVISORY_LOCK])
        yield cursor


def _are_there(server: CursorWrapper, pattern: str) -> bool:
    server.execute("SELECT EXISTS (SELECT FROM pg_database WHERE datname LIKE %s)", [pattern.replace("_", r"\_")])
    [found] = server.fetchone()
    return bool(found)


def _migrate(name: str) -> None:
    """Make a database as Django makes one for tests, and leave it alone: only then can it be copied."""
    given = connection.settings_dict
    before, own = given["NAME"], given["TEST"]["NAME"]
    given["TEST"]["NAME"] = name
    try:
        connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
    finally:
        connection.close()
        given["TEST"]["NAME"] = own
        given["NAME"] = settings.DATABASES[connection.alias]["NAME"] = before
