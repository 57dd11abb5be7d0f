"""The database of fault tests, broken first if REALCO_BROKEN says so."""

from typing import Any

import pytest

from tests.faults import broken


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: Any) -> None:
    """Break the test's database once it is there."""
    with django_db_blocker.unblock():
        broken.break_database()
    broken.break_process()
