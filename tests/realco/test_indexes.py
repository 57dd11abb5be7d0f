"""Indexes that are built beside those who write: a try that was given up half way is gone on with."""

from collections.abc import Iterator

import pytest
from django.apps import apps
from django.db import IntegrityError, connection, models
from django.db.migrations.state import ProjectState

from realco.indexes import AddIndexBeside
from realco.models import Organization
from tests import factories

pytestmark = pytest.mark.django_db(transaction=True)
OPERATION = AddIndexBeside("organization", models.Index(fields=["name"], name="organizations_probe"))
FOUND = """
    SELECT i.indisvalid, pg_get_indexdef(i.indexrelid) LIKE '%(name)', i.indexrelid
      FROM pg_index i WHERE i.indexrelid = to_regclass('organizations_probe')
"""


@pytest.fixture(autouse=True)
def _nothing_stays() -> Iterator[None]:
    owner = factories.make_user("Olga Owner")
    for name in ("Elm", "Oak"):
        Organization.objects.create(name=name, kind="SPONSOR", owner=owner)
    yield
    with connection.cursor() as cursor:
        cursor.execute("DROP INDEX IF EXISTS organizations_probe")


def add() -> None:
    state = ProjectState.from_apps(apps)
    with connection.schema_editor(atomic=False) as editor:
        OPERATION.database_forwards("realco", editor, state, state)


def found() -> list[tuple[object, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(FOUND)
        return list(cursor.fetchall())


def test_one_that_was_left_half_built_is_built_anew() -> None:
    with pytest.raises(IntegrityError), connection.cursor() as cursor:
        cursor.execute("CREATE UNIQUE INDEX CONCURRENTLY organizations_probe ON organizations (kind)")
    assert [row[:2] for row in found()] == [(False, False)]

    add()

    assert [row[:2] for row in found()] == [(True, True)]


def test_one_that_is_there_stays() -> None:
    add()
    before = found()
    add()
    assert found() == before
    assert [row[:2] for row in before] == [(True, True)]
